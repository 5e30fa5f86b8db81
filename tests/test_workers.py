"""Threads that process queues: batches, order, limits, errors, and stopping."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from queue import SimpleQueue
from unittest.mock import Mock

import pytest

from onecopy.workers import Counter, Stopped, Task, Workers, WorkQueue, spread


@pytest.fixture
def workers() -> Iterator[Workers]:
    """Yield workers, and check that they leave no thread behind."""
    threads = threading.active_count()
    made = Workers()
    yield made
    made.stop(timeout=5)
    assert threading.active_count() == threads


def queue_of(workers: Workers, *items: int) -> WorkQueue[int]:
    """Return a queue of these items."""
    queue = WorkQueue[int](workers)
    for item in items:
        queue.put(item)
    return queue


def test_a_batch_takes_what_is_there(workers: Workers) -> None:
    """If no more items will come, it does not wait."""
    began = time.monotonic()
    assert queue_of(workers, 1, 2, 3).take_many(10, 5, lambda: False) == [1, 2, 3]
    assert time.monotonic() - began < 1


def test_a_batch_has_a_limit(workers: Workers) -> None:
    """The other items remain for the next batch."""
    queue = queue_of(workers, *range(5))
    assert queue.take_many(3, 0, lambda: True) == [0, 1, 2]
    assert queue.take_many(3, 0, lambda: False) == [3, 4]


def test_a_batch_waits_for_more_but_not_for_ever(workers: Workers) -> None:
    """It waits while more items may come, up to the timeout."""
    queue = queue_of(workers, 1)
    threading.Timer(0.1, queue.put, [2]).start()
    assert queue.take_many(2, 5, lambda: True) == [1, 2]
    queue.put(3)
    began = time.monotonic()
    assert queue.take_many(2, 0.1, lambda: True) == [3]
    assert 0.1 <= time.monotonic() - began < 2


def test_ahead_keeps_the_order_and_its_depth(workers: Workers) -> None:
    """Items are produced ahead, but only up to the depth."""
    made: list[int] = []

    def make() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    items = workers.ahead(make(), 3)
    assert next(items) == 0
    time.sleep(0.3)
    assert len(made) <= 6
    assert list(items) == list(range(1, 100))


def test_each_works_on_all_with_a_limit_inside(workers: Workers) -> None:
    """Every item is processed once, and no more than the limit are in flight."""
    taken = count()
    items = workers.each(lambda number: number * 2, iter(range(1000)), threads=4, max_in_flight=10)
    assert sorted(items) == [number * 2 for number in range(1000)]
    lazy = workers.each(
        lambda number: number, (next(taken) for _ in count()), threads=2, max_in_flight=10
    )
    next(lazy)
    time.sleep(0.2)
    assert next(taken) <= 13


def test_each_of_nothing_ends(workers: Workers) -> None:
    """No items, no results."""
    assert list(workers.each(str, [], threads=2, max_in_flight=5)) == []


@pytest.mark.parametrize("where", ["items", "work"])
def test_errors_are_raised_where_the_results_are_taken(workers: Workers, where: str) -> None:
    """Neither an error of the items nor one of the work is lost."""

    def items() -> Iterator[int]:
        yield 1
        if where == "items":
            raise ValueError("made badly")

    def work(number: int) -> int:
        if where == "work":
            raise ValueError("done badly")
        return number

    with pytest.raises(ValueError, match="badly"):
        list(workers.each(work, items(), threads=2, max_in_flight=5))
    if where == "items":
        with pytest.raises(ValueError, match="badly"):
            list(workers.ahead(items(), 1))


def test_all_waiting_threads_are_stopped(workers: Workers) -> None:
    """Every waiting thread ends, however the items were distributed."""
    queue = WorkQueue[int](workers)
    taken: list[int] = []
    errors: list[Exception] = []

    def take_for_ever() -> None:
        while True:
            taken.append(queue.take())

    for _ in range(20):
        workers.start(take_for_ever, errors.append)
    for number in range(2000):
        queue.put(number)
        if number % 100 == 0:
            time.sleep(0.002)
    while len(taken) < 2000:
        time.sleep(0.001)
    workers.stop(timeout=10)
    assert sorted(taken) == list(range(2000))
    assert not errors


def test_a_waiting_thread_is_stopped(workers: Workers) -> None:
    """A thread that waits for work or for room ends soon after `stop`."""
    counter = Counter(5)
    ended: list[str] = []
    errors: list[Exception] = []

    def wait_for_work() -> None:
        try:
            WorkQueue[int](workers).take()
        except Stopped:
            ended.append("work")
            raise

    def wait_for_room() -> None:
        try:
            counter.wait_below(5, workers)
        except Stopped:
            ended.append("room")
            raise

    for work in (wait_for_work, wait_for_room):
        workers.start(work, errors.append)
    workers.stop(timeout=5)
    assert sorted(ended) == ["room", "work"]
    assert not errors


def test_a_counter_releases_threads_below_its_limit(workers: Workers) -> None:
    """A waiting thread continues when the value is below the limit."""
    counter = Counter(2)
    threading.Timer(0.05, counter.add, [-1]).start()
    counter.wait_below(2, workers)
    assert counter.value == 1


def test_a_counter_wakes_only_threads_that_may_continue(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each thread waits for a limit of its own; a change above all of them wakes none."""
    monkeypatch.setattr("onecopy.workers._STOP_POLL_SECONDS", 60)  # only a change wakes them
    counter, ended, errors = Counter(5), SimpleQueue[int](), list[Exception]()

    def wait(limit: int) -> None:
        counter.wait_below(limit, workers)
        ended.put(limit)

    for limit in (2, 4):
        workers.start(partial(wait, limit), errors.append)
    while len(counter._reached._waiting) < 2:
        time.sleep(0.001)
    woken = Mock(wraps=counter._reached.notify_all)
    monkeypatch.setattr(counter._reached, "notify_all", woken)
    assert counter.add(-1) == 4
    assert not woken.called
    counter.add(-1)
    assert ended.get(timeout=10) == 4
    counter.add(-2)
    assert ended.get(timeout=10) == 2
    assert not errors


