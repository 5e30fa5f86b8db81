"""What listings state: changes.

A group of entries is merged in one transaction. It reads what is listed in their span, compares
this row by row, and writes only what differs: a listing that was seen before is mostly unchanged,
and a span that was not is filled by COPY alone. A transaction first locks the tenant's row, so
merges of one tenant follow each other group by group, from however many processes; uploads, which
lock other rows, never wait for them.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from onecopy.index.listings import Merged
from onecopy.index.postgres.connections import Connection, Row, execute, fetch
from onecopy.index.postgres.listings import (
    ListingRow,
    class_in,
    row_of,
    rows_at,
    rows_within,
)
from onecopy.index.postgres.rows import Table
from onecopy.index.postgres.writing import tenant_ids
from onecopy.index.spans import total
from onecopy.listing import ListedCopy, Span

GROUP = 20_000
"""Listed copies that are merged in one transaction."""

_PAGE_SIZE = 2 * GROUP
"""Rows that are read at a time. More than a group has, so that one read suffices usually."""
_KEY = itemgetter(0)
_LISTING = Table(
    "onecopy.listing",
    "key, size, tag, parts, opaque, modified, kind, tenant",
    ("text", "int8", "bytea", "int2", "bool", "int8", "text", "int4"),
)
_STATE = 6
"""Leading columns of a row that change with the content."""
_LOCK = "SELECT id FROM onecopy.tenant WHERE name = %b FOR UPDATE"
_DELETE = "DELETE FROM onecopy.listing WHERE tenant = %b AND key = ANY(%b::text[])"
# IS NOT DISTINCT FROM, because no index serves it: so the row is found by its key.
_UNLIST = """
DELETE FROM onecopy.listing
WHERE tenant = (SELECT id FROM onecopy.tenant WHERE name = %b) AND key = %b
    AND (size, tag, parts, opaque, modified, kind) IS NOT DISTINCT FROM (%b, %b, %b, %b, %b, %b)
"""


class _Change(NamedTuple):
    """Keys to delete, and rows to insert afterwards."""

    stale: list[str]
    rows: list[ListingRow]
    merged: Merged


def merge(
    connection: Connection,
    tenant: str,
    span: Span,
    copies: Sequence[ListedCopy],
    *,
    is_complete: bool,
) -> Merged:
    """Merge one group of listed copies, in the order of keys."""
    if is_complete:
        return total(_replace(connection, tenant, span, copies))
    own = _begin(connection, tenant)
    return _write(connection, own, rows_at(connection, tenant, list(map(_KEY, copies))), copies)


def _replace(
    connection: Connection, tenant: str, span: Span, copies: Sequence[ListedCopy]
) -> Iterator[Merged]:
    """Replace what is listed within a span, in as many transactions as it has pages."""
    is_last = False
    while not is_last:
        own = _begin(connection, tenant)
        old = rows_within(connection, tenant, span, _PAGE_SIZE)
        is_last = len(old) < _PAGE_SIZE
        end = len(copies) if is_last else bisect_right(copies, old[-1][0], key=_KEY)
        yield _write(connection, own, old, copies[:end])
        if not is_last:
            copies, span = copies[end:], Span(old[-1][0], span.through)


def _begin(connection: Connection, tenant: str) -> int:
    """Begin a transaction that may change what is listed for a tenant; return the tenant's id."""
    execute(connection, "BEGIN")
    if not (rows := fetch(connection, _LOCK, tenant)):
        tenant_ids(connection, [tenant])
        rows = fetch(connection, _LOCK, tenant)
    return int(rows[0][0])


def _write(
    connection: Connection, tenant: int, old: Sequence[Row], copies: Sequence[ListedCopy]
) -> Merged:
    """Write what differs from the old rows, delete those whose keys are not listed, and commit."""
    if copies and not old:
        _LISTING.load(connection, ((*row_of(copy), tenant) for copy in copies))
        execute(connection, "COMMIT")
        return Merged(len(copies))
    change = _compare({row[0]: row for row in old}, copies)
    if change.stale:
        execute(connection, _DELETE, tenant, change.stale)
    _LISTING.put(connection, [(*row, tenant) for row in change.rows])
    # A rollback releases the lock as well, and does not wait for the disk.
    execute(connection, "COMMIT" if change.stale or change.rows else "ROLLBACK")
    return change.merged


def _compare(old: dict[str, Row], copies: Sequence[ListedCopy]) -> _Change:
    """Return how listed copies differ from the old rows at their keys, which are consumed."""
    pairs = [(old.pop(copy.key, None), row_of(copy)) for copy in copies]
    differing = [(was, row) for was, row in pairs if was != row]
    stale = [*old, *(row[0] for was, row in differing if was)]
    new = sum(was is None for was, _ in differing)
    changed = sum(was is not None and was[:_STATE] != row[:_STATE] for was, row in differing)
    moved = sum(was is not None and _is_moved(was, row) for was, row in differing)
    merged = Merged(new, changed, len(old), len(copies) - new - changed, moved)
    return _Change(stale, [row for _, row in differing], merged)


def _is_moved(old: Row, new: ListingRow) -> bool:
    """Return whether two rows state the same content in different storage classes."""
    return old[:_STATE] == new[:_STATE] and class_in(old[_STATE]) != class_in(new[_STATE])


def unlist(connection: Connection, tenant: str, copies: Sequence[ListedCopy]) -> list[bool]:
    """Delete these if they are listed as given; return for each whether it was.

    Rows are locked in the order of keys, as in a merge: so there are no deadlocks.
    """
    order = sorted(range(len(copies)), key=lambda place: copies[place].key)
    with connection.pipeline():
        execute(connection, "BEGIN")
        done = {
            place: execute(connection, _UNLIST, tenant, *row_of(copies[place])) for place in order
        }
        execute(connection, "COMMIT")
    return [done[place].rowcount == 1 for place in range(len(copies))]
