"""Events of S3: whatever comes of them, and when, in the end the index is what the bucket is."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from onecopy.aws.functions.bucket_events import BucketEvents
from onecopy.content import Verdict
from onecopy.digest import MD5, SHA256
from onecopy.errors import Unavailable
from onecopy.scan import scan
from onecopy.settings import Settings
from onecopy.tokens import create_token
from tests.aws.notes import CREATED, REMOVED, direct, failed, message, note, queued
from tests.gate.bucket import BucketWorld
from tests.gate.world import content_digest, md5
from tests.middleman import Answer
from tests.s3.between import Between, Fault, Pass, says, standing_before
from tests.standins import Standin

Json = Any
FOREIGN_KEYS = ("a//b", "./x", "/lead", "trail/", "new\nline")
"""Keys that we would not make."""


@pytest.fixture
def world(tmp_path: Path, ministack: Standin) -> Iterator[BucketWorld]:
    """Give an empty place in a bucket, and an index."""
    world = BucketWorld.new(tmp_path / "world", ministack)
    yield world
    world.close()


@pytest.fixture
def between(ministack: Standin) -> Iterator[Between]:
    """Let somebody stand before the bucket."""
    with standing_before(ministack.endpoint) as between:
        yield between


@pytest.fixture
def far(tmp_path: Path, ministack: Standin, between: Between) -> Iterator[BucketWorld]:
    """Give a world that reaches its bucket through somebody."""
    world = BucketWorld.new(tmp_path / "far", ministack, endpoint=between.url)
    yield world
    world.close()


@pytest.fixture
def handler(world: BucketWorld) -> BucketEvents:
    """Take the events of the bucket."""
    return BucketEvents(Settings(), world.index, world.store)


def told(world: BucketWorld, key: str, name: str = CREATED) -> Json:
    """Return the event that S3 sends for an object."""
    return note(world.bucket, f"{world.prefix}/{key}", name)


def recorded(world: BucketWorld) -> dict[str, str]:
    """Return the identity of what is recorded, by its full key."""
    prefix = {"default": ""}
    return {
        prefix.get(tenant, f"{tenant}/") + copy.key: copy.identity
        for tenant, copy in world.index.copies()
    }


def lying(world: BucketWorld) -> dict[str, str]:
    """Return the identities of the objects in the bucket that have content."""
    return {found.key: found.identity for found in world.store.objects() if found.size}


class TestOneEvent:
    def test_a_new_object_is_recorded_unread(
        self, world: BucketWorld, handler: BucketEvents
    ) -> None:
        """With the MD5 that its ETag is."""
        world.place("a", b"hello")
        assert handler(direct(told(world, "a"))) is None
        [copy] = world.index.at("default", ["a"])
        assert copy is not None
        assert list(copy.digests) == [md5(b"hello")]
        assert copy.content_digest is None

    def test_a_stored_sha256_is_taken(self, world: BucketWorld, handler: BucketEvents) -> None:
        """Others may upload with checksums as we do."""
        body = b"hello"
        world.client.put_object(**world.full("a"), Body=body, ChecksumAlgorithm="SHA256")
        assert world.store.capabilities.refuses_wrong_bytes
        handler(direct(told(world, "a")))
        [copy] = world.index.at("default", ["a"])
        assert copy is not None
        assert copy.content_digest == content_digest(body)
        assert {digest.scheme for digest in copy.digests} == {SHA256, MD5}

    def test_an_object_of_parts_has_the_digest_over_parts(
        self, world: BucketWorld, handler: BucketEvents
    ) -> None:
        """As a scan finds it: the sizes of the parts are requested."""
        part = b"x" * 5 * 1024 * 1024
        begun = world.client.create_multipart_upload(**world.full("a"))
        upload: Any = {**world.full("a"), "UploadId": begun["UploadId"]}
        tags = [
            world.client.upload_part(**upload, PartNumber=number, Body=body)["ETag"]
            for number, body in ((1, part), (2, b"y"))
        ]
        parts: Any = [{"PartNumber": at, "ETag": tag} for at, tag in enumerate(tags, 1)]
        world.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        handler(direct(told(world, "a", "ObjectCreated:CompleteMultipartUpload")))
        [copy] = world.index.at("default", ["a"])
        assert copy is not None
        assert [str(digest.scheme) for digest in copy.digests] == ["md5+5242880"]

    def test_what_was_uploaded_here_stays_as_it_is(
        self, world: BucketWorld, handler: BucketEvents
    ) -> None:
        """Its completion has recorded it already."""
        world.upload("a", b"hello")
        before = list(world.index.copies())
        handler(direct(told(world, "a")))
        assert list(world.index.copies()) == before

    def test_the_event_may_be_faster_than_the_completion(
        self, world: BucketWorld, handler: BucketEvents
    ) -> None:
        """The upload is the copy of record all the same."""
        begun = world.begin("a", b"hello")
        assert begun.ticket is not None
        finish = world.send(begun.ticket, b"hello")
        handler(direct(told(world, "a")))
        [answer] = world.gate().complete([finish])
        assert (answer.verdict, answer.reason) == (Verdict.NEW, None)
        [(_, copy)] = world.index.copies()
        assert copy.content_digest == content_digest(b"hello")

    def test_a_deleted_object_is_forgotten(self, world: BucketWorld, handler: BucketEvents) -> None:
        """However it was recorded."""
        world.upload("a", b"hello")
        world.remove("a")
        handler(direct(told(world, "a", REMOVED)))
        assert recorded(world) == {}

    def test_an_object_that_was_emptied_is_forgotten(
        self, world: BucketWorld, handler: BucketEvents
    ) -> None:
        """Empty contents are not indexed."""
        world.upload("a", b"hello")
        world.place("a", b"")
        handler(direct(told(world, "a")))
        assert recorded(world) == {}

    @pytest.mark.parametrize(
        "key", ["ä b+c%25&?#.txt", "a/b c", "100%", "~", "日本/語", *FOREIGN_KEYS]
    )
    def test_keys_come_as_in_forms(
        self, world: BucketWorld, handler: BucketEvents, key: str
    ) -> None:
        """A space is a plus, a plus is escaped."""
        world.place(key, b"hello")
        handler(direct(told(world, key)))
        assert set(recorded(world)) == {key}


class TestOtherEvents:
    def test_a_test_event_is_ignored(self, handler: BucketEvents) -> None:
        """S3 sends one when notifications are configured."""
        test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}
        assert handler(test) is None
        assert handler({"Records": [message(test, "1")]}) == {"batchItemFailures": []}

    def test_what_is_not_ours_is_ignored(self, world: BucketWorld, handler: BucketEvents) -> None:
        """Other prefixes and buckets, our own marker, and keys that nobody can speak of."""
        world.place("a", b"hello")
        own = world.prefix
        notes = [
            note(world.bucket, "elsewhere/a"),
            note(world.bucket, f"{own}x/a"),
            note("another-bucket", f"{own}/a"),
            note(world.bucket, f"{own}/.onecopy/store.json"),
            note(world.bucket, f"{own}/a/.onecopy/b"),
            note(world.bucket, f"{own}/"),
        ]
        notes.append(note(world.bucket, f"{own}/a"))
        notes[-1]["s3"]["object"]["key"] = f"{own}/%ff"
        assert failed(handler(queued(notes))) == []
        assert recorded(world) == {}

    def test_the_first_folder_tells_whose_an_object_is(
        self, world: BucketWorld, handler: BucketEvents
    ) -> None:
        """Where tenants have tokens; what belongs to none of them is left alone."""
        create_token(world.index, tenant="photos")
        for key in ("photos/a", "others/b", "c", "photos"):
            world.place(key, b"hello")
            handler(direct(told(world, key)))
        assert recorded(world) == {"photos/a": lying(world)["photos/a"]}
        assert [tenant for tenant, _ in world.index.copies()] == ["photos"]

    def test_a_claim_may_name_any_tenant(self, world: BucketWorld) -> None:
        """Then every first folder that can be one is one."""
        handler = BucketEvents(Settings(), world.index, world.store, "claim:team")
        for key in ("photos/a", "No-Tenant/b", "c", "default/d"):
            world.place(key, b"hello")
            handler(direct(told(world, key)))
        assert set(recorded(world)) == {"photos/a"}


class TestFailures:
    """What the bucket does not answer, and what is no event."""

    def test_only_what_failed_comes_again(self, far: BucketWorld, between: Between) -> None:
        """An object that can't be looked at keeps none of the others."""
        handler = BucketEvents(Settings(), far.index, far.store)
        notes = []
        for key in ("a", "b", "c"):
            far.place(key, b"hello")
            notes.append(told(far, key))
        between.breaks("look", says(403, "AccessDenied"))
        [left] = failed(handler(queued(notes)))
        assert len(recorded(far)) == 2
        assert failed(handler(queued([notes[int(left)]]))) == []
        assert set(recorded(far)) == {"a", "b", "c"}

    def test_an_event_of_s3_itself_fails_the_function(
        self, far: BucketWorld, between: Between
    ) -> None:
        """Lambda tries it again, twice."""
        handler = BucketEvents(Settings(), far.index, far.store)
        far.place("a", b"hello")
        between.breaks("look", says(403, "AccessDenied"))
        with pytest.raises(Unavailable):
            handler(direct(told(far, "a")))
        assert handler(direct(told(far, "a"))) is None

    def test_a_message_that_is_no_event_fails_alone(
        self, world: BucketWorld, handler: BucketEvents
    ) -> None:
        """The queue puts it aside in the end."""
        world.place("a", b"hello")
        bodies: list[object] = ["{", '"text"', {"Records": [{"s3": 1}]}, direct(told(world, "a"))]
        messages = [message(body, str(at)) for at, body in enumerate(bodies)]
        assert sorted(failed(handler({"Records": messages}))) == ["0", "1", "2"]
        assert set(recorded(world)) == {"a"}

    def test_nothing_is_forgotten_of_a_bucket_that_is_another(
        self, world: BucketWorld, handler: BucketEvents
    ) -> None:
        """Absence is believed from our own bucket only (P1)."""
        world.upload("a", b"hello")
        world.unmount()
        assert failed(handler(queued([told(world, "a", REMOVED)]))) == ["0"]
        assert set(recorded(world)) == {"a"}
        world.mount()


