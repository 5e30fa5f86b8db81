"""What listings state: queries, and listed copies as rows."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from onecopy.index.listings import MOST_COUNTED, SizeListing
from onecopy.index.postgres.connections import Connection, Row, fetch
from onecopy.index.stored import decoding, stored_listed_copy
from onecopy.listing import ListedCopy, Span

ListingRow = tuple[str, int, bytes, int, bool, int, str]
"""Key, size, tag, parts, opaque, modified, kind: all columns but the tenant."""

_PAGE_SIZE = 2000
"""Listed copies that are read at a time when all are iterated."""
_MOST_PARTS = 2**15 - 1
"""Larger numbers of parts are stored as this. No tag over that many parts is a digest."""
_ABBREVIATIONS = {
    "STANDARD": "s",
    "STANDARD_IA": "a",
    "ONEZONE_IA": "o",
    "INTELLIGENT_TIERING": "i",
    "GLACIER_IR": "r",
    "GLACIER": "g",
    "DEEP_ARCHIVE": "d",
    "REDUCED_REDUNDANCY": "y",
    "CRC32": "3",
    "CRC32C": "c",
    "CRC64NVME": "n",
    "SHA1": "1",
    "SHA256": "2",
}
"""Of storage classes and checksums; other names are stored in full."""
_NAMES = {short: name for name, short in _ABBREVIATIONS.items()}

# As in reading.py, each row is looked up by all columns of one index, and an ORDER BY names the
# index to use: a statement is planned once, perhaps while the table is empty.
_COLUMNS = "key, size, tag, parts, opaque, modified, kind"
_OWN = "(SELECT id FROM onecopy.tenant WHERE name = %b)"
_AFTER = f"""
SELECT {_COLUMNS} FROM onecopy.listing
WHERE tenant = {_OWN} AND key > %b
ORDER BY key LIMIT %b
"""
_WITHIN = _AFTER.replace("ORDER BY", "AND key <= %b ORDER BY")
_AT = f"""
SELECT {_COLUMNS} FROM {_OWN} AS own
CROSS JOIN unnest(%b::text[]) AS wanted(name)
CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM onecopy.listing WHERE tenant = own.id AND key = wanted.name LIMIT 1
) AS found
"""
_MATCHING = f"""
SELECT {_COLUMNS} FROM {_OWN} AS own
CROSS JOIN unnest(%b::smallint[], %b::bytea[]) AS wanted(number, value)
CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM onecopy.listing
    WHERE size = %b AND tenant = own.id AND parts = wanted.number AND tag = wanted.value
    LIMIT %b
) AS found
LIMIT %b
"""
_OF_SIZE = f"""
SELECT {_COLUMNS} FROM onecopy.listing
WHERE size = %b AND tenant = {_OWN}
ORDER BY parts, tag LIMIT %b
"""
_OPAQUE = f"""
SELECT {_COLUMNS} FROM onecopy.listing
WHERE size = %b AND tenant = {_OWN} AND opaque
ORDER BY modified DESC LIMIT %b
"""
# Limited before opaque ones are left out, too: there may be millions.
_IN_PARTS = f"""
SELECT {_COLUMNS} FROM (
    SELECT {_COLUMNS} FROM onecopy.listing
    WHERE size = %b AND tenant = {_OWN} AND parts > 1
    ORDER BY parts, tag LIMIT %b) AS several
WHERE NOT opaque LIMIT %b
"""
# If nothing is listed for the tenant, `own` is empty and no size is looked up. Otherwise a loose
# index scan jumps from each number of parts of a size to the next one.
_SIZES = f"""
WITH RECURSIVE own(id) AS (
    SELECT id FROM onecopy.tenant
    CROSS JOIN LATERAL (SELECT FROM onecopy.listing WHERE tenant = id LIMIT 1) AS any_listed
    WHERE name = %b
),
found(size, parts) AS (
    SELECT wanted.size, (
        SELECT parts FROM onecopy.listing
        WHERE size = wanted.size AND tenant = own.id ORDER BY parts LIMIT 1)
    FROM own CROSS JOIN unnest(%b::bigint[]) AS wanted(size)
    UNION ALL
    SELECT found.size, (
        SELECT listing.parts FROM onecopy.listing
        WHERE listing.size = found.size AND tenant = (SELECT id FROM own)
            AND listing.parts > found.parts
        ORDER BY listing.parts LIMIT 1)
    FROM found WHERE found.parts IS NOT NULL
),
known(size, parts) AS (
    SELECT size, array_agg(parts) FROM found WHERE parts IS NOT NULL GROUP BY size
)
SELECT size, parts,
    (SELECT count(*) FROM (
        SELECT FROM onecopy.listing
        WHERE size = known.size AND tenant = (SELECT id FROM own) AND opaque
        ORDER BY modified LIMIT {MOST_COUNTED}) AS opaque),
    (SELECT count(*) FROM (
        SELECT FROM onecopy.listing
        WHERE size = known.size AND tenant = (SELECT id FROM own)
        ORDER BY listing.parts LIMIT {MOST_COUNTED}) AS every),
    (SELECT count(*) FILTER (WHERE NOT opaque) FROM (
        SELECT opaque FROM onecopy.listing
        WHERE size = known.size AND tenant = (SELECT id FROM own) AND listing.parts > 1
        ORDER BY listing.parts LIMIT {MOST_COUNTED}) AS several)
