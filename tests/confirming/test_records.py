"""Leases and ranges in the index: one owner at a time, and nothing of another object is used."""

import pytest

from onecopy.confirming import records as records_module
from onecopy.confirming.records import LEASE_SECONDS, PARTS_PER_RANGE, Lost, Records
from onecopy.index.memory import MemoryIndex
from onecopy.store.interface import Object

_SEEN = Object("a", 10**9, "one", 0)
_OTHER = _SEEN._replace(identity="two")
_PARTS = [bytes([number]) * 32 for number in range(PARTS_PER_RANGE * 2 + 5)]


@pytest.fixture
def state() -> MemoryIndex:
    """Return an empty state."""
    return MemoryIndex()


def _records(state: MemoryIndex, tenant: str = "default", key: str = "a") -> Records:
    return Records(state, tenant, key)


def test_one_owner(state: MemoryIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease belongs to one reader, until it is not renewed in time; then it is lost."""
    time = [10**12]
    monkeypatch.setattr(records_module, "now", lambda: time[0])
    first, second = _records(state), _records(state)
    first.claim(_SEEN)
    with pytest.raises(Lost):
        second.claim(_SEEN)
    time[0] += LEASE_SECONDS * 1000 - 1
    first.renew(5)
    time[0] += LEASE_SECONDS * 1000 - 1
    with pytest.raises(Lost):
        second.claim(_SEEN)
    time[0] += 1
    second.claim(_SEEN)
    with pytest.raises(Lost):
        first.renew(6)
    with pytest.raises(Lost):
        first.release(6)
    with pytest.raises(Lost):
        first.fail("gone")
    assert (lease := second.lease()) is not None
    assert lease.read == 5


def test_another_object_has_another_lease(state: MemoryIndex) -> None:
    """If the object was replaced, the lease of the first does not hold, nor do its ranges."""
    first, second = _records(state), _records(state)
    first.claim(_SEEN)
    first.save(_SEEN, _PARTS, 0)
    first.renew(7)
    second.claim(_OTHER)
    assert (lease := second.lease()) is not None
    assert (lease.identity, lease.read) == ("two", 0)
    with pytest.raises(Lost):
        first.renew(8)
    first.save(_SEEN, _PARTS, 0)  # by a reader that has not noticed it yet
    assert second.parts(_OTHER) == []
    second.finish()
    assert not [name for name in state._values if name.startswith("confirming/")]


@pytest.mark.parametrize("count", [0, 1, PARTS_PER_RANGE, PARTS_PER_RANGE + 1, len(_PARTS)])
def test_ranges(state: MemoryIndex, count: int) -> None:
    """Parts are recorded bit by bit, and found again in order; a value stays small."""
    records = _records(state)
    for saved in range(0, count, 7):
        records.save(_SEEN, _PARTS[: min(saved + 7, count)], saved)
    assert _records(state).parts(_SEEN) == _PARTS[:count]
    assert _records(state).parts(_OTHER) == []
    assert all(len(value) <= 4096 for value in state._values.values())
    assert all(len(name) <= 200 and name.isascii() for name in state._values)


@pytest.mark.parametrize(
    ("tenant", "key"), [("other", "a"), ("default", "b"), ("default", "é" * 500)]
)
def test_records_are_of_one_key(state: MemoryIndex, tenant: str, key: str) -> None:
    """P5: another tenant's or key's records are others."""
    _records(state).claim(_SEEN)
    _records(state).save(_SEEN, _PARTS, 0)
    others = _records(state, tenant, key)
    assert (others.lease(), others.parts(_SEEN)) == (None, [])


def test_failures_wait_longer_and_longer(
    state: MemoryIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reason holds for 30 seconds, then for twice as long after each failure, up to an hour."""
    time = [10**12]
    monkeypatch.setattr(records_module, "now", lambda: time[0])
    waits = []
    for _ in range(10):
        records = _records(state)
        records.claim(_SEEN)
        records.fail("store-unavailable")
        lease = records.lease()
        assert lease is not None
        assert lease.holds_for(_SEEN)
        assert not lease.holds_for(_OTHER)
        waits.append((lease.until - time[0]) // 1000)
        time[0] = lease.until
        assert not lease.holds_for(_SEEN)
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
