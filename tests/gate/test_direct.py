"""The gate of a bucket to which clients send bytes directly, on one in memory."""

from collections.abc import Iterator, Sequence
from hashlib import md5 as new_md5
from hashlib import sha256

import pytest

from onecopy.confirming import CONFIRMING, Reading
from onecopy.content import Content, Copy, Digests, Evidence, Verdict
from onecopy.counted import count
from onecopy.digest import CLIENT_MD5, SMALLEST_PART, Digest
from onecopy.errors import Forbidden, Unavailable, WrongBytes
from onecopy.gate import Answer, Finish, Limits, Request, completion
from onecopy.gate.budget import Budget
from onecopy.gate.candidates import Candidates
from onecopy.gate.md5 import WholeMd5
from onecopy.gate.notes import UploadNotes, is_noted
from onecopy.store.interface import ARCHIVED, Absent, Object, Send, Unknown
from onecopy.tenant import Tenant
from tests.gate.direct import DirectWorld
from tests.gate.world import content, content_digest, crc, md5, weak_only

LARGE = bytes(SMALLEST_PART)


@pytest.fixture
def world() -> DirectWorld:
    """Return an empty world with a bucket in memory."""
    return DirectWorld.new()


def asking(key: str, data: bytes, *, anyway: bool = False, check_key: bool = False) -> Request:
    """Return a request to upload a content."""
    return Request(key, len(data), content_digest(data), anyway=anyway, check_key=check_key)


def outcome(answer: Answer) -> tuple[Verdict, str | None]:
    """Return the verdict and the reason of an answer."""
    return answer.verdict, answer.reason


def test_a_small_upload(world: DirectWorld) -> None:
    """It is an object as soon as it is sent, and costs no request but the one that sends it."""
    gate = world.gate("photos")
    [begun] = gate.begin([asking("a", b"bytes")])
    checksum = sha256(b"bytes").hexdigest()
    url = "https://bucket/photos/a?partNumber=1"
    assert begun.send == Send(1, "PUT", url, {"x-amz-checksum-sha256": checksum})
    gate.send(begun.ticket or "", begun.send, lambda: iter([b"bytes"]), 5)
    assert (world.objects(), world.recorded("photos")) == ({"photos/a": b"bytes"}, {})
    [done] = gate.complete([Finish(begun.ticket or "")])
    assert outcome(done) == (Verdict.NEW, None)
    assert world.recorded("photos") == {"a": done.copy}
    assert world.bucket.looked == []


def test_a_small_upload_of_other_bytes_is_not_signed(world: DirectWorld) -> None:
    """P2: its bytes would be an object before anything compares them."""
    gate = world.gate()
    [begun] = gate.begin([asking("a", b"bytes")])
    with pytest.raises(WrongBytes):
        gate.parts(begun.ticket or "", [(1, sha256(b"other").digest())])


def test_a_large_upload(world: DirectWorld) -> None:
    """Of exactly 8 MiB, begun without a digest: it is composed from the parts in the bucket."""
    gate = world.gate("photos")
    [begun] = gate.begin([Request("a", len(LARGE))])
    upload = world.upload_of(begun.ticket or "", "photos")
    assert is_noted(upload.store_id, UploadNotes(world.index).all())
    world.send(begun.ticket or "", LARGE, gate)
    assert world.objects() == {}
    [done] = gate.complete([Finish(begun.ticket or "")])
    assert outcome(done) == (Verdict.NEW, None)
    assert content_digest(LARGE) in world.recorded("photos")["a"].digests


def test_a_bucket_that_lists_no_checksums(world: DirectWorld) -> None:
    """It compares those that the client states when it completes the upload."""
    gate = world.gate()
    [begun] = gate.begin([Request("a", len(LARGE))])
    finish = world.send(begun.ticket or "", LARGE, gate)
    world.bucket.lists_sums = False
    assert outcome(gate.complete([finish._replace(parts=())])[0])[1] == "digest-needed"
    other = (sha256(b"other").digest(),)
    assert outcome(gate.complete([finish._replace(parts=other)])[0])[1] == "digest-mismatch"
    finish = world.send(gate.begin([Request("a", len(LARGE))])[0].ticket or "", LARGE, gate)
    assert outcome(gate.complete([finish])[0]) == (Verdict.NEW, None)


def test_an_aborted_upload(world: DirectWorld) -> None:
    """The message says what to do; nothing is published."""
    gate = world.gate()
    ticket = gate.begin([asking("a", b"bytes")])[0].ticket or ""
    gate.abort([ticket])
    message = "this upload was aborted or cleaned up: begin it again"
    [answer] = gate.complete([Finish(ticket)])
    assert answer == Answer(Verdict.UNCONFIRMED, reason="upload-unknown", message=message)