FROM known
"""


def row_of(copy: ListedCopy) -> ListingRow:
    """Return the row of a listed copy, without its tenant."""
    key, size, tag, parts, is_opaque, modified, storage_class, checksums = copy
    number = parts if parts < _MOST_PARTS else _MOST_PARTS  # noqa: FURB136 - half as slow
    return key, size, tag, number, is_opaque, modified, _kind(storage_class, checksums)


def to_listed(row: Sequence[Any]) -> ListedCopy:
    """Return the listed copy in a row; raises Damaged."""
    *fields, kind = row
    return stored_listed_copy((*fields, *_unabbreviated(kind)))


@lru_cache(1000)
def _kind(storage_class: str, checksums: str) -> str:
    names = [storage_class, *checksums.split()]
    return " ".join(_ABBREVIATIONS.get(name, name) for name in names)


def class_in(kind: str) -> str:
    """Return the storage class in the last column of a row, perhaps abbreviated."""
    return kind.partition(" ")[0]


@lru_cache(1000)
def _unabbreviated(kind: Any) -> tuple[str, str]:  # noqa: ANN401 - maybe damaged
    with decoding("the storage class and checksums of a listed copy"):
        storage_class, *checksums = [_NAMES.get(short, short) for short in kind.split(" ")]
    return storage_class, " ".join(checksums)


def rows_within(connection: Connection, tenant: str, span: Span, limit: int) -> list[Row]:
    """Return the first rows within a span, ordered by key."""
    if span.through is None:
        return fetch(connection, _AFTER, tenant, span.after, limit)
    return fetch(connection, _WITHIN, tenant, *span, limit)


def rows_at(connection: Connection, tenant: str, keys: Collection[str]) -> list[Row]:
    """Return the rows at these keys."""
    return fetch(connection, _AT, tenant, sorted(set(keys))) if keys else []


def within(connection: Connection, tenant: str, span: Span) -> list[ListedCopy]:
    """Return the first listed copies within a span, ordered by key."""
    return list(map(to_listed, rows_within(connection, tenant, span, _PAGE_SIZE)))


def at(connection: Connection, tenant: str, keys: Sequence[str]) -> list[ListedCopy | None]:
    """Return, for each key in order, what is listed there, or None."""
    found = {row[0]: to_listed(row) for row in rows_at(connection, tenant, keys)}
    return [found.get(key) for key in keys]


def sizes(connection: Connection, tenant: str, wanted: Sequence[int]) -> list[SizeListing | None]:
    """Return, for each size in order, its listed copies counted, or None if there are none."""
    if not wanted:
        return []
    rows = fetch(connection, _SIZES, tenant, sorted(set(wanted)))
    found = {size: SizeListing(frozenset(parts), *counts) for size, parts, *counts in rows}
    return [found.get(size) for size in wanted]


def matching(
    connection: Connection,
    tenant: str,
    size: int,
    tags: Collection[tuple[int, bytes]] | None,
    limit: int,
) -> list[ListedCopy]:
    """Return up to `limit` listed copies of this size that have one of these tags, if given."""
    if tags is None:
        return list(map(to_listed, fetch(connection, _OF_SIZE, size, tenant, limit)))
    wanted = sorted({tag for tag in tags if tag[0] <= _MOST_PARTS})
    if not wanted:
        return []
    parts, values = zip(*wanted, strict=True)
    rows = fetch(connection, _MATCHING, tenant, [*parts], [*values], size, limit, limit)
    return list(map(to_listed, rows))


def opaque(connection: Connection, tenant: str, size: int, limit: int) -> list[ListedCopy]:
    """Return up to `limit` opaque copies of this size, the most recently modified first."""
    return list(map(to_listed, fetch(connection, _OPAQUE, size, tenant, limit)))


def in_parts(connection: Connection, tenant: str, size: int, limit: int) -> list[ListedCopy]:
    """Return up to `limit` copies of this size that are over several parts, and not opaque."""
    rows = fetch(connection, _IN_PARTS, size, tenant, MOST_COUNTED + limit, limit)
    return list(map(to_listed, rows))
