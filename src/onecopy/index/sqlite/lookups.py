"""Queries of what is listed."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import apsw

from onecopy.index.listings import SizeListing
from onecopy.index.sqlite import sizes
from onecopy.index.sqlite.blocks import Block
from onecopy.index.stored import damaged
from onecopy.listing import ListedCopy

_PAGE = 8
"""Blocks that are read at a time when all are iterated."""

# Comes first: for a tenant without listings it is the only query. (P5: no other tenant matters.)
_OWNER = "SELECT id FROM tenant WHERE name = ? AND has_listings"
_BLOCK = "SELECT id, first, number, copies FROM listing_block WHERE id = ? AND tenant = ?"
_BLOCK_AT = """
SELECT id FROM listing_block WHERE tenant = ? AND first <= ? ORDER BY first DESC LIMIT 1
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
    # One at a time: an array for `carray` cannot have keys with NUL.
    places = ((tenant, key) for key in sorted(set(keys)))
    numbers = dict.fromkeys(connection.execute(_BLOCK_AT, place).get for place in places)
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
        found = {size: sizes.count(connection, owner, size) for size in set(wanted)}
    return [found[size] for size in wanted]


def matching(
    connection: apsw.Connection,
    tenant: str,
    size: int,
    tags: Collection[tuple[int, bytes]] | None,
    limit: int,
) -> list[ListedCopy]:
    """Return up to `limit` copies of a size whose (parts, tag) is among `tags`, if given."""
    wanted, found = None if tags is None else set(tags), list[ListedCopy]()
    with _snapshot(connection, tenant) as owner:
        if owner is not None:
            numbers = sizes.candidates(connection, owner, size, wanted)
            for own in _of_size(connection, owner, numbers, size):
                found += [
                    copy for copy in own if wanted is None or (copy.parts, copy.tag) in wanted
                ]
                if len(found) >= limit:
                    break
    return found[:limit]


def opaque(connection: apsw.Connection, tenant: str, size: int, limit: int) -> list[ListedCopy]:
    """Return up to `limit` opaque copies of a size, the most recently modified first."""
    found = list[ListedCopy]()
    with _snapshot(connection, tenant) as owner:
        if owner is not None:
            numbers = sizes.newest(connection, owner, size)
            for own in _of_size(connection, owner, islice(numbers, limit), size):
                found += [copy for copy in own if copy.is_opaque]
    return sorted(found, key=lambda copy: -copy.modified)[:limit]


def in_parts(connection: apsw.Connection, tenant: str, size: int, limit: int) -> list[ListedCopy]:
    """Return up to `limit` copies of a size that are not opaque, and over several parts."""
    found = list[ListedCopy]()
    with _snapshot(connection, tenant) as owner:
        if owner is not None:
            numbers = sizes.in_parts(connection, owner, size)
            for own in _of_size(connection, owner, islice(numbers, limit), size):
                found += [copy for copy in own if copy.parts > 1 and not copy.is_opaque]
    return found[:limit]


def _of_size(
    connection: apsw.Connection, tenant: int, numbers: Iterable[int], size: int
) -> Iterator[list[ListedCopy]]:
    """Yield the copies of a size in each of these blocks, which all have some."""
    seen = set[int]()
    for number in numbers:
        if number not in seen:
            seen.add(number)
            own = [c for c in _block(connection, tenant, number).copies if c.size == size]
            if not own:
                raise damaged(f"block {number} of listed copies has none of {size} bytes")
            yield own
