"""Comparing the files of a folder that share their size, so that duplicates are known.

    listed and recorded ─▶ same size? ─▶ same first 4 KiB? ─▶ read ─▶ unchanged? ─▶ index.add

Hard links of a file are read once. A file that has no equal stays listed: a check reads it when it
meets its size. If the checksum API counts the contents of a tenant, all its files are read.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from onecopy.content import Copy, Digests
from onecopy.counted import is_counted
from onecopy.digest import MD5, MiB, content_scheme, hash_stream
from onecopy.errors import Failure, FileChanged
from onecopy.index.listings import ListingEngine
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.patterns import Filter
from onecopy.scan.due import Due
from onecopy.scan.figures import Figures
from onecopy.scan.groups import HEAD, File, Groups, Member, grouped, member
from onecopy.scan.records import is_complete
from onecopy.store.interface import Absent, Seen, Store, Unknown
from onecopy.store.listings import Starts
from onecopy.store.objects import store_reason
from onecopy.tenant import Tenant
from onecopy.workers import Workers

_SMALL = MiB
"""Files below this are read by one thread: opening one takes longer than hashing it."""
_LARGEST = 1 << 62
_BATCH = 2000
"""Files that are opened, or recorded, at a time."""
_BATCH_BYTES = 64 * MiB
"""Bytes of small files that are kept at a time, and of large ones that are read before they are
recorded."""
_CHANGED = "changed"


@runtime_checkable
class ComparedStore(Store, Starts, Protocol):
    """A store whose files are compared with each other."""


class _Read(NamedTuple):
    """A file that was read, and its digests; or the reason why it could not be read."""

    file: File
    result: Digests | str | None
    """None: it is gone."""


_Item = TypeVar("_Item", File, _Read)


class Comparing:
    """Compares the files of one tenant with each other."""

    def __init__(  # noqa: PLR0913 - what comparing works with
        self,
        index: ListingEngine,
        store: ComparedStore,
        tenant: Tenant,
        accept: Filter,
        due: Due,
        *,
        started_ms: int,
        figures: Figures,
        progress: Callable[[Figures], object],
    ) -> None:
        self._index = index
        self._store = store
        self._tenant = tenant
        self._accept = accept
        self._due = due
        self._started_ms = started_ms
        self._figures = figures
        self._progress = progress
        self._counted = is_counted(index, tenant.name)

    def compare(self) -> None:
        """Read the files that are due and may be equal, or all if they are counted; record them.

        Durable on return.
        """
        if self._due.is_nothing and not self._counted:
            return
        with grouped(self._members()) as groups:
            if not self._counted:
                self._compare_heads(groups)
            groups.choose(everything=self._counted)
            self._figures.to_read += groups.bytes("wanted")
            for small in _batches(groups.chosen(0, _SMALL - 1)):
                self._record(groups, list(self._read_small(small)))
            for read in _batches(self._read_large(groups.chosen(_SMALL, _LARGEST))):
                self._record(groups, read)

    def _members(self) -> Iterator[Member]:
        """Yield the names of the files whose size is due; of all, if they are counted."""
        name, is_everything = self._tenant.name, self._counted or self._due.is_everything
        is_wanted = None if is_everything and self._accept.accepts_all else self._is_wanted
        for key, size, tag, _, _, modified, _, _ in filter(
            is_wanted, self._index.listed_copies(name)
        ):
            yield member((key, size, tag, modified, False))
        for copy in filter(is_wanted, self._index.copies_within(name, EVERYTHING)):
            tag, is_read = self._store.tag(copy.identity), is_complete(copy, counted=self._counted)
            yield Member(copy.key, copy.size, tag, None, is_read)

    def _is_wanted(self, copy: Copy | ListedCopy) -> bool:
        if not self._counted and not self._due.has(self._tenant.name, copy.size):
            return False
        return self._accept.accepts_all or not self._accept.reason(self._full(copy.key))

    def _full(self, key: str) -> str:
        return self._tenant.prefix + key

    def _compare_heads(self, groups: Groups) -> None:
        files = groups.sharing()
        self._figures.to_read += groups.bytes("sharing", HEAD)
        while batch := list(islice(files, _BATCH)):
            groups.note([(f.id, f.size, hash(start)) for f, start in self._starts(batch, HEAD)])

    def _starts(self, files: Sequence[File], most: int) -> Iterator[tuple[File, bytes]]:
        """Yield the first bytes of the files that can be read."""
        prefix = self._tenant.prefix
        wanted = [(prefix + key, min(size, most)) for _, key, size, _ in files]
        for file, start in zip(files, self._store.starts(wanted), strict=True):
            if isinstance(start, bytes):
                yield file, start
            elif isinstance(start, Unknown):
                self._report(file, start.reason)
        self._figures.read_bytes += sum(length for _, length in wanted)
        self._progress(self._figures)

    def _read_small(self, files: Sequence[File]) -> Iterator[_Read]:
        for file, start in self._starts(files, _SMALL):
            yield _Read(file, self._hash(file, [start]))

    def _read_large(self, files: Iterator[File]) -> Iterator[_Read]:
        """Yield files, several of which are read at once."""
        calls = (partial(self._read, file) for file in files)
        workers, threads = Workers(), os.cpu_count() or 1
        try:
            for read in workers.in_order(calls, threads=threads, depth=2 * threads):
                self._figures.read_bytes += read.file.size
                self._progress(self._figures)
                yield read
        finally:
            workers.stop(timeout=2)

    def _read(self, file: File) -> _Read:
        try:
            with self._store.open(self._full(file.key)) as stream:
                return _Read(file, self._hash(file, iter(lambda: stream.read(MiB), b"")))
        except FileNotFoundError:
            return _Read(file, None)
        except (Failure, OSError) as error:
            return _Read(file, store_reason(error))

    def _hash(self, file: File, chunks: Iterable[bytes]) -> Digests | str:
        schemes = [content_scheme(file.size), *([MD5] if self._counted else [])]
        try:
            return Digests.proved(*hash_stream(chunks, file.size, schemes).digests)
        except FileChanged:
            return _CHANGED

    def _record(self, groups: Groups, batch: Sequence[_Read]) -> None:
        """Record the files that are as they were listed, under each of their names."""
        copies: list[tuple[str, Copy]] = []
        listed: list[ListedCopy] = []
        seen = self._store.look([self._full(each.file.key) for each in batch])
        for read, now in zip(batch, seen, strict=True):
            for copy, modified in self._copies(groups, read, now):
                copies.append((self._tenant.name, copy))
                if modified is not None:
                    listed.append(ListedCopy(copy.key, copy.size, read.file.tag, 0, True, modified))
        self._index.add(copies)
        self._index.unlist(self._tenant.name, listed)

    def _copies(self, groups: Groups, read: _Read, now: Seen) -> Iterator[tuple[Copy, int | None]]:
        """Yield the copies of a file that was read, and the times with which they are listed."""
        file, result = read
        if isinstance(now, Unknown):
            self._report(file, now.reason)
        elif isinstance(now, Absent) or result is None:
            return  # the next scan notices that it is gone
        elif isinstance(result, str) or self._store.tag(now.identity) != file.tag:
            self._report(file, result if isinstance(result, str) else _CHANGED)
        else:
            for key, modified in groups.names(file):
                # As of the listing: a copy that is recorded later has not been compared.
                values = (key, file.size, result, now.identity, now.stored_ms, self._started_ms)
                yield Copy(*values), modified

    def _report(self, file: File, reason: str) -> None:
        """Report a file that could not be read; its size stays due."""
        self._due.leave(self._tenant.name, file.size)
        self._figures.report(self._full(file.key), reason)


def _batches(files: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Batch files by their number or their bytes."""
    batch: list[_Item] = []
    total = 0
    for each in files:
        batch.append(each)
        total += (each.file if isinstance(each, _Read) else each).size
        if len(batch) >= _BATCH or total >= _BATCH_BYTES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
