"""Answers that were lost, late or refused: each row of the table in store/s3/uploads.py, and more.

First, the answers of `complete` of a store; then a whole upload meets the same at each step.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onecopy.content import Verdict
from onecopy.errors import Forbidden, Unavailable, UploadUnknown, WrongBytes
from onecopy.files import walk
from onecopy.gate import Answer
from onecopy.store import Object
from onecopy.store.interface import Completing, KeyTaken
from onecopy.store.s3 import connection
from onecopy.upload import Options, Outcome, Result, Unfinished, upload
from tests.gate.bucket import BucketWorld
from tests.gate.world import content_digest
from tests.s3.between import (
    Between,
    Fault,
    after,
    done_but_says,
    dropped,
    late,
    lists_no_part,
    lost,
    says,
)

LARGE = bytes(range(256)) * 4096 * 8
"""8 MiB: one part, and a multipart upload all the same."""
ALWAYS = 3
"""How often boto3 tries: a fault that comes as often is felt."""
BUSY = [(500, "InternalError"), (503, "SlowDown"), (409, "ConditionalRequestConflict")]


class Sent:
    """A large upload of which all parts were sent."""

    def __init__(self, world: BucketWorld) -> None:
        self.world = world
        begun = world.begin("a", LARGE)
        assert begun.ticket is not None
        self.finish = world.send(begun.ticket, LARGE)

    def complete(self) -> Object | KeyTaken | Completing:
        """Complete it in the store."""
        return self.world.publish(self.finish, LARGE)

    def give_up(self) -> None:
        """Give it up."""
        upload = self.world.upload_of(self.finish.ticket)
        self.world.client.abort_multipart_upload(**self.world.full("a"), UploadId=upload.store_id)

    def take(self) -> None:
        """Put somebody else's object there."""
        self.world.place("a", b"theirs")

    def lose(self) -> None:
        """Give it up, and lose its key to somebody else."""
        self.give_up()
        self.take()

    def replace_part(self) -> None:
        """Send something else in place of the part that is there."""
        self.world.send(self.finish.ticket, LARGE[:-1] + b"!")

    def is_there(self) -> bool:
        """Whether the object exists, and is what was sent."""
        return self.world.objects() == {"a": LARGE}


@pytest.fixture
def sent(far: BucketWorld) -> Sent:
    """Return an upload that only has to be completed."""
    return Sent(far)