class TestRaces:
    """An object changes, and its event is handled, between our look and our write."""

    def test_it_goes(self, far: BucketWorld, between: Between) -> None:
        """The event of its deletion finds nothing to forget yet; still, it is not recorded."""
        handler = BucketEvents(Settings(), far.index, far.store)
        far.place("a", b"hello")

        def go() -> None:
            far.remove("a")
            handler(direct(told(far, "a", REMOVED)))

        between.breaks("look", then(go))
        handler(direct(told(far, "a")))
        assert recorded(far) == {}

    def test_it_becomes_another(self, far: BucketWorld, between: Between) -> None:
        """The older one, recorded over the newer, does not stay."""
        handler = BucketEvents(Settings(), far.index, far.store)
        far.place("a", b"hello")

        def change() -> None:
            far.place("a", b"other")
            handler(direct(told(far, "a")))

        between.breaks("look", then(change))
        handler(direct(told(far, "a")))
        assert recorded(far) == lying(far)

    def test_it_comes_back(self, far: BucketWorld, between: Between) -> None:
        """It may be the same in every respect, its time in seconds included."""
        handler = BucketEvents(Settings(), far.index, far.store)
        far.place("a", b"hello")
        handler(direct(told(far, "a")))
        far.remove("a")

        def come_back() -> None:
            far.place("a", b"hello")
            handler(direct(told(far, "a")))

        between.breaks("look", then(come_back))
        handler(direct(told(far, "a", REMOVED)))
        assert recorded(far) == lying(far)
        assert set(lying(far)) == {"a"}

    def test_it_never_rests(self, far: BucketWorld, between: Between) -> None:
        """Then it is for later."""
        handler = BucketEvents(Settings(), far.index, far.store)
        far.place("a", b"0")
        sizes = iter(range(1, 100))
        between.breaks("look", then(lambda: far.place("a", b"x" * next(sizes))), 5)
        answer = handler(queued([told(far, "a")]))
        assert failed(answer) == ["0"]
        assert failed(handler(queued([told(far, "a")]))) == []
        assert recorded(far) == lying(far)


