"""Threads that work off lines: batches, order, limits, errors, and an end."""

import threading
import time
from collections.abc import Iterator
from itertools import count

import pytest

from onecopy.workers import Counter, Stopped, Workers, WorkQueue


@pytest.fixture
def workers() -> Iterator[Workers]:
    """Make a workers, and see that it leaves no thread behind."""
    threads = threading.active_count()
    made = Workers()
    yield made
    made.stop(patience=5)
    assert threading.active_count() == threads


def line_of(workers: Workers, *items: int) -> WorkQueue[int]:
    """Return a line of these items."""
    line = WorkQueue[int](workers)
    for item in items:
        line.put(item)
    return line


def test_a_batch_takes_what_is_there(workers: Workers) -> None:
    """Nothing more is to come: no waiting."""
    began = time.monotonic()
    assert line_of(workers, 1, 2, 3).take_many(10, 5, lambda: False) == [1, 2, 3]
    assert time.monotonic() - began < 1


def test_a_batch_has_a_limit(workers: Workers) -> None:
    """What is over stays for the next one."""
    line = line_of(workers, *range(5))
    assert line.take_many(3, 0, lambda: True) == [0, 1, 2]
    assert line.take_many(3, 0, lambda: False) == [3, 4]


def test_a_batch_waits_for_more_but_not_for_ever(workers: Workers) -> None:
    """As long as something may come it waits, up to its patience."""
    line = line_of(workers, 1)
    threading.Timer(0.1, line.put, [2]).start()
    assert line.take_many(2, 5, lambda: True) == [1, 2]
    line.put(3)
    began = time.monotonic()
    assert line.take_many(2, 0.1, lambda: True) == [3]
    assert 0.1 <= time.monotonic() - began < 2


def test_ahead_keeps_the_order_and_its_depth(workers: Workers) -> None:
    """The maker runs ahead, but only so far."""
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
    """Everything comes out once, and never more than the limit is on the way."""
    taken = count()
    items = workers.each(lambda number: number * 2, iter(range(1000)), threads=4, inside=10)
    assert sorted(items) == [number * 2 for number in range(1000)]
    lazy = workers.each(lambda number: number, (next(taken) for _ in count()), threads=2, inside=10)
    next(lazy)
    time.sleep(0.2)
    assert next(taken) <= 13


def test_each_of_nothing_ends(workers: Workers) -> None:
    """No items, no results."""
    assert list(workers.each(str, [], threads=2, inside=5)) == []


@pytest.mark.parametrize("where", ["items", "work"])
def test_errors_are_raised_where_the_results_are_taken(workers: Workers, where: str) -> None:
    """Neither the maker's nor a worker's error is lost."""

    def items() -> Iterator[int]:
        yield 1
        if where == "items":
            raise ValueError("made badly")

    def work(number: int) -> int:
        if where == "work":
            raise ValueError("done badly")
        return number

    with pytest.raises(ValueError, match="badly"):
        list(workers.each(work, items(), threads=2, inside=5))
    if where == "items":
        with pytest.raises(ValueError, match="badly"):
            list(workers.ahead(items(), 1))


def test_many_who_wait_are_all_stopped(workers: Workers) -> None:
    """However the items fall to those who wait, each of them ends."""
    line = WorkQueue[int](workers)
    taken: list[int] = []
    errors: list[Exception] = []

    def take_for_ever() -> None:
        while True:
            taken.append(line.take())

    for _ in range(20):
        workers.start(take_for_ever, errors.append)
    for number in range(2000):
        line.put(number)
        if number % 100 == 0:
            time.sleep(0.002)
    while len(taken) < 2000:
        time.sleep(0.001)
    workers.stop(patience=10)
    assert sorted(taken) == list(range(2000))
    assert not errors


def test_who_waits_is_stopped(workers: Workers) -> None:
    """A thread that waits for work or for room ends soon after `stop`."""
    gauge = Counter(5)
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
            gauge.wait_below(5, workers)
        except Stopped:
            ended.append("room")
            raise

    for work in (wait_for_work, wait_for_room):
        workers.start(work, errors.append)
    workers.stop(patience=5)
    assert sorted(ended) == ["room", "work"]
    assert not errors


def test_a_gauge_lets_through_below_its_limit(workers: Workers) -> None:
    """Who waits goes on when there is room."""
    gauge = Counter(2)
    threading.Timer(0.05, gauge.add, [-1]).start()
    gauge.wait_below(2, workers)
    assert gauge.value == 1
