"""What lies in the store -> index.

    store.objects ─▶ recorded already? ─▶ read (in parallel) ─▶ still the same? ─▶ index.add
    index.copies  ─▶ still in the store? ─▶ if certainly not: index.forget

What is recorded is not read again, so that a scan that was interrupted goes on where it was.
"""

import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple

from onecopy.content import Copy, Digests
from onecopy.digest import MD5, SMALLEST_PART, Hashed, MiB, content_scheme, hash_stream
from onecopy.errors import Failure, FileChanged
from onecopy.index.interface import Engine
from onecopy.scan.records import copy_of, recorded_at
from onecopy.store.interface import Absent, Object, Store, Unknown
from onecopy.tenant import Owned, Owners, Tenant
from onecopy.workers import Workers

_BATCH = 1000
"""Objects or copies in one call to index or store."""
_BATCH_BYTES = 256 * MiB
"""Bytes after which what was read is recorded, however few objects they were."""
_READERS = 8
"""Objects that are read at one time from a store that is not on this machine."""
_MOST_PROBLEMS = 1000

Read = Literal["new", "missing", "all"]
"""What is read: objects that are not recorded as they are now; those that are but without a content
digest, too; or all."""


class Problem(NamedTuple):
    """An object that could not be recorded or looked at, and why."""

    key: str
    """Full key, the tenant's prefix included."""
    reason: str
    """`changed` while it was read, twice; `no-tenant`; or a code of the store's."""


@dataclass(slots=True)
class Figures:
    """What a scan found and did."""

    objects: int = 0
    bytes: int = 0
    empty: int = 0
    """Objects without content: they are not indexed."""
    known: int = 0
    """Objects that were recorded already."""
    added: int = 0
    """Objects that were recorded now."""
    read_bytes: int = 0
    forgotten: int = 0
    """Records whose object is gone."""
    problems: list[Problem] = field(default_factory=list)
    """The first thousand."""
    more_problems: int = 0


Progress = Callable[[Figures], object]
"""Called now and then with the figures so far."""


def scan(
    index: Engine,
    store: Store,
    tenants: Container[str] = (),
    *,
    read: Read = "new",
    progress: Progress | None = None,
) -> Figures:
    """Bring the index up to what lies in the store, and return what was found.

    `tenants` names those that keys may belong to, by their first folder; without any, all belong
    to the default tenant. What the store itself states of an object is taken without reading it,
    unless `read` says otherwise. Nothing is forgotten of which the store can't tell whether it is
    there. Can be interrupted at any time, and goes on where it was. Raises Unavailable, Forbidden.
    """
    workers = Workers()
    scanning = _Scan(index, store, tenants, read, progress or (lambda _figures: None))
    try:
        scanning.record(workers)
        scanning.forget()
    finally:
        workers.stop(patience=2)
    return scanning.figures


class _Found(NamedTuple):
    """An object, and whose it is."""

    owned: Owned
    object: Object


class _Read(NamedTuple):
    """An object, and the digests that reading it gave (none: the store's own are enough)."""

    found: _Found
    digests: Digests
    read_bytes: int = 0


