"""What listings state about the objects of a store, in memory."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager

from onecopy.index.listings import MOST_COUNTED, Merged, SizeListing
from onecopy.index.spans import groups, is_moved, is_same_state, total
from onecopy.listing import EVERYTHING, ListedCopy, Span

_GROUP = 1000
"""Copies that are merged or read at a time."""


class _Listing:
    """The listed copies of one tenant."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self.at: dict[str, ListedCopy] = {}
        self._by_size: dict[int, dict[str, ListedCopy]] = defaultdict(dict)

    def merge(self, span: Span, copies: Iterable[ListedCopy], *, is_complete: bool) -> Merged:
        given = {copy.key: copy for copy in copies}
        old = {copy.key: copy for copy in self.within(span)}
        gone = old.keys() - given.keys() if is_complete else ()
        pairs = [(old[key], given[key]) for key in given if key in old]
        kept, moved = ([test(*pair) for pair in pairs] for test in (is_same_state, is_moved))
        for key in gone:
            self._drop(key)
        for copy in given.values():
            self._put(copy)
        self._keys[self._slice(span)] = sorted({*old, *given}.difference(gone))
        counts = len(given) - len(kept), kept.count(False), len(gone), kept.count(True)
        return Merged(*counts, moved.count(True))

    def _put(self, copy: ListedCopy) -> None:
        self._drop(copy.key)
        self.at[copy.key] = self._by_size[copy.size][copy.key] = copy

    def _drop(self, key: str) -> None:
        old = self.at.pop(key, None)
        if old is not None:
            del self._by_size[old.size][key]

    def _slice(self, span: Span) -> slice:
        end = None if span.through is None else bisect_right(self._keys, span.through)
        return slice(bisect_right(self._keys, span.after), end)

    def within(self, span: Span, limit: int | None = None) -> list[ListedCopy]:
        return [self.at[key] for key in self._keys[self._slice(span)][:limit]]

    def of_size(self, size: int) -> list[ListedCopy]:
        return list(self._by_size.get(size, {}).values())

    def unlist(self, copy: ListedCopy) -> bool:
        is_listed = self.at.get(copy.key) == copy
        if is_listed:
            self._drop(copy.key)
            del self._keys[bisect_right(self._keys, copy.key) - 1]
        return is_listed


class MemoryListings:
    """The methods of `Listings`, but for `copies_within`."""

    def __init__(self) -> None:
        self._listings: dict[str, _Listing] = defaultdict(_Listing)
        self._changes = 0
        """The number of changes of copies and listed copies."""

    def _locked(self) -> AbstractContextManager[object]:
        """Admit one caller at a time, and none after `close`."""
        raise NotImplementedError

    def merge(
        self, tenant: str, span: Span, copies: Iterable[ListedCopy], *, complete: bool = True
    ) -> Merged:
        return total(
            self._merge(tenant, own, group, is_complete=complete)
            for own, group in groups(span, copies, _GROUP)
        )

    def _merge(
        self, tenant: str, span: Span, copies: Sequence[ListedCopy], *, is_complete: bool
    ) -> Merged:
        with self._locked():
            self._changes += 1
            return self._listings[tenant].merge(span, copies, is_complete=is_complete)

    def listed_copies(self, tenant: str, span: Span = EVERYTHING) -> Iterator[ListedCopy]:
        while page := self._page(tenant, span):
            yield from page
            span = Span(page[-1].key, span.through)

    def _page(self, tenant: str, span: Span) -> list[ListedCopy]:
        with self._locked():
            return self._listings[tenant].within(span, _GROUP)

    def listed_at(self, tenant: str, keys: Sequence[str]) -> list[ListedCopy | None]:
        with self._locked():
            return [self._listings[tenant].at.get(key) for key in keys]

    def listed_sizes(self, tenant: str, sizes: Sequence[int]) -> list[SizeListing | None]:
        return [_counted(self._of_size(tenant, size)) for size in sizes]

    def _of_size(self, tenant: str, size: int) -> list[ListedCopy]:
        with self._locked():
            return self._listings[tenant].of_size(size)

    def matching(
        self, tenant: str, size: int, tags: Collection[tuple[int, bytes]] | None, limit: int
    ) -> list[ListedCopy]:
        found = self._of_size(tenant, size)
        return [copy for copy in found if tags is None or (copy.parts, copy.tag) in tags][:limit]

    def opaque(self, tenant: str, size: int, limit: int) -> list[ListedCopy]:
        found = [copy for copy in self._of_size(tenant, size) if copy.is_opaque]
        return sorted(found, key=lambda copy: -copy.modified)[:limit]

    def in_parts(self, tenant: str, size: int, limit: int) -> list[ListedCopy]:
        return [copy for copy in self._of_size(tenant, size) if _is_in_parts(copy)][:limit]

    def unlist(self, tenant: str, copies: Sequence[ListedCopy]) -> list[bool]:
        with self._locked():
            self._changes += 1
            return [self._listings[tenant].unlist(copy) for copy in copies]


def _counted(copies: Sequence[ListedCopy]) -> SizeListing | None:
    if not copies:
        return None
    opaque = sum(copy.is_opaque for copy in copies)
    in_parts = sum(map(_is_in_parts, copies))
    counts = (min(count, MOST_COUNTED) for count in (opaque, len(copies), in_parts))
    return SizeListing(frozenset(copy.parts for copy in copies), *counts)


def _is_in_parts(copy: ListedCopy) -> bool:
    return copy.parts > 1 and not copy.is_opaque
