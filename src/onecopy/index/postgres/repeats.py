"""Contents that have several copies.

`digest` is ordered by tenant and digest, so they are found by reading it once, without sorting.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from onecopy.content import Copy
from onecopy.index.interface import Stored
from onecopy.index.postgres.connections import Connection, fetch, run
from onecopy.index.postgres.rows import packed, to_copy

_PAGE_SIZE = 2000
"""Contents that are read at a time."""
_COLUMNS = "key, size, digests, identity, stored_at, recorded_at, storage_class"
_BEGIN = "BEGIN; SET LOCAL statement_timeout = 0"
"""Counting a billion copies takes longer than any other query."""

# A snapshot changes with every transaction that has begun or ended, of any database of the server.
_VERSION = "SELECT pg_current_snapshot()::text"
_STORED = """
SELECT count(*), coalesce(sum(size), 0)::bigint, count(*) FILTER (WHERE need <> '')
FROM onecopy.copy WHERE tenant = (SELECT id FROM onecopy.tenant WHERE name = %b)
"""
# Rank 0: the content digest of the copy is proved, and so is this digest. Heads 0 and 4 are those
# of SHA-256, whole and over parts: only these are content digests.
_REPEATED = f"""
SELECT repeated.digest, {_COLUMNS}
FROM (SELECT id FROM onecopy.tenant WHERE name = %b) AS own
CROSS JOIN LATERAL (
    SELECT digest FROM onecopy.digest
    WHERE tenant = own.id AND digest > %b AND rank = 0 AND get_byte(digest, 0) IN (0, 4)
    GROUP BY digest HAVING count(*) > 1 ORDER BY digest LIMIT %b
) AS repeated
CROSS JOIN LATERAL (
    SELECT number FROM onecopy.digest
    WHERE tenant = own.id AND digest = repeated.digest AND rank = 0 ORDER BY number
) AS place
CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM onecopy.copy
    WHERE tenant = own.id AND number = place.number LIMIT 1
) AS found
ORDER BY repeated.digest, place.number
"""


def version(connection: Connection) -> object:
    """Return a text that changes whenever another transaction may have changed something."""
    return fetch(connection, _VERSION)[0][0]


def stored(connection: Connection, tenant: str) -> Stored:
    """Count the copies of a tenant."""
    run(connection, f"{_BEGIN}; SET LOCAL enable_seqscan = 'on'")
    [row] = connection.execute(_STORED, (tenant,)).fetchall()
    run(connection, "COMMIT")
    return Stored(*row)


def repeated(
    connection: Connection, tenant: str, last: bytes
) -> tuple[bytes | None, list[Sequence[Copy]]]:
    """Return contents with several copies, and the digest after which to continue, if any."""
    run(connection, _BEGIN)
    found = fetch(connection, _REPEATED, tenant, last, _PAGE_SIZE)
    run(connection, "COMMIT")
    contents: list[Sequence[Copy]] = []
    digest, count = last, 0
    for digest, rows in groupby(found, _DIGEST):
        copies = [to_copy(row[1:]) for row in rows]
        count += 1
        if _is_content_digest(copies[0], digest):  # not another SHA-256 of it
            contents.append(copies)
    return digest if count == _PAGE_SIZE else None, contents


_DIGEST = itemgetter(0)


def _is_content_digest(copy: Copy, digest: bytes) -> bool:
    own = copy.content_digest
    return own is not None and packed(own) == digest
