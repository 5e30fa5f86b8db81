"""Hashing of files on all cores: many small ones at a time, or a large one in several threads."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain, islice
from threading import Lock
from typing import Protocol, TypeVar

from onecopy.digest import SMALLEST_PART, Hashed, Hasher, MiB, Scheme
from onecopy.errors import OnecopyError
from onecopy.hashing.sections import Progress, new_buffer, read_together
from onecopy.platforms import cores, read_at
from onecopy.stopwatch import Stopwatch
from onecopy.workers import Workers


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
    buffer = new_buffer(size + 1)
    reader = _Reader(threads or cores(), progress or (lambda _count: None))
    return reader.read(fd, size, schemes, buffer)


class Source(Protocol):
    """A file to hash, such as `onecopy.files.File`."""

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
_Batches = Iterator[list[tuple[S, Iterable[Scheme]]]]
_Outcome = Hashed | OnecopyError | OSError


def hash_files(
    items: Iterable[tuple[S, Iterable[Scheme]]],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Generator[tuple[S, Hashed | OnecopyError | OSError], None, None]:
    """Yield each source with its digests, or with the error raised while reading it, in order.

    Several threads (default: one per core) hash many files, or the parts of one large file. They
    call `progress`, and read up to some hundred files ahead of the consumer. Small files are hashed
    in the caller's thread as long as the disk is fast. Any other exception, such as one of `items`,
    ends the iteration. The threads stop within milliseconds after the iterator ends or is closed,
    and never keep the process from exiting.
    """
    threads = threads or cores()
    workers = Workers()

    def tick(count: int) -> None:
        workers.check()
        if progress is not None:
            progress(count)

    reader = _Reader(threads, tick)
    batches = yield from reader.read_fast(_batches(items))
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


_MIN_SIZE_FOR_THREADS = 4 * SMALLEST_PART
"""Bytes; smaller files are hashed faster without threads."""
_SMALL = MiB // 16
"""Mean size in bytes from which on two threads are faster than one, if the files are cached."""
_MAX_BATCH_FILES = 64
_MAX_BATCH_BYTES = SMALLEST_PART
_BATCHES_AHEAD = 4
"""Per thread: enough to stay busy while the caller makes a request between results."""


def _batches(items: _Items[S]) -> _Batches[S]:
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

    def read_all(
        self, items: _Items[S], buffer: memoryview | None = None
    ) -> Iterator[tuple[S, _Outcome]]:
        buffer = buffer or new_buffer()
        for source, schemes in items:
            yield source, self._outcome(source, schemes, buffer)

    def read_fast(self, batches: _Batches[S]) -> Generator[tuple[S, _Outcome], None, _Batches[S]]:
        """Hash batches of small files until one has to wait for the disk; return the others.

        Several threads would mostly wait for Python's lock.
        """
        buffer = new_buffer()
        for batch in batches:
            if sum(source.size for source, _ in batch) > _SMALL * len(batch):
                return chain([batch], batches)
            watch = Stopwatch()
            results = list(self.read_all(batch, buffer))
            has_waited = watch.has_waited
            yield from results
            if has_waited:
                break
        return batches

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
            return read_together(fd, size, schemes, self._threads, self._progress)
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
