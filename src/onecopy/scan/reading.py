"""Reading what a scan by listing found: the bytes of objects whose content digest is not known.

    index ─▶ unread? ─▶ file of what is to be read ─▶ read by several threads ─▶ index.add
                                                  └─▶ the largest, one by one ─▶ index.add

What was read stays: copies are recorded every few seconds, and the finished parts of the largest
objects as well, so a reading that was interrupted resumes with `missing`.
"""

from collections.abc import Callable, Iterator, Sequence
from threading import Event
from time import monotonic

from onecopy.confirming.interface import CONFIRMING, Reading
from onecopy.confirming.reader import Reader
from onecopy.confirming.records import PARTS_PER_RANGE, Lost, Records
from onecopy.content import Copy, Digests
from onecopy.digest import SMALLEST_PART
from onecopy.errors import Failure
from onecopy.index.interface import Engine
from onecopy.reading.objects import Outcome, Read, read_objects
from onecopy.reading.parts import RangedStore, is_ranged
from onecopy.reading.wanted import Wanted, WantedFile
from onecopy.scan.figures import Figures, Reads
from onecopy.scan.lease import Lease, leased
from onecopy.scan.records import unlist_recorded
from onecopy.store.interface import Object, Store, Unknown
from onecopy.store.objects import copy_of
from onecopy.text import count_text
from onecopy.workers import Stopped, Workers

THREADS = 16
"""Objects or parts that are read at once, by default."""
_LEASED = PARTS_PER_RANGE * SMALLEST_PART
"""Bytes (512 MiB) from which on the finished parts of an object are recorded."""
_BATCH = 1000
"""Copies that are recorded at a time."""
_BATCH_SECONDS = 2.0
"""The longest time that a copy waits to be recorded."""
_POLL_SECONDS = 0.25
_PROGRESS_SECONDS = 0.2

Progress = Callable[[Figures], object]


def read_contents(  # noqa: PLR0913 - what reading works with
    index: Engine,
    store: Store,
    unread: Iterator[Wanted],
    figures: Figures,
    *,
    threads: int = THREADS,
    progress: Progress = lambda _figures: None,
) -> None:
    """Read objects, record their content digests, and add to the figures.

    What cannot be read is reported as a problem, and does not keep the rest from being read. Raises
    Failure if another scan of the index is running.
    """
    with leased(index) as lease, WantedFile() as wanted:
        for each in unread:
            wanted.put(each)
        figures.reads = reads = Reads(wanted.objects, wanted.bytes)
        figures.to_read = figures.read_bytes + wanted.bytes
        _Contents(index, store, lease, figures, reads, threads, progress).read(wanted)
    if reads.done != reads.objects:
        raise Failure(
            f"the results account for {reads.done} of {count_text(reads.objects, 'object')}: "
            "scan again with --read missing"
        )


class _Contents:
    """The reading of many objects."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it works with
        self,
        index: Engine,
        store: Store,
        lease: Lease,
        figures: Figures,
        reads: Reads,
        threads: int,
        progress: Progress,
    ) -> None:
        self._index = index
        self._store = store
        self._ranged: RangedStore | None = store if is_ranged(store) else None
        self._lease = lease
        self._figures = figures
        self._reads = reads
        self._threads = threads
        self._progress = progress
        self._copies: list[tuple[str, Copy]] = []
        self._due = 0.0
        self._next_progress = 0.0

    def read(self, wanted: WantedFile) -> None:
        """Read all objects; what was read is recorded even if this is interrupted."""
        largest: list[Wanted] = []
        try:
            for read in read_objects(
                self._store, self._rest(wanted, largest), threads=self._threads, progress=self._add
            ):
                self._settle(read)
        finally:
            self._record()
        if self._ranged:
            for each in largest:
                self._settle(Read(each, self._read_largest(self._ranged, each)))
                self._record()

    def _rest(self, wanted: WantedFile, largest: list[Wanted]) -> Iterator[Wanted]:
        """Yield the objects, but for the largest, which are set aside."""
        for each in wanted:
            if self._ranged and each.size >= _LEASED and not each.schemes and not each.is_stated:
                largest.append(each)
            else:
                yield each

    def _add(self, count: int) -> None:
        self._figures.read_bytes += count
        if (now := monotonic()) >= self._next_progress:
            self._next_progress = now + _PROGRESS_SECONDS
            self._progress(self._figures)

    def _settle(self, read: Read) -> None:
        """Count what became of an object, and record it when others are due as well."""
        wanted, outcome, is_stated = read
        self._reads.note(outcome, is_stated=is_stated)
        if isinstance(outcome, Unknown):
            self._figures.report(wanted.key, outcome.reason)
        if isinstance(outcome, Object):
            self._due = self._due if self._copies else monotonic() + _BATCH_SECONDS
            owned = wanted.owned
            self._copies.append((owned.tenant.name, copy_of(outcome, owned.key)))
        if len(self._copies) >= _BATCH or (self._copies and monotonic() > self._due):
            self._record()

    def _record(self) -> None:
        if self._copies:
            self._lease.check()
            self._index.add(self._copies)
            unlist_recorded(self._index, self._copies)
            self._copies = []  # not before: if this is interrupted, it is done again
        self._progress(self._figures)

    def _read_largest(self, store: RangedStore, wanted: Wanted) -> Outcome:
        """Read an object by all threads; its finished parts are recorded, and not read again."""
        stop, (tenant, key) = Event(), wanted.owned

        def record(copies: Sequence[Copy]) -> None:
            self._index.add([(tenant.name, copy) for copy in copies])

        reading = Reading(tenant, Copy(key, wanted.size, Digests(), "", 0, 0), record)
        reader = Reader(
            reading,
            index=self._index,
            records=Records(self._index, tenant.name, key),
            store=store,
            spend=_spend,
            stop=stop,
            threads=self._threads,
            paid=True,
            again=True,
        )
        before, task = self._figures.read_bytes, Workers().submit(reader.run)
        try:
            while not task.is_done(_POLL_SECONDS):
                self._figures.read_bytes = before + reading.read.value
                self._progress(self._figures)
        finally:
            stop.set()
            task.wait()
        self._figures.read_bytes = before + reading.read.value
        return _outcome(task.result)


def _spend(tenant: str, count: int, stop: Event) -> None:  # noqa: ARG001 - as in Spend
    """Read without a limit, until this is stopped."""
    if stop.is_set():
        raise Stopped


def _outcome(result: Callable[[], Outcome]) -> Outcome:
    try:
        return result()
    except Lost:
        return Unknown(CONFIRMING)
    except Failure as error:
        if error.reason.startswith("store-"):
            return Unknown(error.reason)
        raise
