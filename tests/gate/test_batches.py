"""What several contents of one check cost together: calls to the store, and reading."""

from collections.abc import Callable
from threading import Barrier
from typing import BinaryIO

import pytest

from onecopy.content import Digests, Verdict
from tests.gate.memory import MemoryWorld
from tests.gate.test_looks import watch_calls
from tests.gate.world import content, weak_only


def test_contents_in_the_trash_cost_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """All copies are looked at in one call, whether there is one outside the trash, or none."""
    world = MemoryWorld.new()
    world.record("#recycle/a", b"a")
    world.record("#recycle/b", b"bb")
    world.record("b", b"bb")
    calls = watch_calls(world.store, monkeypatch, "look")
    answers = world.gate().check([content(b"a"), content(b"bb")])
    assert [answer.copy and answer.copy.key for answer in answers] == ["#recycle/a", "b"]
    assert calls == [("look", ["#recycle/a", "b"])]


@pytest.mark.parametrize("known", [weak_only, lambda _: Digests()], ids=["weak", "unread"])
def test_copies_of_several_contents_are_read_concurrently(
    monkeypatch: pytest.MonkeyPatch, known: Callable[[bytes], Digests]
) -> None:
    """Reading one does not wait for another: here, each waits until both are being read."""
    world = MemoryWorld.new()
    contents = [b"1", b"22"]
    for data in contents:
        world.record(data.decode(), data, known(data))
    both, open_ = Barrier(2), world.store.open

    def meet(key: str) -> BinaryIO:
        both.wait(10)
        return open_(key)

    monkeypatch.setattr(world.store, "open", meet)
    answers = world.gate().check([content(data, weak=True) for data in contents])
    assert [answer.verdict for answer in answers] == [Verdict.DUPLICATE] * 2


def test_a_copy_that_several_contents_may_be_is_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others wait for it, and then know its digest."""
    world = MemoryWorld.new()
    world.record("a", b"lazy!", Digests())
    calls = watch_calls(world.store, monkeypatch, "open")
    answers = world.gate().check([content(b"lazy%d" % number) for number in range(5)])
    assert {answer.verdict for answer in answers} == {Verdict.NEW}
    assert len(calls) == 1