class _Scan:
    """One scan, and its figures so far."""

    def __init__(
        self, index: Engine, store: Store, tenants: Container[str], read: Read, progress: Progress
    ) -> None:
        self._index = index
        self._store = store
        self._owners = Owners(tenants)
        self._which = read
        self._progress = progress
        self.figures = Figures()

    def record(self, workers: Workers) -> None:
        """Record what lies in the store and is not recorded yet."""
        threads = os.cpu_count() or 1 if self._store.kind == "folder" else _READERS
        done = workers.each(self._read, self._unknown(), threads=threads, inside=_BATCH)
        for batch in _batches(done):
            self._keep([each for each in batch if isinstance(each, _Read)])
            for problem in batch:
                if isinstance(problem, Problem):
                    self._report(problem)
            self._progress(self.figures)

    def forget(self) -> None:
        """Forget the records of objects that are certainly gone."""
        copies = self._index.copies()
        while batch := list(islice(copies, _BATCH)):
            keys = [Tenant(name).prefix + copy.key for name, copy in batch]
            gone: dict[str, list[Copy]] = {}
            for (name, copy), key, seen in zip(batch, keys, self._store.look(keys), strict=True):
                if isinstance(seen, Absent):
                    gone.setdefault(name, []).append(copy)
                elif isinstance(seen, Unknown):
                    self._report(Problem(key, seen.reason))
            for name, dead in gone.items():
                self.figures.forgotten += sum(self._index.forget(name, dead))
            self._progress(self.figures)

    def _unknown(self) -> Iterator[_Found | Problem]:
        """Yield what is not recorded as it is now, and what can't be."""
        objects = self._objects()
        while batch := list(islice(objects, _BATCH)):
            found = [each for each in batch if isinstance(each, _Found)]
            yield from (each for each in batch if isinstance(each, Problem))
            recorded = recorded_at(self._index, [each.owned for each in found])
            for each, copy in zip(found, recorded, strict=True):
                if self._is_known(each.object, copy):
                    self.figures.known += 1
                else:
                    yield each

    def _objects(self) -> Iterator[_Found | Problem]:
        """Yield what lies in the store and has content."""
        for found in self._store.objects():
            self.figures.objects += 1
            self.figures.bytes += found.size
            if found.size == 0:
                self.figures.empty += 1
            else:
                owned = self._owners.of(found.key)
                yield _Found(owned, found) if owned else Problem(found.key, "no-tenant")

    def _is_known(self, found: Object, recorded: Copy | None) -> bool:
        if self._which == "all" or recorded is None or recorded.identity != found.identity:
            return False
        return self._which == "new" or recorded.content_digest is not None

    def _read(self, found: _Found | Problem) -> _Read | Problem | None:
        """Read an object, if need be; None: it has gone."""
        if isinstance(found, Problem):
            return found
        if self._is_enough(found.object):
            return _Read(found, Digests())
        size = found.object.size
        try:
            return _Read(found, Digests.proved(*self._hash(found.object).digests), size)
        except FileNotFoundError:
            return None
        except FileChanged:
            return _Read(found, Digests(), size)  # what was recorded of it no longer holds, either
        except (Failure, OSError) as error:
            reason = error.reason if isinstance(error, Failure) else "unreadable"
            return Problem(found.object.key, f"store-{reason}")

    def _is_enough(self, found: Object) -> bool:
        """Whether what the store itself states of an object spares reading it."""
        if self._which == "all":
            return False
        return found.digests.content_digest(found.size) is not None or (
            self._which == "new" and len(found.digests) > 0
        )

    def _hash(self, found: Object) -> Hashed:
        schemes = [content_scheme(found.size)]
        if found.size < SMALLEST_PART:
            schemes.append(MD5)
        with self._store.open(found.key) as stream:
            return hash_stream(iter(lambda: stream.read(MiB), b""), found.size, schemes)

    def _keep(self, batch: Sequence[_Read], *, again: bool = True) -> None:
        """Record what was read, if it is still the same; read once more what is not."""
        seen = self._store.look([each.found.object.key for each in batch])
        good: list[tuple[str, Copy]] = []
        changed: list[_Found] = []
        for each, now in zip(batch, seen, strict=True):
            self.figures.read_bytes += each.read_bytes
            if isinstance(now, Unknown):
                self._report(Problem(each.found.object.key, now.reason))
            elif isinstance(now, Object):
                # A list may tell more of an object than a look does: the sizes of its parts.
                stated = each.found.object.digests
                if now.identity == each.found.object.identity and (each.digests or stated):
                    good.append((each.found.owned.tenant.name, _copy(each)))
                elif now.size:
                    changed.append(each.found._replace(object=now))
        self.figures.added += self._index.add(good)
        if changed and again:
            read = [self._read(found) for found in changed]
            self._keep([each for each in read if isinstance(each, _Read)], again=False)
        else:
            for found in changed:
                self._report(Problem(found.object.key, "changed"))

    def _report(self, problem: Problem) -> None:
        if len(self.figures.problems) < _MOST_PROBLEMS:
            self.figures.problems.append(problem)
        else:
            self.figures.more_problems += 1


def _copy(read: _Read) -> Copy:
    found = read.found.object
    return copy_of(read.found.owned, found._replace(digests=read.digests.merged(found.digests)))


def _batches(items: Iterable[_Read | Problem | None]) -> Iterator[list[_Read | Problem]]:
    """Gather what comes: so many, or as many as it took so many bytes to read."""
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
