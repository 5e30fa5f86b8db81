"""Queries."""

from collections.abc import Callable, Sequence

from onecopy.content import Copy
from onecopy.digest import Digest, Scheme, content_scheme
from onecopy.index.postgres.connections import Connection, execute, fetch
from onecopy.index.postgres.rows import UNREAD, packed, packed_all, to_copy
from onecopy.index.stored import stored_scheme
from onecopy.listing import Span

_PAGE_SIZE = 2000
"""Copies that are read at a time when all are iterated."""

# Each statement finds the tenant by a subquery. So it costs the same calls whether or not the
# tenant exists (P5), and a process caches nothing that could become stale.
#
# A statement is planned once, perhaps while the tables are empty and all plans look equally good.
# So each row is looked up separately, by all columns of one index: with LATERAL and LIMIT there is
# no other plan.
_COLUMNS = "key, size, digests, identity, stored_at, recorded_at, storage_class"
_COPY_OF_FIRST = f"""
CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM onecopy.copy
    WHERE tenant = own.id AND number = first.number LIMIT 1
) AS found
""".strip()
_FIRST = f"""
SELECT {_COLUMNS}
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN LATERAL (
    SELECT number FROM onecopy.digest
    WHERE tenant = own.id AND digest = %b ORDER BY rank, number LIMIT 1
) AS first
{_COPY_OF_FIRST}
"""
_FIRST_OF_EACH = f"""
SELECT wanted.place, {_COLUMNS}
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN unnest(%b::bytea[]) WITH ORDINALITY AS wanted(digest, place)
CROSS JOIN LATERAL (
    SELECT number FROM onecopy.digest
    WHERE tenant = own.id AND digest = wanted.digest ORDER BY rank, number LIMIT 1
) AS first
{_COPY_OF_FIRST}
"""
_WITH_DIGEST = f"""
SELECT rank, number, {_COLUMNS}
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN LATERAL (
    SELECT rank, number FROM onecopy.digest
    WHERE tenant = own.id AND digest = %b AND (rank, number) > (%b, %b)
    ORDER BY rank, number LIMIT %b
) AS first
{_COPY_OF_FIRST}
ORDER BY rank, number
"""
_AT = f"""
SELECT {_COLUMNS}
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN unnest(%b::text[]) AS wanted(name)
CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM onecopy.copy WHERE tenant = own.id AND key = wanted.name LIMIT 1
) AS found
"""
_NEXT = f"""
SELECT {_COLUMNS}
FROM onecopy.copy
WHERE tenant = (SELECT id FROM onecopy.tenant WHERE name = %b) AND key > %b
ORDER BY key LIMIT %b
"""
_NEXT_THROUGH = _NEXT.replace("ORDER BY", "AND key <= %b ORDER BY")
_UNREAD = f"""
SELECT {_COLUMNS}
FROM onecopy.copy
WHERE tenant = (SELECT id FROM onecopy.tenant WHERE name = %b) AND size = %b
    AND need BETWEEN '{UNREAD}' AND '{UNREAD}'
ORDER BY need, number LIMIT %b
"""
_UNREAD_SIZES = f"""
SELECT wanted.size
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN unnest(%b::bigint[]) AS wanted(size)
CROSS JOIN LATERAL (
    SELECT FROM onecopy.copy
    WHERE tenant = own.id AND size = wanted.size AND need = '{UNREAD}' LIMIT 1
) AS found
"""
# The needs of a size are in order, and the content digest is the first: ''.
_UNDECIDED_SIZES = """
SELECT wanted.size
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN unnest(%b::bigint[]) AS wanted(size)
CROSS JOIN LATERAL (
    SELECT FROM onecopy.copy
    WHERE tenant = own.id AND size = wanted.size AND need > '' LIMIT 1
) AS found
"""
# A loose index scan: it jumps from each distinct need of a size to the next one.
_NEEDS = """
WITH RECURSIVE own(id) AS (SELECT id FROM onecopy.tenant WHERE name = %b),
found(size, need) AS (
    SELECT wanted.size, (
        SELECT need FROM onecopy.copy
        WHERE tenant = (SELECT id FROM own) AND size = wanted.size ORDER BY need LIMIT 1)
    FROM unnest(%b::bigint[]) AS wanted(size)
    UNION ALL
    SELECT found.size, (
        SELECT copy.need FROM onecopy.copy
        WHERE tenant = (SELECT id FROM own) AND copy.size = found.size AND copy.need > found.need
        ORDER BY copy.need LIMIT 1)
    FROM found WHERE found.need IS NOT NULL
)
SELECT size, need, NULL FROM found WHERE need IS NOT NULL
UNION ALL
SELECT size, NULL, scheme FROM onecopy.listed_size
WHERE tenant = (SELECT id FROM own) AND size = ANY(%b::bigint[])
"""
_ANY_SIZE = 0
"""The size of digests that are listed without a size: no content is empty."""

