"""What others do to a bucket behind our back: never `duplicate`, and nothing forgotten wrongly."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from onecopy.content import Verdict
from onecopy.errors import Forbidden, InvalidSettings, OnecopyError, Unavailable
from onecopy.gate import bind
from onecopy.scan.scanning import scan
from onecopy.store import Object
from onecopy.testing.faults import Faults, act_before
from tests.gate.bucket import BucketWorld, open_bucket
from tests.gate.world import content_digest, weak_only
from tests.middleman import Answer
from tests.reliability.behind import behind
from tests.reliability.contents import LARGE, OTHER_LARGE, TWIN_A, TWIN_B
from tests.s3.between import Between, Fault, Pass, dropped, only, says
from tests.standins import Standin

LONG = 10_000
"""Times that a fault comes, for as long as a test lasts."""


def is_doubted(world: BucketWorld, reason: str, data: bytes = TWIN_A) -> bool:
    """Whether a content that was stored is `unconfirmed` for a reason, and still recorded."""
    before = world.recorded()
    answer = world.check(data)
    assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, reason)
    return bool(before) and world.recorded() == before


@pytest.fixture
def own(tmp_path: Path, standin: Standin) -> BucketWorld:
    """Return a world whose bucket is nobody else's, with TWIN_A in it."""
    world = BucketWorld.new(tmp_path / "own", standin, standin.bucket())
    world.upload("a", TWIN_A)
    return world


@pytest.fixture
def stored(far: BucketWorld) -> BucketWorld:
    """Return a world with TWIN_A in it, to which somebody stands between."""
    far.upload("a", TWIN_A)
    return far


class TestOneObject:
    @pytest.mark.parametrize("data", [TWIN_A, LARGE], ids=["small", "large"])
    def test_deleted(self, world: BucketWorld, data: bytes) -> None:
        """What is gone is new, and forgotten."""
        world.upload("a", data)
        world.remove("a")
        assert world.check(data).verdict is Verdict.NEW
        assert world.recorded() == {}

    @pytest.mark.parametrize(
        ("data", "other"), [(TWIN_A, TWIN_B), (LARGE, OTHER_LARGE)], ids=["md5 twin", "large"]
    )
    def test_replaced(self, world: BucketWorld, data: bytes, other: bytes) -> None:
        """What was replaced by as many other bytes is new, and the index learns what is there."""
        world.upload("a", data)
        world.place("a", other)
        assert world.check(data, weak=True).verdict is Verdict.NEW
        assert world.recorded()["a"].content_digest == content_digest(other)
        assert world.check(other).verdict is Verdict.DUPLICATE

    def test_replaced_by_a_twin_with_its_checksum(self, world: BucketWorld) -> None:
        """A twin with the same ETag that has our mark and its own checksum is noticed, too."""
        world.upload("a", TWIN_A)
        head = world.client.head_object(**world.full("a"))
        world.client.put_object(
            **world.full("a"), Body=TWIN_B, Metadata=head["Metadata"], ChecksumAlgorithm="SHA256"
        )
        assert world.client.head_object(**world.full("a"))["ETag"] == head["ETag"]
        assert world.check(TWIN_A, weak=True).verdict is Verdict.NEW
        assert world.check(TWIN_B, weak=True).verdict is Verdict.DUPLICATE

    def test_replaced_by_a_twin_while_it_is_read(self, world: BucketWorld) -> None:
        """What changes while a match is confirmed is no duplicate.

        Without checksum and version two twins differ by the second of their time alone: one that
        comes in the same second is not noticed.
        """
        world.record("a", TWIN_A, weak_only(TWIN_A))
        faults = Faults()

        def replace() -> None:
            time.sleep(1.1)
            world.place("a", TWIN_B)

        faults.at("store.look", act_before(replace), skip=1)
        answer = behind(faults, world).check(TWIN_A, weak=True)
        assert not faults.waiting
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "copy-changed")
        assert world.check(TWIN_A, weak=True).verdict is Verdict.NEW
        assert world.check(TWIN_B, weak=True).verdict is Verdict.DUPLICATE

    def test_deleted_before_it_is_read(self, world: BucketWorld) -> None:
        """What goes between looking and reading is no duplicate."""
        world.record("a", TWIN_A, weak_only(TWIN_A))
        faults = Faults()
        faults.at("store.open", act_before(lambda: world.remove("a")))
        assert behind(faults, world).check(TWIN_A, weak=True).verdict is Verdict.NEW
        assert not faults.waiting
        assert world.check(TWIN_A, weak=True).verdict is Verdict.NEW
        assert world.recorded() == {}

    def test_deleted_before_it_is_recorded(self, world: BucketWorld) -> None:
        """What goes between completion and record is recorded, and forgotten at the next look."""
        begun = world.begin("a", TWIN_A)
        assert begun.ticket is not None
        sent = world.send(begun.ticket, TWIN_A)
        faults = Faults()
        faults.at("index.record", act_before(lambda: world.remove("a")))
        assert behind(faults, world).gate().complete([sent])[0].verdict is Verdict.NEW
        assert world.check(TWIN_A).verdict is Verdict.NEW
        assert world.recorded() == {}

    @pytest.mark.parametrize("data", [TWIN_A, LARGE], ids=["small", "large"])
    def test_replaced_before_it_is_completed_again(self, world: BucketWorld, data: bytes) -> None:
        """A completion that is repeated does not vouch for what others put there since."""
        begun = world.begin("a", data)
        assert begun.ticket is not None
        sent = world.send(begun.ticket, data)
        assert isinstance(world.publish(sent, data), Object)
        mark = world.client.head_object(**world.full("a"))["Metadata"]
        for other in (b"longer or shorter", data[:-1] + b"!"):
            world.client.put_object(**world.full("a"), Body=other, Metadata=mark)
            [answer] = world.gate().complete([sent])
            assert answer.copy is None
            assert (answer.verdict, answer.reason) in {
                (Verdict.NEW, "key-taken"),
                (Verdict.UNCONFIRMED, "digest-mismatch"),
            }
            assert world.check(data).verdict is Verdict.NEW

    def test_expiring(self, stored: BucketWorld, between: Between) -> None:
        """An object that a rule of the bucket will soon delete is no duplicate."""
        between.breaks("look", expiring(timedelta(hours=30)), LONG)
        assert is_doubted(stored, "store-expiring")
        between.faults.clear()
        between.breaks("look", expiring(timedelta(days=30)), LONG)
        assert stored.check(TWIN_A).verdict is Verdict.DUPLICATE

    def test_expiring_is_no_hindrance(self, stored: BucketWorld, between: Between) -> None:
        """A scan leaves out what will expire soon, and records the rest."""
        stored.place("b", b"plain")
        between.breaks("look", only(f"{stored.prefix}/a", expiring(timedelta(hours=30))), LONG)
        figures = scan(stored.index, stored.store)
        assert set(stored.recorded()) == {"a", "b"}
        assert figures.problems == []
        assert [each.reason for each in figures.skipped] == ["store-expiring"]