class TestWhatCompletingMeets:
    def test_200_ours(self, sent: Sent) -> None:
        """It went well."""
        assert isinstance(sent.complete(), Object)
        assert sent.is_there()

    def test_404_ours(self, sent: Sent) -> None:
        """It was completed before: it is the same object."""
        first = sent.complete()
        assert sent.complete() == first
        assert sent.is_there()

    def test_no_parts_ours(self, sent: Sent, between: Between) -> None:
        """It was completed before, and the bucket still lists the upload, without its parts."""
        first = sent.complete()
        between.breaks("parts", lists_no_part)
        assert sent.complete() == first
        between.breaks("parts", lists_no_part)
        assert sent.world.gate().complete([sent.finish])[0].verdict is Verdict.NEW

    def test_no_parts(self, sent: Sent, between: Between) -> None:
        """Nothing was sent yet."""
        between.breaks("parts", lists_no_part)
        [answer] = sent.world.gate().complete([sent.finish])
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "parts-missing")

    @pytest.mark.parametrize("fault", [lost, done_but_says(503, "SlowDown")], ids=["lost", "busy"])
    def test_404_or_412_ours(self, sent: Sent, between: Between, fault: Fault) -> None:
        """It was completed, and boto3 tries again: whatever the answer then, it is the object."""
        between.breaks("complete", fault)
        assert isinstance(sent.complete(), Object)
        assert between.seen["complete"] == 2
        assert sent.is_there()

    def test_412_another(self, sent: Sent) -> None:
        """The key was taken: it stays as it is."""
        sent.take()
        assert sent.complete() == KeyTaken()
        assert sent.world.objects() == {"a": b"theirs"}

    def test_404_another(self, sent: Sent, between: Between) -> None:
        """It was aborted by now, and the key was taken."""
        between.breaks("complete", after(sent.lose))
        assert sent.complete() == KeyTaken()
        assert sent.world.objects() == {"a": b"theirs"}

    def test_404_none(self, sent: Sent, between: Between) -> None:
        """It was aborted by now."""
        between.breaks("complete", after(sent.give_up))
        with pytest.raises(UploadUnknown):
            sent.complete()
        assert sent.world.objects() == {}

    def test_412_none(self, sent: Sent, between: Between) -> None:
        """What took the key has gone by now: the upload is begun again, and this one aborted."""
        between.breaks("complete", says(412, "PreconditionFailed"))
        with pytest.raises(UploadUnknown):
            sent.complete()
        assert (sent.world.objects(), sent.world.staged()) == ({}, [])

    def test_400(self, sent: Sent, between: Between) -> None:
        """The bucket finds other parts than those that are to be put together.

        SeaweedFS keeps what was sent before, and takes what is named.
        """
        between.breaks("complete", after(sent.replace_part))
        if sent.world.standin.name == "seaweedfs":
            assert isinstance(sent.complete(), Object)
            assert sent.is_there()
        else:
            with pytest.raises(WrongBytes):
                sent.complete()
            assert sent.world.objects() == {}

    @pytest.mark.parametrize(("status", "code"), BUSY)
    def test_busy_ours(self, sent: Sent, between: Between, status: int, code: str) -> None:
        """It was done, whatever the bucket says."""
        between.breaks("complete", done_but_says(status, code), ALWAYS)
        assert isinstance(sent.complete(), Object)
        assert sent.is_there()

    @pytest.mark.parametrize(("status", "code"), BUSY)
    def test_busy_none(self, sent: Sent, between: Between, status: int, code: str) -> None:
        """It was not done: it may be tried again."""
        between.breaks("complete", says(status, code), ALWAYS)
        with pytest.raises(Unavailable):
            sent.complete()
        between.faults.clear()
        assert isinstance(sent.complete(), Object)

    def test_busy_another(self, sent: Sent, between: Between) -> None:
        """It was not done, and never will be: the next attempt shows that."""
        between.breaks("complete", says(503, "SlowDown"), ALWAYS)
        sent.take()
        with pytest.raises(Unavailable):
            sent.complete()
        assert sent.complete() == KeyTaken()

    def test_no_answer_ours(self, sent: Sent, between: Between) -> None:
        """Only the answer was lost."""
        between.breaks("complete", lost, ALWAYS)
        assert isinstance(sent.complete(), Object)
        assert sent.is_there()

    def test_no_answer_none(self, sent: Sent, between: Between) -> None:
        """Nobody knows: the bucket may still be at it."""
        between.breaks("complete", dropped, ALWAYS)
        assert sent.complete() == Completing()
        assert isinstance(sent.complete(), Object)

    def test_no_answer_another(self, sent: Sent, between: Between) -> None:
        """Nobody knows: the next attempt shows it."""
        between.breaks("complete", dropped, ALWAYS)
        sent.take()
        assert sent.complete() == Completing()
        assert sent.complete() == KeyTaken()

    @pytest.mark.parametrize(
        ("status", "code"), [(403, "AccessDenied"), (400, "ExpiredToken"), (401, "Unauthorized")]
    )
    def test_forbidden(self, sent: Sent, between: Between, status: int, code: str) -> None:
        """Who is refused keeps the upload: with other credentials it can be completed."""
        between.breaks("complete", says(status, code))
        with pytest.raises(Forbidden):
            sent.complete()
        between.breaks("complete", done_but_says(status, code))
        assert isinstance(sent.complete(), Object)

    def test_looking_is_forbidden(self, sent: Sent, between: Between) -> None:
        """Who may not look does not take the object for missing."""
        between.breaks("complete", lost, ALWAYS)
        between.breaks("look", says(403, "AccessDenied"))
        with pytest.raises(Forbidden):
            sent.complete()
        assert isinstance(sent.complete(), Object)

    def test_later_than_we_wait(
        self, far: BucketWorld, between: Between, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If a bucket takes longer than a gateway waits, the request is repeated."""
        monkeypatch.setattr(connection, "_READ_SECONDS", 0.5)
        hasty = far.by(between.url)
        sent = Sent(hasty)
        between.breaks("complete", late(0.8), ALWAYS)
        assert isinstance(sent.complete(), Object)
        hasty.store.close()


class TestWhatTheGateMakesOfIt:
    def test_completing(self, sent: Sent, between: Between) -> None:
        """A completion whose outcome is unknown is requested again, and nothing is aborted."""
        between.breaks("complete", dropped, ALWAYS)
        [doubt] = sent.world.gate().complete([sent.finish])
        assert (doubt.verdict, doubt.reason) == (Verdict.UNCONFIRMED, "completing")
        assert sent.world.recorded() == {}
        [answer] = sent.world.gate().complete([sent.finish])
        assert (answer.verdict, answer.reason) == (Verdict.NEW, None)
        assert set(sent.world.recorded()) == {"a"}

    def test_taken_and_released(self, sent: Sent, between: Between) -> None:
        """An upload that is refused for a key that is free again is begun again by its client."""
        between.breaks("complete", says(412, "PreconditionFailed"))
        [answer] = sent.world.gate().complete([sent.finish])
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "upload-unknown")

    def test_other_parts(self, sent: Sent, between: Between) -> None:
        """An upload whose parts were replaced last is aborted; it would fail again."""
        between.breaks("complete", says(400, "InvalidPart"))
        [answer] = sent.world.gate().complete([sent.finish])
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-mismatch")
        assert (sent.world.objects(), sent.world.staged()) == ({}, [])

    def test_recorded_nothing_wrong_in_doubt(self, sent: Sent, between: Between) -> None:
        """A bucket that fails yields an error for all, and no record."""
        between.breaks("complete", says(503, "SlowDown"), ALWAYS)
        with pytest.raises(Unavailable):
            sent.world.gate().complete([sent.finish])
        assert sent.world.recorded() == {}
        [answer] = sent.world.gate().complete([sent.finish])
        assert answer.verdict is Verdict.NEW

    def test_twice_at_once(self, sent: Sent) -> None:
        """Completed twice by those who don't know of each other it is one object and one record."""

        def complete(_: int) -> Answer:
            return sent.world.gate().complete([sent.finish])[0]

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(complete, range(4)))
        assert Verdict.NEW in {answer.verdict for answer in answers}
        for answer in answers:  # a late upload may learn that it is there already
            assert answer.verdict in {Verdict.NEW, Verdict.DUPLICATE}
            assert answer.copy is not None
            assert answer.copy.key == "a"
        assert sent.is_there()
        assert set(sent.world.recorded()) == {"a"}
        assert sent.world.staged() == []


