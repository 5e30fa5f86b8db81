"""The methods of the engine for what listings of a store state."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from threading import Lock

from onecopy.content import Copy
from onecopy.index.listings import Merged, SizeListing
from onecopy.index.spans import groups, total, within
from onecopy.index.sqlite import lookups, merging, reading
from onecopy.index.sqlite.connections import Readers, Writer
from onecopy.index.sqlite.joins import Join, level_to_join
from onecopy.listing import EVERYTHING, ListedCopy, Span

_GROUP = 20_000
"""Copies that are merged in one transaction."""
_AT_ONCE = 1000
"""Copies that are unlisted in one transaction."""


class SqliteListings:
    """The methods of `Listings`."""

    _readers: Readers
    _writer: Writer

    def __init__(self) -> None:
        self._joining = Lock()

    def _tenant_id(self, name: str) -> int:
        raise NotImplementedError

    def merge(
        self, tenant: str, span: Span, copies: Iterable[ListedCopy], *, complete: bool = True
    ) -> Merged:
        owner = self._tenant_id(tenant)
        return total(
            self._merge(owner, own, group, is_complete=complete)
            for own, group in groups(span, copies, _GROUP)
        )

    def _merge(
        self, tenant: int, span: Span, copies: Sequence[ListedCopy], *, is_complete: bool
    ) -> Merged:
        merged, rest = self._merge_some(tenant, span, copies, is_complete=is_complete)
        while rest is not None:
            copies = [copy for copy in copies if rest.has(copy.key)]
            more, rest = self._merge_some(tenant, rest, copies, is_complete=is_complete)
            merged = total([merged, more])
        return merged

    def _merge_some(
        self, tenant: int, span: Span, copies: Sequence[ListedCopy], *, is_complete: bool
    ) -> tuple[Merged, Span | None]:
        done = self._writer.write(merging.merge, tenant, span, copies, is_complete=is_complete)
        self._join(tenant)
        return done

    def _join(self, tenant: int) -> None:
        """Join runs, in transactions of their own; another thread may be at it."""
        if self._joining.acquire(blocking=False):
            try:
                while (level := self._readers.read(level_to_join, tenant)) is not None:
                    join = Join(tenant, level)
                    while self._writer.write(join.advance):
                        pass
            finally:
                self._joining.release()

    def listed_copies(self, tenant: str, span: Span = EVERYTHING) -> Iterator[ListedCopy]:
        return within(span, lambda key: self._readers.read(lookups.after, tenant, key))

    def listed_at(self, tenant: str, keys: Sequence[str]) -> list[ListedCopy | None]:
        return self._readers.read(lookups.at, tenant, keys)

    def listed_sizes(self, tenant: str, sizes: Sequence[int]) -> list[SizeListing | None]:
        return self._readers.read(lookups.counts, tenant, sizes)

    def matching(
        self, tenant: str, size: int, tags: Collection[tuple[int, bytes]] | None, limit: int
    ) -> list[ListedCopy]:
        return self._readers.read(lookups.matching, tenant, size, tags, limit)

    def opaque(self, tenant: str, size: int, limit: int) -> list[ListedCopy]:
        return self._readers.read(lookups.opaque, tenant, size, limit)

    def in_parts(self, tenant: str, size: int, limit: int) -> list[ListedCopy]:
        return self._readers.read(lookups.in_parts, tenant, size, limit)

    def unlist(self, tenant: str, copies: Sequence[ListedCopy]) -> list[bool]:
        owner = self._tenant_id(tenant)
        answers = [
            self._writer.write(merging.unlist, owner, copies[at : at + _AT_ONCE])
            for at in range(0, len(copies), _AT_ONCE)
        ]
        self._join(owner)
        return list(chain.from_iterable(answers))

    def tenants(self) -> list[str]:
        return sorted(self._readers.read(reading.tenants))

    def copies_within(self, tenant: str, span: Span) -> Iterator[Copy]:
        return within(span, lambda key: self._readers.read(reading.after, tenant, key))
