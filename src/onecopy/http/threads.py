"""The edge between the event loop and everything else, which is synchronous.

Pools of our own, because a small call is dear: of its CPU time `anyio.to_thread` takes 120
microseconds for itself, `run_in_executor` 55 and this 30, on a machine where the rest of a single
check takes 100. Besides, an executor hands its calls round all of its threads, each with cold
caches and a database connection of its own; here the thread that was busy last is the next.
"""

import asyncio
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

CALLS = 32
"""Calls at once: they wait for disks and networks, so there may be more than processors."""
PATIENCE = 0.000_2
"""Seconds: twice what a single check takes, and nothing that anybody else would notice."""
_WHILE = 16
"""Calls."""
BODIES = 64
"""Uploads at once: each holds its thread for as long as its client takes to send a part."""


class Job:
    """A call on its way, and what came of it.

    Whoever asked waits for it in the event loop; or, if it `waits_here`, first for a moment without
    the event loop. Then whoever takes the one element out of `_here` decides which it will be.
    """

    __slots__ = ("_error", "_finished", "_here", "_result", "_work", "answer", "loop")

    def __init__(self, work: Callable[[], object], *, waits_here: bool) -> None:
        self.loop = asyncio.get_running_loop()
        self.answer = self.loop.create_future()
        self._work = work
        self._here = [True] if waits_here else []
        self._finished = allocate_lock()
        self._finished.acquire()
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self) -> bool:
        """Do it; return whether the event loop has to be told."""
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            self._error = error
        is_waited_for = self._leave()
        self._finished.release()
        return not is_waited_for

    def is_over_within(self, seconds: float) -> bool:
        """Wait for it, holding up the event loop; if it is not over, the event loop is told."""
        return self._finished.acquire(timeout=seconds) or not self._leave()

    def _leave(self) -> bool:
        return bool(self._here) and self._here.pop()

    def outcome(self) -> Any:  # noqa: ANN401 - whatever the call returned
        """Return what the call returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._result


class Pool:
    """At most so many threads, which begin when they are needed. To be used from one event loop.

    A call may hold up the event loop for `patience` seconds while calls come one at a time. Mostly
    it is over by then, and both sides are spared the way through the event loop.
    """

    def __init__(self, name: str, most: int, patience: float = 0) -> None:
        self._name = name
        self._most = most
        self._patience = patience
        self._workers: list[Worker] = []
        self._idle: list[Worker] = []
        self._waiting = deque[Job]()
        self._lone = 0

    async def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a call in a thread and return what it returns, or raise what it raises."""
        waits_here = self._is_lone()
        job = Job(partial(function, *arguments), waits_here=waits_here)
        if self._idle or len(self._workers) < self._most:
            worker = self._idle.pop() if self._idle else self._start()
            worker.jobs.put(job)
            if waits_here and job.is_over_within(self._patience):
                self._done(worker, job)
        else:
            self._waiting.append(job)
        await job.answer
        result: T = job.outcome()
        return result

    def _is_lone(self) -> bool:
        """Return whether calls have come one at a time for a while.

        Now and then one of them leaves the event loop free, to see whether others come meanwhile.
        """
        is_alone = len(self._idle) == len(self._workers)
        self._lone = self._lone + 1 if is_alone and self._patience else 0
        return self._lone > _WHILE and self._lone % _WHILE != 0

    def _start(self) -> "Worker":
        worker = Worker(f"{self._name}-{len(self._workers)}", self._done)
        self._workers.append(worker)
        return worker

    def _done(self, worker: "Worker", job: Job) -> None:
        """Give the worker its next job, and wake whoever asked; runs in the event loop."""
        if self._waiting:
            worker.jobs.put(self._waiting.popleft())
        else:
            self._idle.append(worker)
        if not job.answer.cancelled():
            job.answer.set_result(None)

    def close(self) -> None:
        """End when what runs has ended; nothing may be called any more."""
        for worker in self._workers:
            worker.jobs.put(None)
        for worker in self._workers:
            worker.thread.join()


class Worker:
    """One thread, and the queue from which it takes its jobs."""

    def __init__(self, name: str, done: Callable[["Worker", Job], None]) -> None:
        self.jobs = SimpleQueue[Job | None]()
        self._done = done
        # A daemon: a process that is told to end does not wait for a client who is still sending.
        self.thread = Thread(target=self._work, name=name, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        while job := self.jobs.get():
            if job.run():
                try:
                    job.loop.call_soon_threadsafe(self._done, self, job)
                except RuntimeError:
                    return  # the event loop has ended, and with it whoever asked
            del job  # not to be held until the next call


class Threads:
    """Two pools, so that slow clients who send bytes never keep others from asking."""

    def __init__(self) -> None:
        self._calls = Pool("onecopy-call", CALLS, PATIENCE)
        self._bodies = Pool("onecopy-body", BODIES)

    async def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a call that answers as soon as index and store do."""
        return await self._calls.call(function, *arguments)

    async def take_body(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a call that goes on for as long as its client sends."""
        return await self._bodies.call(function, *arguments)

    def close(self) -> None:
        """End when what runs has ended."""
        self._calls.close()
        self._bodies.close()
