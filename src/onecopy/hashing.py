"""Hashing of files on all cores: many small files, or the parts of a large one, at a time."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from heapq import merge
from itertools import chain, islice
from operator import attrgetter
from threading import Lock
from typing import NamedTuple, Protocol, TypeVar

from onecopy import crc64
from onecopy.digest import (
    CRC64NVME,
    LARGEST_CONTENT,
    SMALLEST_PART,
    Hashed,
    Hasher,
    MiB,
    Scheme,
    assemble,
    content_scheme,
    new_hash,
    too_long,
    too_short,
)
from onecopy.errors import OnecopyError
from onecopy.platforms import cores, read_at
from onecopy.workers import Task, Workers

Progress = Callable[[int], object]
"""Called with the number of bytes read since the last call. What it raises ends the hashing."""


def hash_fd(
    fd: int,
    size: int,
    schemes: Iterable[Scheme],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Hashed:
    """Return the digests of an open file of `size` bytes, read from its start.

    Several threads (default: one per core) read a large file, and all of them call `progress`.
    Memory does not depend on the size. Raises FileChanged if the file does not have exactly `size`
    bytes, OSError if it can't be read.
    """
    buffer = memoryview(bytearray(min(_CHUNK, size + 1)))
    reader = _Reader(threads or cores(), progress or (lambda _count: None))
    return reader.read(fd, size, schemes, buffer)


class Source(Protocol):
    """A file to hash, such as `files.File`."""

    @property
    def size(self) -> int:
        """Bytes."""

    def open(self) -> AbstractContextManager[int]:
        """Open it, and return a context manager of the file descriptor.

        Entering and leaving it raise FileChanged or OSError.
        """


S = TypeVar("S", bound=Source)
_Items = Iterable[tuple[S, Iterable[Scheme]]]
"""Sources, each with the schemes of the digests to compute."""
_Outcome = Hashed | OnecopyError | OSError


def hash_files(
    items: Iterable[tuple[S, Iterable[Scheme]]],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Generator[tuple[S, Hashed | OnecopyError | OSError], None, None]:
    """Yield each source with its digests, or with the error raised while reading it, in order.

    Several threads (default: one per core) hash many small files, or the parts of one large file.
    They call `progress`, and read up to some hundred files ahead of the consumer. Any other
    exception, such as one of `items`, ends the iteration. The threads stop within milliseconds
    after the iterator ends or is closed, and never keep the process from exiting.
    """
    threads = threads or cores()
    workers = Workers()

    def tick(count: int) -> None:
        workers.check()
        if progress is not None:
            progress(count)

    reader = _Reader(threads, tick)
    batches = _batches(items)
    first = list(islice(batches, 2))
    if len(first) < 2:  # too few files to start threads for
        yield from reader.read_all(chain.from_iterable(first))
        return
    calls: Iterator[Callable[[], list[tuple[S, _Outcome]]]] = (
        partial(list, reader.read_all(batch)) for batch in chain(first, batches)
    )
    try:
        for results in workers.in_order(calls, threads=threads, depth=_BATCHES_AHEAD * threads):
            yield from results
    finally:
        workers.stop(timeout=0)


_CHUNK = MiB
"""Bytes per read. Chunks of 256 KiB, which fit into a core's cache, are 7 % faster alone, but three
times slower beside a busy Python thread: each read and each hash may wait 5 ms for the GIL."""
_MIN_SIZE_FOR_THREADS = 4 * SMALLEST_PART
"""Bytes; smaller files are hashed faster without threads."""
_MAX_BATCH_FILES = 64
_MAX_BATCH_BYTES = SMALLEST_PART
_BATCHES_AHEAD = 4
"""Per thread: enough to stay busy while the caller makes a request between results."""


def _batches(items: _Items[S]) -> Iterator[list[tuple[S, Iterable[Scheme]]]]:
    """Group small files, so that passing them between threads costs little per file."""
    batch: list[tuple[S, Iterable[Scheme]]] = []
    batch_bytes = 0
    for item in items:
        size = item[0].size
        # Small files must not wait for a large one in their batch.
        if batch and batch_bytes + size > _MAX_BATCH_BYTES:
            yield batch
            batch, batch_bytes = [], 0
        batch.append(item)
        batch_bytes += size
        if batch_bytes >= _MAX_BATCH_BYTES or len(batch) == _MAX_BATCH_FILES:
            yield batch
            batch, batch_bytes = [], 0
    if batch:
        yield batch


class _Reader:
    """Reads small files in the caller's thread and large ones in several threads."""

    def __init__(self, threads: int, progress: Progress) -> None:
        self._threads = threads
        self._progress = progress
        self._large = Lock()

    def read_all(self, items: _Items[S]) -> Iterator[tuple[S, _Outcome]]:
        buffer = _buffer()
        for source, schemes in items:
            yield source, self._outcome(source, schemes, buffer)

    def _outcome(self, source: Source, schemes: Iterable[Scheme], buffer: memoryview) -> _Outcome:
        try:
            # One large file at a time: it gets all threads, and the disk reads it sequentially.
            with self._large if self._is_large(source.size) else nullcontext(), source.open() as fd:
                hashed = self.read(fd, source.size, schemes, buffer)
        except (OnecopyError, OSError) as error:
            return error
        return hashed

    def read(self, fd: int, size: int, schemes: Iterable[Scheme], buffer: memoryview) -> Hashed:
        if self._is_large(size):
            return _read_together(fd, size, schemes, self._threads, self._progress)
        return _read_alone(fd, size, schemes, buffer, self._progress)

    def _is_large(self, size: int) -> bool:
        return size >= _MIN_SIZE_FOR_THREADS and self._threads > 1


def _read_alone(
    fd: int, size: int, schemes: Iterable[Scheme], buffer: memoryview, progress: Progress
) -> Hashed:
    hasher = Hasher(size, schemes)
    offset = 0
    while count := read_at(fd, buffer, offset):
        hasher.update(buffer[:count])
        offset += count
        progress(count)
    return hasher.finish()


def _read_together(
    fd: int, size: int, schemes: Iterable[Scheme], threads: int, progress: Progress
) -> Hashed:
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
        buffer = _buffer()
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
        if read_at(self._fd, _buffer()[:1], self._size):
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


def _buffer() -> memoryview:
    return memoryview(bytearray(_CHUNK))
