"""Contents that have several copies.

`digest` is ordered by fingerprint, so they are found by reading it once, without sorting.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

import apsw

from onecopy.content import Copy
from onecopy.digest import SMALLEST_PART, Digest
from onecopy.index.interface import Stored
from onecopy.index.sqlite.rows import fingerprint
from onecopy.index.stored import damaged, stored_copy

FIRST = -(2**63)
"""The lowest fingerprint."""
_LAST = 2**63 - 1
_PAGE_SIZE = 2000
"""Fingerprints that are read at a time, so that no reader delays the checkpoints of writers."""
_ONLY_SHA256 = 33
"""Length of a proved SHA-256 in packed digests."""

_STORED = """
SELECT count(*), coalesce(sum(size), 0), coalesce(sum(need > ''), 0) FROM size
WHERE tenant = (SELECT id FROM tenant WHERE name = ?1) AND copy > 0
"""
# Rank 0: the content digest of the copy is proved, and so is this digest. CROSS JOIN: the loops are
# nested as written, so rows come in the order of fingerprints, and then of recording.
_REPEATED = """
WITH own(id) AS (SELECT id FROM tenant WHERE name = ?1), repeated(value) AS MATERIALIZED (
    SELECT fingerprint FROM digest
    WHERE fingerprint >= ?2 AND tenant = (SELECT id FROM own) AND rank = 0
    GROUP BY fingerprint HAVING count(*) > 1 LIMIT ?3
)
SELECT fingerprint, key, size, digests, identity, stored_at, recorded_at, storage_class
FROM repeated CROSS JOIN digest
    ON fingerprint = value AND digest.tenant = (SELECT id FROM own) AND rank = 0
LEFT JOIN copy ON copy.id = digest.copy
"""


def stored(connection: apsw.Connection, tenant: str) -> Stored:
    """Count the copies of a tenant."""
    return Stored(*connection.execute(_STORED, (tenant,)).get)


def repeated(
    connection: apsw.Connection, tenant: str, first: int
) -> tuple[int | None, list[Sequence[Copy]]]:
    """Return contents with several copies, and the fingerprint from which to continue, if any."""
    query = connection.execute(_REPEATED, (tenant, first, _PAGE_SIZE))
    rows = cast("list[tuple[Any, ...]]", query.fetchall())
    contents: list[Sequence[Copy]] = []
    count, value = 0, _LAST
    for value, group in groupby(rows, _FINGERPRINT):
        count += 1
        contents += _contents(value, [stored_copy(row[1:]) for row in group])
    is_end = count < _PAGE_SIZE or value == _LAST
    return None if is_end else value + 1, contents


_FINGERPRINT = itemgetter(0)


def _contents(value: int, copies: list[Copy]) -> list[list[Copy]]:
    """Return the copies whose content digest has a fingerprint, content by content."""
    if _are_alike(copies):  # the common case, kept cheap
        start = copies[0].digests.packed[1:9]
        return [copies] if int.from_bytes(start, "little", signed=True) == value else []
    by_digest: dict[Digest, list[Copy]] = {}
    for copy in copies:
        digest = _digest(copy)
        if fingerprint(digest) == value:  # not that of its MD5
            by_digest.setdefault(digest, []).append(copy)
    return [own for own in by_digest.values() if len(own) > 1]


def _are_alike(copies: list[Copy]) -> bool:
    """Return whether these copies are small, and prove the same SHA-256 first of all."""
    start = copies[0].digests.packed[:_ONLY_SHA256]
    if start[:1] != b"\x01":
        return False
    for _, size, digests, *_ in copies:
        if size >= SMALLEST_PART or digests.packed[:_ONLY_SHA256] != start:
            return False
    return True


def _digest(copy: Copy) -> Digest:
    """Return the content digest of a copy of rank 0; raises Damaged if it has none."""
    digest = copy.content_digest
    if digest is None:
        raise damaged(f"the copy at {copy.key[:100]!r} does not have the digest it is found by")
    return digest
