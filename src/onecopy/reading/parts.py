"""The digests of an object's parts, computed by several threads, returned in order."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Protocol, TypeGuard

from onecopy.content import Digests
from onecopy.digest import Chunk, MiB, assemble, content_scheme, part_size
from onecopy.monitor import Monitor
from onecopy.store.interface import Object, Store
from onecopy.store.ranges import Ranged
from onecopy.workers import Workers

PIECE = 8 * MiB
"""Bytes that are read with one call, and held in memory by each thread."""
_POLL_SECONDS = 0.1
Fetch = Callable[[int, int], Chunk]
"""Returns bytes of an object, by their offset and their number."""


class RangedStore(Store, Ranged, Protocol):
    """A store from which several threads can read one object at a time."""


def is_ranged(store: Store) -> TypeGuard[RangedStore]:
    """Return whether several threads can read one object of a store."""
    return isinstance(store, Ranged)


def part_count(size: int) -> int:
    """Return the number of parts over which the content digest is computed; 1 below 8 MiB."""
    return -(-size // (part_size(size) or size))


def part_length(size: int, number: int) -> int:
    """Return the bytes of a part of an object of `size` bytes."""
    length = part_size(size) or size
    return min(length, size - number * length)


def hash_part(size: int, number: int, fetch: Fetch) -> bytes:
    """Return the binary SHA-256 of a part of an object of `size` bytes, read in pieces."""
    hashed, start = sha256(), number * (part_size(size) or size)
    end = start + part_length(size, number)
    for offset in range(start, end, PIECE):
        hashed.update(fetch(offset, min(PIECE, end - offset)))
    return hashed.digest()


def proved(seen: Object, parts: Sequence[bytes]) -> Object:
    """Return an object with its content digest, given the digests of all its parts in order."""
    scheme = content_scheme(seen.size)
    digests = Digests.proved(*assemble(scheme, {scheme: parts}).digests)
    return seen._replace(digests=digests.merged(seen.digests))


def hash_parts(
    hash_one: Callable[[int], bytes],
    numbers: range,
    *,
    threads: int,
    check: Callable[[], object],
) -> Iterator[list[bytes]]:
    """Yield the digests of consecutive parts in order, as they are done, also if none is yet.

    `check` is called now and then; what it raises ends the work. So does what `hash_one` raises,
    once all digests before it were returned.
    """
    check()
    parts, left = _Parts(hash_one, numbers), len(numbers)
    parts.start(Workers(), threads)
    try:
        while left:
            found = parts.take(_POLL_SECONDS)
            left -= len(found)
            yield found
            if left:  # after what is ready was taken, so that it can be saved
                check()
    finally:
        parts.stop()


def read_parts(
    store: RangedStore,
    seen: Object,
    numbers: range | None = None,
    *,
    threads: int,
    check: Callable[[], object] = lambda: None,
) -> list[bytes]:
    """Return the digests of an object's parts, all or some, read by several threads.

    `check` is called now and then; what it raises ends the reading. Raises what the store raises.
    """
    fetch = partial(store.read_range, seen)
    wanted = range(part_count(seen.size)) if numbers is None else numbers
    found = hash_parts(
        lambda number: hash_part(seen.size, number, fetch), wanted, threads=threads, check=check
    )
    return list(chain.from_iterable(found))


class _Parts:
    """Parts that threads hash; each thread takes the next one."""

    def __init__(self, hash_one: Callable[[int], bytes], numbers: range) -> None:
        self._hash_one = hash_one
        self._next = self._returned = numbers.start
        self._count = numbers.stop
        self._digests: dict[int, bytes] = {}
        self._error: Exception | None = None
        self._changed = Monitor()

    def start(self, workers: Workers, threads: int) -> None:
        """Hash in the background, in at most this number of threads."""
        for _ in range(min(threads, self._count - self._next)):
            workers.start(self._work, self._fail)

    def stop(self) -> None:
        """Begin no further part."""
        with self._changed.lock:
            self._next = self._count

    def take(self, timeout: float) -> list[bytes]:
        """Return the digests that follow those returned so far, after at most `timeout` seconds.

        Raises what a part raised once all digests before it were returned.
        """
        self._changed.wait_for(self._is_ready, timeout)
        with self._changed.lock:
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
            digest = self._hash_one(number)
            with self._changed.lock:
                self._digests[number] = digest
                self._changed.notify_all()

    def _take_next(self) -> int | None:
        with self._changed.lock:
            if self._next >= self._count:
                return None
            self._next += 1
            return self._next - 1

    def _fail(self, error: Exception) -> None:
        with self._changed.lock:
            self._error = self._error or error
            self._next = self._count
            self._changed.notify_all()
