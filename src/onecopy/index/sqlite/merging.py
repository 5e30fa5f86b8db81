"""Merging of a listing into the blocks of an index; the caller begins and ends the transaction."""

from bisect import bisect_right
from collections.abc import Sequence

import apsw

from onecopy.index.listings import Merged
from onecopy.index.packed.blocks import Block, pack
from onecopy.index.packed.merging import Blocks, merge_blocks, unlisted
from onecopy.index.sqlite.lookups import blocks_at
from onecopy.index.sqlite.runs import Run
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
    keys = [copy.key for copy in copies]
    stop = len(keys) if span.through is None else bisect_right(keys, span.through)
    merged = merge_blocks(blocks, old, span, copies[:stop], is_complete=is_complete)
    blocks.write_entries()
    return merged, rest


class _Blocks(Blocks[Block]):
    """The blocks of a tenant that a transaction changes."""

    def __init__(self, connection: apsw.Connection, tenant: int) -> None:
        super().__init__(_BLOCK, _LARGEST_BLOCK)
        self._connection = connection
        self._tenant = tenant
        self._next: int = connection.execute(_NEXT_ID).get

    def insert_one(self, copies: Sequence[ListedCopy]) -> int:
        number, self._next = self._next, self._next + 1
        row = number, self._tenant, copies[0].key, len(copies), pack(copies).compress()
        self._connection.execute(_INSERT, row)
        return number

    def rewrite(self, block: Block, copies: Sequence[ListedCopy]) -> None:
        values = len(copies), pack(copies).compress(), block.id
        self._connection.execute(_REPLACE, values)

    def delete(self, block: Block) -> None:
        self._connection.execute(_DELETE, (block.id,))

    def write_entries(self) -> None:
        """Write the entries that were added and removed as new runs."""
        for sign, changed in zip((1, -1), self.changed_entries(), strict=True):
            if changed:
                Run(self._tenant, sign).append(self._connection, sorted(changed))


def unlist(connection: apsw.Connection, tenant: int, copies: Sequence[ListedCopy]) -> list[bool]:
    """Delete copies that are listed as given; return for each whether it was."""
    blocks = _Blocks(connection, tenant)
    found = blocks_at(connection, tenant, (copy.key for copy in copies))
    answers = unlisted(blocks, found, copies)
    blocks.write_entries()
    return answers
