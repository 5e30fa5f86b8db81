"""The contract of `State`, as tests."""
# ruff: noqa: S101 - a contract is made of assertions

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Protocol

import pytest

from onecopy.avoided import Counts, avoided
from onecopy.errors import Unavailable
from onecopy.index.interface import State
from onecopy.recorder import Recorder
from onecopy.testing.index.values import THREADS, at_once


class ClosableState(State, Protocol):
    """A state that can be closed."""

    def close(self) -> None:
        """Release all resources."""
        ...


class StateContract:
    """What every engine does that keeps a state."""

    @pytest.fixture
    def index(self) -> ClosableState | Iterator[ClosableState]:
        """Return or yield an engine with an empty state."""
        raise NotImplementedError

    def test_value(self, index: ClosableState) -> None:
        """A value is set, changed and removed, and read in between."""
        assert index.get("name") is None
        assert index.put_if("name", None, b"one")
        assert index.get("name") == b"one"
        assert index.put_if("name", b"one", b"two")
        assert index.get("name") == b"two"
        assert index.put_if("name", b"two", None)
        assert index.get("name") is None
        assert index.get("another") is None

    def test_condition(self, index: ClosableState) -> None:
        """Nothing is set if the value is not the expected one."""
        assert not index.put_if("name", b"one", b"two")
        assert index.get("name") is None
        assert index.put_if("name", None, None)
        assert index.put_if("name", None, b"one")
        assert not index.put_if("name", None, b"two")
        assert not index.put_if("name", b"two", None)
        assert not index.put_if("name", b"", b"two")
        assert index.get("name") == b"one"

    @pytest.mark.parametrize("value", [b"", b"\0", bytes(range(256)) * 256])
    def test_any_bytes(self, index: ClosableState, value: bytes) -> None:
        """A value can be any bytes, 0 to 64 KiB; a name has up to 200 characters."""
        name = "/".join(["n:_-.~"] * 40)[:200]
        assert index.put_if(name, None, value)
        assert index.get(name) == value
        assert index.put_if(name, value, b"new")

    def test_one_wins(self, index: ClosableState) -> None:
        """If threads set a value concurrently, exactly one succeeds."""
        value = b""
        index.put_if("name", None, value)
        for _ in range(5):
            won = at_once(partial(self._append, index, value))
            assert won.count(True) == 1
            value += b"%d" % won.index(True)
            assert index.get("name") == value

    @staticmethod
    def _append(index: ClosableState, old: bytes, number: int) -> bool:
        return index.put_if("name", old, old + b"%d" % number)

    def test_counter(self, index: ClosableState) -> None:
        """A counter starts at 0, and goes up and down."""
        steps: Sequence[tuple[int, int]] = [(0, 0), (5, 5), (2**40, 2**40 + 5), (-6, 2**40 - 1)]
        for by, value in steps:
            assert index.increase("name", by) == value
        assert index.increase("another", 1) == 1

    def test_no_count_is_lost(self, index: ClosableState) -> None:
        """If threads count concurrently, each gets a different number."""
        numbers = at_once(lambda _: [index.increase("name", 1) for _ in range(20)])
        assert sorted(chain.from_iterable(numbers)) == list(range(1, 20 * THREADS + 1))

    def test_counts_of_uploads(self, index: ClosableState) -> None:
        """If processes count uploads concurrently, none is lost, and each report counts once."""

        def count(number: int) -> None:
            recorder = Recorder(index)
            recorder.count("tenant", Counts(number, 1))
            recorder.count("tenant", Counts(avoided_files=1), "the same report")
            recorder.close()

        at_once(count)
        assert avoided(index, "tenant").total == Counts(sum(range(THREADS)), THREADS, 1)

    def test_values_of_a_group(self, index: ClosableState) -> None:
        """Values are listed by the beginning of their names, in pages, ordered by name."""
        names = [f"a:{number:02}" for number in range(25)]
        for name in [*names, "a", "b:1", "ab:1", "a;", "a:0"]:
            assert index.put_if(name, None, name.encode())
        assert index.values("a:") == [(name, name.encode()) for name in ["a:0", *names]]
        assert index.values("a:0", limit=3) == [(name, name.encode()) for name in names[:3]]
        assert index.values("a:0", "a:07") == [(name, name.encode()) for name in names[8:10]]
        assert index.values("a:", "a:24") == index.values("a:3") == index.values("c:") == []
        index.put_if("a:24", b"a:24", None)
        assert index.values("a:2", "a:23x") == []

    def test_a_value_of_a_group(self, index: ClosableState) -> None:
        """It is set, read and counted as any other; a counter is not listed."""
        assert index.put_if("a:1", None, b"one")
        assert not index.put_if("a:1", None, b"two")
        assert index.increase("a:count", 2) == 2
        assert (index.get("a:1"), index.get("a")) == (b"one", None)
        assert index.values("a:") == [("a:1", b"one")]

    def test_state_closed(self, index: ClosableState) -> None:
        """After `close` all methods raise Unavailable."""
        index.close()
        calls: list[Callable[[], object]] = [
            lambda: index.get("name"),
            lambda: index.put_if("name", None, b""),
            lambda: index.increase("name", 1),
            lambda: index.values("name:"),
        ]
        for call in calls:
            with pytest.raises(Unavailable):
                call()
