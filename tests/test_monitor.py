"""Monitors: waiting for changes, and what a Ctrl-C leaves behind at any moment."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Never

import pytest

from onecopy.confirming.threads import _Queue
from onecopy.gate.running import Running
from onecopy.index import open_index
from onecopy.index.postgres.connections import Connections
from onecopy.index.sqlite.connections import Checkpointer
from onecopy.monitor import Monitor
from onecopy.reading.parts import _Parts
from onecopy.workers import Counter, Workers

_TIMES = 500


class Place:
    """Numbers that threads put and take, one by one."""

    def __init__(self) -> None:
        self.changed = Monitor()
        self.numbers: list[int] = []

    def put(self, number: int) -> None:
        """Add a number, and wake one thread."""
        with self.changed.lock:
            self.numbers.append(number)
            self.changed.notify()

    def take(self, seconds: float = 10) -> int | None:
        """Wait for a number."""
        return self.changed.wait_for(lambda: self.numbers.pop(0) if self.numbers else None, seconds)


def test_threads_take_what_others_put() -> None:
    """Each change wakes a thread; none is lost, and none comes twice."""
    place, taken = Place(), list[int | None]()

    def work() -> None:
        taken.extend([place.take() for _ in range(100)])

    threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for number in range(1, 801):
        place.put(number)
    for thread in threads:
        thread.join(20)
    assert sorted(map(int, filter(None, taken))) == list(range(1, 801))
    assert not place.changed._waiting


def test_waiting_ends() -> None:
    """After the given time, the last result is returned, and nothing is left behind."""
    place = Place()
    began = time.monotonic()
    assert place.take(0.3) is None
    assert 0.3 <= time.monotonic() - began < 5
    assert place.take(-1) is None
    assert not place.changed._waiting


def test_all_are_woken() -> None:
    """Every thread that waits attempts again."""
    place, ended = Place(), list[int | None]()
    threads = [
        threading.Thread(target=lambda: ended.append(place.take(60)), daemon=True) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    while len(place.changed._waiting) < 4:
        time.sleep(0.001)
    with place.changed.lock:
        place.numbers += range(1, 5)
        place.changed.notify_all()
    for thread in threads:
        thread.join(10)
    assert sorted(map(int, filter(None, ended))) == [1, 2, 3, 4]


@contextmanager
def interruptions() -> Iterator[Callable[[], None]]:
    """Yield a function that has the main thread interrupted in a moment, as by a Ctrl-C."""

    def interrupt(*_: object) -> Never:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        yield lambda: signal.setitimer(signal.ITIMER_REAL, 0.0003) and None
    finally:
        signal.signal(signal.SIGALRM, before)


def interrupt_often(call: Callable[[], object]) -> None:
    """Make calls, one after the other, and interrupt them at many moments."""
    with interruptions() as interrupt_soon:
        for _ in range(_TIMES):
            with suppress(KeyboardInterrupt):
                interrupt_soon()
                while True:
                    call()


def ends(call: Callable[[], object]) -> bool:
    """Return whether a call ends in another thread."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()


def test_others_work_on_after_interrupted_jobs() -> None:
    """No request waits for ever, wherever another one was interrupted."""
    running = Running[str]()

    def hold() -> None:
        with running.hold_all(["a", "b"], 0), running.hold(["c"]):
            running.wait(["c"], 0)

    interrupt_often(hold)
    assert ends(lambda: running.wait(["a"], 0))


def test_interrupted_counters_count() -> None:
    """A thread that counts ends, wherever one that waits was interrupted."""
    counter, workers = Counter(5), Workers()
    interrupt_often(lambda: counter._reached.wait_for(lambda: counter.value < 5, 0))
    interrupt_often(lambda: counter.add(0))
    assert ends(lambda: counter.add(-1))
    assert ends(lambda: counter.wait_below(5, workers))


def test_interrupted_workers_stop() -> None:
    """Workers end, wherever the main thread was interrupted that slept or stopped them."""
    workers = Workers()
    interrupt_often(lambda: workers.sleep(0))
    assert ends(lambda: workers.stop(0))
    interrupt_often(lambda: workers.stop(0))
    assert ends(lambda: workers.stop(0))


def test_an_interrupted_checkpointer_ends(tmp_path: Path) -> None:
    """Its thread ends, wherever the commit was interrupted that woke it."""
    path = str(tmp_path / "index")
    open_index(f"sqlite:{path}").close()
    checkpointer = Checkpointer(path)
    interrupt_often(checkpointer._wake)
    assert ends(checkpointer.close)


def test_interrupted_reading_stops() -> None:
    """Threads that hash parts end, wherever the one was interrupted that takes the digests."""
    parts = _Parts(lambda _: b"", range(1))
    interrupt_often(lambda: parts.take(0))
    assert ends(parts.stop)


def test_an_interrupted_queue_of_copies_closes() -> None:
    """The threads that read in the background end, wherever a check was interrupted."""
    queue = _Queue()
    interrupt_often(lambda: queue.get(("tenant", "key")))
    assert ends(queue.close)


def test_interrupted_connections_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool ends, wherever the thread was interrupted that waited for a connection."""
    monkeypatch.setattr("onecopy.index.postgres.connections.MAX_CONNECTIONS", 1)
    monkeypatch.setattr("onecopy.index.postgres.connections.WAIT_TIMEOUT", 0.01)
    connections = Connections("postgresql://127.0.0.1/none")

    def wait() -> None:
        if connections._may_connect():
            connections._decrease()

    interrupt_often(wait)
    assert ends(connections.close)
