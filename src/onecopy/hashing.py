"""Hashing files: many small ones, or the parts of a large one, on all cores at once."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from heapq import merge
from itertools import chain, islice
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Generic, NamedTuple, Protocol, TypeVar

from onecopy.digest import (
    LARGEST_CONTENT,
    SMALLEST_PART,
    Hashed,
    Hasher,
    MiB,
    Scheme,
    content_scheme,
    gathered,
    new_hash,
    too_long,
    too_short,
)
from onecopy.errors import OnecopyError

Progress = Callable[[int], object]
"""Called with the bytes read since the last call; hashing ends with whatever it raises."""


def hash_fd(
    fd: int,
    size: int,
    schemes: Iterable[Scheme],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Hashed:
    """Return the digests of an open file of `size` bytes, read from its start.

    Large files are read by several threads at once (default: one a core), and `progress` is called
    from all of them. Memory does not depend on the size. Raises FileChanged if the file has not
    exactly `size` bytes, OSError if it can't be read.
    """
    buffer = memoryview(bytearray(min(_CHUNK, size + 1)))
    return _Reader(threads or _cores(), progress or _ignore).read(fd, size, schemes, buffer)


class Source(Protocol):
    """Something to read, such as `files.File`."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    def open(self) -> AbstractContextManager[int]:
        """Open it as a file descriptor; entering and leaving raise FileChanged or OSError."""
        ...


S = TypeVar("S", bound=Source)
T = TypeVar("T")


