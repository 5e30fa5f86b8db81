"""Jobs that only one request of a process does at a time, such as placing the same content."""

import time
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from onecopy.monitor import Monitor

_Name = TypeVar("_Name", bound=Hashable)


class Running(Generic[_Name]):
    """The jobs that requests are working on, by name, with the bytes that were processed."""

    def __init__(self) -> None:
        self._bytes: dict[_Name, int] = {}
        self._changed = Monitor()

    @contextmanager
    def hold(self, names: Collection[_Name]) -> Iterator[set[_Name]]:
        """Hold those of the jobs that no other request holds."""
        with self._changed.lock:
            held = {name for name in names if name not in self._bytes}
            self._bytes.update(dict.fromkeys(held, 0))
        try:
            yield held
        finally:
            self._release(held)

    @contextmanager
    def hold_all(self, names: Collection[_Name], seconds: float) -> Iterator[bool]:
        """Wait until no other request holds any of the jobs, then hold all of them.

        Yields False, and holds none, if that takes longer. A request that waits holds nothing, so
        that no two requests wait for each other.
        """

        def take() -> bool:
            is_free = self._bytes.keys().isdisjoint(names)
            if is_free:
                self._bytes.update(dict.fromkeys(names, 0))
            return is_free

        is_free = self._changed.wait_for(take, seconds)
        try:
            yield is_free
        finally:
            self._release(set(names) if is_free else ())

    def _release(self, names: Collection[_Name]) -> None:
        with self._changed.lock:
            for name in names:
                del self._bytes[name]
            self._changed.notify_all()

    def wait(self, names: Collection[_Name], deadline: float) -> bool:
        """Wait until one of the jobs is free; return whether one is, by a time of `monotonic`."""
        return self._changed.wait_for(
            lambda: any(name not in self._bytes for name in names), deadline - time.monotonic()
        )

    def add(self, name: _Name, size: int) -> None:
        """Count bytes of a job that is held."""
        with self._changed.lock:
            self._bytes[name] += size

    def bytes(self, name: _Name) -> int | None:
        """Return the bytes of a job; None if no request holds it."""
        return self._bytes.get(name)
