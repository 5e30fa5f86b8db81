"""Threads that process queues of items, and stop together."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import Generic, TypeVar

from onecopy.monitor import Monitor

_T = TypeVar("_T")
_R = TypeVar("_R")

_STOP_POLL_SECONDS = 0.1
"""How often a waiting thread checks whether it has to stop."""
_BATCH_POLL_SECONDS = 0.003
"""How long an unfinished batch waits before it checks whether more items will come."""


class Stopped(BaseException):
    """The work was stopped. Not an Exception, so that it passes every `except Exception`."""


@dataclass(frozen=True, slots=True)
class _Done(Generic[_R]):
    value: _R


class Task(Generic[_R]):
    """A call that one thread makes and another waits for."""

    # A Ctrl-C may interrupt the methods of an Event, which are written in Python, so that they
    # leave its lock held for ever, and the thread that makes the call could never end.

    def __init__(self, call: Callable[[], _R]) -> None:
        self._call = call
        self._is_done = False
        self._running = threading.Lock()
        self._running.acquire()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Make the call, and keep its result or whatever it raises."""
        try:
            self._value = self._call()
        except BaseException as error:  # noqa: BLE001 - `result` raises it
            self._error = error
        self._is_done = True
        self._running.release()

    def wait(self) -> None:
        """Wait until the call has ended."""
        # A Ctrl-C just before the wait begins does not interrupt it, so each wait must be short.
        while not self.is_done(_STOP_POLL_SECONDS):
            pass

    def is_done(self, timeout: float) -> bool:
        """Return whether the call has ended, after waiting for at most `timeout` seconds."""
        if not self._is_done and self._running.acquire(timeout=timeout):
            self._running.release()
        return self._is_done

    def result(self) -> _R:
        """Wait for the call; return its result, or raise what it raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._value


class Workers:
    """Threads that end when `stop` is called; they never keep the process from exiting.

    Not `concurrent.futures`, which at exit would first finish everything that is queued.
    """

    def __init__(self) -> None:
        self._stop = Monitor()
        self._is_stopped = False
        self._threads: list[threading.Thread] = []
        self._wake: list[Callable[[int], None]] = []

    def check(self) -> None:
        """Raise Stopped if `stop` was called."""
        if self._is_stopped:
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Wait; raises Stopped as soon as `stop` is called."""
        if self._stop.wait_for(lambda: self._is_stopped, seconds):
            raise Stopped

    def start(self, work: Callable[[], object], fail: Callable[[Exception], object]) -> None:
        """Run `work` in a new thread; an exception that it raises is passed to `fail`."""

        def run() -> None:
            try:
                work()
            except Stopped:
                pass
            except Exception as error:  # noqa: BLE001 - handed over, not swallowed
                fail(error)

        self._start(run)

    def submit(self, call: Callable[[], _R]) -> Task[_R]:
        """Make a call in a new thread; return the task to wait for."""
        task = Task(call)
        self._start(task.run)
        return task

    def _start(self, run: Callable[[], None]) -> None:
        def run_and_leave() -> None:
            try:
                run()
            finally:
                self._threads.remove(thread)

        thread = threading.Thread(target=run_and_leave, name="onecopy-workers", daemon=True)
        # Before it starts: a Ctrl-C in between must not leave a thread that nobody wakes.
        self._threads.append(thread)
        thread.start()

    def ahead(self, items: Iterable[_T], depth: int) -> Iterator[_T]:
        """Yield the items in order; a thread produces them up to `depth` items ahead."""
        return self.each(lambda item: item, items, threads=1, max_in_flight=depth + 1)

    def each(
        self, work: Callable[[_T], _R], items: Iterable[_T], *, threads: int, max_in_flight: int
    ) -> Iterator[_R]:
        """Yield the result of `work` for each item, in no particular order.

        At most `max_in_flight` items are queued or processed at a time; a thread produces them.
        """
        queue = WorkQueue[_T](self)
        done: SimpleQueue[_Done[_R] | Exception | None] = SimpleQueue()
        in_flight = Counter(1)  # the feeder counts as one

        def feed() -> None:
            for item in items:
                in_flight.wait_below(max_in_flight + 1, self)
                in_flight.add(1)
                queue.put(item)
            if in_flight.add(-1) == 0:
                done.put(None)

        def work_forever() -> None:
            while True:
                done.put(_Done(work(queue.take())))

        self.start(feed, done.put)
        for _ in range(threads):
            self.start(work_forever, done.put)
        while (event := done.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event.value
            if in_flight.add(-1) == 0:
                return

    def in_order(
        self, calls: Iterable[Callable[[], _R]], *, threads: int, depth: int
    ) -> Iterator[_R]:
        """Yield the result of each call in order; the threads run up to `depth` calls ahead.

        The calls are produced in the caller's thread. Raises whatever a call raises.
        """
        queue = WorkQueue[Task[_R]](self)

        def run_tasks() -> None:
            while True:
                queue.take().run()

        for _ in range(threads):
            self.submit(run_tasks)
        tasks: deque[Task[_R]] = deque()
        for call in calls:
            tasks.append(Task(call))
            queue.put(tasks[-1])
            if len(tasks) > depth:
                yield tasks.popleft().result()
        while tasks:
            yield tasks.popleft().result()

    def on_stop(self, wake: Callable[[int], None]) -> None:
        """Register a function that `stop` calls with the number of threads to wake."""
        self._wake.append(wake)

    def stop(self, timeout: float) -> None:
        """Make the threads end, and wait at most `timeout` seconds for them.

        Queued items are dropped.
        """
        self._is_stopped = True
        with self._stop.lock:
            self._stop.notify_all()
        for wake in self._wake:
            wake(len(self._threads))
        deadline = monotonic() + timeout
        for thread in filter(threading.Thread.is_alive, list(self._threads)):
            thread.join(max(0.0, deadline - monotonic()))


def spread(pool: Executor, threads: int, call: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    """Return the results of a call for each item, in order, made by some threads of a pool.

    Each thread takes one item after the other: waking a thread for each costs as much as a short
    request. Once a call raises, no further ones are made; raises what it raised.
    """
    left = deque(enumerate(items))

    def work(_: int) -> list[tuple[int, _R]]:
        done: list[tuple[int, _R]] = []
        while left:
            try:
                at, item = left.popleft()
            except IndexError:  # another thread was faster
                break
            try:
                done.append((at, call(item)))
            except BaseException:
                left.clear()
                raise
        return done

    found = chain.from_iterable(pool.map(work, range(min(threads, len(items)))))
    return [result for _, result in sorted(found, key=itemgetter(0))]


class WorkQueue(Generic[_T]):
    """A first-in, first-out queue whose waiting threads are woken when their workers stop."""

    # Waiting threads are woken by an item, never by a timeout: with several of them, a
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

    def take_many(self, limit: int, timeout: float, more: Callable[[], bool]) -> list[_T]:
        """Wait for an item, then for others while `more` returns True; raises Stopped.

        Batches follow the load: a single file is returned at once, a flood in batches of `limit`,
        and no file waits much longer than `timeout` seconds.
        """
        items = [self.take()]
        deadline = monotonic() + timeout
        while len(items) < limit:
            try:
                items.append(self._value(self._queue.get_nowait()))
            except Empty:
                if not more() or monotonic() > deadline:
                    break
                sleep(_BATCH_POLL_SECONDS)
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
        self._reached = Monitor()
        """Notified when the value is below `_awaited`, the largest limit that was waited for."""
        self._awaited = 0

    @property
    def value(self) -> int:
        """The current value."""
        return self._value

    def add(self, number: int) -> int:
        """Add `number`, and return the new value."""
        with self._reached.lock:
            self._value += number
            if self._value < self._awaited:
                self._reached.notify_all()
            return self._value

    def wait_below(self, limit: int, workers: Workers) -> None:
        """Wait until the value is below `limit`; raises Stopped."""

        def is_below() -> bool:
            self._awaited = max(self._awaited, limit)
            return self._value < limit

        while self._value >= limit:
            workers.check()
            self._reached.wait_for(is_below, _STOP_POLL_SECONDS)
        workers.check()