def then(deed: Callable[[], object]) -> Fault:
    """Do something after the bucket has answered, and before its answer arrives."""

    def answer(pass_on: Pass) -> Answer:
        answered = pass_on()
        deed()
        return answered

    return answer


def live(world: BucketWorld, count: int, chance: random.Random, notes: list[Json]) -> None:
    """Put, change and delete objects, and note the events of S3."""
    for _ in range(count):
        key = f"k{chance.randrange(count // 10)}"
        if chance.random() < 0.4:
            world.remove(key)
            notes.append(told(world, key, REMOVED))
        else:
            world.place(key, chance.choice([b"", b"one", b"two", b"three" * 100]))
            notes.append(told(world, key))


def tell(handler: BucketEvents, notes: Sequence[Json], chance: random.Random) -> None:
    """Bring all events twice, in any order, ten at a time, by several functions at once."""
    doubled = [*notes, *notes]
    chance.shuffle(doubled)
    batches = [queued(doubled[at : at + 10]) for at in range(0, len(doubled), 10)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(handler, batches))
    assert [failed(answer) for answer in answers] == [[]] * len(batches)


def test_a_storm_ends_with_the_index_equal_to_the_bucket(
    world: BucketWorld, handler: BucketEvents
) -> None:
    """1,000 events, duplicated and shuffled, some of them while objects still change."""
    chance, notes = random.Random(5), list[Json]()
    with ThreadPoolExecutor(1) as pool:
        living = pool.submit(live, world, 1000, chance, notes)
        own = random.Random(6)
        while not living.done():
            recent = notes[-30:]
            handler(queued(own.sample(recent, min(len(recent), 10))))
        living.result()
    assert len(notes) == 1000
    tell(handler, notes, chance)
    assert recorded(world) == lying(world)


def test_a_scan_makes_good_what_was_lost(world: BucketWorld, handler: BucketEvents) -> None:
    """Events are promised at least once, and still."""
    chance, notes = random.Random(7), list[Json]()
    live(world, 200, chance, notes)
    tell(handler, [each for each in notes if "3" not in each["s3"]["object"]["key"][-2:]], chance)
    assert recorded(world) != lying(world)
    scan(world.index, world.store)
    assert recorded(world) == lying(world)
