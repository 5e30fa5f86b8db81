"""What threads do while nothing is to be read: they look at copies of sizes that checks meet."""

from collections.abc import Iterator
from contextlib import closing
from threading import Event

import pytest

from onecopy.confirming import describing as module
from onecopy.confirming.describing import Describing
from onecopy.errors import Unavailable
from onecopy.index.memory import MemoryIndex
from tests.confirming.conftest import Place, until

_DAY = "describing/2100-01-01"


class _Copies:
    """Copies of some sizes, and the sizes of those that were looked at."""

    def __init__(self, left: dict[int, int]) -> None:
        self.left = left
        self.looked: list[int] = []

    def describe(self, size: int, limit: int) -> int:
        """Look at copies; fail for the size 13."""
        if size == 13:
            raise Unavailable("away")
        done = min(self.left[size], limit)
        self.left[size] -= done
        self.looked += [size] * done
        return done


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.005)
    monkeypatch.setattr(module, "_BATCH", 4)
    monkeypatch.setattr(Describing, "_name", _DAY)


@pytest.fixture
def index() -> Iterator[MemoryIndex]:
    """Return an empty state."""
    with closing(MemoryIndex()) as index:
        yield index


def test_the_size_that_is_met_most(index: MemoryIndex) -> None:
    """Its copies are looked at first, until none is left; then those of the others."""
    copies, is_idle = _Copies({1: 3, 2: 9}), Event()
    with closing(Describing(index, daily=100, is_idle=is_idle.is_set)) as describing:
        for size in (1, 2, 2):
            describing.note("a", size, copies.describe)
        assert not copies.looked
        is_idle.set()
        until(lambda: not describing._met)
    assert copies.looked == [2] * 9 + [1] * 3
    assert describing.described == 12
    assert index.increase(_DAY, 0) == 12


def test_within_the_budget_of_a_day(index: MemoryIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes together stay within the limit of a day; the next day, they continue."""
    copies = _Copies({1: 20})
    index.increase(_DAY, 4)
    with closing(Describing(index, daily=13, is_idle=lambda: True)) as describing:
        describing.note("a", 1, copies.describe)
        until(lambda: describing._over)
        assert (len(copies.looked), index.increase(_DAY, 0)) == (8, 12)
        monkeypatch.setattr(Describing, "_name", "describing/2100-01-02")
        until(lambda: len(copies.looked) == 20)


def test_failures(index: MemoryIndex, caplog: pytest.LogCaptureFixture) -> None:
    """A size whose copies cannot be looked at is left alone until a check meets it again."""
    copies = _Copies({1: 1})
    with closing(Describing(index, daily=100, is_idle=lambda: True)) as describing:
        for size in (13, 13, 1):
            describing.note("a", size, copies.describe)
        until(lambda: not describing._met)
    assert "copies were not described: away" in caplog.text
    assert copies.looked == [1]
    assert index.increase(_DAY, 0) == 1


def test_a_limited_number_of_sizes(index: MemoryIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is limited: further sizes are not counted."""
    monkeypatch.setattr(module, "_MOST_SIZES", 2)
    describing = Describing(index, daily=0, is_idle=lambda: True)
    for size in (1, 2, 3, 1):
        describing.note("a", size, _Copies({}).describe)
    assert describing._met == {("a", 1): 2, ("a", 2): 1}
    describing.close()


def test_threads_that_read_are_not_idle(place: Place) -> None:
    """While a copy waits or is being read, nothing is described."""
    process = place.readers()
    assert process._describing._is_idle()
    process._queue.close()
    process._queue._known["a", "b"] = None  # type: ignore[assignment]
    assert not process._describing._is_idle()
    process._queue._known.clear()