@pytest.mark.parametrize("threads", [1, 4])
def test_results_are_in_order(workers: Workers, threads: int) -> None:
    """Calls of different lengths give their results in the order of the calls."""

    def call(number: int) -> int:
        time.sleep(0.001 * (number % 3))
        return number

    calls = (partial(call, number) for number in range(50))
    assert list(workers.in_order(calls, threads=threads, depth=8)) == list(range(50))


def test_calls_are_produced_by_the_caller_up_to_a_depth(workers: Workers) -> None:
    """The calls need not be safe for other threads, and not all of them are made at once."""
    producers: list[int] = []

    def calls() -> Iterator[Callable[[], int]]:
        for number in range(100):
            producers.append(threading.get_ident())
            yield partial(int, number)

    results = workers.in_order(calls(), threads=2, depth=5)
    assert next(results) == 0
    assert len(producers) == 6
    assert set(producers) == {threading.get_ident()}


def test_queued_calls_are_dropped_on_stop(workers: Workers) -> None:
    """`stop` does not wait for calls that no thread has begun."""
    begun = threading.Event()
    release = threading.Event()
    made: list[int] = []

    def call(number: int) -> None:
        if number == 1:
            begun.set()
            release.wait()
        made.append(number)

    results = workers.in_order((partial(call, n) for n in range(10)), threads=1, depth=5)
    next(results)
    begun.wait()
    workers.stop(timeout=0)
    release.set()
    workers.stop(timeout=5)
    assert made == [0, 1]


def test_a_task_raises_what_its_call_raised(workers: Workers) -> None:
    """Exceptions that are no errors, such as Stopped, reach the thread that waits."""

    def call() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        workers.submit(call).result()


def test_interrupted_waiting_lets_a_task_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal may arrive at any moment of the wait."""
    monkeypatch.setattr("onecopy.workers._STOP_POLL_SECONDS", 0)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    tasks = [Task(lambda: None) for _ in range(500)]
    try:
        for task in tasks:
            with suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 0.0005)
                task.wait()
    finally:
        signal.signal(signal.SIGALRM, before)

    def run() -> None:
        for task in tasks:
            task.run()

    ending = threading.Thread(target=run, daemon=True)
    ending.start()
    ending.join(5)
    assert not ending.is_alive()
    for task in tasks:
        task.wait()


def test_calls_that_are_spread() -> None:
    """The results are in order, whichever thread was faster."""

    def call(item: int) -> int:
        time.sleep(0.001 * (item % 3))
        return item * 2

    with ThreadPoolExecutor(4) as pool:
        assert spread(pool, 4, call, range(50)) == list(range(0, 100, 2))
        assert spread(pool, 4, call, [1]) == [2]
        assert spread(pool, 4, call, []) == []


def test_a_call_that_fails_ends_those_that_are_spread() -> None:
    """Its error is raised, and of the other calls only those are made that have begun."""
    made: list[int] = []

    def call(item: int) -> None:
        made.append(item)
        if item == 3:
            raise ValueError(item)
        time.sleep(0.01)

    with ThreadPoolExecutor(2) as pool, pytest.raises(ValueError, match="3"):
        spread(pool, 2, call, range(1000))
    assert len(made) < 10
