"""All entries of an index, page by page."""

from onecopy.content import Listed
from onecopy.index.interface import Entry
from onecopy.index.postgres.connections import Connection, fetch, run
from onecopy.index.postgres.rows import to_copy, unpacked
from onecopy.index.stored import stored_listed

_PAGE_SIZE = 5000
"""Entries in one page."""
_MAX_COUNTED = 100_000
"""Rows of a table up to which they are counted; above that, the number is estimated."""

TABLES = ("onecopy.copy", "onecopy.listed")
"""The tables of entries."""
_COPIES = """
SELECT tenant, number, (SELECT name FROM onecopy.tenant WHERE id = tenant),
    key, size, digests, identity, stored_at, recorded_at, storage_class
FROM onecopy.copy
WHERE (tenant, number) > (%b, %b) ORDER BY tenant, number LIMIT %b
"""
_LISTED = """
SELECT tenant, digest, (SELECT name FROM onecopy.tenant WHERE id = tenant), size
FROM onecopy.listed
WHERE (tenant, digest) > (%b, %b) ORDER BY tenant, digest LIMIT %b
"""

Page = tuple[str, list[Entry]]
"""A position, and the entries before it."""


def page(connection: Connection, after: str | None) -> Page | None:
    """Return the next page after a position, or None; copies come first, then listed digests."""
    kind, tenant, place = (after or "copy 0 0").split()
    if kind == "copy":
        return _copies(connection, int(tenant), int(place)) or _listed(connection, 0, b"")
    return _listed(connection, int(tenant), bytes.fromhex(place))


def _copies(connection: Connection, tenant: int, number: int) -> Page | None:
    """Read by number, so in the order of recording; a copy that is replaced gets a new number."""
    rows = fetch(connection, _COPIES, tenant, number, _PAGE_SIZE)
    entries: list[Entry] = [(name, to_copy(row)) for _, _, name, *row in rows]
    return (f"copy {rows[-1][0]} {rows[-1][1]}", entries) if rows else None


def _listed(connection: Connection, tenant: int, digest: bytes) -> Page | None:
    rows = fetch(connection, _LISTED, tenant, digest, _PAGE_SIZE)
    entries: list[Entry] = [(name, _to_listed(value, size)) for _, value, name, size in rows]
    return (f"listed {rows[-1][0]} {rows[-1][1].hex()}", entries) if rows else None


def _to_listed(value: bytes, size: int | None) -> Listed:
    digest = unpacked(value)
    return stored_listed(str(digest.scheme), digest.value, size or 0)


def count(connection: Connection) -> int:
    """Return the number of entries, or an estimate if there are many."""
    return sum(_count(connection, table) for table in TABLES)


def count_all(connection: Connection, table: str) -> int:
    """Return the exact number of rows of a table, however long that takes."""
    run(connection, "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = 'on'")
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {table}", prepare=False).fetchall()
    run(connection, "COMMIT")
    return int(rows)


def _count(connection: Connection, table: str) -> int:
    few = f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {_MAX_COUNTED}) AS few"
    ((exactly,),) = fetch(connection, few)
    if exactly < _MAX_COUNTED:
        return int(exactly)
    # The planner uses the current size of the table, even if it was never analyzed.
    ((plans,),) = fetch(connection, f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {table}")
    return max(_MAX_COUNTED, int(plans[0]["Plan"]["Plan Rows"]))
