"""A scan of a whole store, which brings the index up to date.

    store.objects ─▶ recorded already? ─▶ read (in parallel) ─▶ still the same? ─▶ index.add
    index.copies  ─▶ still in the store? ─▶ if certainly not: index.forget

Recorded objects are not read again, so a scan that was interrupted resumes where it stopped.
"""

import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from onecopy.content import Copy, Digests, Evidence
from onecopy.counted import is_counted
from onecopy.digest import MD5, SMALLEST_PART, MiB
from onecopy.errors import Failure, FileChanged
from onecopy.index.interface import Engine
from onecopy.last_scan import keep_scan
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter
from onecopy.reading.parts import is_ranged, proved, read_parts
from onecopy.scan.figures import NO_PROBLEM, Figures, Problem
from onecopy.scan.forgetting import forget_gone
from onecopy.scan.records import MD5S, classify, recorded_at, unlist_recorded
from onecopy.store.interface import LeftOut, Object, Store, Surveyor, Unknown
from onecopy.store.objects import copy_of, hash_object
from onecopy.tenant import Owned, Owners
from onecopy.timestamp import now as now_ms
from onecopy.workers import Workers

_BATCH = 1000
"""Objects or copies in one call to index or store."""
_BATCH_BYTES = 256 * MiB
"""Bytes read, after which a batch is recorded even if it has few objects."""
_REMOTE_READERS = 8
"""Objects read concurrently from a store that is not on this machine."""
_DIVIDED = 4 * SMALLEST_PART
"""Bytes from which on several threads read an object."""
_THREADS = 4
"""Threads for each of these."""

Read = Literal["new", "missing", "all"]
"""Objects to read: those not recorded in their current state; also those without a content digest,
or without an MD5 if the checksum API counts them; or all."""


Progress = Callable[[Figures], object]
"""Called after each batch with the figures so far."""


def scan(  # noqa: PLR0913 - the last four are optional
    index: Engine,
    store: Store,
    tenants: Container[str] = (),
    *,
    read: Read = "new",
    progress: Progress | None = None,
    own: OwnFiles | None = None,
    accept: Filter = Filter(),
) -> Figures:
    """Bring the index up to date with the store, and return the figures.

    `tenants` names the tenants that own the first folders of keys; without any, every key belongs
    to the default tenant. Digests that the store states are used without reading the object, unless
    `read` says otherwise. A record is forgotten only if its object is certainly gone, or is one of
    the files of onecopy itself, `own`, which are left out. Objects that `accept` leaves out
    are not recorded, and earlier records of them stay. A scan can be interrupted at any time, and
    resumes when it is run again. Raises Unavailable and Forbidden.
    """
    workers, started = Workers(), now_ms()
    owners, report = Owners(tenants), progress or (lambda _figures: None)
    scanning = _Scan(
        index,
        store,
        owners,
        workers,
        own=own or OwnFiles(),
        accept=accept,
        read=read,
        progress=report,
    )
    try:
        scanning.record()
        forget_gone(index, store, scanning.figures, report)
    finally:
        workers.stop(timeout=2)
    keep_scan(index, scanning.figures.summary, started)
    return scanning.figures


def listed(store: Store, own: OwnFiles) -> Iterator[Object | LeftOut]:
    """Yield the objects of a store, and what is left out of it."""
    return store.survey(own) if isinstance(store, Surveyor) else store.objects()


class _Found(NamedTuple):
    """An object and its owner."""

    owned: Owned
    object: Object


class _Read(NamedTuple):
    """An object and its digests from reading it; empty if the store's own are sufficient."""

    found: _Found
    digests: Digests
    read_bytes: int = 0