def test_keys_of_small_uploads(world: DirectWorld) -> None:
    """Only a known key is looked at, or on request; no other is overwritten (P7)."""
    gate = world.gate("photos")
    world.record("known", b"known", tenant="photos")
    for key in ("taken", "checked", "large"):
        world.place(f"photos/{key}", b"other")
    world.bucket.looked.clear()
    answers = gate.begin(
        [
            asking("free", b"free"),
            asking("known", b"bytes"),
            asking("taken", b"BYTES"),
            asking("checked", b"third", check_key=True),
            asking("large", LARGE),
        ]
    )
    assert set(world.bucket.looked) == {"photos/known", "photos/checked", "photos/large"}
    taken = (Verdict.NEW, "key-taken")
    free = (Verdict.NEW, None)
    assert [outcome(answer) for answer in answers] == [free, taken, free, taken, taken]
    assert [at for at, answer in enumerate(answers) if answer.ticket] == [0, 2]
    finish = world.send(answers[2].ticket or "", b"BYTES", gate)
    assert outcome(gate.complete([finish])[0]) == taken
    assert world.objects()["photos/taken"] == b"other"


@pytest.mark.parametrize("error", [Forbidden, Unavailable])
def test_a_bucket_that_cannot_be_reached(
    world: DirectWorld, monkeypatch: pytest.MonkeyPatch, error: type[Forbidden | Unavailable]
) -> None:
    """P3: small uploads whose keys are not looked at are unconfirmed; no marker is created."""

    def identify(*, create: bool) -> str:
        assert create is False
        raise error("no")

    monkeypatch.setattr(world.bucket, "identify", identify)
    first, large, last = world.gate().begin(
        [asking("a", b"bytes"), asking("b", LARGE), asking("c", b"other")]
    )
    assert first == last == Answer(Verdict.UNCONFIRMED, reason=f"store-{error.reason}")
    assert large.ticket


def test_many_uploads_at_once(world: DirectWorld) -> None:
    """Each is answered in its place; one that takes long does not keep the others waiting."""
    gate, data = world.gate(), [b"%d" % number for number in range(6)]
    begun = gate.begin([asking(each.decode(), each) for each in data])
    finishes = [
        world.send(answer.ticket or "", each, gate)
        for answer, each in zip(begun, data, strict=True)
    ]
    world.bucket.completing.add("2")
    answers = gate.complete(finishes)
    assert answers.pop(2) == Answer(Verdict.UNCONFIRMED, reason="completing")
    assert [(answer.verdict, answer.copy and answer.copy.key) for answer in answers] == [
        (Verdict.NEW, key) for key in "01345"
    ]
    world.bucket.completing.clear()
    assert outcome(gate.complete(finishes[2:3])[0]) == (Verdict.NEW, None)


