"""Reading one stored copy in parallel, which proves its content digest."""

from collections.abc import Mapping, Sequence
from functools import partial
from threading import Event
from time import monotonic

from onecopy.confirming.budget import Exhausted
from onecopy.confirming.interface import Reading, Spend
from onecopy.confirming.records import PARTS_PER_RANGE, Records
from onecopy.confirming.retrieval import refusal
from onecopy.confirming.source import Source, Unread
from onecopy.digest import part_lengths
from onecopy.errors import FileChanged
from onecopy.index.interface import Index
from onecopy.reading.parts import RangedStore, hash_parts
from onecopy.store.interface import Absent, Object, Seen, Unknown
from onecopy.workers import Counter, Stopped

_MAX_ATTEMPTS = 3
"""Attempts to read a key whose object is replaced while it is read."""
_SAVE_SECONDS = 3.0
"""How often the lease is renewed and unfinished ranges are recorded."""


class Reader:
    """Reads one copy in several threads."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        reading: Reading,
        *,
        index: Index,
        records: Records,
        store: RangedStore,
        spend: Spend,
        stop: Event,
        threads: int,
        paid: bool,
        again: bool = False,
    ) -> None:
        self._reading = reading
        self._index = index
        self._records = records
        self._source = Source(reading, store, spend, stop)
        self._threads = threads
        self._paid = paid
        self._again = again
        """Whether an object that could not be read a moment ago is tried at once."""

    def run(self) -> Seen:
        """Read the object and record its copy, or record why it could not be read; return which.

        If it is gone, the copy is forgotten. If it changed while it was read, the new object is
        read. Raises Lost if another reader has it, Stopped, Exhausted, and Failure of the index.
        """
        for _ in range(_MAX_ATTEMPTS):
            seen = self._source.look()
            if isinstance(seen, Absent):
                self._index.forget(self._reading.tenant.name, [self._reading.copy])
                self._records.finish()
                return seen
            if (found := self._prove(seen)) is not None:
                return found
        return self._fail("copy-changed")

    def _fail(self, reason: str) -> Unknown:
        self._records.fail(reason)
        return Unknown(reason)

    def _prove(self, seen: Object) -> Object | Unknown | None:
        """Return the object that was read, or why it was not; None: it changed."""
        self._records.claim(seen, again=self._again)
        if refused := refusal(seen, paid=self._paid):
            return self._fail(refused.reason)
        try:
            parts = self._read(seen)
        except (FileChanged, FileNotFoundError):
            return None
        except Unread as unread:
            return self._fail(str(unread))
        if self._source.look() != seen:
            return None
        found = self._source.record(seen, parts)
        self._records.finish()
        return found

    def _read(self, seen: Object) -> list[bytes]:
        """Return the binary SHA-256 of all parts; those that were recorded are not read again."""
        lengths = part_lengths(seen.size)
        done = self._records.parts(seen)[: len(lengths)]
        self._reading.read = Counter(sum(lengths[: len(done)]))
        saving = _Saving(self._records, seen, done)
        numbers, beyond = range(len(done), len(lengths)), self._records.beyond(seen)
        hash_own, check = partial(self._hash_part, seen, beyond), self._source.check
        try:
            for digests in hash_parts(hash_own, numbers, threads=self._threads, check=check):
                done += digests
                saving.save_if_due(self._reading.read.value)
        except (Stopped, Exhausted):
            saving.save()
            self._records.release(sum(lengths[: len(done)]))
            raise
        saving.save()
        return done

    def _hash_part(self, seen: Object, beyond: Mapping[int, bytes], number: int) -> bytes:
        if number not in beyond:
            return self._source.hash_part(seen, number)
        self._reading.read.add(part_lengths(seen.size)[number])
        return beyond[number]


class _Saving:
    """Records parts as they are done: when a range is complete, and every few seconds."""

    def __init__(self, records: Records, seen: Object, done: Sequence[bytes]) -> None:
        self._records = records
        self._seen = seen
        self._done = done
        self._saved = len(done)
        self._due = monotonic() + _SAVE_SECONDS

    def save_if_due(self, read: int) -> None:
        is_complete = len(self._done) // PARTS_PER_RANGE > self._saved // PARTS_PER_RANGE
        if is_complete or monotonic() > self._due:
            self.save()
            self._records.renew(read)
            self._due = monotonic() + _SAVE_SECONDS

    def save(self) -> None:
        if len(self._done) > self._saved:
            self._records.save(self._seen, self._done, self._saved)
            self._saved = len(self._done)