class _Scan:
    """One scan, and its figures so far."""

    def __init__(  # noqa: PLR0913 - what a scan works with
        self,
        index: Engine,
        store: Store,
        owners: Owners,
        workers: Workers,
        *,
        own: OwnFiles,
        accept: Filter,
        read: Read,
        progress: Progress,
    ) -> None:
        self._index = index
        self._store = store
        self._owners = owners
        self._workers = workers
        self._own = own
        self._accept = accept
        self._read_mode = read
        self._progress = progress
        self._counted: dict[str, bool] = {}
        """Tenant -> whether the checksum API counts its contents."""
        self.figures = Figures()

    def record(self) -> None:
        """Record the objects that are not recorded in their current state."""
        threads = os.cpu_count() or 1 if self._store.kind == "folder" else _REMOTE_READERS
        done = self._workers.each(
            self._read, self._unrecorded(), threads=threads, max_in_flight=_BATCH
        )
        for batch in _batches(done):
            self._record_unchanged([each for each in batch if isinstance(each, _Read)])
            for problem in batch:
                if isinstance(problem, Problem):
                    self.figures.report(*problem)
            self._progress(self.figures)

    def _unrecorded(self) -> Iterator[_Found | Problem]:
        """Yield the objects that are not recorded in their current state, and problems."""
        objects = self._objects()
        while batch := list(islice(objects, _BATCH)):
            found = [each for each in batch if isinstance(each, _Found)]
            yield from (each for each in batch if isinstance(each, Problem))
            recorded = recorded_at(self._index, [each.owned for each in found])
            known: list[tuple[str, Copy]] = []
            moved: list[tuple[str, Copy]] = []
            for each, copy in zip(found, recorded, strict=True):
                if copy is None or not self._is_known(each, copy):
                    yield each
                    continue
                known.append((each.owned.tenant.name, copy))
                if copy.storage_class != each.object.storage_class:
                    now = copy._replace(storage_class=each.object.storage_class)
                    moved.append((each.owned.tenant.name, now))
            self.figures.known += len(known)
            self.figures.reclassified += classify(self._index, moved)
            unlist_recorded(self._index, known)

    def _objects(self) -> Iterator[_Found | Problem]:
        """Yield the objects that have content and an owner, and problems."""
        for found in listed(self._store, self._own):
            if isinstance(found, LeftOut):
                yield from self._leave_out(found)
                continue
            if self._accept.reason(found.key):
                self.figures.report(found.key, "excluded")
                continue
            self.figures.objects += 1
            self.figures.bytes += found.size
            if found.size == 0:
                self.figures.empty += 1
            else:
                owned = self._owners.of(found.key)
                yield _Found(owned, found) if owned else Problem(found.key, "no-tenant")

    def _leave_out(self, found: LeftOut) -> Iterator[Problem]:
        if self._accept.reason(found.key):
            self.figures.report(found.key, "excluded")
        elif found.reason == "own":
            self.figures.left_out.append(found.key)
        elif found.reason in NO_PROBLEM:
            self.figures.report(*found)
        else:
            yield Problem(*found)

    def _is_known(self, found: _Found, recorded: Copy) -> bool:
        if self._read_mode == "all" or recorded.identity != found.object.identity:
            return False
        return self._read_mode == "new" or self._is_complete(found, recorded.digests)

    def _is_complete(self, found: _Found, digests: Digests) -> bool:
        """Whether an object has its content digest, and its MD5 if that is counted."""
        if digests.content_digest(found.object.size) is None:
            return False
        return not self._is_counted(found) or any(d.scheme in MD5S for d in digests)

    def _is_counted(self, found: _Found) -> bool:
        """Whether the checksum API counts the contents of an object's tenant."""
        name = found.owned.tenant.name
        if name not in self._counted:
            self._counted[name] = is_counted(self._index, name)
        return self._counted[name]

    def _read(self, found: _Found | Problem) -> _Read | Problem | None:
        """Read an object if necessary; return None if it is gone."""
        if isinstance(found, Problem):
            return found
        if self._is_enough(found):
            return _Read(found, Digests())
        key, size = found.object.key, found.object.size
        try:
            return _Read(found, self._hash(found), size)
        except FileNotFoundError:
            return None
        except FileChanged:
            return _Read(found, Digests(), size)  # its record is outdated in any case
        except (Failure, OSError) as error:
            reason = error.reason if isinstance(error, Failure) else "unreadable"
            return Problem(key, f"store-{reason}")

    def _hash(self, found: _Found) -> Digests:
        """Read an object: a large one in parts, unless its MD5 is counted."""
        store, seen, counted = self._store, found.object, self._is_counted(found)
        if seen.size < _DIVIDED or counted or not is_ranged(store):
            more = [MD5] if counted else []
            return Digests.proved(*hash_object(store, seen.key, seen.size, more).digests)
        parts = read_parts(store, seen, threads=_THREADS, check=self._workers.check)
        return proved(seen._replace(digests=Digests()), parts).digests

    def _is_enough(self, found: _Found) -> bool:
        """Whether the digests that the store states make reading the object unnecessary."""
        digests = found.object.digests
        if self._read_mode == "missing":
            return self._is_complete(found, digests)
        return self._read_mode == "new" and Evidence.PROVED in digests.values()

    def _record_unchanged(self, batch: Sequence[_Read], *, again: bool = True) -> None:
        """Record the objects that are unchanged; read the others once more."""
        seen = self._store.look([each.found.object.key for each in batch])
        good: list[tuple[str, Copy]] = []
        changed: list[_Found] = []
        for each, now in zip(batch, seen, strict=True):
            owned, listed = each.found
            self.figures.read_bytes += each.read_bytes
            if isinstance(now, Unknown):
                self.figures.report(listed.key, now.reason)
            elif isinstance(now, Object):
                # A listing may state more digests than a look: those that need the part sizes.
                digests = each.digests.merged(listed.digests)
                if now.identity == listed.identity and digests:
                    copy = copy_of(listed._replace(digests=digests), owned.key)
                    good.append((owned.tenant.name, copy))
                elif now.size:
                    changed.append(_Found(owned, now))
        self.figures.added += self._index.add(good)
        unlist_recorded(self._index, good)
        if changed and again:
            read = [self._read(found) for found in changed]
            self._record_unchanged([each for each in read if isinstance(each, _Read)], again=False)
        else:
            for found in changed:
                self.figures.report(found.object.key, "changed")


def _batches(items: Iterable[_Read | Problem | None]) -> Iterator[list[_Read | Problem]]:
    """Batch items by count or by bytes read."""
    batch: list[_Read | Problem] = []
    total = 0
    for item in items:
        if item is not None:
            batch.append(item)
            total += item.read_bytes if isinstance(item, _Read) else 0
        if len(batch) >= _BATCH or total >= _BATCH_BYTES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
