"""Queries of an index file."""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, cast

import apsw

from onecopy.content import Copy, Evidence
from onecopy.digest import Digest
from onecopy.index.rules import rank
from onecopy.index.sqlite.rows import UNREAD, Rows, fingerprint, fingerprints
from onecopy.index.stored import damaged, require_progress, stored_copy

_PAGE_SIZE = 1000
"""Copies that are read at a time when all are iterated."""
ANY_SIZE = 0
"""The size of digests that are listed without a size: no content is empty."""

# Each statement finds the tenant by a subquery. So it costs the same calls whether or not the
# tenant exists (P5), and a process caches nothing that could become stale.
# LEFT JOIN: a row of a copy that is missing is damage, which must not look like no row.
_FIRST = """
SELECT key, size, digests, identity, stored_at, recorded_at, storage_class
FROM digest LEFT JOIN copy ON copy.id = digest.copy
WHERE fingerprint = ?2 AND digest.tenant = (SELECT id FROM tenant WHERE name = ?1)
ORDER BY rank, digest.copy LIMIT 1
"""
_FIRST_OF_EACH = """
SELECT value, key, size, digests, identity, stored_at, recorded_at, storage_class
FROM carray(?2) CROSS JOIN copy ON id = (
    SELECT digest.copy FROM digest
    WHERE fingerprint = value AND digest.tenant = (SELECT id FROM tenant WHERE name = ?1)
    ORDER BY rank, digest.copy LIMIT 1)
"""
_WITH_DIGEST = """
SELECT rank, digest.copy, key, size, digests, identity, stored_at, recorded_at, storage_class
FROM digest LEFT JOIN copy ON copy.id = digest.copy
WHERE fingerprint = ?2 AND digest.tenant = (SELECT id FROM tenant WHERE name = ?1)
    AND (rank, digest.copy) > (?3, ?4)
ORDER BY rank, digest.copy LIMIT ?5
"""
_AT = """
SELECT key, size, digests, identity, stored_at, recorded_at, storage_class
FROM carray(?2) CROSS JOIN copy ON tenant = (SELECT id FROM tenant WHERE name = ?1) AND key = value
"""
_NEXT = """
SELECT key, size, digests, identity, stored_at, recorded_at, storage_class
FROM copy
WHERE tenant = (SELECT id FROM tenant WHERE name = ?1) AND key > ?2
ORDER BY key LIMIT ?3
"""
_ROWS = """
SELECT id, tenant, key, size, digests, identity, stored_at, recorded_at, storage_class
FROM copy WHERE id > ? ORDER BY id LIMIT ?
"""
_UNREAD_SIZES = """
SELECT value FROM carray(?2) WHERE EXISTS (
    SELECT 1 FROM size
    WHERE size.size = value AND tenant = (SELECT id FROM tenant WHERE name = ?1) AND need = ?3)
"""

# The needs of a size are in order, and the content digest is the first: ''.
_UNDECIDED_SIZES = """
SELECT value FROM carray(?2) WHERE EXISTS (
    SELECT 1 FROM size
    WHERE size.size = value AND tenant = (SELECT id FROM tenant WHERE name = ?1) AND need > ''
        AND copy > 0)
"""

_UNREAD = """
SELECT key, copy.size, digests, identity, stored_at, recorded_at, storage_class
FROM size LEFT JOIN copy ON copy.id = size.copy
WHERE size.size = ?2 AND size.tenant = (SELECT id FROM tenant WHERE name = ?1) AND need = ?3
ORDER BY size.copy LIMIT ?4
"""
# A loose index scan: it jumps from each distinct need of a size to the next one.
_NEEDS = """
WITH RECURSIVE own(id) AS (SELECT id FROM tenant WHERE name = ?1), found(size, need) AS (
    SELECT value, (
        SELECT min(need) FROM size WHERE size = value AND tenant = (SELECT id FROM own))
    FROM carray(?2)
    UNION ALL
    SELECT found.size, (
        SELECT min(size.need) FROM size
        WHERE size.size = found.size AND tenant = (SELECT id FROM own) AND size.need > found.need)
    FROM found WHERE found.need IS NOT NULL
)
SELECT size, need FROM found WHERE need IS NOT NULL
"""


def lookup(
    connection: apsw.Connection, tenant: str, digests: Sequence[Digest]
) -> list[Copy | None]:
    """Return, for each digest in order, the first copy that has it, or None."""
    if len(digests) == 1:  # a single digest needs no packing
        return [_first(connection, tenant, digests[0])]
    if not digests:
        return []
    wanted = fingerprints(b"".join([digest.value[:8] for digest in digests]))
    ordered = apsw.carray(array("q", sorted(wanted)))
    rows = connection.execute(_FIRST_OF_EACH, (tenant, ordered)).fetchall()
    found = {row[0]: stored_copy(row[1:]) for row in cast("list[Any]", rows)}
    return [
        copy
        if copy is None or copy.digests.proves(digest) or _is_first(copy, digest)
        else _search(connection, tenant, digest)
        for copy, digest in zip(map(found.get, wanted), digests, strict=True)
    ]


