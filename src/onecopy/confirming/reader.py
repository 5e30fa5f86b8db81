"""Reading one stored copy in parallel, which proves its content digest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from threading import Event
from time import monotonic
from typing import Protocol

from onecopy.confirming.budget import Exhausted
from onecopy.confirming.parts import Parts
from onecopy.confirming.records import PARTS_PER_RANGE, Records
from onecopy.confirming.retrieval import refusal
from onecopy.content import Copy, Digests
from onecopy.digest import MiB, assemble, content_scheme, part_lengths, part_size
from onecopy.errors import Failure, FileChanged
from onecopy.index.interface import Index
from onecopy.store.interface import Absent, Object, Store, Unknown
from onecopy.store.objects import copy_of, store_reason
from onecopy.store.ranges import Ranged
from onecopy.tenant import Tenant
from onecopy.workers import Counter, Stopped, Workers

_PIECE = 8 * MiB
"""Bytes that are read with one call, and held in memory by each thread."""
_MAX_ATTEMPTS = 3
"""Attempts to read a key whose object is replaced while it is read."""
_POLL_SECONDS = 0.1
_SAVE_SECONDS = 3.0
"""How often the lease is renewed and unfinished ranges are recorded."""


class RangedStore(Store, Ranged, Protocol):
    """A store from which several threads can read one object at a time."""


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

    def run(self) -> None:
        """Read the object and record its copy, or record why it could not be read.

        If it is gone, the copy is forgotten. If it changed while it was read, the new object is
        read. Raises Lost if another reader has it, Stopped, Exhausted, and Failure of the index.
        """
        for _ in range(_MAX_ATTEMPTS):
            seen = self._look()
            if isinstance(seen, Absent):
                self._index.forget(self._reading.tenant.name, [self._reading.copy])
                self._records.finish()
                return
            if self._prove(seen):
                return
        self._records.fail("copy-changed")

    def _look(self) -> Object | Absent:
        [seen] = self._store.look([self._key])
        if isinstance(seen, Unknown):
            raise Failure(f"{self._key!r} cannot be looked at", reason=seen.reason)
        return seen

    def _prove(self, seen: Object) -> bool:
        """Return whether the object was read, or why it was not is recorded; False: it changed."""
        self._records.claim(seen)
        if refused := refusal(seen, paid=self._paid):
            self._records.fail(refused.reason)
            return True
        try:
            parts = self._read(seen)
        except (FileChanged, FileNotFoundError):
            return False
        except _Unread as unread:
            self._records.fail(str(unread))
            return True
        # Looked at once more: only if nothing changed, all parts are of this object.
        if self._look() != seen:
            return False
        scheme = content_scheme(seen.size)
        digests = assemble(scheme, {scheme: parts}).digests
        proved = seen._replace(digests=Digests.proved(*digests).merged(seen.digests))
        self._reading.record([copy_of(proved, self._reading.copy.key)])
        self._records.finish()
        return True

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
                self._check_stop()
                done += parts.take(_POLL_SECONDS)
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
        """Return the binary SHA-256 of a part, which is read in pieces."""
        hashed = sha256()
        first = number * (part_size(seen.size) or seen.size)
        end = first + part_lengths(seen.size)[number]
        for offset in range(first, end, _PIECE):
            length = min(_PIECE, end - offset)
            self._spend(self._reading.tenant.name, length, self._stop)
            hashed.update(self._fetch(seen, offset, length))
            self._reading.read.add(length)
        return hashed.digest()

    def _fetch(self, seen: Object, offset: int, length: int) -> bytes | bytearray:
        try:
            return self._store.read_range(seen, offset, length)
        except FileNotFoundError:
            raise
        except (Failure, OSError) as error:
            raise _Unread(store_reason(error)) from error


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
