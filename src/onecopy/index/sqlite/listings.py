"""What listings state: queries of an index file, and the methods of the engine."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from threading import Lock

import apsw

from onecopy.content import Copy
from onecopy.index.listings import Merged, SizeListing
from onecopy.index.spans import groups, total
from onecopy.index.sqlite import merging, reading, sizes
from onecopy.index.sqlite.blocks import Block
from onecopy.index.sqlite.connections import Readers, Writer
from onecopy.index.sqlite.runs import Join, level_to_join, runs_of
from onecopy.index.stored import damaged, require_progress
from onecopy.listing import EVERYTHING, ListedCopy, Span

_GROUP = 20_000
"""Copies that are merged in one transaction."""
_PAGE = 8
"""Blocks that are read at a time when all are iterated."""
_AT_ONCE = 1000
"""Copies that are unlisted in one transaction."""

# Comes first: for a tenant without listings it is the only query. (P5: no other tenant matters.)
_OWNER = "SELECT id FROM tenant WHERE name = ? AND has_listings"
_BLOCK = "SELECT id, first, number, copies FROM listing_block WHERE id = ? AND tenant = ?"
_BLOCKS_AT = """
SELECT value, (
    SELECT id FROM listing_block WHERE tenant = ?1 AND first <= value ORDER BY first DESC LIMIT 1)
FROM carray(?2)
"""
_NEXT = """
SELECT id, first, number, copies FROM listing_block
WHERE tenant = ?1 AND first >= coalesce(
    (SELECT max(first) FROM listing_block WHERE tenant = ?1 AND first <= ?2), ?2)
ORDER BY first LIMIT ?3
"""


@contextmanager
def _snapshot(connection: apsw.Connection, tenant: str) -> Iterator[int | None]:
    """Let several queries see one state; yield the tenant's id, or None if nothing is listed."""
    owner: int | None = connection.execute(_OWNER, (tenant,)).get
    if owner is None:  # the common case, kept cheap
        yield None
        return
    connection.execute("BEGIN")
    try:
        yield owner
    finally:
        connection.execute("ROLLBACK")


def _block(connection: apsw.Connection, tenant: int, number: int) -> Block:
    for row in connection.execute(_BLOCK, (number, tenant)):
        return Block(*row)
    raise damaged(f"block {number} of listed copies is missing")


def blocks_at(
    connection: apsw.Connection, tenant: int, keys: Iterable[str]
) -> Iterator[tuple[Block, list[ListedCopy]]]:
    """Yield the blocks that may have copies at these keys, each once, with their copies."""
    ordered = apsw.carray(tuple(sorted(set(keys))))
    numbers = dict.fromkeys(
        number for _, number in connection.execute(_BLOCKS_AT, (tenant, ordered))
    )
    for number in numbers:
        if number is not None:
            block = _block(connection, tenant, number)
            yield block, block.copies


def at(connection: apsw.Connection, tenant: str, keys: Sequence[str]) -> list[ListedCopy | None]:
    """Return, for each key in order, what is listed there, or None."""
    wanted = set(keys)
    with _snapshot(connection, tenant) as owner:
        if owner is None or not keys:
            return [None] * len(keys)
        found = {
            copy.key: copy
            for _, copies in blocks_at(connection, owner, keys)
            for copy in copies
            if copy.key in wanted
        }
    return [found.get(key) for key in keys]


def after(connection: apsw.Connection, tenant: str, key: str) -> list[ListedCopy]:
    """Return the next copies after a key; none: there are no more."""
    with _snapshot(connection, tenant) as owner:
        rows = connection.execute(_NEXT, (owner, key, _PAGE))
        return [c for row in rows for c in Block(*row).copies if c.key > key]


def counts(
    connection: apsw.Connection, tenant: str, wanted: Sequence[int]
) -> list[SizeListing | None]:
    """Return, for each size in order, its listed copies counted, or None."""
    with _snapshot(connection, tenant) as owner:
        if owner is None or not wanted:
            return [None] * len(wanted)
        runs = runs_of(connection, owner)
        found = {size: sizes.count(connection, runs, size) for size in set(wanted)}
    return [found[size] for size in wanted]


