"""Reading one stored copy in parallel, which proves its content digest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from time import monotonic
from typing import Protocol

from onecopy.confirming.budget import Exhausted
from onecopy.confirming.records import PARTS_PER_RANGE, Records
from onecopy.confirming.retrieval import refusal
from onecopy.content import Copy
from onecopy.digest import part_lengths
from onecopy.errors import Failure, FileChanged
from onecopy.index.interface import Index
from onecopy.reading.parts import Parts, RangedStore, hash_part, proved
from onecopy.store.interface import Absent, Object, Unknown
from onecopy.store.objects import copy_of, store_reason
from onecopy.tenant import Tenant
from onecopy.workers import Counter, Stopped, Workers

_MAX_ATTEMPTS = 3
"""Attempts to read a key whose object is replaced while it is read."""
_POLL_SECONDS = 0.1
_SAVE_SECONDS = 3.0
"""How often the lease is renewed and unfinished ranges are recorded."""


class Spend(Protocol):
    """The budget for reading."""

    def __call__(self, tenant: str, count: int, stop: Event) -> None:
        """Wait until `count` bytes may be read; raises Exhausted, and Stopped if `stop` is set."""


@dataclass
class Reading:
    """A copy that is to be read, and how far that is."""

    tenant: Tenant
    copy: Copy
    """As it is recorded."""
    record: Callable[[Sequence[Copy]], object]
    """Records copies of the tenant whose content digest is proved."""
    read: Counter = field(default_factory=Counter)
    """Bytes read so far, by this process or others."""


class _Unread(Exception):
    """The store does not give the object; the message is the reason code."""


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
        self._key = reading.tenant.prefix + reading.copy.key
        self._index = index
        self._records = records
        self._store = store
        self._spend = spend
        self._stop = stop
        self._threads = threads
        self._paid = paid
        self._again = again
        """Whether an object that could not be read a moment ago is tried at once."""

    def run(self) -> Object | Absent | Unknown:
        """Read the object and record its copy, or record why it could not be read; return which.

        If it is gone, the copy is forgotten. If it changed while it was read, the new object is
        read. Raises Lost if another reader has it, Stopped, Exhausted, and Failure of the index.
        """
        for _ in range(_MAX_ATTEMPTS):
            seen = self._look()
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

    def _look(self) -> Object | Absent:
        [seen] = self._store.look([self._key])
        if isinstance(seen, Unknown):
            raise Failure(f"{self._key!r} cannot be looked at", reason=seen.reason)
        return seen

    def _prove(self, seen: Object) -> Object | Unknown | None:
        """Return the object that was read, or why it was not; None: it changed."""
        self._records.claim(seen, again=self._again)
        if refused := refusal(seen, paid=self._paid):
            return self._fail(refused.reason)
        try:
            parts = self._read(seen)
        except (FileChanged, FileNotFoundError):
            return None
        except _Unread as unread:
            return self._fail(str(unread))
        # Looked at once more: only if nothing changed, all parts are of this object.
        if self._look() != seen:
            return None
        found = proved(seen, parts)
        self._reading.record([copy_of(found, self._reading.copy.key)])
        self._records.finish()
        return found

    def _read(self, seen: Object) -> list[bytes]:
        """Return the binary SHA-256 of all parts; those that were recorded are not read again."""
        lengths = part_lengths(seen.size)
        done = self._records.parts(seen)[: len(lengths)]
        self._reading.read = Counter(sum(lengths[: len(done)]))
        saving = _Saving(self._records, seen, done)
        parts = Parts(partial(self._hash_part, seen), len(done), len(lengths))
        parts.start(Workers(), self._threads)
        try:
            while len(done) < len(lengths):
                done += parts.take(_POLL_SECONDS)
                self._check_stop()  # after what is ready was taken, so that it is saved
                saving.save_if_due(self._reading.read.value)
        except (Stopped, Exhausted):
            saving.save()
            self._records.release(sum(lengths[: len(done)]))
            raise
        finally:
            parts.stop()
        saving.save()
        return done

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _hash_part(self, seen: Object, number: int) -> bytes:
        return hash_part(seen.size, number, partial(self._fetch, seen))

    def _fetch(self, seen: Object, offset: int, length: int) -> bytes | bytearray:
        self._spend(self._reading.tenant.name, length, self._stop)
        try:
            data = self._store.read_range(seen, offset, length)
        except FileNotFoundError:
            raise
        except (Failure, OSError) as error:
            raise _Unread(store_reason(error)) from error
        self._reading.read.add(length)
        return data


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
