"""The engine: an index in one SQLite file."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import chain, islice
from time import monotonic
from typing import TypeVar

import apsw

from onecopy.content import Copy, Listed
from onecopy.digest import Digest, Scheme, content_scheme
from onecopy.index.interface import Entry, Lease, PlainPage, Stored
from onecopy.index.rules import content_digest
from onecopy.index.sqlite import lists, pages, plain, reading, repeats, state, writing
from onecopy.index.sqlite.checking import find_faults
from onecopy.index.sqlite.connections import Checkpointer, Readers, Watcher, Writer
from onecopy.index.sqlite.file import back_up, open_file
from onecopy.index.sqlite.leases import (
    end_leases,
    lease_holders,
    remove_expired_leases,
    take_leases,
)
from onecopy.index.sqlite.listings import SqliteListings
from onecopy.index.sqlite.lists import PackedDigests
from onecopy.index.sqlite.loading import BulkLoad
from onecopy.index.sqlite.presence import Presence
from onecopy.index.sqlite.rows import UNREAD, Rows
from onecopy.index.stored import require_progress, stored_scheme

_CHUNK = 250_000
"""Copies that a bulk load records in one transaction. In a large index each chunk rewrites nearly
all pages of two trees, so larger chunks would be faster; but other writers wait for a whole chunk,
and it takes memory. An index without copies avoids this: see BulkLoad."""
_LISTED_CHUNK = 1_000_000
"""The same for listed digests, whose tree is an eighth of the size."""
_SWEEP_SECONDS = 60.0
"""How often a process removes leases that have expired."""
_T = TypeVar("_T", bound=Sized)


class SqliteIndex(SqliteListings):
    """An index in one SQLite file. Open it after a fork, not before."""

    def __init__(self, path: str) -> None:
        super().__init__()
        connection = open_file(path)
        self.path = connection.filename
        """Absolute."""
        self._tenants: dict[str, int] = {}
        self._next_sweep = monotonic() + _SWEEP_SECONDS
        self._presence = Presence(self.path)
        self._readers = Readers(self.path, self._presence)
        self._watcher = Watcher(self.path, self._presence)
        self._writer = Writer(connection, self._presence)
        self._checkpointer = Checkpointer(self.path)
        self._checkpointer.watch(connection)

    def schemes(self, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        needs = self._readers.read(reading.needs, tenant, [reading.ANY_SIZE, *sizes])
        everywhere = frozenset(map(stored_scheme, needs.pop(reading.ANY_SIZE, ())))
        return [everywhere | _schemes(size, needs.get(size, ())) for size in sizes]

    def lookup(self, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
        return self._readers.read(reading.lookup, tenant, digests)

    def at(self, tenant: str, keys: Sequence[str]) -> list[Copy | None]:
        return self._readers.read(reading.at, tenant, keys)

    def copies(
        self, tenant: str | None = None, *, digest: Digest | None = None
    ) -> Iterator[tuple[str, Copy]]:
        names = self._readers.read(reading.tenants) if tenant is None else [tenant]
        for name in names:
            for copy in self._with_digest(name, digest) if digest else self._all(name):
                yield name, copy

    def _all(self, tenant: str) -> Iterator[Copy]:
        """Yield by key, which does not change when copies are recorded concurrently."""
        key = ""
        while page := self._readers.read(reading.after, tenant, key):
            require_progress(key, page[-1].key)
            yield from page
            key = page[-1].key

    def plain(self, tenant: str) -> Iterator[PlainPage]:
        place = self._readers.read(plain.first, tenant)
        while found := self._readers.read(plain.after, tenant, place):
            page, last = found
            require_progress(place, last)
            yield page
            place = last

    def _with_digest(self, tenant: str, digest: Digest) -> Iterator[Copy]:
        last = reading.BEFORE_ALL
        while page := self._readers.read(reading.with_digest, tenant, digest, last):
            require_progress(last, page[-1][0])
            yield from (copy for _, copy in page if copy is not None)
            last = page[-1][0]

    def unread(self, tenant: str, size: int, limit: int) -> list[Copy]:
        return self._readers.read(reading.unread, tenant, size, limit)

    def unread_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        return self._readers.read(reading.unread_sizes, tenant, sizes)

    def undecided_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        return self._readers.read(reading.undecided_sizes, tenant, sizes)

    def version(self) -> object:
        return self._watcher.version()

    def stored(self, tenant: str) -> Stored:
        return self._readers.read(repeats.stored, tenant)

    def repeated(self, tenant: str) -> Iterator[Sequence[Copy]]:
        first: int | None = repeats.FIRST
        while first is not None:
            first, contents = self._readers.read(repeats.repeated, tenant, first)
            yield from contents

    def record(self, tenant: str, copies: Sequence[Copy]) -> list[Copy]:
        digests = [content_digest(copy) for copy in copies]
        rows = self._packed((tenant, copy) for copy in copies)

        def keep(connection: apsw.Connection) -> list[Copy]:
            writing.keep(connection, rows)
            found = reading.lookup(connection, tenant, digests)
            return [first or own for first, own in zip(found, copies, strict=True)]

        return self._writer.write(keep) if copies else []

    def add(self, copies: Iterable[tuple[str, Copy]]) -> int:
        chunks = self._chunks(copies)
        first = next(chunks, None)
        if first is None:
            return 0
        if len(first) < _CHUNK:
            self._keep(first)
            return len(first)
        chunks = chain([first], chunks)
        del first  # a chunk takes a hundred MB of memory
        if not self._readers.read(reading.is_empty):
            return _insert_each(self._keep, chunks)
        with closing(BulkLoad()) as load:
            count = _insert_each(load.keep, chunks)
            if not load.move(self.path, self._checkpointer):  # others added copies since
                _insert_each(self._keep, load.chunks(_CHUNK))
        self._presence.require()
        return count

    def _chunks(self, copies: Iterable[tuple[str, Copy]]) -> Iterator[Rows]:
        pairs = iter(copies)
        while rows := self._packed(islice(pairs, _CHUNK)):
            yield rows

    def _keep(self, rows: Rows) -> None:
        self._writer.write(writing.keep, rows)

    def _packed(self, copies: Iterable[tuple[str, Copy]]) -> Rows:
        rows, tenants = Rows(), self._tenants
        for number, (tenant, copy) in enumerate(copies, 1):
            rows.append(number, tenants.get(tenant) or self._intern(tenant), copy)
        return rows

    def _intern(self, tenant: str) -> int:
        number = self._tenants[tenant] = self._writer.write(writing.intern, tenant)
        return number

    def forget(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        number = self._tenant_id(tenant)
        return self._writer.write(writing.forget, number, copies) if copies else []

    def classify(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        number = self._tenant_id(tenant)
        return self._writer.write(writing.classify, number, copies) if copies else []

    def enlist(self, digests: Iterable[tuple[str, Listed]]) -> int:
        return _insert_each(lambda packed: self._writer.write(packed.insert), self._lists(digests))

    def _lists(self, digests: Iterable[tuple[str, Listed]]) -> Iterator[PackedDigests]:
        pairs = iter(digests)
        while packed := PackedDigests(islice(pairs, _LISTED_CHUNK), self._tenant_id):
            yield packed

    def _tenant_id(self, name: str) -> int:
        return self._tenants.get(name) or self._intern(name)

    def listed(self, tenant: str, digests: Sequence[Digest]) -> list[Listed | None]:
        return self._readers.read(lists.find, tenant, digests)

    def count(self) -> int:
        return self._readers.read(pages.count)

    def counts(self) -> Iterator[int]:
        yield self.count()

    def pages(self, after: str | None = None) -> Iterator[tuple[str, list[Entry]]]:
        while page := self._readers.read(pages.page, after):
            after = page[0]
            yield page

    def get(self, name: str) -> bytes | None:
        return self._readers.read(state.get, name)

    def put_if(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        return self._writer.write(state.put_if, name, old, new)

    def increase(self, name: str, by: int) -> int:
        return self._writer.write(state.increase, name, by)

    def values(self, prefix: str, after: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        return self._readers.read(state.values, prefix, after, limit)

    def take_leases(self, leases: Sequence[Lease]) -> list[bool]:
        return self._writer.write_unsynced(take_leases, leases) if leases else []

    def end_leases(self, leases: Sequence[Lease]) -> None:
        if leases:
            self._writer.write_unsynced(end_leases, leases)
        if monotonic() >= self._next_sweep:
            self._next_sweep = monotonic() + _SWEEP_SECONDS
            self._writer.write_unsynced(remove_expired_leases)

    def lease_holders(self, names: Sequence[str]) -> list[str]:
        return self._readers.read(lease_holders, names)

    def backup(self, path: str) -> None:
        self._readers.read(back_up, path, find_faults)

    def check(self) -> list[str]:
        return self._readers.read(find_faults)

    def close(self) -> None:
        self._readers.close()
        self._watcher.close()
        self._checkpointer.close()
        self._writer.close()


def _insert_each(insert: Callable[[_T], None], chunks: Iterable[_T]) -> int:
    """Let SQLite insert each chunk while Python packs the next one; return the number of rows."""
    count = 0
    with ThreadPoolExecutor(1, "onecopy-add") as helper:
        inserting: Future[None] | None = None
        for rows in chunks:
            if inserting:
                inserting.result()
            inserting = helper.submit(insert, rows)
            count += len(rows)
        if inserting:
            inserting.result()
    return count


def _schemes(size: int, needs: Sequence[str]) -> frozenset[Scheme]:
    if not needs:
        return frozenset()
    others = (need.split() for need in needs if need != UNREAD)
    return frozenset([content_scheme(size)]).union(
        stored_scheme(name) for own in others for name in own
    )
