"""The engine: an index in a PostgreSQL database."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from time import monotonic
from typing import TypeVar

from onecopy.content import Copy, Listed
from onecopy.digest import Digest, Scheme
from onecopy.index.interface import Entry, Lease, Stored
from onecopy.index.listings import Merged, SizeListing
from onecopy.index.postgres import (
    listings,
    lists,
    loading,
    merging,
    pages,
    reading,
    repeats,
    state,
    writing,
)
from onecopy.index.postgres.connections import Connection, Connections
from onecopy.index.postgres.schema import upgrade
from onecopy.index.rules import content_digest
from onecopy.index.spans import groups, total
from onecopy.listing import EVERYTHING, ListedCopy, Span

_CHUNK = 10_000
"""Copies or listed digests that are recorded in one transaction, for which other writers wait."""
_SWEEP_SECONDS = 60.0
"""How often a process removes leases that have expired."""
_MIN_BULK_LOAD = 50_000
"""Copies from which on it is faster to build the keys of an empty index at the end."""

_T = TypeVar("_T")


class PostgresIndex:
    """An index in a PostgreSQL database. Open it after a fork, not before."""

    def __init__(self, url: str) -> None:
        self._connections = Connections(url)
        self._next_sweep = monotonic() + _SWEEP_SECONDS
        try:
            self._connections.use(upgrade)
        except BaseException:
            self.close()
            raise

    def schemes(self, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        return self._connections.use(reading.schemes, tenant, sizes)

    def lookup(self, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
        return self._connections.use(reading.lookup, tenant, digests)

    def at(self, tenant: str, keys: Sequence[str]) -> list[Copy | None]:
        return self._connections.use(reading.at, tenant, keys)

    def copies(
        self, tenant: str | None = None, *, digest: Digest | None = None
    ) -> Iterator[tuple[str, Copy]]:
        names = self._connections.use(reading.tenants) if tenant is None else [tenant]
        for name in names:
            own = self._with_digest(name, digest) if digest else self.copies_within(name)
            for copy in own:
                yield name, copy

    def tenants(self) -> list[str]:
        return sorted(self._connections.use(reading.tenants))

    def copies_within(self, tenant: str, span: Span = EVERYTHING) -> Iterator[Copy]:
        """Yield by key, which does not change when copies are recorded concurrently."""
        while page := self._connections.use(reading.within, tenant, span):
            yield from page
            span = Span(page[-1].key, span.through)

    def _with_digest(self, tenant: str, digest: Digest) -> Iterator[Copy]:
        last = reading.BEFORE_ALL
        while page := self._connections.use(reading.with_digest, tenant, digest, last):
            yield from (copy for _, copy in page)
            last = page[-1][0]

    def unread(self, tenant: str, size: int, limit: int) -> list[Copy]:
        return self._connections.use(reading.unread, tenant, size, limit)

    def unread_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        return self._connections.use(reading.unread_sizes, tenant, sizes)

    def undecided_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        return self._connections.use(reading.undecided_sizes, tenant, sizes)

    def version(self) -> object:
        return self._connections.use(repeats.version)

    def stored(self, tenant: str) -> Stored:
        return self._connections.use(repeats.stored, tenant)

    def repeated(self, tenant: str) -> Iterator[Sequence[Copy]]:
        last: bytes | None = b""
        while last is not None:
            last, contents = self._connections.use(repeats.repeated, tenant, last)
            yield from contents

    def record(self, tenant: str, copies: Sequence[Copy]) -> list[Copy]:
        digests = [content_digest(copy) for copy in copies]
        return self._connections.use(writing.record, tenant, copies, digests) if copies else []

    def add(self, copies: Iterable[tuple[str, Copy]]) -> int:
        pairs = iter(copies)
        first = list(islice(pairs, _MIN_BULK_LOAD))
        if len(first) == _MIN_BULK_LOAD:
            loaded = self._connections.use(loading.load, chain(first, pairs))
            if loaded is not None:
                return loaded
        return self._in_chunks(writing.keep, chain(first, pairs))

    def forget(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        return self._connections.use(writing.forget, tenant, copies) if copies else []

    def classify(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        return self._connections.use(writing.classify, tenant, copies) if copies else []

    def enlist(self, digests: Iterable[tuple[str, Listed]]) -> int:
        return self._in_chunks(lists.keep, iter(digests))

    def _in_chunks(self, keep: Callable[[Connection, list[_T]], None], items: Iterator[_T]) -> int:
        """Record items chunk by chunk, each in one transaction; return the number of items."""
        count = 0
        while chunk := list(islice(items, _CHUNK)):
            self._connections.use(keep, chunk)
            count += len(chunk)
        return count

    def listed(self, tenant: str, digests: Sequence[Digest]) -> list[Listed | None]:
        return self._connections.use(lists.find, tenant, digests)

    def merge(
        self, tenant: str, span: Span, copies: Iterable[ListedCopy], *, complete: bool = True
    ) -> Merged:
        return total(
            self._connections.use(merging.merge, tenant, own, group, is_complete=complete)
            for own, group in groups(span, copies, merging.GROUP)
        )

    def listed_copies(self, tenant: str, span: Span = EVERYTHING) -> Iterator[ListedCopy]:
        while page := self._connections.use(listings.within, tenant, span):
            yield from page
            span = Span(page[-1].key, span.through)

    def listed_at(self, tenant: str, keys: Sequence[str]) -> list[ListedCopy | None]:
        return self._connections.use(listings.at, tenant, keys)

    def listed_sizes(self, tenant: str, sizes: Sequence[int]) -> list[SizeListing | None]:
        return self._connections.use(listings.sizes, tenant, sizes)

    def matching(
        self, tenant: str, size: int, tags: Collection[tuple[int, bytes]] | None, limit: int
    ) -> list[ListedCopy]:
        return self._connections.use(listings.matching, tenant, size, tags, limit)

    def opaque(self, tenant: str, size: int, limit: int) -> list[ListedCopy]:
        return self._connections.use(listings.opaque, tenant, size, limit)

    def in_parts(self, tenant: str, size: int, limit: int) -> list[ListedCopy]:
        return self._connections.use(listings.in_parts, tenant, size, limit)

    def unlist(self, tenant: str, copies: Sequence[ListedCopy]) -> list[bool]:
        return self._connections.use(merging.unlist, tenant, copies) if copies else []

    def count(self) -> int:
        return self._connections.use(pages.count)

    def counts(self) -> Iterator[int]:
        total = 0
        for table in pages.TABLES:
            total += self._connections.use(pages.count_all, table)
            yield total

    def pages(self, after: str | None = None) -> Iterator[tuple[str, list[Entry]]]:
        while page := self._connections.use(pages.page, after):
            after = page[0]
            yield page

    def get(self, name: str) -> bytes | None:
        return self._connections.use(state.get, name)

    def put_if(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        return self._connections.use(state.put_if, name, old, new)

    def increase(self, name: str, by: int) -> int:
        return self._connections.use(state.increase, name, by)

    def values(self, prefix: str, after: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        return self._connections.use(state.values, prefix, after, limit)

    def take_leases(self, leases: Sequence[Lease]) -> list[bool]:
        return self._connections.use(state.take_leases, leases) if leases else []

    def end_leases(self, leases: Sequence[Lease]) -> None:
        if leases:
            self._connections.use(state.end_leases, leases)
        if monotonic() >= self._next_sweep:
            self._next_sweep = monotonic() + _SWEEP_SECONDS
            self._connections.use(state.sweep_leases)

    def lease_holders(self, names: Sequence[str]) -> list[str]:
        return self._connections.use(state.lease_holders, names) if names else []

    def close(self) -> None:
        self._connections.close()