def matching(
    connection: apsw.Connection,
    tenant: str,
    size: int,
    tags: Collection[tuple[int, bytes]],
    limit: int,
) -> list[ListedCopy]:
    """Return up to `limit` copies of a size whose (parts, tag) is among `tags`."""
    wanted, found, seen = set(tags), list[ListedCopy](), set[int]()
    with _snapshot(connection, tenant) as owner:
        if owner is None:
            return []
        for number in sizes.candidates(connection, runs_of(connection, owner), size, wanted):
            if len(found) >= limit:
                break
            if number not in seen:
                seen.add(number)
                own = _block(connection, owner, number).copies
                found += [c for c in own if c.size == size and (c.parts, c.tag) in wanted]
    return found[:limit]


def opaque(connection: apsw.Connection, tenant: str, size: int, limit: int) -> list[ListedCopy]:
    """Return up to `limit` opaque copies of a size, the most recently modified first."""
    found, seen = list[ListedCopy](), set[int]()
    with _snapshot(connection, tenant) as owner:
        if owner is None:
            return []
        newest = sizes.newest(connection, runs_of(connection, owner), size)
        for _, number in islice(newest, limit):
            if number not in seen:
                seen.add(number)
                own = _block(connection, owner, number).copies
                found += [copy for copy in own if copy.size == size and copy.is_opaque]
    return sorted(found, key=lambda copy: -copy.modified)[:limit]


def unlist(connection: apsw.Connection, tenant: int, copies: Sequence[ListedCopy]) -> list[bool]:
    """Delete copies that are listed as given; return for each whether it was."""
    given, gone = set(copies), set[ListedCopy]()
    blocks = merging.Blocks(connection, tenant)
    for block, old in blocks_at(connection, tenant, (copy.key for copy in copies)):
        removed = [copy for copy in old if copy in given]
        if removed:
            kept = [copy for copy in old if copy not in given]
            blocks.replace(block, old, kept, removed, [])
            gone.update(removed)
    blocks.changes.write(connection, tenant)
    first = {copy: number for number, copy in reversed(list(enumerate(copies)))}
    return [copy in gone and first[copy] == number for number, copy in enumerate(copies)]


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
        key = span.after
        while page := self._readers.read(after, tenant, key):
            for copy in page:
                if not span.has(copy.key):
                    return
                yield copy
            require_progress(key, page[-1].key)
            key = page[-1].key

    def listed_at(self, tenant: str, keys: Sequence[str]) -> list[ListedCopy | None]:
        return self._readers.read(at, tenant, keys)

    def listed_sizes(self, tenant: str, sizes: Sequence[int]) -> list[SizeListing | None]:
        return self._readers.read(counts, tenant, sizes)

    def matching(
        self, tenant: str, size: int, tags: Collection[tuple[int, bytes]], limit: int
    ) -> list[ListedCopy]:
        return self._readers.read(matching, tenant, size, tags, limit)

    def opaque(self, tenant: str, size: int, limit: int) -> list[ListedCopy]:
        return self._readers.read(opaque, tenant, size, limit)

    def unlist(self, tenant: str, copies: Sequence[ListedCopy]) -> list[bool]:
        owner = self._tenant_id(tenant)
        answers = [
            self._writer.write(unlist, owner, copies[at : at + _AT_ONCE])
            for at in range(0, len(copies), _AT_ONCE)
        ]
        self._join(owner)
        return list(chain.from_iterable(answers))

    def tenants(self) -> list[str]:
        return sorted(self._readers.read(reading.tenants))

    def copies_within(self, tenant: str, span: Span) -> Iterator[Copy]:
        key = span.after
        while page := self._readers.read(reading.after, tenant, key):
            for copy in page:
                if not span.has(copy.key):
                    return
                yield copy
            require_progress(key, page[-1].key)
            key = page[-1].key
