"""Thread pools that run synchronous calls for the event loop.

A pool hands each call to the idle thread that was busy last: its caches are warm and its database
connection is open, while `ThreadPoolExecutor` rotates through all of its threads. Calls that find
no thread wait for their turn. A call costs 30 µs of CPU time, compared to
55 µs with `run_in_executor` and 120 µs with `anyio.to_thread`; a single check takes another 100 µs.

While calls come one at a time, the event loop blocks for up to `LONE_CALL_SECONDS` until the call
has ended. That avoids a wake-up of the event loop, which is 8 % of a single check on an idle
machine (docs/performance.md, "The service").

Tenants share a pool fairly (`onecopy.http.turns`). A call that waits for a thread for more than
`MAX_WAIT` seconds is refused, for the client to repeat; so is one for which there is no place.
"""

import asyncio
from _thread import allocate_lock
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from onecopy.errors import Busy
from onecopy.http.turns import Turns

T = TypeVar("T")

MAX_CALLS = 32
"""Concurrent calls; more than processors, since most of them wait for disks and networks."""
LONE_CALL_SECONDS = 0.000_2
"""Twice what a single check takes, and too short for anybody else to notice."""
_LONE_CALLS = 16
"""Calls that must come one at a time before the event loop waits for the next."""
MAX_BODIES = 64
"""Concurrent uploads; each occupies a thread for as long as its client takes to send a part."""
MAX_WAIT = 20.0
"""Seconds for which a call waits for a thread; most gateways time out after 30."""
_RETRY_SECONDS = 2.0
_DESCRIPTORS = 16
"""Descriptors of the process for each thread of a pool. An upload has five files open, and a call
about as many; batches and connections need others."""


class Job:
    """A call, its outcome, and the future in which its caller awaits it.

    The event loop learns of the outcome by a callback, unless it is still waiting for the job.
    The thread that pops the one element of `_loop_waits` decides.
    """

    __slots__ = ("_ended", "_loop_waits", "_work", "future", "loop", "outcome", "tenant", "timer")

    def __init__(self, work: Callable[[], object], tenant: str, *, loop_waits: bool) -> None:
        self.tenant = tenant
        self.timer: asyncio.TimerHandle | None = None
        """Refuses the job unless its turn comes first."""
        self.loop = asyncio.get_running_loop()
        self.future = self.loop.create_future()
        self.outcome: tuple[Any, BaseException | None] = (None, None)
        """What the call returned, and what it raised."""
        self._work = work
        self._loop_waits = [True] if loop_waits else []
        self._ended = allocate_lock()
        self._ended.acquire()

    def run(self) -> bool:
        """Make the call; return whether the event loop needs a callback."""
        try:
            self.outcome = self._work(), None
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            self.outcome = None, error
        loop_waits = self._stop_waiting()
        self._ended.release()
        return not loop_waits

    def ends_within(self, seconds: float) -> bool:
        """Block the event loop until the job has ended; if it has not by then, a callback comes."""
        return self._ended.acquire(timeout=seconds) or not self._stop_waiting()

    def _stop_waiting(self) -> bool:
        return bool(self._loop_waits) and self._loop_waits.pop()