def test_no_request_waits_for_another(world: DirectWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket may take minutes: the index decides which one is the extra copy (P4)."""
    monkeypatch.setattr(completion, "_MAX_WAIT", 0.0)
    gate = world.gate()
    finish = world.send(gate.begin([asking("a", b"bytes")])[0].ticket or "", b"bytes", gate)
    with gate._completing.hold({content_digest(b"bytes")}) as held:
        assert held
        assert outcome(gate.complete([finish])[0]) == (Verdict.NEW, None)


def test_the_client_states_the_md5(world: DirectWorld) -> None:
    """It is claimed, under a scheme that no check has; a small object's is proved by the store."""
    count(world.index, "default")
    gate, stated = world.gate(), new_md5(b"any", usedforsecurity=False).digest()
    for key, data in (("small", b"bytes"), ("large", LARGE)):
        sent = world.send(gate.begin([asking(key, data)])[0].ticket or "", data, gate)
        assert outcome(gate.complete([sent._replace(md5=stated)])[0]) == (Verdict.NEW, None)
    small, large = (dict(world.recorded()[key].digests.pairs()) for key in ("small", "large"))
    assert large[Digest(CLIENT_MD5, stated)] is Evidence.CLAIMED
    assert len(large) == 2
    assert set(small.values()) == {Evidence.PROVED}


def test_an_md5_that_cannot_be_read_now(
    world: DirectWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that upload is unconfirmed and not recorded; each MD5 goes with its own upload."""
    stated = dict[str, bytes | None]()

    def add(_: WholeMd5, copy: Copy, md5: bytes | None) -> Copy:
        stated[copy.key] = md5
        if copy.key == "b":
            raise Forbidden("no")
        return copy

    monkeypatch.setattr(WholeMd5, "is_wanted", True)
    monkeypatch.setattr(WholeMd5, "add", add)
    gate = world.gate()
    begun = gate.begin([asking(key, key.encode()) for key in "abc"])
    finishes = [
        world.send(answer.ticket or "", key.encode(), gate)._replace(md5=key.encode() * 16)
        for answer, key in zip(begun, "abc", strict=True)
    ]
    first, failed, last = gate.complete(finishes)
    assert failed == Answer(Verdict.UNCONFIRMED, reason="store-forbidden")
    assert outcome(first) == outcome(last) == (Verdict.NEW, None)
    assert set(world.recorded()) == {"a", "c"}
    assert stated == {key: key.encode() * 16 for key in "abc"}


class Asked:
    """Readers that note what they should read, and read nothing."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.seen: list[object] = []

    def ask(self, reading: Reading, seen: object) -> tuple[str, str, int]:
        self.seen.append(seen)
        assert reading.tenant == Tenant("photos")
        reading.record([])
        self.keys.append(reading.copy.key)
        return CONFIRMING, "ask again", 7


def test_readers_are_asked(world: DirectWorld) -> None:
    """They read what a request may not, one copy after the other; the answer says how far."""
    claimed = Digests.of([(content_digest(b"bytes"), Evidence.CLAIMED)])
    for key in "ab":
        world.record(key, b"bytes", claimed, tenant="photos")
    readers = Asked()
    gate = world.gate("photos", limits=Limits(read_bytes=1), readers=readers)  # type: ignore[arg-type]
    for weak in (False, True):
        [answer] = gate.check([content(b"bytes", weak=weak)])
        assert outcome(answer) == (Verdict.UNCONFIRMED, CONFIRMING)
        assert (answer.message, answer.bytes_read) == ("ask again", 7)
    assert readers.keys == ["a", "a"]
    assert all(isinstance(seen, Object) for seen in readers.seen)


def test_readers_are_asked_when_time_is_over(world: DirectWorld) -> None:
    """For a copy that may have the content, which is not looked at; the trash is not worth it."""
    claimed = Digests.of([(content_digest(b"bytes"), Evidence.CLAIMED)])
    world.record("#recycle/a", b"bytes", claimed, tenant="photos")
    readers = Asked()
    gate = world.gate("photos", limits=Limits(read_seconds=-1), readers=readers)  # type: ignore[arg-type]
    assert outcome(gate.check([content(b"bytes")])[0]) == (Verdict.UNCONFIRMED, CONFIRMING)
    assert readers.keys == []
    world.record("a", b"other", claimed, tenant="photos")
    world.record("b", b"lazy!", Digests(), tenant="photos")
    world.index.forget("photos", [world.recorded("photos")["#recycle/a"]])
    [answer] = gate.check([content(b"bytes")])
    assert (answer.message, answer.bytes_read) == ("ask again", 7)
    assert (readers.keys, readers.seen) == (["a"], [None])


def test_copies_without_a_digest_are_not_worth_a_reader(world: DirectWorld) -> None:
    """Reading them costs money, and nothing speaks for them but their size."""
    world.record("a", b"lazy!", Digests(), tenant="photos")
    readers = Asked()
    for limits in (Limits(read_bytes=1), Limits(read_seconds=-1)):
        gate = world.gate("photos", limits=limits, readers=readers)  # type: ignore[arg-type]
        assert gate.check([content(b"bytes")]) == [Answer(Verdict.NEW, unexamined=1)]
    assert readers.keys == []


def test_readers_are_not_asked_when_an_upload_ends(world: DirectWorld) -> None:
    """Its key was taken, so it is aborted: there is nothing left to complete."""
    readers = Asked()
    gate = world.gate("photos", limits=Limits(read_bytes=1), readers=readers)  # type: ignore[arg-type]
    ticket = gate.begin([asking("a", b"bytes")])[0].ticket or ""
    world.place("photos/a", b"other")
    [answer] = gate.complete([world.send(ticket, b"bytes", gate)])
    assert outcome(answer) == (Verdict.UNCONFIRMED, "read-limit")
    assert readers.keys == []


@pytest.mark.parametrize(("copies", "counted"), [(1, 1), (3, 3), (64, 64), (70, 64)])
def test_copies_that_cost_too_much_to_read(world: DirectWorld, copies: int, counted: int) -> None:
    """If nothing speaks for them but their size, the content is new; up to 64 are counted."""
    for number in range(copies):
        world.record(str(number), b"lazy!", Digests())
    answer = world.check(b"bytes", gate=world.gate(limits=Limits(read_bytes=1)))
    assert answer == Answer(Verdict.NEW, unexamined=counted)


def test_no_time_for_copies_that_cost_too_much(world: DirectWorld) -> None:
    """If the first one is in the trash, there may be others: at least one is counted."""
    world.record("#recycle/a", b"lazy!", Digests())
    answer = world.check(b"bytes", gate=world.gate(limits=Limits(read_seconds=-1)))
    assert answer == Answer(Verdict.NEW, unexamined=1)


def test_an_archived_copy_does_not_hide_others(
    world: DirectWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a doubt only if no other copy has the content."""
    look = world.bucket.look

    def archived(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        return [
            seen._replace(storage=ARCHIVED)
            if isinstance(seen, Object) and seen.key == "a"
            else seen
            for seen in look(keys)
        ]

    for key in "ab":
        world.record(key, b"bytes", weak_only(b"bytes"))
    monkeypatch.setattr(world.bucket, "look", archived)
    found = world.check(b"bytes", weak=True)
    assert (found.verdict, found.copy and found.copy.key) == (Verdict.DUPLICATE, "b")
    world.remove("b")
    doubt = (Verdict.UNCONFIRMED, "store-archived")
    assert outcome(world.check(b"bytes", weak=True)) == doubt


def test_a_copy_that_goes_while_it_is_read(
    world: DirectWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It no longer holds the content, which is new."""

    def gone(key: str) -> None:
        raise FileNotFoundError(key)

    world.record("a", b"bytes", weak_only(b"bytes"))
    monkeypatch.setattr(world.bucket, "open", gone)
    assert outcome(world.check(b"bytes", weak=True)) == (Verdict.NEW, None)


def test_candidates_once_time_is_over(world: DirectWorld) -> None:
    """No more than the first ones are fetched, by digest, and never all copies of a tenant."""
    for number in range(40):
        world.record(f"{number:02}", b"bytes", Digests())
    copies = world.index.copies
    asked = list[object]()

    def noted(tenant: str, *, digest: Digest | None = None) -> Iterator[tuple[str, Copy]]:
        asked.append(digest)
        return iter(copies(tenant, digest=digest))

    world.index.copies = noted  # type: ignore[method-assign, assignment]
    found = Candidates(world.index, Tenant().name).each(content(b"bytes"), Budget(1, -1))
    assert len({copy.key for copy in found}) == 16
    assert asked == [content_digest(b"bytes")]
    found = Candidates(world.index, Tenant().name).each(content(b"bytes"), Budget(1, 60))
    assert len(list(found)) == 40


def test_a_trusted_md5_decides_and_a_crc_never_does(world: DirectWorld) -> None:
    """P1: a CRC says nothing against intent, whatever the tenant trusts."""
    world.record("a", b"bytes", Digests.proved(md5(b"bytes"), crc(b"bytes")))
    for trust in ((), ("md5",), ("claimed",), ("md5", "claimed")):
        gate = world.gate(trust=trust)
        by_md5, by_crc = gate.check([Content(5, (md5(b"bytes"),)), Content(5, (crc(b"bytes"),))])
        assert (by_md5.verdict is Verdict.DUPLICATE) is ("md5" in trust)
        assert by_crc.verdict is Verdict.UNCONFIRMED


def test_a_trusted_claim_decides_without_reading(world: DirectWorld) -> None:
    """Without that trust, the copy would be read."""
    claimed = Digests.of([(content_digest(b"bytes"), Evidence.CLAIMED)])
    world.record("a", b"bytes", claimed)
    for trust, expected in (((), Verdict.UNCONFIRMED), (("claimed",), Verdict.DUPLICATE)):
        gate = world.gate(trust=trust, limits=Limits(read_bytes=1))
        assert world.check(b"bytes", gate=gate).verdict is expected


def test_the_smallest_contents_at_taken_keys(world: DirectWorld) -> None:
    """Empty contents are all the same; those of one byte are not."""
    world.place("empty", b"")
    world.place("one", b"1")
    empty, one = world.gate().begin(
        [asking("empty", b"", check_key=True), asking("one", b"2", check_key=True)]
    )
    assert (empty.verdict, empty.copy and empty.copy.key) == (Verdict.DUPLICATE, "empty")
    assert outcome(one) == (Verdict.NEW, "key-taken")
