"""Hashing of one large file by several threads, each a section of it at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import merge
from operator import attrgetter
from threading import Lock
from typing import NamedTuple

from onecopy import crc64
from onecopy.digest import (
    CRC64NVME,
    LARGEST_CONTENT,
    SMALLEST_PART,
    Hashed,
    MiB,
    Scheme,
    assemble,
    content_scheme,
    new_hash,
    too_long,
    too_short,
)
from onecopy.platforms import read_at
from onecopy.workers import Task, Workers

Progress = Callable[[int], object]
"""Called with the number of bytes read since the last call. What it raises ends the hashing."""
_CHUNK = MiB
"""Bytes per read. Chunks of 256 KiB, which fit into a core's cache, are 7 % faster alone, but three
times slower beside a busy Python thread: each read and each hash may wait 5 ms for the GIL."""


def new_buffer(most: int = LARGEST_CONTENT) -> memoryview:
    """Return a buffer for one read, of at most `most` bytes."""
    return memoryview(bytearray(min(_CHUNK, most)))


def read_together(
    fd: int, size: int, schemes: Iterable[Scheme], threads: int, progress: Progress
) -> Hashed:
    """Return the digests of an open file, hashed by several threads; raises FileChanged."""
    reading = _Reading(fd, size, schemes, progress)
    workers = Workers()
    helpers: list[Task[None]] = []
    try:
        for _ in range(min(threads, reading.sections) - 1):
            helper = workers.submit(reading.work)
            helpers.append(helper)  # one by one: if one can't start, we wait for the others
        reading.work()
        for helper in helpers:
            helper.result()
    finally:
        reading.stop()
        for helper in helpers:  # no thread may use the descriptor after we return
            helper.wait()
    return reading.finish()


class _Section(NamedTuple):
    """A piece of a file, or all of it, with the schemes whose digests are made of such pieces."""

    schemes: tuple[Scheme, ...]
    number: int
    offset: int
    length: int


class _Reading:
    """One file that several threads hash: each takes the next section until none is left.

    The digest of a whole content can't be split: it is one section, begun first, which one thread
    hashes while the others hash parts. The threads read the same bytes at about the same time, so
    that all but the first read them from the system's cache. A CRC is combined from those of the
    content digest's parts.
    """

    def __init__(self, fd: int, size: int, schemes: Iterable[Scheme], progress: Progress) -> None:
        self._fd = fd
        self._size = size
        self._content_scheme = content_scheme(size)
        pieces = {scheme: _piece(size, scheme) for scheme in schemes}
        self._values = {scheme: [b""] * _count(size, piece) for scheme, piece in pieces.items()}
        groups = _group(pieces)
        cuts = [_cut(size, group, pieces[group[0]]) for group in groups]
        self.sections = sum(len(self._values[group[0]]) for group in groups)
        self._waiting = merge(*cuts, key=attrgetter("offset"))
        self._lock = Lock()
        self._stopped = False
        self._counted = groups[0] if groups else ()
        self._progress = progress

    def work(self) -> None:
        """Hash sections until none is left or another thread has failed."""
        buffer = new_buffer()
        try:
            while not self._stopped and (section := self._next()) is not None:
                self._hash(section, buffer)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._stopped = True

    def _next(self) -> _Section | None:
        with self._lock:
            return next(self._waiting, None)

    def _hash(self, section: _Section, buffer: memoryview) -> None:
        hashes = [new_hash(scheme) for scheme in section.schemes]
        counted = section.schemes is self._counted
        offset, end = section.offset, section.offset + section.length
        while offset < end and not self._stopped:
            count = read_at(self._fd, buffer[: end - offset], offset)
            if count == 0:
                raise too_short(self._size)
            for running in hashes:
                running.update(buffer[:count])
            offset += count
            self._progress(count if counted else 0)
        for scheme, running in zip(section.schemes, hashes, strict=True):
            self._values[scheme][section.number] = running.digest()

    def finish(self) -> Hashed:
        if read_at(self._fd, new_buffer(1), self._size):
            raise too_long(self._size)
        if crcs := self._values.get(CRC64NVME):
            lengths = _lengths(self._size, _piece(self._size, CRC64NVME))
            self._values[CRC64NVME] = [crc64.combine(zip(crcs, lengths, strict=True))]
        return assemble(self._content_scheme, self._values)


def _piece(size: int, scheme: Scheme) -> int:
    """Return the length in bytes of the pieces that are hashed separately."""
    if scheme == CRC64NVME:
        return content_scheme(size).part_size or SMALLEST_PART
    return scheme.part_size or LARGEST_CONTENT


def _group(pieces: Mapping[Scheme, int]) -> list[tuple[Scheme, ...]]:
    """Group schemes with the same pieces; those of a whole content are single and come first."""
    whole = [(scheme,) for scheme, length in pieces.items() if length == LARGEST_CONTENT]
    parts: dict[int, tuple[Scheme, ...]] = {}
    for scheme, length in pieces.items():
        if length != LARGEST_CONTENT:
            parts[length] = (*parts.get(length, ()), scheme)
    return [*whole, *parts.values()]


def _count(size: int, piece: int) -> int:
    """Return the number of pieces of a file; an empty file is one."""
    return max(1, -(-size // piece))


def _lengths(size: int, piece: int) -> Iterator[int]:
    """Yield the length in bytes of each piece of a file."""
    for number in range(_count(size, piece)):
        yield min(piece, size - number * piece)


def _cut(size: int, schemes: tuple[Scheme, ...], piece: int) -> Iterator[_Section]:
    for number, length in enumerate(_lengths(size, piece)):
        yield _Section(schemes, number, number * piece, length)
