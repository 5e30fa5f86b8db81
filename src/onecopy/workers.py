"""Threads that work off lines of items, and stop together."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import Generic, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

_GLANCE = 0.1
"""Seconds after which a thread that waits for room looks whether it is to stop."""
_BREATH = 0.003
"""Seconds for which a batch waits for more before it looks whether more is to come."""


class Stopped(BaseException):
    """The work was given up. No error: it passes every `except Exception` on its way out."""


@dataclass(frozen=True, slots=True)
class _Done(Generic[_R]):
    value: _R


class Workers:
    """Threads that end when `stop` is called; they never keep the process from exiting."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._wake: list[Callable[[int], None]] = []

    def check(self) -> None:
        """Raise Stopped if `stop` was called."""
        if self._stop.is_set():
            raise Stopped

    def start(self, work: Callable[[], object], fail: Callable[[Exception], object]) -> None:
        """Run `work` in a thread of its own; what it raises goes to `fail`."""

        def run() -> None:
            try:
                work()
            except Stopped:
                pass
            except Exception as error:  # noqa: BLE001 - handed over, not swallowed
                fail(error)

        thread = threading.Thread(target=run, name="onecopy-workers", daemon=True)
        self._threads.append(thread)
        thread.start()

    def ahead(self, items: Iterable[_T], depth: int) -> Iterator[_T]:
        """Yield the items in order, made by a thread of its own up to `depth` ahead."""
        return self._made(items, lambda item: item, threads=1, inside=depth + 1)

    def each(
        self, work: Callable[[_T], _R], items: Iterable[_T], *, threads: int, inside: int
    ) -> Iterator[_R]:
        """Yield what `work` makes of each item, in no order; at most `inside` are on their way.

        The items are made by a thread of their own.
        """
        return self._made(items, work, threads=threads, inside=inside)

    def _made(
        self, items: Iterable[_T], work: Callable[[_T], _R], *, threads: int, inside: int
    ) -> Iterator[_R]:
        line = WorkQueue[_T](self)
        done: SimpleQueue[_Done[_R] | Exception | None] = SimpleQueue()
        on_the_way = Counter(1)  # whoever feeds counts as one

        def feed() -> None:
            for item in items:
                on_the_way.wait_below(inside + 1, self)
                on_the_way.add(1)
                line.put(item)
            if on_the_way.add(-1) == 0:
                done.put(None)

        def work_forever() -> None:
            while True:
                done.put(_Done(work(line.take())))

        self.start(feed, done.put)
        for _ in range(threads):
            self.start(work_forever, done.put)
        while (event := done.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event.value
            if on_the_way.add(-1) == 0:
                return

    def on_stop(self, wake: Callable[[int], None]) -> None:
        """Call `wake` with the number of threads when they are to stop."""
        self._wake.append(wake)

    def stop(self, patience: float) -> None:
        """Make the threads end, and wait for that at most `patience` seconds."""
        self._stop.set()
        for wake in self._wake:
            wake(len(self._threads))
        until = monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, until - monotonic()))


class WorkQueue(Generic[_T]):
    """Where items wait for the threads of a workers, in order."""

    # Those who wait are woken by an item, never by a timeout: with several of them, a
    # SimpleQueue's `get(timeout)` may wait for ever when its time ends as an item comes
    # (CPython 3.11, Modules/_queuemodule.c: the rest of the time becomes negative).

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._queue: SimpleQueue[_Done[_T] | None] = SimpleQueue()
        workers.on_stop(self._wake)

    def put(self, item: _T) -> None:
        """Add an item at the end."""
        self._queue.put(_Done(item))

    def take(self) -> _T:
        """Wait for the next item; raises Stopped."""
        return self._value(self._queue.get())

    def take_many(self, most: int, patience: float, more: Callable[[], bool]) -> list[_T]:
        """Wait for an item, and for others as long as `more` are to come; raises Stopped.

        So batches are as large as the work is: one file goes at once, a flood goes in large ones
        (`most`), and no file waits much longer than `patience` seconds.
        """
        items = [self.take()]
        until = monotonic() + patience
        while len(items) < most:
            try:
                items.append(self._value(self._queue.get_nowait()))
            except Empty:
                if not more() or monotonic() > until:
                    break
                sleep(_BREATH)
        return items

    def _value(self, event: _Done[_T] | None) -> _T:
        self._workers.check()
        if event is None:
            raise Stopped
        return event.value

    def _wake(self, threads: int) -> None:
        for _ in range(threads):
            self._queue.put(None)


class Counter:
    """A number that several threads change and wait for."""

    def __init__(self, value: int = 0) -> None:
        self._value = value
        self._changed = threading.Condition()

    @property
    def value(self) -> int:
        """What it is now."""
        return self._value

    def add(self, number: int) -> int:
        """Change it, and return what it is then."""
        with self._changed:
            self._value += number
            self._changed.notify_all()
            return self._value

    def wait_below(self, limit: int, workers: Workers) -> None:
        """Wait until it is below `limit`; raises Stopped."""
        with self._changed:
            while self._value >= limit:
                workers.check()
                self._changed.wait(_GLANCE)
        workers.check()
