"""The digests of an object's parts, computed by several threads, returned in order."""

from collections.abc import Callable, Iterator
from threading import Condition, Event

from onecopy.workers import Stopped, Workers

_POLL_SECONDS = 0.1


def hash_parts(
    hash_part: Callable[[int], bytes], numbers: range, threads: int, stop: Event
) -> Iterator[list[bytes]]:
    """Yield the digests of consecutive parts in order, as they are done, also if none is yet.

    Raises Stopped soon after `stop` is set, and what `hash_part` raises.
    """
    parts, left = _Parts(hash_part, numbers), len(numbers)
    parts.start(Workers(), threads)
    try:
        while left:
            if stop.is_set():
                raise Stopped
            found = parts.take(_POLL_SECONDS)
            left -= len(found)
            yield found
    finally:
        parts.stop()


class _Parts:
    """Parts that threads hash; each thread takes the next one."""

    def __init__(self, hash_part: Callable[[int], bytes], numbers: range) -> None:
        self._hash_part = hash_part
        self._next = self._returned = numbers.start
        self._count = numbers.stop
        self._digests: dict[int, bytes] = {}
        self._error: Exception | None = None
        self._changed = Condition()

    def start(self, workers: Workers, threads: int) -> None:
        """Hash in the background, in at most this number of threads."""
        for _ in range(min(threads, self._count - self._next)):
            workers.start(self._work, self._fail)

    def stop(self) -> None:
        """Begin no further part."""
        with self._changed:
            self._next = self._count

    def take(self, timeout: float) -> list[bytes]:
        """Return the digests that follow those returned so far, after at most `timeout` seconds.

        Raises what a part raised once all digests before it were returned.
        """
        with self._changed:
            self._changed.wait_for(self._is_ready, timeout)
            found = []
            while (digest := self._digests.pop(self._returned, None)) is not None:
                found.append(digest)
                self._returned += 1
            if self._error and not found:
                raise self._error
        return found

    def _is_ready(self) -> bool:
        return self._error is not None or self._returned in self._digests

    def _work(self) -> None:
        while (number := self._take_next()) is not None:
            digest = self._hash_part(number)
            with self._changed:
                self._digests[number] = digest
                self._changed.notify_all()

    def _take_next(self) -> int | None:
        with self._changed:
            if self._next >= self._count:
                return None
            self._next += 1
            return self._next - 1

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._error = self._error or error
            self._next = self._count
            self._changed.notify_all()