def expiring(in_: timedelta) -> Fault:
    """Say of an object that a rule will delete it."""
    date = format_datetime(datetime.now(UTC) + in_, usegmt=True)

    def answer(pass_on: Pass) -> Answer:
        status, headers, body = pass_on()
        return status, {**headers, "x-amz-expiration": f'expiry-date="{date}", rule-id="r"'}, body

    return answer


class TestTheWholeBucket:
    def test_deleted(self, own: BucketWorld) -> None:
        """A bucket that is gone says nothing of its objects; nothing can be begun in it."""
        begun = own.begin("b", LARGE)
        assert begun.ticket is not None
        sent = own.send(begun.ticket, LARGE)
        own.client.abort_multipart_upload(
            **own.full("b"), UploadId=own.upload_of(begun.ticket).store_id
        )
        delete(own)
        assert is_doubted(own, "store-unavailable")
        assert own.begin("c", TWIN_B).verdict is Verdict.UNCONFIRMED
        assert own.gate().complete([sent])[0].verdict is Verdict.UNCONFIRMED
        with pytest.raises(OnecopyError):
            scan(own.index, own.store)
        assert set(own.recorded()) == {"a"}

    def test_made_anew(self, own: BucketWorld) -> None:
        """A bucket of the same name that was made since is not ours: it has no marker."""
        delete(own)
        own.client.create_bucket(Bucket=own.bucket)
        assert is_doubted(own, "store-unavailable")
        assert own.begin("c", TWIN_B).verdict is Verdict.UNCONFIRMED
        with pytest.raises(Unavailable):
            scan(own.index, own.store)
        with pytest.raises(Unavailable):
            bind(own.index, open_bucket(own.standin, own.bucket, own.prefix))
        assert set(own.recorded()) == {"a"}

    def test_taken_by_another_store(self, own: BucketWorld) -> None:
        """A bucket in which another store of ours was made since is not this one."""
        delete(own)
        own.client.create_bucket(Bucket=own.bucket)
        other = open_bucket(own.standin, own.bucket, own.prefix)
        other.identify(create=True)
        assert is_doubted(own, "store-unavailable")
        with pytest.raises(Unavailable):
            scan(own.index, own.store)
        with pytest.raises(InvalidSettings):
            bind(own.index, other)
        assert set(own.recorded()) == {"a"}
        other.close()

    @pytest.mark.parametrize("step", ["look", "everything"])
    def test_forbidden(self, stored: BucketWorld, between: Between, step: str) -> None:
        """403 is never absence: not of an object, nor of the marker."""
        stored.remove("a")
        between.breaks("look", says(403, "AccessDenied"), LONG)
        assert is_doubted(stored, "store-forbidden")
        if step == "everything":
            between.breaks("read", says(403, "AccessDenied"), LONG)
        with pytest.raises((Forbidden, Unavailable)):
            scan(stored.index, stored.store)
        assert set(stored.recorded()) == {"a"}

    def test_one_forbidden(self, stored: BucketWorld, between: Between) -> None:
        """Nor of an object alone, where the bucket answers all else."""
        between.breaks("look", only(f"{stored.prefix}/a", says(403, "AccessDenied")), LONG)
        assert is_doubted(stored, "store-forbidden")

    def test_marker_forbidden(self, stored: BucketWorld, between: Between) -> None:
        """Who may look at the object only, and not at the marker, does not believe its absence."""
        stored.remove("a")
        between.breaks("look", only("store.json", says(403, "AccessDenied")), LONG)
        assert is_doubted(stored, "store-forbidden")

    def test_wrong_secret(self, own: BucketWorld) -> None:
        """With other credentials, nothing is decided; ministack compares no secrets."""
        own.remove("a")
        other = open_bucket(own.standin, own.bucket, own.prefix, secret_key="another")
        own.store.close()
        own.store = other
        if own.standin.name == "ministack":
            assert own.check(TWIN_A).verdict is Verdict.NEW
        else:
            assert is_doubted(own, "store-forbidden")

    @pytest.mark.parametrize(
        "fault",
        [dropped, says(503, "SlowDown"), says(500, "InternalError"), says(404, "NotFound")],
        ids=["dropped", "503", "500", "404 of somebody else"],
    )
    def test_down(self, stored: BucketWorld, between: Between, fault: Fault) -> None:
        """A server that fails, or one that knows nothing of buckets, says nothing of objects."""
        between.breaks("look", fault, LONG)
        assert is_doubted(stored, "store-unavailable")
        assert stored.begin("b", TWIN_B).verdict is Verdict.UNCONFIRMED
        with pytest.raises((Unavailable, InvalidSettings)):
            scan(stored.index, stored.store)
        assert set(stored.recorded()) == {"a"}

    def test_not_there(self, stored: BucketWorld) -> None:
        """Nor does a server that isn't there."""
        gone = stored.by("http://127.0.0.1:9")
        assert is_doubted(gone, "store-unavailable")
        gone.store.close()