def hash_files(
    items: Iterable[tuple[S, Iterable[Scheme]]],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Generator[tuple[S, Hashed | OnecopyError | OSError], None, None]:
    """Yield each source with its digests, or with the error that reading it gave, in order.

    Several threads (default: one a core) hash many small files, or the parts of one large file, at
    once. They call `progress`, and work ahead by some hundred files. Whatever else is raised, by
    `items` for one, ends it all. The threads stop within milliseconds of the iterator's end or
    `close`, and never keep a process from exiting.
    """
    threads = threads or _cores()
    stopped = Event()

    def tick(count: int) -> None:
        if stopped.is_set():
            raise _Stopped
        if progress is not None:
            progress(count)

    reader = _Reader(threads, tick)
    batches = _batches(items)
    ahead = list(islice(batches, 2))
    if len(ahead) < 2:  # too little to start threads for
        yield from reader.read_all(chain.from_iterable(ahead))
        return
    crew: _OrderedWorkers[list[tuple[S, Hashed | OnecopyError | OSError]]] = _OrderedWorkers(
        threads
    )
    try:
        for batch in chain(ahead, batches):
            crew.give(partial(reader.read_batch, batch))
            if len(crew) > _BATCHES_AHEAD * threads:
                yield from crew.take()
        while len(crew):
            yield from crew.take()
    finally:
        stopped.set()
        crew.dismiss()


_CHUNK = MiB
"""Bytes read at once. 256 KiB, which a core's own cache holds, are 7 % faster alone, and three
times slower beside a busy Python thread: each read and each hash may wait 5 ms for its turn."""
_WORTH_THREADS = 4 * SMALLEST_PART
"""Bytes; a smaller file is hashed before threads pay off."""
_BATCH_FILES = 64
_BATCH_BYTES = SMALLEST_PART
_BATCHES_AHEAD = 4
"""Per thread. A caller that pauses for a request between results does not idle the threads."""


class _Stopped(Exception):
    """The caller has gone; nobody sees this."""


def _batches(
    items: Iterable[tuple[S, Iterable[Scheme]]],
) -> Iterator[list[tuple[S, Iterable[Scheme]]]]:
    """Group small files, so that handing them over costs little for each."""
    batch: list[tuple[S, Iterable[Scheme]]] = []
    weight = 0
    for item in items:
        size = item[0].size
        if batch and weight + size > _BATCH_BYTES:  # small files must not wait for a large one
            yield batch
            batch, weight = [], 0
        batch.append(item)
        weight += size
        if weight >= _BATCH_BYTES or len(batch) == _BATCH_FILES:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


class _Reader:
    """Reads files, small ones in the caller's thread, large ones with several."""

    def __init__(self, threads: int, progress: Progress) -> None:
        self._threads = threads
        self._progress = progress
        self._large = Lock()

    def read_batch(
        self, items: Iterable[tuple[S, Iterable[Scheme]]]
    ) -> list[tuple[S, Hashed | OnecopyError | OSError]]:
        return list(self.read_all(items))

    def read_all(
        self, items: Iterable[tuple[S, Iterable[Scheme]]]
    ) -> Iterator[tuple[S, Hashed | OnecopyError | OSError]]:
        buffer = _buffer()
        for source, schemes in items:
            yield source, self._outcome(source, schemes, buffer)

    def _outcome(
        self, source: Source, schemes: Iterable[Scheme], buffer: memoryview
    ) -> Hashed | OnecopyError | OSError:
        try:
            # Large files one after the other: each has all threads, and a disk reads it in order.
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
        return size >= _WORTH_THREADS and self._threads > 1


def _read_alone(
    fd: int, size: int, schemes: Iterable[Scheme], buffer: memoryview, progress: Progress
) -> Hashed:
    hasher = Hasher(size, schemes)
    offset = 0
    while count := _read_at(fd, buffer, offset):
        hasher.update(buffer[:count])
        offset += count
        progress(count)
    return hasher.finish()


def _read_together(
    fd: int, size: int, schemes: Iterable[Scheme], threads: int, progress: Progress
) -> Hashed:
    reading = _Reading(fd, size, schemes, progress)
    helpers: list[_Task[None]] = []
    try:
        for _ in range(min(threads, reading.stretches) - 1):
            helper = _Task(reading.work)
            _start(helper.run)
            helpers.append(helper)
        reading.work()
        for helper in helpers:
            helper.result()
    finally:
        reading.stop()
        for helper in helpers:  # none may use the descriptor after we return
            helper.wait()
    return reading.finish()


class _Stretch(NamedTuple):
    """One part of a file, or all of it, for the schemes that cut it so."""

    schemes: tuple[Scheme, ...]
    number: int
    offset: int
    length: int


class _Reading:
    """One file that several threads hash: each takes the next stretch until none is left.

    A whole digest can't be split: it is one stretch, begun first, which one thread follows while
    the others hash parts. They read the same bytes at about the same time, so that all but the
    first get them from the system's cache.
    """

    def __init__(self, fd: int, size: int, schemes: Iterable[Scheme], progress: Progress) -> None:
        self._fd = fd
        self._size = size
        self._content_scheme = content_scheme(size)
        self._values = {scheme: [b""] * _count(size, scheme) for scheme in schemes}
        groups = _alike(self._values)
        self.stretches = sum(_count(size, group[0]) for group in groups)
        self._waiting = merge(*(_cut(size, group) for group in groups), key=_offset)
        self._lock = Lock()
        self._stopped = False
        self._counted = groups[0] if groups else ()
        self._progress = progress

    def work(self) -> None:
        """Hash stretches until none is left, or another thread failed."""
        buffer = _buffer()
        try:
            while not self._stopped and (stretch := self._next()) is not None:
                self._hash(stretch, buffer)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._stopped = True

    def _next(self) -> _Stretch | None:
        with self._lock:
            return next(self._waiting, None)

    def _hash(self, stretch: _Stretch, buffer: memoryview) -> None:
        hashes = [new_hash(scheme) for scheme in stretch.schemes]
        counted = stretch.schemes is self._counted
        offset, end = stretch.offset, stretch.offset + stretch.length
        while offset < end and not self._stopped:
            count = _read_at(self._fd, buffer[: end - offset], offset)
            if count == 0:
                raise too_short(self._size)
            for running in hashes:
                running.update(buffer[:count])
            offset += count
            self._progress(count if counted else 0)
        for scheme, running in zip(stretch.schemes, hashes, strict=True):
            self._values[scheme][stretch.number] = running.digest()

    def finish(self) -> Hashed:
        if _read_at(self._fd, _buffer()[:1], self._size):
            raise too_long(self._size)
        return gathered(self._content_scheme, self._values)


def _alike(schemes: Iterable[Scheme]) -> list[tuple[Scheme, ...]]:
    """Group schemes that cut a file alike; a whole digest stays alone, and comes first."""
    whole = [(scheme,) for scheme in schemes if scheme.part_size is None]
    parts: dict[int, tuple[Scheme, ...]] = {}
    for scheme in schemes:
        if scheme.part_size is not None:
            parts[scheme.part_size] = (*parts.get(scheme.part_size, ()), scheme)
    return [*whole, *parts.values()]


def _count(size: int, scheme: Scheme) -> int:
    return max(1, -(-size // (scheme.part_size or LARGEST_CONTENT)))


def _cut(size: int, schemes: tuple[Scheme, ...]) -> Iterator[_Stretch]:
    length = schemes[0].part_size or LARGEST_CONTENT
    for number in range(_count(size, schemes[0])):
        offset = number * length
        yield _Stretch(schemes, number, offset, min(length, size - offset))


def _offset(stretch: _Stretch) -> int:
    return stretch.offset


class _Task(Generic[T]):
    """Something to do in a thread, and then what came of it."""

    def __init__(self, do: Callable[[], T]) -> None:
        self._do = do
        self._done = Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._value = self._do()
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            self._error = error
        self._done.set()

    def wait(self) -> None:
        # Ctrl-C that comes just before the wait begins does not end it, so it has to end by itself.
        while not self._done.wait(0.1):
            pass

    def result(self) -> T:
        self.wait()
        if self._error is not None:
            raise self._error
        return self._value


class _OrderedWorkers(Generic[T]):
    """Threads that do tasks; what comes of them is taken in the order in which they were given.

    Not concurrent.futures: at exit that would first do all that is waiting.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._waiting: SimpleQueue[_Task[T] | None] = SimpleQueue()
        self._given: deque[_Task[T]] = deque()
        for _ in range(threads):
            _start(self._work)

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            task.run()

    def give(self, do: Callable[[], T]) -> None:
        task = _Task(do)
        self._given.append(task)
        self._waiting.put(task)

    def take(self) -> T:
        return self._given.popleft().result()

    def __len__(self) -> int:
        return len(self._given)

    def dismiss(self) -> None:
        for _ in range(self._threads):
            self._waiting.put(None)


def _start(do: Callable[[], None]) -> None:
    Thread(target=do, name="onecopy-hashing", daemon=True).start()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def _buffer() -> memoryview:
    return memoryview(bytearray(_CHUNK))


def _ignore(_: int) -> None:
    pass


_SEEKING = Lock()


def _seek_and_read(fd: int, buffer: memoryview, offset: int) -> int:
    """Read where there is no preadv (Windows): seeking and reading must not be interrupted."""
    with _SEEKING:
        os.lseek(fd, offset, os.SEEK_SET)
        data = os.read(fd, len(buffer))
    buffer[: len(data)] = data
    return len(data)


def _preadv(fd: int, buffer: memoryview, offset: int) -> int:
    return os.preadv(fd, (buffer,), offset)


_read_at = _preadv if hasattr(os, "preadv") else _seek_and_read
