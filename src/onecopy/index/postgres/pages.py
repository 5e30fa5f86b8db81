"""All that an index keeps, page by page, for whoever moves it elsewhere."""

from onecopy.content import Listed
from onecopy.index.interface import Entry
from onecopy.index.postgres.asking import Connection, fetch
from onecopy.index.postgres.rows import to_copy, unpacked

_PAGE = 5000
"""Entries that are given at one time."""
_EXACTLY = 100_000
"""Rows of a table up to which they are counted; more are estimated."""

_COPIES = """
SELECT tenant, number, (SELECT name FROM onecopy.tenant WHERE id = tenant),
    key, size, digests, identity, stored_at, recorded_at
FROM onecopy.copy
WHERE (tenant, number) > (%b, %b) ORDER BY tenant, number LIMIT %b
"""
_LISTED = """
SELECT tenant, digest, (SELECT name FROM onecopy.tenant WHERE id = tenant), size
FROM onecopy.listed
WHERE (tenant, digest) > (%b, %b) ORDER BY tenant, digest LIMIT %b
"""

Page = tuple[str, list[Entry]]


def page(connection: Connection, after: str | None) -> Page | None:
    """Return the next page after a position, or None; copies first, then what is listed."""
    kind, tenant, place = (after or "copy 0 0").split()
    if kind == "copy" and (found := _copies(connection, int(tenant), int(place))):
        return found
    if kind == "copy":
        tenant, place = "0", ""
    return _listed(connection, int(tenant), bytes.fromhex(place))


def _copies(connection: Connection, tenant: int, number: int) -> Page | None:
    """By number: in the order of recording, to whose end goes what is replaced."""
    rows = fetch(connection, _COPIES, tenant, number, _PAGE)
    entries: list[Entry] = [(name, to_copy(row)) for _, _, name, *row in rows]
    return (f"copy {rows[-1][0]} {rows[-1][1]}", entries) if rows else None


def _listed(connection: Connection, tenant: int, digest: bytes) -> Page | None:
    rows = fetch(connection, _LISTED, tenant, digest, _PAGE)
    entries: list[Entry] = [(name, Listed(unpacked(value), size)) for _, value, name, size in rows]
    return (f"listed {rows[-1][0]} {rows[-1][1].hex()}", entries) if rows else None


def count(connection: Connection) -> int:
    """Return how many entries there are, about so if they are many."""
    return sum(_count(connection, table) for table in ("onecopy.copy", "onecopy.listed"))


def _count(connection: Connection, table: str) -> int:
    few = f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {_EXACTLY}) AS few"
    ((exactly,),) = fetch(connection, few)
    if exactly < _EXACTLY:
        return int(exactly)
    # The planner reckons with the table's present size, even if nobody has analysed it yet.
    ((plans,),) = fetch(connection, f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {table}")
    return max(_EXACTLY, int(plans[0]["Plan"]["Plan Rows"]))
