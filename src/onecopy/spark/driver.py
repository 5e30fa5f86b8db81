"""The driver: it makes the plan, has Spark run the tasks that have no result, and loads the index.

plan.json? ─▶ tasks without a result ─▶ Spark ─▶ all results there? ─▶ index ─▶ summary.json
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from typing import Protocol

import msgspec

from onecopy.errors import Failure, InvalidSettings
from onecopy.gate.binding import bind, cached_capabilities
from onecopy.index.interface import Engine
from onecopy.own_files import OwnFiles
from onecopy.reading.wanted import Wanted
from onecopy.scan.checkpoint import purpose_of
from onecopy.scan.figures import Figures, Keys, Reads
from onecopy.scan.lease import leased
from onecopy.scan.listing import can_be_listed, keeps_listings
from onecopy.scan.unread import Extent, Unread
from onecopy.spark.executor import RESULTS, Job, run_task
from onecopy.spark.folder import ResultFolder
from onecopy.spark.loading import load
from onecopy.spark.outcomes import Outcomes
from onecopy.spark.plan import Plan, Planner, load_plan
from onecopy.spark.tasks import number_of
from onecopy.store.interface import Store
from onecopy.text import count_text

SUMMARY = "summary.json"
_LOADED = "spark-loaded"
"""The name under which the index keeps the id of the plan that was loaded last."""
_MOST_TASKS = 50_000
"""Tasks of one Spark job."""
_POLL_SECONDS = 2.0


class Summary(msgspec.Struct, kw_only=True):
    """What a job has done."""

    tasks: int
    done_before: int
    """Tasks whose results were there when the job started."""
    read_bytes: int
    reads: Reads
    """What became of the objects that were to be read."""
    reasons: dict[str, Keys]
    """What could not be read or was left out, by reason: the number, and the first keys."""
    problems: int
    """Objects that could not be read or are not to be recorded, of all reasons."""


Progress = Callable[[int, int], object]
"""Called with the number of tasks that are done, and that of all."""


class Tasks(Protocol):
    """Runs a function for each of some numbers, several at a time, on a cluster."""

    def run(
        self, work: Callable[[int], None], numbers: list[int], done: Callable[[int], object]
    ) -> None:
        """Return when all are done; raises what ends the job.

        `done` is called every few seconds with the number of those that are done.
        """


def _after(before: int, every: int, progress: Progress) -> Callable[[int], object]:
    """Return a function that adds what was done before to what is done."""
    return lambda now: progress(before + now, every)


class Driver:
    """One job."""

    def __init__(  # noqa: PLR0913 - what a job works with
        self,
        index: Engine,
        store: Store,
        folder: ResultFolder,
        *,
        job: Job,
        read: Extent,
        limit: int,
        unread: Unread,
        by_list: bool,
    ) -> None:
        self._index = index
        self._store = store
        self._folder = folder
        self._job = job
        self._read = read
        self._limit = limit
        self._unread = unread
        self._by_list = by_list

    def run(self, tasks: Tasks, progress: Progress = lambda _done, _all: None) -> Summary:
        """Read what is to be read, and load the index; return what was done.

        A job that is started again resumes; one that is loaded returns its summary. Raises Failure
        if a result is missing at the end, and InvalidSettings if the folder is another job's.
        """
        plan = self._plan()
        if self._index.get(_LOADED) == plan.id.encode() and (text := self._folder.get(SUMMARY)):
            return msgspec.json.decode(text, type=Summary)
        done = self._done()
        missing = sorted(set(range(plan.tasks)) - done)
        work = partial(run_task, self._job)
        for at in range(0, len(missing), _MOST_TASKS):
            before = plan.tasks - len(missing) + at
            tasks.run(work, missing[at : at + _MOST_TASKS], _after(before, plan.tasks, progress))
        if lost := set(range(plan.tasks)) - self._done():
            raise Failure(f"{len(lost)} tasks have no result: start the same command again")
        return self._load(plan, len(done & set(range(plan.tasks))))

    def _plan(self) -> Plan:
        plan, store_id = load_plan(self._folder), self._job.store_id
        purpose = purpose_of(store_id, self._store.url, self._unread.accept)
        if plan is None:
            with leased(self._index):
                planner = Planner(self._folder, self._store, self._limit)
                plan = planner.write(self._wanted(planner), store_id, self._read, purpose)
        if (plan.store_id, plan.read, plan.purpose) != (store_id, self._read, purpose):
            raise InvalidSettings(
                f"the folder of results belongs to a job that reads {plan.read} of {plan.store}, "
                "or to one with other patterns: name another with --results"
            )
        return plan

    def _wanted(self, planner: Planner) -> Iterator[Wanted]:
        if keeps_listings(self._index) and not self._by_list:
            return self._unread.known(self._index)
        if not can_be_listed(self._store):
            raise InvalidSettings(f"{self._store.url} cannot be listed: name a bucket or a folder")
        return self._unread.listed(self._store, OwnFiles(), planner.leave_out)

    def _done(self) -> set[int]:
        return set(map(number_of, self._folder.names(RESULTS)))

    def _load(self, plan: Plan, before: int) -> Summary:
        figures, reads = Figures(), Reads(plan.objects, plan.bytes)
        for reason, keys in plan.left_out.items():
            figures.reasons[reason] = keys
        outcomes = Outcomes(self._folder, self._store, plan.tasks)
        with leased(self._index):
            load(self._index, outcomes, figures, reads, plan.planned_ms)
        if reads.done != plan.objects:
            raise Failure(
                f"the results account for {reads.done} of {count_text(plan.objects, 'object')}: "
                "start again with another folder of results (--results)"
            )
        problems = sum(keys.count for keys in figures.by_reason(problems=True).values())
        summary = Summary(
            tasks=plan.tasks,
            done_before=before,
            read_bytes=figures.read_bytes,
            reads=reads,
            reasons=figures.reasons,
            problems=problems,
        )
        self._folder.put(SUMMARY, msgspec.json.encode(summary))
        self._index.put_if(_LOADED, self._index.get(_LOADED), plan.id.encode())
        return summary


def job_for(index: Engine, store: Store, url: str, results: str, threads: int) -> Job:
    """Bind index and store, and return what the executors need to know."""
    store_id = bind(index, store)
    return Job(url, store_id, cached_capabilities(index), results, threads)


@contextmanager
def polling(show: Callable[[], object]) -> Iterator[None]:
    """Call a function every few seconds in the block, from another thread."""
    ended = Event()

    def poll() -> None:
        while not ended.wait(_POLL_SECONDS):
            show()

    thread = Thread(target=poll, name="onecopy-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_POLL_SECONDS)
