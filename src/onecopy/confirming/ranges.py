"""Reading the ranges that a queue carries: one message at a time, within the time of a function.

The object is looked at before each range is read and after the last one. If it has changed, or is
gone, nothing is recorded: the next check finds out what is there now, and may start over.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import Event, Timer

from onecopy.confirming.budget import Budget, Exhausted, Limits
from onecopy.confirming.interface import Reading
from onecopy.confirming.jobs import Job, Turn
from onecopy.confirming.queued import Queue, Range
from onecopy.confirming.records import range_parts
from onecopy.confirming.retrieval import refusal
from onecopy.confirming.source import Source, Unread
from onecopy.content import Copy, Digests
from onecopy.digest import part_lengths
from onecopy.errors import Failure, FileChanged
from onecopy.index.interface import Engine
from onecopy.reading.parts import RangedStore, hash_parts
from onecopy.store.interface import Absent, Object
from onecopy.store.objects import store_reason
from onecopy.tenant import Tenant
from onecopy.workers import Stopped

_THREADS = 4
_MARGIN_SECONDS = 5.0
"""Time that is reserved to record what was read."""
Record = Callable[[str, Sequence[Copy]], object]
"""Records copies of a tenant whose content digest is proved."""


class RangeReader:
    """Reads ranges, and records a copy as soon as its last range is done."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        index: Engine,
        store: RangedStore,
        limits: Limits,
        *,
        queue: Queue,
        record: Record,
        threads: int = _THREADS,
    ) -> None:
        self._index = index
        self._store = store
        self._queue = queue
        self._record = record
        self._paid = limits.retrieval
        self._budget = Budget(index, limits)
        self._threads = threads

    def read(self, message: Range, seconds: float) -> bool:
        """Read a range within some seconds; return False if the message must come again.

        If time is over first, a new message carries the rest. Raises Failure of the index and of
        the queue; the message must then come again as well.
        """
        stop = Event()
        timer = Timer(max(seconds - _MARGIN_SECONDS, 0), stop.set)
        timer.daemon = True
        timer.start()
        try:
            return self._take(message, seconds, stop)
        finally:
            timer.cancel()
            with suppress(Failure):  # the budget of a day is then a little smaller
                self._budget.close()  # this process may not be used again

    def _take(self, message: Range, seconds: float, stop: Event) -> bool:
        job = Job(self._index, message.tenant, message.key)
        turn = job.take(message.seen, message.number, seconds)
        if turn in (Turn.READ, Turn.COMPOSE):
            self._work(job, message, turn, stop)
        return turn is not Turn.WAIT

    def _work(self, job: Job, message: Range, turn: Turn, stop: Event) -> None:
        wanted = message.seen
        if self._is_proved(message):  # by a scan, or since the check read an older record
            job.end(wanted)
            return
        source = Source(self._reading(message), self._store, self._budget.spend, stop)
        try:
            seen = _look(source, wanted)
            if refused := refusal(seen, paid=self._paid):
                job.stop(wanted, *refused)
            elif turn is Turn.COMPOSE or self._read_range(job, source, seen, message.number):
                _compose(job, source, wanted)
        except (FileChanged, FileNotFoundError):
            job.end(wanted)
        except Unread as unread:
            job.stop(wanted, str(unread))
        except Exhausted as exhausted:
            job.pause(wanted, str(exhausted))
        except Stopped:
            job.give_back(wanted, message.number)
            self._queue.send([message])

    def _is_proved(self, message: Range) -> bool:
        [copy] = self._index.at(message.tenant, [message.key])
        if copy is None or (copy.identity, copy.size) != (message.identity, message.size):
            return False
        return copy.content_digest is not None

    def _reading(self, message: Range) -> Reading:
        copy = Copy(message.key, message.size, Digests(), message.identity, 0, 0)
        return Reading(Tenant(message.tenant), copy, partial(self._record, message.tenant))

    def _read_range(self, job: Job, source: Source, seen: Object, number: int) -> bool:
        """Read what is missing of a range; return whether it was the last one of the object."""
        numbers, done = range_parts(seen.size, number), job.recorded(number, seen)
        rest, known = numbers[len(done) :], len(done)
        try:
            hash_own = partial(source.hash_part, seen)
            for digests in hash_parts(hash_own, rest, threads=self._threads, check=source.check):
                done += digests
        finally:
            is_saved = len(done) == known or job.save_range(seen, number, done)
        lengths = part_lengths(seen.size)
        return is_saved and job.done(seen, number, sum(lengths[each] for each in numbers))


def _look(source: Source, wanted: Object) -> Object:
    """Return the object if it is the wanted one; raises FileChanged, FileNotFoundError, Unread."""
    try:
        seen = source.look()
    except Failure as failure:
        raise Unread(store_reason(failure)) from failure
    if isinstance(seen, Absent):
        raise FileNotFoundError(wanted.key)
    if (seen.identity, seen.size) != (wanted.identity, wanted.size):
        raise FileChanged(f"{wanted.key!r} changed while it was read")
    return seen


def _compose(job: Job, source: Source, wanted: Object) -> None:
    """Record a copy of which all ranges are done."""
    parts = job.parts(wanted)
    seen = _look(source, wanted)
    # Otherwise somebody else has recorded it, or its records were removed: it starts over.
    if len(parts) == len(part_lengths(seen.size)):
        source.record(seen, parts)
    job.end(wanted)
