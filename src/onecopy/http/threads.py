"""The edge between the event loop and everything else, which is synchronous.

Pools of our own, because a small call is dear: of its CPU time `anyio.to_thread` takes 120
microseconds for itself, `run_in_executor` 55 and this 30, on a machine where the rest of a single
check takes 100. Besides, an executor hands its calls round all of its threads, each with cold
caches and a database connection of its own; here the thread that was busy last is the next.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

CALLS = 32
"""Calls at once: they wait for disks and networks, so there may be more than processors."""
BODIES = 64
"""Uploads at once: each holds its thread for as long as its client takes to send a part."""


class Job(NamedTuple):
    """A call on its way."""

    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Any]"
    function: Callable[..., Any]
    arguments: tuple[object, ...]


class Pool:
    """At most so many threads, which begin when they are needed. To be used from one event loop."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._workers: list[Worker] = []
        self._idle: list[Worker] = []
        self._waiting = deque[Job]()

    async def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a call in a thread and return what it returns, or raise what it raises."""
        loop = asyncio.get_running_loop()
        job = Job(loop, loop.create_future(), function, arguments)
        if self._idle:
            self._idle.pop().jobs.put(job)
        elif len(self._workers) < self._most:
            self._start().jobs.put(job)
        else:
            self._waiting.append(job)
        answer: T = await job.answer
        return answer

    def _start(self) -> "Worker":
        worker = Worker(f"{self._name}-{len(self._workers)}", self._done)
        self._workers.append(worker)
        return worker

    def _done(
        self, worker: "Worker", job: Job, result: object, error: BaseException | None
    ) -> None:
        """Give the answer, and the worker its next job; runs in the event loop."""
        if self._waiting:
            worker.jobs.put(self._waiting.popleft())
        else:
            self._idle.append(worker)
        if job.answer.cancelled():
            return
        if error is None:
            job.answer.set_result(result)
        else:
            job.answer.set_exception(error)

    def close(self) -> None:
        """End when what runs has ended; nothing may be called any more."""
        for worker in self._workers:
            worker.jobs.put(None)
        for worker in self._workers:
            worker.thread.join()


class Worker:
    """One thread, and the queue from which it takes its jobs."""

    def __init__(self, name: str, done: Callable[..., None]) -> None:
        self.jobs = SimpleQueue[Job | None]()
        self._done = done
        # A daemon: a process that is told to end does not wait for a client who is still sending.
        self.thread = Thread(target=self._work, name=name, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        while job := self.jobs.get():
            result: object = None
            error: BaseException | None = None
            try:
                result = job.function(*job.arguments)
            except StopIteration as raised:  # which no future can hold
                error = RuntimeError(repr(raised))
            except BaseException as raised:  # noqa: BLE001 - whatever it is, it is the caller's
                error = raised
            try:
                job.loop.call_soon_threadsafe(self._done, self, job, result, error)
            except RuntimeError:
                return  # the event loop has ended, and with it whoever asked
            del job, result, error  # not to be held until the next call


class Threads:
    """Two pools, so that slow clients who send bytes never keep others from asking."""

    def __init__(self) -> None:
        self._calls = Pool("onecopy-call", CALLS)
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
