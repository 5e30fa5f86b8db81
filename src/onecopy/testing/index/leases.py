"""The contract of `Leases`, as tests."""
# ruff: noqa: S101 - a contract is made of assertions

from collections.abc import Iterator
from time import sleep
from typing import Protocol

import pytest

from onecopy.errors import Unavailable
from onecopy.index.interface import Engine, Lease, Leases
from onecopy.testing.index.values import THREADS, at_once

_MOMENT = 0.05
"""Seconds."""


class LeasesIndex(Engine, Leases, Protocol):
    """An index that keeps leases."""


def _leases(holder: str, *names: str, seconds: float = 60) -> list[Lease]:
    return [Lease(name, holder, seconds) for name in names]


class LeasesContract:
    """What every index that keeps leases does: the contract of `Leases`."""

    @pytest.fixture
    def index(self) -> LeasesIndex | Iterator[LeasesIndex]:
        """Return or yield an empty index."""
        raise NotImplementedError

    def test_lease(self, index: LeasesIndex) -> None:
        """One holder has a lease; it may take it again, and others once it has ended it."""
        assert index.take_leases(_leases("a", "x", "y")) == [True, True]
        assert index.take_leases(_leases("b", "z", "y", "x")) == [True, False, False]
        assert index.take_leases(_leases("a", "x")) == [True]
        index.end_leases(_leases("b", "x", "z", "never"))
        assert index.take_leases(_leases("b", "x")) == [False]
        index.end_leases(_leases("a", "x"))
        index.end_leases(_leases("a", "x"))
        assert index.take_leases(_leases("b", "x", "y")) == [True, False]

    def test_lease_expires(self, index: LeasesIndex) -> None:
        """A lease that is not renewed is free again, and a renewed one is not."""
        index.take_leases(_leases("a", "x", "y", seconds=_MOMENT))
        assert index.take_leases(_leases("a", "y")) == [True]
        sleep(2 * _MOMENT)
        assert index.take_leases(_leases("b", "x", "y")) == [True, False]
        index.end_leases(_leases("a", "x"))
        assert index.take_leases(_leases("c", "x")) == [False]

    def test_lease_is_never_shortened(self, index: LeasesIndex) -> None:
        """A renewed lease ends no earlier than before."""
        index.take_leases(_leases("a", "x"))
        assert index.take_leases(_leases("a", "x", seconds=_MOMENT)) == [True]
        sleep(2 * _MOMENT)
        assert index.take_leases(_leases("b", "x")) == [False]

    def test_clock_is_set_back(self, index: LeasesIndex) -> None:
        """A lease whose end was an hour ahead of the clock holds nobody up, and can be renewed."""
        index.take_leases(_leases("a", "x", "y", seconds=3600))
        assert index.lease_holders(["x", "y"]) == ["", ""]
        assert index.take_leases(_leases("a", "y")) == [True]
        assert index.take_leases(_leases("b", "x", "y")) == [True, False]
        assert index.lease_holders(["x", "y"]) == ["b", "a"]

    def test_one_gets_a_lease(self, index: LeasesIndex) -> None:
        """If threads take the same leases in any order, one gets each, and none waits for ever."""
        names = [f"{number:03}" for number in range(50)]

        def take(me: int) -> list[Lease]:
            wanted = _leases(f"{me}", *(names[::-1] if me % 2 else names))
            taken = index.take_leases(wanted)
            return [lease for lease, own in zip(wanted, taken, strict=True) if own]

        for _ in range(3):
            taken = at_once(take)
            assert sorted(lease.name for own in taken for lease in own) == names
            at_once(lambda me, taken=taken: index.end_leases(taken[me]))  # type: ignore[misc]
        assert len(taken) == THREADS

    def test_longest_name_of_a_lease(self, index: LeasesIndex) -> None:
        """A name has up to 180 characters, a holder up to 64; values of that name are others."""
        name, holder = "uploading/" + "x" * 170, "h" * 64
        assert index.take_leases([Lease(name, holder, 1.5)]) == [True]
        assert index.get(name) is None
        assert index.put_if(name, None, b"value")
        assert index.take_leases([Lease(name, holder[1:], 1.5)]) == [False]

    def test_lease_holders(self, index: LeasesIndex) -> None:
        """The holder of a lease is named, and nobody once it has ended or expired."""
        index.take_leases(_leases("a", "x", "y", "z"))
        index.take_leases(_leases("b", "x", "v"))
        index.take_leases(_leases("c", "w", seconds=_MOMENT))
        index.end_leases(_leases("a", "y"))
        sleep(2 * _MOMENT)
        holders = index.lease_holders(["v", "x", "y", "w", "never", "z"])
        assert holders == ["b", "a", "", "", "", "a"]

    def test_no_leases(self, index: LeasesIndex) -> None:
        """None are taken or ended if none are given."""
        assert index.take_leases([]) == []
        index.end_leases([])
        assert index.lease_holders([]) == []

    def test_leases_closed(self, index: LeasesIndex) -> None:
        """After `close` all methods raise Unavailable."""
        index.close()
        with pytest.raises(Unavailable):
            index.take_leases(_leases("a", "x"))
        with pytest.raises(Unavailable):
            index.end_leases(_leases("a", "x"))
        with pytest.raises(Unavailable):
            index.lease_holders(["x"])