Place = tuple[int, int]
"""Rank and number: the position of a copy among those with a digest."""
BEFORE_ALL: Place = (-1, 0)


def lookup(connection: Connection, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
    """Return, for each digest in order, the first copy that has it, or None."""
    if len(digests) == 1:  # a single digest needs no array
        rows = fetch(connection, _FIRST, tenant, packed(digests[0]))
        return [to_copy(rows[0]) if rows else None]
    return start_lookup(connection, tenant, digests)() if digests else []


def start_lookup(
    connection: Connection, tenant: str, digests: Sequence[Digest]
) -> Callable[[], list[Copy | None]]:
    """Send the query of `lookup`; return a function that reads its result later."""
    cursor = execute(connection, _FIRST_OF_EACH, tenant, packed_all(digests))

    def read() -> list[Copy | None]:
        copies: list[Copy | None] = [None] * len(digests)
        for place, *row in cursor.fetchall():
            copies[place - 1] = to_copy(row)
        return copies

    return read


def with_digest(
    connection: Connection, tenant: str, digest: Digest, last: Place
) -> list[tuple[Place, Copy]]:
    """Return the next places after `last`, with their copies."""
    rows = fetch(connection, _WITH_DIGEST, tenant, packed(digest), *last, _PAGE_SIZE)
    return [((rank, number), to_copy(row)) for rank, number, *row in rows]


def at(connection: Connection, tenant: str, keys: Sequence[str]) -> list[Copy | None]:
    """Return, for each key in order, the copy recorded there, or None."""
    if not keys:
        return []
    copies = {row[0]: to_copy(row) for row in fetch(connection, _AT, tenant, sorted(set(keys)))}
    return [copies.get(key) for key in keys]


def after(connection: Connection, tenant: str, key: str) -> list[Copy]:
    """Return the next copies after a key, ordered by key."""
    return [to_copy(row) for row in fetch(connection, _NEXT, tenant, key, _PAGE_SIZE)]


def within(connection: Connection, tenant: str, span: Span) -> list[Copy]:
    """Return the first copies within a span, ordered by key."""
    if span.through is None:
        return after(connection, tenant, span.after)
    rows = fetch(connection, _NEXT_THROUGH, tenant, *span, _PAGE_SIZE)
    return [to_copy(row) for row in rows]


def unread(connection: Connection, tenant: str, size: int, limit: int) -> list[Copy]:
    """Return up to `limit` copies of this size that have no digest."""
    return [to_copy(row) for row in fetch(connection, _UNREAD, tenant, size, limit)]


def unread_sizes(connection: Connection, tenant: str, sizes: Sequence[int]) -> set[int]:
    """Return the sizes for which there is a copy without a digest."""
    if not sizes:
        return set()
    return {size for (size,) in fetch(connection, _UNREAD_SIZES, tenant, sorted(set(sizes)))}


def undecided_sizes(connection: Connection, tenant: str, sizes: Sequence[int]) -> set[int]:
    """Return the sizes for which there is a copy without a proved content digest."""
    if not sizes:
        return set()
    return {size for (size,) in fetch(connection, _UNDECIDED_SIZES, tenant, sorted(set(sizes)))}


def schemes(connection: Connection, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
    """Return, for each size in order, the schemes that a client must compute to find a match."""
    if not sizes:
        return []
    wanted = sorted({_ANY_SIZE, *sizes})
    known: dict[int, set[Scheme]] = {}
    for size, need, listed in fetch(connection, _NEEDS, tenant, wanted, wanted):
        own = known.setdefault(size, set())
        if need is not None:
            own.add(content_scheme(size))
        own.update(stored_scheme(name) for name in (listed or need).split() if name != UNREAD)
    everywhere = known.get(_ANY_SIZE, set())
    return [frozenset(known.get(size, everywhere) | everywhere) for size in sizes]


def tenants(connection: Connection) -> list[str]:
    """Return the names of all tenants."""
    return [name for (name,) in fetch(connection, "SELECT name FROM onecopy.tenant ORDER BY id")]
