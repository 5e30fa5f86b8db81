"""Jobs that only one request of a process does at a time, such as placing the same content."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Condition


class Running:
    """The jobs that requests are working on, by name, with the bytes that were processed."""

    def __init__(self) -> None:
        self._bytes: dict[str, int] = {}
        self._changed = Condition()

    @contextmanager
    def hold(self, names: Collection[str]) -> Iterator[set[str]]:
        """Hold those of the jobs that no other request holds."""
        with self._changed:
            held = {name for name in names if name not in self._bytes}
            self._bytes.update(dict.fromkeys(held, 0))
        try:
            yield held
        finally:
            with self._changed:
                for name in held:
                    del self._bytes[name]
                self._changed.notify_all()

    def wait(self, names: Collection[str], deadline: float) -> bool:
        """Wait until one of the jobs is free; return whether one is, by a time of `monotonic`."""
        with self._changed:
            return self._changed.wait_for(
                lambda: any(name not in self._bytes for name in names),
                max(deadline - time.monotonic(), 0),
            )

    def add(self, name: str, size: int) -> None:
        """Count bytes of a job that is held."""
        with self._changed:
            self._bytes[name] += size

    def bytes(self, name: str) -> int | None:
        """Return the bytes of a job; None if no request holds it."""
        return self._bytes.get(name)
