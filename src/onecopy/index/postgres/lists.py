"""Lists of digests without a location: insertion and lookup."""

from collections.abc import Iterable, Sequence

from onecopy.content import Listed
from onecopy.digest import Digest
from onecopy.index.postgres.connections import Connection, execute, fetch
from onecopy.index.postgres.rows import Table, columns_of, packed
from onecopy.index.postgres.writing import tenant_ids

_TEMPORARY = """
CREATE TEMPORARY TABLE listed_now (
    size BIGINT, tenant INTEGER NOT NULL, digest BYTEA NOT NULL
) ON COMMIT DROP
"""
_NOW = Table("listed_now", "size, tenant, digest", ("int8", "int4", "bytea"))
# Both are ordered by key, so that processes that list the same digests cannot deadlock.
_KEEP = """
INSERT INTO onecopy.listed (size, tenant, digest)
SELECT size, tenant, digest FROM listed_now ORDER BY tenant, digest
ON CONFLICT (tenant, digest) DO UPDATE SET size = excluded.size
WHERE listed.size IS DISTINCT FROM excluded.size
"""
_KEEP_SIZES = """
INSERT INTO onecopy.listed_size (tenant, size, scheme)
SELECT * FROM unnest(%b::integer[], %b::bigint[], %b::text[])
ON CONFLICT DO NOTHING
"""
_FIND = """
SELECT digest, size FROM onecopy.listed
WHERE tenant = (SELECT id FROM onecopy.tenant WHERE name = %b) AND digest = ANY(%b)
"""


def keep(connection: Connection, given: Iterable[tuple[str, Listed]]) -> None:
    """List (tenant, listed digest) pairs; if a digest occurs several times, the last one counts."""
    last = {(tenant, listed.digest): listed.size for tenant, listed in given}
    execute(connection, "BEGIN")
    ids = tenant_ids(connection, {tenant for tenant, _ in last})
    execute(connection, _TEMPORARY)
    rows = [(size, ids[tenant], packed(digest)) for (tenant, digest), size in last.items()]
    _NOW.put(connection, rows)
    execute(connection, _KEEP)
    sizes = {(ids[name], size or 0, str(digest.scheme)) for (name, digest), size in last.items()}
    execute(connection, _KEEP_SIZES, *columns_of(sorted(sizes)))
    execute(connection, "COMMIT")


def find(connection: Connection, tenant: str, digests: Sequence[Digest]) -> list[Listed | None]:
    """Return, for each digest in order, its entry in the lists, or None."""
    if not digests:
        return []
    wanted = {packed(digest): digest for digest in digests}
    rows = fetch(connection, _FIND, tenant, sorted(wanted))
    known = {wanted[value]: Listed(wanted[value], size) for value, size in rows}
    return [known.get(digest) for digest in digests]
