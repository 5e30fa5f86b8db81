"""Queries of what is listed."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from typing import TypeVar

from onecopy.errors import Damaged
from onecopy.index.dynamodb.blocks import BlockReader
from onecopy.index.dynamodb.connections import Table
from onecopy.index.dynamodb.directory import Outdated, patiently
from onecopy.index.dynamodb.entries import Entries
from onecopy.index.dynamodb.lists import Tenants
from onecopy.index.dynamodb.runs import RunReader
from onecopy.index.listings import SizeListing
from onecopy.index.packed.sizes import (
    candidates,
    in_parts,
    is_possible,
    newest,
    range_of,
    ranges_of,
)
from onecopy.index.packed.sizes import count as count_size
from onecopy.index.stored import damaged
from onecopy.listing import EVERYTHING, ListedCopy, Span

_T = TypeVar("_T")

_CACHE_SECONDS = 1.0
"""How long a process uses the entries that it has read."""
_MOST_TENANTS = 100
"""Tenants whose entries a process keeps."""
_ATTEMPTS = 12
"""Attempts while others change what is read."""
_DELAY = 0.02
"""Seconds before the second attempt; another of these before each further one."""
_BATCHES = (1, 3, 8)
"""Blocks in the first batches that are read: most callers need only the first ones."""
_LARGEST = 32
"""Blocks in each further batch."""


class Lookups:
    """Finds listed copies."""

    def __init__(
        self, table: Table, tenants: Tenants, blocks: BlockReader, runs: RunReader
    ) -> None:
        self._table = table
        self._tenants = tenants
        self._blocks = blocks
        self._runs = runs
        self._entries: dict[str, tuple[float, Entries]] = {}

    def changed(self, tenant: str) -> None:
        """Read the entries of a tenant again: this process has changed them."""
        self._entries.pop(tenant, None)

    # By key

    def listed_copies(self, tenant: str, span: Span = EVERYTHING) -> Iterator[ListedCopy]:
        self._table.require_open()
        low, sizes_of_batches = self._first_key(tenant, span), chain(_BATCHES, repeat(_LARGEST))
        waiting = _Waiting()
        while low is not None:
            directory = patiently(self._table, tenant, low)
            low, refs = directory.end, directory.overlapping(span)
            if low is not None and span.through is not None and low > span.through:
                low = None
            while refs:
                count = next(sizes_of_batches)
                try:
                    found = self._blocks.read(tenant, refs[:count])
                except Outdated:
                    waiting.wait()
                    low = span.after
                    break
                refs = refs[count:]
                for copy in chain.from_iterable(found):
                    if span.has(copy.key):
                        yield copy
                        span = Span(copy.key, span.through)

    def _first_key(self, tenant: str, span: Span) -> str | None:
        return span.after if self._tenants.has_listings(tenant) else None

    def listed_at(self, tenant: str, keys: Sequence[str]) -> list[ListedCopy | None]:
        self._table.require_open()
        if not keys or not self._tenants.has_listings(tenant):
            return [None] * len(keys)
        found = self._at(tenant, sorted(set(keys)))
        return [found.get(key) for key in keys]

    def _at(self, tenant: str, keys: list[str]) -> dict[str, ListedCopy]:
        """Return what is listed at keys, which are in order."""
        found: dict[str, ListedCopy] = {}
        wanted, left, waiting = set(keys), keys, _Waiting()
        while left:
            directory = patiently(self._table, tenant, left[0])
            own = [key for key in left if directory.has(key)]
            refs = dict.fromkeys(ref for key in own if (ref := directory.at(key)))
            try:
                blocks = self._blocks.read(tenant, list(refs))
            except Outdated:
                waiting.wait()
                continue
            found |= {c.key: c for copies in blocks for c in copies if c.key in wanted}
            left = left[len(own) :]
        return found

    # By size

    def listed_sizes(self, tenant: str, sizes: Sequence[int]) -> list[SizeListing | None]:
        def count(entries: Entries) -> dict[int, SizeListing | None]:
            wanted = set(sizes)
            entries.prefetch(map(range_of, filter(is_possible, wanted)))
            return {size: count_size(entries.within, size) for size in wanted}

        nothing: dict[int, SizeListing | None] = {}
        found = self._with_entries(tenant, count, nothing) if sizes else nothing
        return [found.get(size) for size in sizes]

    def matching(
        self, tenant: str, size: int, tags: Collection[tuple[int, bytes]] | None, limit: int
    ) -> list[ListedCopy]:
        wanted = None if tags is None else set(tags)

        def find(entries: Entries) -> list[ListedCopy]:
            found = list[ListedCopy]()
            if wanted and is_possible(size):
                entries.prefetch(ranges_of(size, wanted))
            numbers = candidates(entries.within, size, wanted)
            for copies in self._of_size(tenant, numbers, size, entries):
                found += [c for c in copies if wanted is None or (c.parts, c.tag) in wanted]
                if len(found) >= limit:
                    break
            return found[:limit]

        return self._with_entries(tenant, find, [])

    def opaque(self, tenant: str, size: int, limit: int) -> list[ListedCopy]:
        def find(entries: Entries) -> list[ListedCopy]:
            numbers = islice(newest(entries.within, size), limit)
            blocks = self._of_size(tenant, numbers, size, entries)
            found = [copy for copies in blocks for copy in copies if copy.is_opaque]
            return sorted(found, key=lambda copy: -copy.modified)[:limit]

        return self._with_entries(tenant, find, [])

    def in_parts(self, tenant: str, size: int, limit: int) -> list[ListedCopy]:
        def find(entries: Entries) -> list[ListedCopy]:
            numbers = islice(in_parts(entries.within, size), limit)
            blocks = self._of_size(tenant, numbers, size, entries)
            own = (copy for copies in blocks for copy in copies)
            return [copy for copy in own if copy.parts > 1 and not copy.is_opaque][:limit]

        return self._with_entries(tenant, find, [])

    def _with_entries(self, tenant: str, act: Callable[[Entries], _T], nothing: _T) -> _T:
        """Call a function with the entries of a tenant; again if they turn out to be outdated."""
        self._table.require_open()
        if not self._tenants.has_listings(tenant):
            return nothing
        waiting = _Waiting()
        while True:
            try:
                return act(self._entries_of(tenant, is_first=not waiting.attempts))
            except (Outdated, Damaged) as error:
                self.changed(tenant)
                waiting.wait(error if isinstance(error, Damaged) else None)

    def _entries_of(self, tenant: str, *, is_first: bool) -> Entries:
        read_at, entries = self._entries.get(tenant, (float("-inf"), None))
        if entries is None or time.monotonic() - read_at > _CACHE_SECONDS:
            read_at = time.monotonic()
            entries = Entries(self._runs, tenant, consistent=not is_first)
            if len(self._entries) >= _MOST_TENANTS:
                self._entries = {}
            self._entries[tenant] = read_at, entries
        return entries

    def _of_size(
        self, tenant: str, numbers: Iterator[int], size: int, entries: Entries
    ) -> Iterator[list[ListedCopy]]:
        """Yield the copies of a size in each of these blocks, which all have some."""
        once, sizes_of_batches = _once(numbers), chain(_BATCHES, repeat(_LARGEST))
        while batch := list(islice(once, next(sizes_of_batches))):
            blocks = self._blocks.numbered(tenant, batch, consistent=entries.is_consistent)
            for copies in blocks:
                own = [copy for copy in copies if copy.size == size]
                if not own:
                    raise Outdated
                yield own


def _once(numbers: Iterable[int]) -> Iterator[int]:
    seen = set[int]()
    for number in numbers:
        if number not in seen:
            seen.add(number)
            yield number


class _Waiting:
    """Waits for what others are changing, until that must be damage."""

    def __init__(self) -> None:
        self.attempts = 0

    def wait(self, error: Damaged | None = None) -> None:
        """Wait for the next attempt; raises Damaged after several."""
        self.attempts += 1
        if self.attempts == _ATTEMPTS:
            raise error or damaged("blocks or entries of listed copies are missing")
        time.sleep(self.attempts * _DELAY)