def delete(world: BucketWorld) -> None:
    """Delete a bucket with all of its objects."""
    for key in world.lying():
        world.remove(key)
    world.client.delete_bucket(Bucket=world.bucket)


class TestVersions:
    @pytest.fixture
    def versioned(self, own: BucketWorld) -> BucketWorld:
        """Return a world whose bucket keeps versions, with TWIN_B in it."""
        own.client.put_bucket_versioning(
            Bucket=own.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        own.upload("b", TWIN_B)
        return own

    def test_overwritten(self, versioned: BucketWorld) -> None:
        """Overwritten by the same bytes, with the same checksum, it is another version."""
        before = versioned.store.look(["b"])
        head = versioned.client.head_object(**versioned.full("b"))
        versioned.client.put_object(
            **versioned.full("b"),
            Body=TWIN_B,
            Metadata=head["Metadata"],
            ChecksumAlgorithm="SHA256",
        )
        after = versioned.store.look(["b"])
        assert isinstance(before[0], Object)
        assert isinstance(after[0], Object)
        assert before[0].identity != after[0].identity
        assert versioned.check(TWIN_B).verdict is Verdict.DUPLICATE
        assert versioned.recorded()["b"].identity == after[0].identity

    def test_deleted(self, versioned: BucketWorld) -> None:
        """An object below a delete marker is gone."""
        versioned.remove("b")
        assert versioned.check(TWIN_B).verdict is Verdict.NEW
        assert set(versioned.recorded()) == {"a"}

    @pytest.mark.parametrize("data", [b"bytes", LARGE], ids=["small", "large"])
    def test_nothing_is_overwritten(self, versioned: BucketWorld, data: bytes) -> None:
        """Nor is a new version of another object made."""
        begun = versioned.begin("c", data)
        assert begun.ticket is not None
        versioned.place("c", b"theirs")
        [answer] = versioned.gate().complete([versioned.send(begun.ticket, data)])
        assert answer.reason == "key-taken"
        listed = versioned.client.list_object_versions(
            Bucket=versioned.bucket, Prefix=f"{versioned.prefix}/c"
        )
        assert len(listed["Versions"]) == 1
