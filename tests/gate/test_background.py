"""Copies that are too large for a request: read in the background, in a folder and in buckets."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import cast

import pytest

from onecopy.confirming import CONFIRMING, ThreadReaders
from onecopy.confirming import Limits as ReadLimits
from onecopy.content import Content, Digests, Evidence, Verdict
from onecopy.counted import count
from onecopy.digest import MiB
from onecopy.gate import Answer, Limits, LocalGate, Request
from onecopy.gate.budget import Budget
from onecopy.reading.parts import RangedStore
from tests.gate.world import World, content, content_digest, md5, weak_only

_TWINS = json.loads((Path(__file__).parents[1] / "vectors" / "md5-twins.json").read_text())
_LARGE = bytes(range(256)) * 4096 * 17
_FEW = Limits(read_bytes=4)
PATIENCE = 30
"""Seconds."""


@pytest.fixture
def readers(world: World) -> Iterator[ThreadReaders]:
    """Return the readers of a process."""
    readers = ThreadReaders(world.index, cast(RangedStore, world.store), ReadLimits())
    yield readers
    readers.close()


@pytest.fixture
def gate(world: World, readers: ThreadReaders) -> LocalGate:
    """Return a gate that reads hardly anything within a request."""
    return world.gate(limits=_FEW, readers=readers)


def ask(check: Callable[[], Answer]) -> Answer:
    """Ask until the answer is another than `confirming`, as clients do."""
    deadline = monotonic() + PATIENCE
    while (answer := check()).reason == CONFIRMING:
        assert answer.verdict is Verdict.UNCONFIRMED
        assert monotonic() < deadline
        sleep(0.01)
    return answer


@pytest.mark.parametrize("data", [b"lazy!", _LARGE], ids=["small", "large"])
def test_a_copy_is_confirmed(world: World, gate: LocalGate, data: bytes) -> None:
    """A copy that a request may not read is confirmed all the same, and recorded for ever."""
    world.record("a", data, Digests.of([(md5(data), Evidence.CLAIMED)]))
    first = gate.check([content(data, weak=True)])[0]
    assert (first.verdict, first.reason) == (Verdict.UNCONFIRMED, CONFIRMING)
    assert first.bytes_read is not None
    answer = ask(lambda: gate.check([content(data, weak=True)])[0])
    assert answer.verdict is Verdict.DUPLICATE
    assert world.check(data, gate=world.gate(limits=_FEW)).verdict is Verdict.DUPLICATE


def test_a_twin_is_new(world: World, gate: LocalGate) -> None:
    """P1: a content with the MD5 of a stored one is never a duplicate of it."""
    a, b = (bytes.fromhex(_TWINS[name]) for name in ("a", "b"))
    world.place("a", a)
    world.record("a", a, Digests.of([(md5(a), Evidence.PROVED)]))
    assert md5(a) == md5(b)
    verdicts = set()
    for _ in range(30):
        verdicts.add(gate.check([content(b, weak=True)])[0].verdict)
        sleep(0.01)
    assert ask(lambda: gate.check([content(b, weak=True)])[0]).verdict is Verdict.NEW
    assert Verdict.DUPLICATE not in verdicts
    assert ask(lambda: gate.check([content(a, weak=True)])[0]).verdict is Verdict.DUPLICATE


def test_one_candidate_at_a_time(world: World, gate: LocalGate, readers: ThreadReaders) -> None:
    """If several copies may have the content, the others are read only if the first has not."""
    for key in "abc":
        world.record(key, b"lazy!", Digests.of([(md5(b"lazy!"), Evidence.CLAIMED)]))
    assert ask(lambda: gate.check([content(b"lazy!", weak=True)])[0]).verdict is Verdict.DUPLICATE
    read = [copy for copy in world.recorded().values() if copy.digests.content_digest(copy.size)]
    assert len(read) == 1


def test_needs_the_content_digest(world: World, gate: LocalGate) -> None:
    """Reading in the background proves the content digest alone, so that one is requested first."""
    world.record("a", _LARGE, Digests.of([(md5(_LARGE), Evidence.CLAIMED)]))
    [answer] = gate.check([Content(len(_LARGE), (md5(_LARGE),))])
    assert answer.reason == "digest-needed"


def test_time_is_over(
    world: World, readers: ThreadReaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a request has no time for is confirmed outside of it."""
    for number in range(5):
        data = b"lazy%d" % number
        world.record(f"{number}", data, Digests.of([(md5(data), Evidence.CLAIMED)]))
    hasty = world.gate(limits=Limits(read_seconds=-1), readers=readers)
    for number in range(5):
        data = b"lazy%d" % number
        asked = content(data, weak=True)
        answer = ask(lambda asked=asked: hasty.check([asked])[0])  # type: ignore[misc]
        assert answer.verdict is Verdict.DUPLICATE
    monkeypatch.setattr(Budget, "over", True)
    assert world.check(b"other", weak=True, gate=hasty).verdict is Verdict.NEW


def test_a_copy_that_is_gone(world: World, gate: LocalGate) -> None:
    """A copy whose object is gone is forgotten, and the content is new."""
    world.record("a", b"lazy!", Digests())
    world.remove("a")
    assert ask(lambda: gate.check([content(b"lazy!")])[0]).verdict is Verdict.NEW
    assert not world.recorded()


def test_a_taken_key(world: World, gate: LocalGate) -> None:
    """Whether a taken key holds the same content is found out in the background."""
    world.place("a", _LARGE)
    request = Request("a", len(_LARGE), content_digest(_LARGE))
    assert ask(lambda: gate.begin([request])[0]).verdict is Verdict.DUPLICATE


def test_another_name_needs_no_reading(
    world: World, gate: LocalGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With anyway, a taken key is not read: only another name can help."""
    world.place("a", _LARGE)
    monkeypatch.setattr(ThreadReaders, "ask", lambda *_: pytest.fail("asked"))
    request = Request("a", len(_LARGE), content_digest(_LARGE), anyway=True)
    assert gate.begin([request])[0].reason == "key-taken"


def test_nothing_in_the_trash_is_read(
    world: World, gate: LocalGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies in the trash are not worth reading: the content is new anyway."""
    world.record(".Trash-1000/a", b"lazy!", Digests())
    monkeypatch.setattr(ThreadReaders, "ask", lambda *_: pytest.fail("asked"))
    assert gate.check([content(b"lazy!")])[0].verdict is Verdict.NEW


def test_counted_tenants_too(world: World, readers: ThreadReaders) -> None:
    """Copies of tenants that the checksum API counts are confirmed; the MD5 they have is kept."""
    count(world.index, "default")
    world.record("a", b"lazy!", weak_only(b"lazy!"))
    gate = world.gate(limits=_FEW, readers=readers)
    answer = ask(lambda: gate.check([content(b"lazy!", weak=True)])[0])
    assert answer.verdict is Verdict.DUPLICATE
    assert answer.copy is not None
    assert set(content(b"lazy!", weak=True).digests) <= set(answer.copy.digests)


def test_the_budget_of_a_day(world: World) -> None:
    """The answer says which limit applies, when it is free again, and what to do."""
    world.record("a", _LARGE, weak_only(_LARGE))
    readers = ThreadReaders(world.index, cast(RangedStore, world.store), ReadLimits(daily=9 * MiB))
    gate = world.gate(limits=_FEW, readers=readers)
    answer = ask(lambda: gate.check([content(_LARGE, weak=True)])[0])
    readers.close()
    assert answer.reason == "read-budget"
    assert "raise confirm_daily" in (answer.message or "")