class Pool:
    """At most `max_threads` threads, started on demand. Use it from one event loop.

    The event loop blocks for up to `lone_call_seconds` while calls come one at a time.
    """

    def __init__(
        self,
        name: str,
        max_threads: int,
        lone_call_seconds: float = 0,
        max_wait: float = MAX_WAIT,
    ) -> None:
        self._name = name
        self._max_threads = max_threads
        self._max_wait = max_wait
        self._lone_call_seconds = lone_call_seconds
        self._lone_calls = 0
        self._workers: list[Worker] = []
        self._idle: list[Worker] = []
        self._turns = Turns[Job]()

    async def call(self, function: Callable[..., T], *arguments: object, tenant: str = "") -> T:
        """Run a call in a thread; return what it returns, or raise what it raises.

        Raises Busy if it got no thread in time, or if too many calls wait for one.
        """
        loop_waits = self._is_lone_call()
        job = Job(partial(function, *arguments), tenant, loop_waits=loop_waits)
        if self._turns.may_start(tenant, self._free):
            worker = self._start(job)
            if loop_waits and job.ends_within(self._lone_call_seconds):
                self._done(worker, job)
        elif not self._turns.may_wait(tenant):
            raise _busy("too many of your requests wait for a thread")
        else:
            self._turns.wait(tenant, job)
            job.timer = job.loop.call_later(self._max_wait, self._refuse, job)
        await job.future
        result, error = job.outcome
        if error is not None:
            raise error  # here, since a future accepts no StopIteration
        value: T = result
        return value

    def _is_lone_call(self) -> bool:
        """Return whether calls have come one at a time for a while.

        Every 16th of them leaves the event loop free, to notice calls that come concurrently.
        """
        is_alone = len(self._idle) == len(self._workers)
        self._lone_calls = self._lone_calls + 1 if is_alone and self._lone_call_seconds else 0
        return self._lone_calls > _LONE_CALLS and self._lone_calls % _LONE_CALLS != 0

    @property
    def _free(self) -> int:
        """The number of threads that are idle or were not started yet."""
        return self._max_threads - len(self._workers) + len(self._idle)

    def _start(self, job: Job) -> "Worker":
        """Give a job to the thread that was busy last, or to a new one."""
        self._turns.start(job.tenant)
        if job.timer:
            job.timer.cancel()
        worker = self._idle.pop() if self._idle else self._new_worker()
        worker.jobs.put(job)
        return worker

    def _new_worker(self) -> "Worker":
        worker = Worker(f"{self._name}-{len(self._workers)}", self._done)
        self._workers.append(worker)
        return worker

    def _done(self, worker: "Worker", job: Job) -> None:
        """Start the jobs that waited for a thread, and wake the caller; runs in the event loop."""
        self._idle.append(worker)
        self._turns.end(job.tenant)
        while (following := self._turns.next(self._free)) is not None:
            self._start(following)
        if not job.future.cancelled():
            job.future.set_result(None)

    def _refuse(self, job: Job) -> None:
        """Remove a job that has waited too long."""
        self._turns.leave(job.tenant, job)
        if not job.future.cancelled():
            reason = f"all threads that you may use were busy for {self._max_wait:g} seconds"
            job.future.set_exception(_busy(reason))

    def close(self) -> None:
        """Stop the threads after the calls that run; make no calls afterwards."""
        for worker in self._workers:
            worker.jobs.put(None)
        for worker in self._workers:
            worker.thread.join()


def _busy(reason: str) -> Busy:
    error = Busy(f"{reason}: try again")
    error.retry_after = _RETRY_SECONDS
    return error


class Worker:
    """One thread, and the queue from which it takes jobs."""

    def __init__(self, name: str, done: Callable[["Worker", Job], None]) -> None:
        self.jobs = SimpleQueue[Job | None]()
        self._done = done
        # A daemon: a process that must stop does not wait for clients that are still sending.
        self.thread = Thread(target=self._work, name=name, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        while job := self.jobs.get():
            if job.run():
                try:
                    job.loop.call_soon_threadsafe(self._done, self, job)
                except RuntimeError:
                    return  # the event loop has ended, and the caller with it
            del job  # so that it is not kept alive until the next call


class Threads:
    """Two pools, so that clients that send bytes slowly never delay other calls.

    They have fewer threads if the process may open fewer than 1,024 files (`descriptors`).
    """

    def __init__(self, descriptors: int | None = None) -> None:
        most = MAX_BODIES if descriptors is None else max(2, descriptors // _DESCRIPTORS)
        self._calls = Pool("onecopy-call", min(MAX_CALLS, most), LONE_CALL_SECONDS)
        self._bodies = Pool("onecopy-body", min(MAX_BODIES, most))

    async def call(self, function: Callable[..., T], *arguments: object, tenant: str = "") -> T:
        """Run a call that takes as long as the index and the store need."""
        return await self._calls.call(function, *arguments, tenant=tenant)

    async def receive(self, function: Callable[..., T], *arguments: object, tenant: str) -> T:
        """Run a call that takes as long as its client sends."""
        return await self._bodies.call(function, *arguments, tenant=tenant)

    def close(self) -> None:
        """Stop all threads after the calls that run."""
        self._calls.close()
        self._bodies.close()
