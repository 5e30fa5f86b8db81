"""What may be read in the background: per second, per day, per tenant and in total."""

from threading import Event
from time import monotonic

import pytest

from onecopy.confirming import budget as budget_module
from onecopy.confirming.budget import Budget, Exhausted, Limits
from onecopy.digest import MiB
from onecopy.index.memory import MemoryIndex
from onecopy.workers import Stopped
from tests.confirming.conftest import Place, large, until

_RUNS = Event()


def test_unlimited_counts_nothing() -> None:
    """Without limits, nothing is counted or waited for."""
    index = MemoryIndex()
    budget = Budget(index, Limits())
    budget.spend("a", 10**15, _RUNS)
    assert budget.exhausted("a") is None
    assert not index._counters


def test_per_second() -> None:
    """Reading waits until the rate allows it, from the second time on."""
    budget = Budget(MemoryIndex(), Limits(rate=100_000))
    start = monotonic()
    for _ in range(4):
        budget.spend("a", 10_000, _RUNS)
    assert 0.29 < monotonic() - start < 2


def test_each_tenant_has_its_rate() -> None:
    """A tenant waits for its own rate only."""
    budget = Budget(MemoryIndex(), Limits(tenant_rate=1))
    start = monotonic()
    budget.spend("a", 1000, _RUNS)
    budget.spend("b", 1000, _RUNS)
    assert monotonic() - start < 1


def test_stops_waiting() -> None:
    """A process that is closed does not wait for the rate."""
    budget, stop = Budget(MemoryIndex(), Limits(rate=1)), Event()
    budget.spend("a", 1000, stop)
    stop.set()
    with pytest.raises(Stopped):
        budget.spend("a", 1000, stop)


def test_per_day_in_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one process read counts for all, until the next day (UTC) begins."""
    index, limits = MemoryIndex(), Limits(tenant_daily=100 * MiB, daily=150 * MiB)
    first, second = Budget(index, limits), Budget(index, limits)
    for _ in range(10):
        first.spend("a", 8 * MiB, _RUNS)
    first.close()
    second.spend("a", 20 * MiB, _RUNS)
    with pytest.raises(Exhausted, match=r"of tenant a today: check again after .* 00:00 UTC"):
        second.spend("a", 1, _RUNS)
    assert "raise confirm_tenant_daily" in (second.exhausted("a") or "")
    assert second.exhausted("b") is None
    second.spend("b", 50 * MiB, _RUNS)
    with pytest.raises(Exhausted, match="in total today"):
        second.spend("b", 1, _RUNS)
    assert "raise confirm_daily" in (second.exhausted("c") or "")
    monkeypatch.setattr(budget_module, "_today", lambda: "2100-01-01")
    assert second.exhausted("a") is None
    second.spend("a", 100 * MiB, _RUNS)


def test_a_copy_goes_on_the_next_day(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy larger than the budget of a day is read in several days, and nothing twice."""
    content = large(5)
    copy, process = place.put("a", content), place.readers(Limits(daily=20 * MiB), threads=1)
    place.ask(process, copy)
    until(lambda: place.ask(process, copy).reason == "read-budget")
    assert place.store.ranges == [0, 1]
    other = place.readers(Limits(daily=20 * MiB), threads=1)
    until(lambda: place.ask(other, copy).reason == "read-budget")
    assert place.store.ranges == [0, 1]
    for day in ("2100-01-01", "2100-01-02"):
        monkeypatch.setattr(budget_module, "_today", lambda day=day: day)
        until(lambda: place.proved("a") or place.ask(other, copy).reason == "read-budget")
    place.wait("a", content)
    assert place.store.ranges == [0, 1, 2, 3, 4]