FAULTS: dict[str, Fault] = {
    "dropped": dropped,
    "lost": lost,
    "500": says(500, "InternalError"),
    "SlowDown": says(503, "SlowDown"),
    "409": says(409, "ConditionalRequestConflict"),
    "done, but 503": done_but_says(503, "ServiceUnavailable"),
}


class TestEachStepOfAnUpload:
    """What goes wrong once is not noticed; what goes wrong for long can be repeated."""

    @pytest.fixture
    def bring(self, far: BucketWorld, tmp_path: Path) -> Callable[[str, int], Result]:
        """Upload a file of its own, of this number of bytes."""

        def run(name: str, size: int) -> Result:
            path = tmp_path / name
            if not path.exists():
                path.write_bytes(content_of(name, size))
            options = Options(unfinished=Unfinished(tmp_path / "cache", "there"))
            (result,) = upload(walk([path]), far.gate(), options)
            return result

        return run

    @pytest.mark.parametrize("step", ["look", "put"])
    def test_small(
        self, far: BucketWorld, between: Between, bring: Callable[[str, int], Result], step: str
    ) -> None:
        """A small file is stored once, whatever happens once."""
        for name, fault in FAULTS.items():
            if (step, name) == ("look", "409"):
                continue  # no answer to a HeadObject
            between.breaks(step, fault)
            result = bring(name, 1000)
            assert not between.faults, "it has happened"
            assert (result.outcome, result.reason) == (Outcome.UPLOADED, None), name
        judge(far, 1000)

    @pytest.mark.parametrize("step", ["begin", "part", "parts", "look", "complete"])
    def test_large(
        self, far: BucketWorld, between: Between, bring: Callable[[str, int], Result], step: str
    ) -> None:
        """A large file is stored once, whatever happens once; only a lost begin leaves a trace."""
        for name, fault in FAULTS.items():
            if name == "409" and step != "part":
                continue  # no answer to the others; that to complete has its row above
            between.breaks(step, fault)
            result = bring(name, len(LARGE))
            assert not between.faults, "it has happened"
            assert (result.outcome, result.reason) == (Outcome.UPLOADED, None), name
        judge(far, len(LARGE))
        assert len(far.staged()) == (2 if step == "begin" else 0), "lost, and done but 503"

    @pytest.mark.parametrize("step", ["put", "part"])
    def test_signed_by_a_role_that_has_ended(
        self, far: BucketWorld, between: Between, bring: Callable[[str, int], Result], step: str
    ) -> None:
        """A role signs for as long as it lasts: what outlives it is signed anew by the next."""
        size = 1000 if step == "put" else len(LARGE)
        between.breaks(step, says(400, "ExpiredToken"))
        result = bring("one", size)
        assert not between.faults, "it has happened"
        assert (result.outcome, result.reason) == (Outcome.UPLOADED, None)
        judge(far, size)

    @pytest.mark.parametrize("step", ["put", "part"])
    def test_signed_too_long_ago(
        self, far: BucketWorld, between: Between, bring: Callable[[str, int], Result], step: str
    ) -> None:
        """What a slow line kept waiting for too long is signed anew."""
        size = 1000 if step == "put" else len(LARGE)
        between.breaks(step, after(lambda: time.sleep(3.1)))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("onecopy.store.s3.uploads.SIGNED_SECONDS", 2)
            result = bring("one", size)
        assert not between.faults, "it has happened"
        assert (result.outcome, result.reason) == (Outcome.UPLOADED, None)
        assert between.seen[step] == 2
        judge(far, size)

    @pytest.mark.parametrize("fault", [dropped, lost], ids=["dropped", "lost"])
    def test_small_for_long(
        self, far: BucketWorld, between: Between, bring: Callable[[str, int], Result], fault: Fault
    ) -> None:
        """A small file that failed is brought by the same command, or found where it was put."""
        between.breaks("put", fault, 1000)
        result = bring("one", 1000)
        assert (result.outcome, result.reason) == (Outcome.FAILED, "unavailable")
        assert far.recorded() == {}
        between.faults.clear()
        again = bring("one", 1000)
        assert again.outcome is (Outcome.UPLOADED if fault is dropped else Outcome.SKIPPED)
        assert again.verdict is (Verdict.NEW if fault is dropped else Verdict.DUPLICATE)
        judge(far, 1000)

    @pytest.mark.parametrize("step", ["begin", "part", "parts", "complete"])
    def test_for_long(
        self, far: BucketWorld, between: Between, bring: Callable[[str, int], Result], step: str
    ) -> None:
        """A large file that failed is finished by the same command, with the parts there."""
        between.breaks(step, says(503, "SlowDown"), 1000)
        try:
            assert bring("one", len(LARGE)).outcome is Outcome.FAILED
        except Unavailable:  # what concerns all files ends the command
            assert step in {"parts", "complete"}
        between.faults.clear()
        between.forget()
        assert bring("one", len(LARGE)).outcome is Outcome.UPLOADED
        assert between.sent["part 1"] == (0 if step in {"parts", "complete"} else len(LARGE))
        judge(far, len(LARGE))
        assert far.staged() == []


def content_of(name: str, size: int) -> bytes:
    """Return a content of its own for a file."""
    return (name.encode() * size)[:size]


def judge(world: BucketWorld, size: int) -> None:
    """Check that each file is stored once, unchanged, and recorded so."""
    lying = world.objects()
    assert lying == {name: content_of(name, size) for name in lying}
    assert {key: copy.content_digest for key, copy in world.recorded().items()} == {
        key: content_digest(data) for key, data in lying.items()
    }
    for data in lying.values():
        assert world.check(data).verdict is Verdict.DUPLICATE
