"""Defects found by the other tests of this folder, each as its shortest example."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onecopy.content import Verdict
from onecopy.errors import Unavailable
from onecopy.gate import Answer, Finish
from onecopy.testing.faults import Call, Faults, act_after, fail_before
from tests.gate.world import World, content_digest
from tests.reliability import folder
from tests.reliability.behind import behind


class Completing:
    """An upload whose bytes were all sent, and whose completion is disturbed."""

    def __init__(self, root: Path) -> None:
        self.faults = Faults()
        self.world = World.at(root)
        self.gate = behind(self.faults, self.world).gate()
        self.finish = self.send("a", b"bytes")

    def send(self, key: str, data: bytes) -> Finish:
        """Begin another upload, and send all of it."""
        begun = self.world.begin(key, data, anyway=True)
        assert begun.ticket is not None
        return self.world.send(begun.ticket, data)

    def lose_record(self) -> None:
        """Publish, but fail to record."""
        self.faults.at("index.record", fail_before(Unavailable("not now")))
        with pytest.raises(Unavailable):
            self.gate.complete([self.finish])
        assert self.world.objects() == {"a": b"bytes"}

    def before_publishing(self, action: Callable[[], object]) -> None:
        """Insert another request just before ours publishes the upload."""

        def rule(call: Call) -> object:
            if call.arguments[0].key == "a":
                action()
            return call.proceed()

        def batch_rule(call: Call) -> object:
            if any(upload.key == "a" for upload, _ in call.arguments[0]):
                action()
            return call.proceed()

        self.faults.at("store.complete", rule, times=None)
        self.faults.at("store.complete_batch", batch_rule, times=None)

    def complete(self, *finishes: Finish) -> list[Answer]:
        """Complete it, and others with it."""
        return self.gate.complete([self.finish, *finishes])


@pytest.fixture
def completing(tmp_path: Path) -> Iterator[Completing]:
    """Return an upload that was sent, with the means to disturb it."""
    completing = Completing(tmp_path)
    yield completing
    completing.world.close()


def test_overwritten_after_lost_answer(completing: Completing) -> None:
    """P1: an object overwritten before its record, with its time restored, is another one."""
    completing.lose_record()
    folder.overwrite(completing.world.path("a"), b"BYTES")
    assert completing.complete()[0].reason == "key-taken"
    assert completing.world.check(b"bytes").verdict is Verdict.NEW
    assert completing.world.recorded()["a"].content_digest == content_digest(b"BYTES")


def test_touched_ctime_after_lost_answer(completing: Completing) -> None:
    """P4: an object whose ctime changed before its record is read, and known as ours."""
    completing.lose_record()
    completing.world.path("a").chmod(0o600)
    [answer] = completing.complete()
    assert (answer.verdict, answer.reason) == (Verdict.NEW, None)
    assert completing.world.check(b"bytes").verdict is Verdict.DUPLICATE


def test_completed_by_another_request(completing: Completing) -> None:
    """P4: two requests that complete one upload at the same moment both succeed."""
    other = completing.send("b", b"other")
    completing.before_publishing(lambda: completing.world.gate().complete([completing.finish]))
    ours, others = completing.complete(other)
    assert ours.verdict is others.verdict is Verdict.NEW
    assert ours.copy is not None
    assert ours.copy.key == "a"
    assert completing.world.objects() == {"a": b"bytes", "b": b"other"}


def test_given_up_by_another_request(completing: Completing) -> None:
    """P3: an upload aborted during its completion does not affect others in the same request."""
    other = completing.send("b", b"other")
    completing.before_publishing(lambda: completing.world.gate().abort([completing.finish.ticket]))
    ours, others = completing.complete(other)
    assert (ours.verdict, ours.reason) == (Verdict.UNCONFIRMED, "upload-unknown")
    assert others.verdict is Verdict.NEW
    assert completing.world.objects() == {"b": b"other"}


def test_given_up_while_publishing(completing: Completing, monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: the same holds for an upload aborted at the moment of its publication."""
    other = completing.send("b", b"other")
    link = os.link

    def late_link(
        source: str, target: bytes, *, src_dir_fd: int, dst_dir_fd: int, follow_symlinks: bool
    ) -> None:
        if target == b"a":
            completing.world.gate().abort([completing.finish.ticket])
        link(
            source,
            target,
            src_dir_fd=src_dir_fd,
            dst_dir_fd=dst_dir_fd,
            follow_symlinks=follow_symlinks,
        )

    monkeypatch.setattr(os, "link", late_link)
    ours, others = completing.complete(other)
    assert (ours.verdict, ours.reason) == (Verdict.UNCONFIRMED, "upload-unknown")
    assert others.verdict is Verdict.NEW
    assert completing.world.objects() == {"b": b"other"}


def test_given_up_while_begun_anew(completing: Completing) -> None:
    """P3: what remains when one request aborts what another begins again is not an upload."""
    staging = completing.world.root / "files" / ".onecopy" / "uploads"
    before = set(staging.iterdir())
    begun = completing.world.begin("b", b"other")
    assert begun.ticket is not None
    [data] = [path for path in set(staging.iterdir()) - before if path.suffix != ".parts"]
    data.unlink()
    [answer] = completing.world.gate().complete([Finish(begun.ticket)])
    assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "upload-unknown")
    assert completing.world.upload("b", b"other").verdict is Verdict.NEW


@pytest.mark.parametrize(
    ("times", "said"),
    [(1, (Verdict.DUPLICATE, None)), (None, (Verdict.UNCONFIRMED, "copy-changed"))],
)
def test_key_whose_object_changes(
    tmp_path: Path, times: int | None, said: tuple[Verdict, str | None]
) -> None:
    """Publishing removes the link in staging last, which changes the object only once."""
    world, faults = World.at(tmp_path), Faults()
    world.place("a", b"bytes")
    staged = tmp_path / "staged"

    def change() -> None:
        time.sleep(0.02)  # a system's clock may tick seldom
        if staged.exists():
            staged.unlink()
        else:
            staged.hardlink_to(world.path("a"))

    change()
    faults.at("store.open", act_after(change), times=times)
    answer = behind(faults, world).begin("a", b"bytes")
    assert (answer.verdict, answer.reason) == said
    assert world.objects() == {"a": b"bytes"}
    world.close()
