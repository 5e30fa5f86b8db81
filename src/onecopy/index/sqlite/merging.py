"""Merging of a listing into the blocks of an index; the caller begins and ends the transaction."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import apsw

from onecopy.index.listings import Merged
from onecopy.index.spans import is_same_state, total
from onecopy.index.sqlite.blocks import Block, pack
from onecopy.index.sqlite.lookups import blocks_at
from onecopy.index.sqlite.runs import Changes
from onecopy.index.sqlite.sizes import entries
from onecopy.listing import ListedCopy, Span

_BLOCK = 256
"""Copies in a new block."""
_LARGEST_BLOCK = 2 * _BLOCK
"""A block that grows beyond this is divided."""
_BLOCKS_AT_ONCE = 256
"""Blocks that one transaction replaces, so that other writers don't wait for long."""

_MARK = "UPDATE tenant SET has_listings = 1 WHERE id = ? AND NOT has_listings"
_OVERLAPPING = """
SELECT id, first, number, copies FROM listing_block
WHERE tenant = ?1 AND first <= ?3 AND first >= coalesce(
    (SELECT max(first) FROM listing_block WHERE tenant = ?1 AND first <= ?2), ?2)
ORDER BY first LIMIT ?4
"""
_NEXT_ID = "SELECT coalesce(max(id), 0) + 1 FROM listing_block"
_INSERT = "INSERT INTO listing_block VALUES (?, ?, ?, ?, ?)"
_REPLACE = "UPDATE listing_block SET number = ?, copies = ? WHERE id = ?"
_DELETE = "DELETE FROM listing_block WHERE id = ?"


def merge(
    connection: apsw.Connection,
    tenant: int,
    span: Span,
    copies: Sequence[ListedCopy],
    *,
    is_complete: bool,
) -> tuple[Merged, Span | None]:
    """Merge copies into a span; return the rest of the span if it has too many old blocks."""
    connection.execute(_MARK, (tenant,))
    through = b"" if span.through is None else span.through  # in SQLite, any text is less than b""
    values = (tenant, span.after, through, _BLOCKS_AT_ONCE + 1)
    old = [Block(*row) for row in connection.execute(_OVERLAPPING, values)]
    rest = None
    if len(old) > _BLOCKS_AT_ONCE:
        old.pop()
        end = old[-1].copies[-1].key
        span, rest = Span(span.after, end), Span(end, span.through)
    blocks = _Blocks(connection, tenant)
    merged = _merge(blocks, old, span, copies, is_complete=is_complete)
    blocks.changes.write(connection, tenant)
    return merged, rest


def _merge(
    blocks: "_Blocks",
    old: Sequence[Block],
    span: Span,
    copies: Sequence[ListedCopy],
    *,
    is_complete: bool,
) -> Merged:
    keys = [copy.key for copy in copies]
    end = len(keys) if span.through is None else bisect_right(keys, span.through)
    bounds = [*(bisect_left(keys, block.first) for block in old), end]
    ahead = copies[: bounds[0]]
    blocks.insert(ahead)
    merged = [Merged(new=len(ahead))]
    for block, (start, stop) in zip(old, pairwise(bounds), strict=True):
        merged.append(
            _merge_block(blocks, block, span, copies[start:stop], is_complete=is_complete)
        )
    return total(merged)


def _merge_block(
    blocks: "_Blocks", block: Block, span: Span, given: Sequence[ListedCopy], *, is_complete: bool
) -> Merged:
    if block.has_just(given):
        return Merged(unchanged=len(given))
    old = block.copies
    start, stop = _bounds(old, span)
    change = _compare(old[start:stop], given)
    if is_complete:
        now, removed = given, [*change.replaced, *change.missing]
    else:
        now, removed = sorted([*given, *change.missing]), change.replaced
    if change.added or removed:
        blocks.replace(block, old, [*old[:start], *now, *old[stop:]], removed, change.added)
    gone = len(change.missing) if is_complete else 0
    unchanged = len(given) - change.new - change.changed
    return Merged(change.new, change.changed, gone, unchanged)


class _Change(NamedTuple):
    new: int
    changed: int
    added: list[ListedCopy]
    """New ones, and those in the place of others."""
    replaced: list[ListedCopy]
    """Those in whose place others are."""
    missing: list[ListedCopy]


def _compare(old: Sequence[ListedCopy], given: Sequence[ListedCopy]) -> _Change:
    if not old:
        return _Change(len(given), 0, list(given), [], [])
    before, keys = {copy[0]: copy for copy in old}, [copy[0] for copy in given]
    found = map(before.get, keys)
    pairs = [(was, copy) for was, copy in zip(found, given, strict=True) if was != copy]
    replaced = [was for was, _ in pairs if was is not None]
    changed = sum(was is not None and not is_same_state(was, copy) for was, copy in pairs)
    missing = [before[key] for key in before.keys() - keys]
    added = [copy for _, copy in pairs]
    return _Change(len(pairs) - len(replaced), changed, added, replaced, missing)


def _bounds(copies: Sequence[ListedCopy], span: Span) -> tuple[int, int]:
    """Return which copies are within a span: the first, and the one behind the last."""
    keys = [copy[0] for copy in copies]
    stop = len(keys) if span.through is None else bisect_right(keys, span.through)
    return bisect_right(keys, span.after), stop


class _Blocks:
    """The blocks of a tenant that a transaction changes."""

    def __init__(self, connection: apsw.Connection, tenant: int) -> None:
        self._connection = connection
        self._tenant = tenant
        self._next: int = connection.execute(_NEXT_ID).get
        self.changes = Changes()

    def insert(self, copies: Sequence[ListedCopy]) -> None:
        """Insert copies as new blocks."""
        for at in range(0, len(copies), _BLOCK):
            own = copies[at : at + _BLOCK]
            number, self._next = self._next, self._next + 1
            row = number, self._tenant, own[0].key, len(own), pack(own).compress()
            self._connection.execute(_INSERT, row)
            self.changes.added += entries(own, number)

    def replace(
        self,
        block: Block,
        old: Sequence[ListedCopy],
        new: Sequence[ListedCopy],
        removed: Sequence[ListedCopy],
        added: Sequence[ListedCopy],
    ) -> None:
        """Replace the copies of a block, which keeps its number; divide it if it grew too large."""
        if len(new) > _LARGEST_BLOCK:
            self.insert(new[_BLOCK:])
            new, end = new[:_BLOCK], new[_BLOCK].key
            added = [copy for copy in added if copy.key < end]
            removed = [copy for copy in removed if copy.key < end]
            removed += [copy for copy in old if copy.key >= end]
        if new:
            values = len(new), pack(new).compress(), block.id
            self._connection.execute(_REPLACE, values)
        else:
            self._connection.execute(_DELETE, (block.id,))
        self.changes.removed += entries(removed, block.id)
        self.changes.added += entries(added, block.id)


def unlist(connection: apsw.Connection, tenant: int, copies: Sequence[ListedCopy]) -> list[bool]:
    """Delete copies that are listed as given; return for each whether it was."""
    given, gone = set(copies), set[ListedCopy]()
    blocks = _Blocks(connection, tenant)
    for block, old in blocks_at(connection, tenant, (copy.key for copy in copies)):
        removed = [copy for copy in old if copy in given]
        if removed:
            kept = [copy for copy in old if copy not in given]
            blocks.replace(block, old, kept, removed, [])
            gone.update(removed)
    blocks.changes.write(connection, tenant)
    first = {copy: number for number, copy in reversed(list(enumerate(copies)))}
    return [copy in gone and first[copy] == number for number, copy in enumerate(copies)]