def _first(connection: apsw.Connection, tenant: str, digest: Digest) -> Copy | None:
    for columns in connection.execute(_FIRST, (tenant, fingerprint(digest))):
        copy = stored_copy(columns)
        if copy.digests.proves(digest) or _is_first(copy, digest):
            return copy
        return _search(connection, tenant, digest)
    return None


def _is_first(copy: Copy, digest: Digest) -> bool:
    """Return whether the first copy with a digest's fingerprint is also the first with the digest.

    The copy does not prove the digest. Other digests may have the same fingerprint; if the copy
    proves one of them, that one made it the first, and another copy may prove this digest.
    """
    pairs = copy.digests.pairs()
    alike = [(own, how) for own, how in pairs if own.value[:8] == digest.value[:8]]
    return (digest, Evidence.CLAIMED) in alike and all(
        how is not Evidence.PROVED for _, how in alike
    )


def _search(connection: apsw.Connection, tenant: str, digest: Digest) -> Copy | None:
    """Return the first copy with a digest that shares its fingerprint with another digest."""
    last = BEFORE_ALL
    while page := with_digest(connection, tenant, digest, last):
        for _, copy in page:
            if copy is not None:
                return copy
        require_progress(last, page[-1][0])
        last = page[-1][0]
    return None


Place = tuple[int, int]
"""Rank and id: the position of a copy among those with a digest."""
BEFORE_ALL: Place = (-1, 0)


def with_digest(
    connection: apsw.Connection, tenant: str, digest: Digest, last: Place
) -> list[tuple[Place, Copy | None]]:
    """Return the next places after `last`, each with its copy if that has the whole digest."""
    page: list[tuple[Place, Copy | None]] = []
    for place, number, *row in connection.execute(
        _WITH_DIGEST, (tenant, fingerprint(digest), *last, _PAGE_SIZE)
    ):
        copy = stored_copy(row)
        if all(own.value[:8] != digest.value[:8] for own in copy.digests):
            raise damaged(f"the copy at {copy.key[:100]!r} does not have a digest it is found by")
        has_it = digest in copy.digests and rank(copy, digest) == place
        page.append(((place, number), copy if has_it else None))
    return page


def at(connection: apsw.Connection, tenant: str, keys: Sequence[str]) -> list[Copy | None]:
    """Return, for each key in order, the copy recorded there, or None."""
    if not keys:
        return []
    ordered = apsw.carray(tuple(sorted(set(keys))))
    found = {row[0]: stored_copy(row) for row in connection.execute(_AT, (tenant, ordered))}
    return [found.get(key) for key in keys]


def after(connection: apsw.Connection, tenant: str, key: str) -> list[Copy]:
    """Return the next copies after a key, ordered by key."""
    return [stored_copy(row) for row in connection.execute(_NEXT, (tenant, key, _PAGE_SIZE))]


def chunks(connection: apsw.Connection, size: int) -> Iterator[Rows]:
    """Yield the copies of all tenants, ordered by id, up to `size` at a time."""
    last = 0
    while True:
        chunk = Rows()
        for number, tenant, *row in connection.execute(_ROWS, (last, size)):
            require_progress(last, number)
            chunk.append(number, tenant, stored_copy(row))
            last = number
        if not chunk:
            return
        yield chunk


def is_empty(connection: apsw.Connection) -> bool:
    """Return whether there is no copy of any tenant."""
    return bool(connection.execute("SELECT max(id) IS NULL FROM copy").get)


def unread(connection: apsw.Connection, tenant: str, size: int, limit: int) -> list[Copy]:
    """Return up to `limit` copies of this size that have no digest."""
    rows = connection.execute(_UNREAD, (tenant, size, UNREAD, limit))
    return [stored_copy(row) for row in rows]


def unread_sizes(connection: apsw.Connection, tenant: str, sizes: Sequence[int]) -> set[int]:
    """Return the sizes for which there is a copy without a digest."""
    if not sizes:
        return set()
    ordered = apsw.carray(array("q", sorted(set(sizes))))
    return {size for (size,) in connection.execute(_UNREAD_SIZES, (tenant, ordered, UNREAD))}


def undecided_sizes(connection: apsw.Connection, tenant: str, sizes: Sequence[int]) -> set[int]:
    """Return the sizes for which there is a copy without a proved content digest."""
    if not sizes:
        return set()
    ordered = apsw.carray(array("q", sorted(set(sizes))))
    return {size for (size,) in connection.execute(_UNDECIDED_SIZES, (tenant, ordered))}


def needs(connection: apsw.Connection, tenant: str, sizes: Sequence[int]) -> dict[int, list[str]]:
    """Return, for each size that a copy has, the needs of such copies; see schema.py."""
    found: dict[int, list[str]] = {}
    if sizes:
        ordered = apsw.carray(array("q", sorted(set(sizes))))
        for size, need in connection.execute(_NEEDS, (tenant, ordered)):
            found.setdefault(size, []).append(need)
    return found


def tenants(connection: apsw.Connection) -> list[str]:
    """Return the names of all tenants."""
    return [name for (name,) in connection.execute("SELECT name FROM tenant ORDER BY id")]
