"""What is asked of a database, statement by statement."""

from collections.abc import Callable, Sequence

from onecopy.content import Copy
from onecopy.digest import Digest, Scheme, content_scheme
from onecopy.index.postgres.asking import Connection, ask, fetch
from onecopy.index.postgres.rows import UNREAD, packed, packed_all, to_copy

_PAGE = 2000
"""Copies that are read at one time by whoever goes through many."""

# Each statement names its tenant by a subquery: so it costs the same calls whether or not the index
# knows the tenant (P5), and a process remembers nothing that could be out of date.
#
# A plan is made once, perhaps while the tables are empty and every way is as good as any other. So
# each row is found by itself, by all columns of one index: LATERAL with LIMIT leaves no other way.
_COLUMNS = "key, size, digests, identity, stored_at, recorded_at"
_FIRST = f"""
SELECT {_COLUMNS}
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN LATERAL (
    SELECT number FROM onecopy.digest
    WHERE tenant = own.id AND digest = %b ORDER BY rank, number LIMIT 1
) AS first
CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM onecopy.copy
    WHERE tenant = own.id AND number = first.number LIMIT 1
) AS found
"""
_FIRST_OF_EACH = f"""
SELECT asked.digest, {_COLUMNS}
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN unnest(%b::bytea[]) AS asked(digest)
CROSS JOIN LATERAL (
    SELECT number FROM onecopy.digest
    WHERE tenant = own.id AND digest = asked.digest ORDER BY rank, number LIMIT 1
) AS first
CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM onecopy.copy
    WHERE tenant = own.id AND number = first.number LIMIT 1
) AS found
"""
_HOLDERS = f"""
SELECT rank, number, {_COLUMNS}
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN LATERAL (
    SELECT rank, number FROM onecopy.digest
    WHERE tenant = own.id AND digest = %b AND (rank, number) > (%b, %b)
    ORDER BY rank, number LIMIT %b
) AS next
CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM onecopy.copy
    WHERE tenant = own.id AND number = next.number LIMIT 1
) AS found
ORDER BY rank, number
"""
_AT = f"""
SELECT {_COLUMNS}
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN unnest(%b::text[]) AS asked(name)
CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM onecopy.copy WHERE tenant = own.id AND key = asked.name LIMIT 1
) AS found
"""
_NEXT = f"""
SELECT {_COLUMNS}
FROM onecopy.copy
WHERE tenant = (SELECT id FROM onecopy.tenant WHERE name = %b) AND key > %b
ORDER BY key LIMIT %b
"""
_UNREAD = f"""
SELECT {_COLUMNS}
FROM onecopy.copy
WHERE tenant = (SELECT id FROM onecopy.tenant WHERE name = %b) AND size = %b
    AND need BETWEEN '{UNREAD}' AND '{UNREAD}'
ORDER BY need, number LIMIT %b
"""
_UNREAD_SIZES = f"""
SELECT asked.size
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN unnest(%b::bigint[]) AS asked(size)
CROSS JOIN LATERAL (
    SELECT FROM onecopy.copy
    WHERE tenant = own.id AND size = asked.size AND need = '{UNREAD}' LIMIT 1
) AS found
"""
# A loose index scan: from each need of a size straight to the next one, past all that are equal.
_NEEDS = """
WITH RECURSIVE own(id) AS (SELECT id FROM onecopy.tenant WHERE name = %b),
found(size, need) AS (
    SELECT asked.size, (
        SELECT need FROM onecopy.copy
        WHERE tenant = (SELECT id FROM own) AND size = asked.size ORDER BY need LIMIT 1)
    FROM unnest(%b::bigint[]) AS asked(size)
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
"""Where the schemes of lists without sizes stand: no content is empty."""

Place = tuple[int, int]
"""Rank and number: where a copy stands among those that have a digest."""
BEFORE_ALL: Place = (-1, 0)


def lookup(connection: Connection, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
    """Return, for each digest in order, the first copy that has it, or None."""
    if len(digests) == 1:  # spare a single one what only many are worth
        rows = fetch(connection, _FIRST, tenant, packed(digests[0]))
        return [to_copy(rows[0]) if rows else None]
    return ask_first(connection, tenant, digests)() if digests else []


def ask_first(
    connection: Connection, tenant: str, digests: Sequence[Digest]
) -> Callable[[], list[Copy | None]]:
    """Ask as `lookup` does, and return what reads the answer later."""
    asked = packed_all(digests)
    cursor = ask(connection, _FIRST_OF_EACH, tenant, sorted(set(asked)))

    def answer() -> list[Copy | None]:
        copies = {digest: to_copy(row) for digest, *row in cursor.fetchall()}
        return list(map(copies.get, asked))

    return answer


def holders(
    connection: Connection, tenant: str, digest: Digest, last: Place
) -> list[tuple[Place, Copy]]:
    """Return the next places after `last` with their copies."""
    rows = fetch(connection, _HOLDERS, tenant, packed(digest), *last, _PAGE)
    return [((rank, number), to_copy(row)) for rank, number, *row in rows]


def at(connection: Connection, tenant: str, keys: Sequence[str]) -> list[Copy | None]:
    """Return, for each key in order, the copy recorded there, or None."""
    if not keys:
        return []
    copies = {row[0]: to_copy(row) for row in fetch(connection, _AT, tenant, sorted(set(keys)))}
    return [copies.get(key) for key in keys]


def after(connection: Connection, tenant: str, key: str) -> list[Copy]:
    """Return the next copies after a key, by key."""
    return [to_copy(row) for row in fetch(connection, _NEXT, tenant, key, _PAGE)]


def unread(connection: Connection, tenant: str, size: int, limit: int) -> list[Copy]:
    """Return up to `limit` copies of this size that have no digest at all."""
    return [to_copy(row) for row in fetch(connection, _UNREAD, tenant, size, limit)]


def unread_sizes(connection: Connection, tenant: str, sizes: Sequence[int]) -> set[int]:
    """Return those of the sizes that some copy without any digest has."""
    if not sizes:
        return set()
    return {size for (size,) in fetch(connection, _UNREAD_SIZES, tenant, sorted(set(sizes)))}


def schemes(connection: Connection, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
    """Return, for each size in order, the schemes that must be computed to be found."""
    if not sizes:
        return []
    asked = sorted({_ANY_SIZE, *sizes})
    known: dict[int, set[Scheme]] = {}
    for size, need, listed in fetch(connection, _NEEDS, tenant, asked, asked):
        own = known.setdefault(size, set())
        if need is not None:
            own.add(content_scheme(size))
        own.update(Scheme.parse(name) for name in (listed or need).split() if name != UNREAD)
    everywhere = known.get(_ANY_SIZE, set())
    return [frozenset(known.get(size, everywhere) | everywhere) for size in sizes]


def tenants(connection: Connection) -> list[str]:
    """Return the names of all tenants."""
    return [name for (name,) in fetch(connection, "SELECT name FROM onecopy.tenant ORDER BY id")]


def get(connection: Connection, name: str) -> bytes | None:
    """Return a value of the state, or None."""
    rows = fetch(connection, "SELECT value FROM onecopy.state WHERE name = %b", name)
    return rows[0][0] if rows else None
