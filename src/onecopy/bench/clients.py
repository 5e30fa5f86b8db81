"""Concurrent clients of an index.

Each is a process with its own connection to the index, like servers that share one. Threads of one
Python process would wait for each other, not for the index.
"""

import signal
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import perf_counter_ns
from typing import Any

from onecopy.bench.figures import Round, round_of
from onecopy.bench.workload import TENANT, Workload
from onecopy.digest import Digest
from onecopy.errors import Failure
from onecopy.index import Engine, open_index

_DIGESTS = 4096
"""Digests that a client looks up one after the other, over and over."""
_WARM_UP_LOOKUPS = 100
_READY, _GO = "ready", "go"
_EXIT_TIMEOUT = 10
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Task:
    """Task of a client: look up known digests, one at a time."""

    url: str
    seed: int
    copies: int
    """Number of copies in the index."""
    turn: int
    """Number of the round."""
    nanoseconds: int
    """Duration; 0: only open the index and warm up."""


class Clients:
    """A set of processes that wait for tasks."""

    def __init__(self, count: int) -> None:
        # Not forked from this process, because it has the indexes open.
        can_fork = "forkserver" in get_all_start_methods()
        context = get_context("forkserver") if can_fork else get_context("spawn")
        self._processes: list[BaseProcess] = []
        self._connections: list[Connection] = []
        for number in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, number), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._connections.append(ours)

    def measure(self, task: Task, count: int) -> Round:
        """Run the task in `count` clients at the same time; raises what one of them raised."""
        chosen = self._connections[:count]
        try:
            _exchange(chosen, task)
            answers = _exchange(chosen, _GO)  # they start when all are ready
        except (EOFError, ConnectionError) as error:
            raise Failure(
                "a client process of the benchmark was killed; run the benchmark again"
            ) from error
        latencies, rate = array("q"), 0.0
        for measured, nanoseconds in answers:
            latencies.extend(measured)
            rate += len(measured) / nanoseconds * 1e9
        return round_of(latencies, rate)

    def close(self) -> None:
        """Stop all processes."""
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.join(_EXIT_TIMEOUT)
            process.kill()
            process.join()


def _exchange(connections: Sequence[Connection], message: object) -> list[Any]:
    """Send a message to all clients and return the answers; raises what one of them raised."""
    for connection in connections:
        connection.send(message)
    answers = [connection.recv() for connection in connections]
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def serve(connection: Connection, number: int) -> None:
    """Run client `number` until the parent closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes: the parent decides
    indexes: dict[str, Engine] = {}
    with suppress(EOFError, ConnectionError):
        while True:
            for answer in _answers(indexes, connection.recv(), number):
                connection.send(answer)
                if answer == _READY:
                    connection.recv()
    for index in indexes.values():
        index.close()


def _answers(indexes: dict[str, Engine], task: Task, number: int) -> Iterator[object]:
    """Yield `_READY` and then the result of the task; or the exception that it raised."""
    try:
        index = indexes.get(task.url) or indexes.setdefault(task.url, open_index(task.url))
        random = Workload(task.seed).random("clients", task.copies, task.turn, number)
        digests = Workload(task.seed).digests(task.copies, [True] * _DIGESTS, random)
        for digest in digests[:_WARM_UP_LOOKUPS]:
            index.lookup(TENANT, [digest])
        yield _READY
        yield _look_up(index, digests, task.nanoseconds)
    except Exception as error:  # noqa: BLE001 - passed to the parent, not swallowed
        yield error


def _look_up(
    index: Engine, digests: Sequence[Digest], nanoseconds: int
) -> tuple["array[int]", int]:
    """Look up digests in turn; return the latencies and the whole time, in nanoseconds."""
    latencies = array("q")
    began = ended = perf_counter_ns()
    for digest in cycle(digests):
        if ended - began >= nanoseconds:
            break
        start = perf_counter_ns()
        index.lookup(TENANT, [digest])
        ended = perf_counter_ns()
        latencies.append(ended - start)
    return latencies, max(1, ended - began)
