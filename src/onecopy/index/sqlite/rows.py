"""Copies as rows, packed so that SQLite can insert a million of them without calling Python.

Binding row by row releases the interpreter's lock for every row, and next to a busy thread each row
may wait 5 ms to get it back. So rows are passed to SQLite as arrays (with `carray`), from which SQL
extracts the columns.
"""

import sys
from array import array
from itertools import pairwise
from typing import Any

import apsw

from onecopy.content import VALUE_BYTES, Copy, Digests
from onecopy.digest import SMALLEST_PART, Digest
from onecopy.index.stored import class_column

UNREAD = "-"
"""The need of a copy without a digest: its bytes must be read."""

_HEAD = b"%10d%10d%15d%15d%15d%5d%5d%5d%5d"
"""Head of a packed row: numbers, and the lengths of the texts. The texts follow, then the digests,
unchanged."""
_HEAD_COLUMNS = (0, 10, 20, 35, 50, 65, 70, 75, 80, 85)
_HEAD_LENGTH = 85
_ROWS = """
WITH head(id, tenant, size, stored_at, recorded_at, key, identity, need, class, value) AS (
    SELECT
        ?1 + CAST(substr(value, 1, 10) AS INTEGER), CAST(substr(value, 11, 10) AS INTEGER),
        CAST(substr(value, 21, 15) AS INTEGER), CAST(substr(value, 36, 15) AS INTEGER),
        CAST(substr(value, 51, 15) AS INTEGER), CAST(substr(value, 66, 5) AS INTEGER),
        CAST(substr(value, 71, 5) AS INTEGER), CAST(substr(value, 76, 5) AS INTEGER),
        CAST(substr(value, 81, 5) AS INTEGER), value
    FROM carray(?2)
), row(id, tenant, key, size, digests, identity, stored_at, recorded_at, need, storage_class) AS (
    SELECT
        id, tenant, CAST(substr(value, 86, key) AS TEXT), size,
        substr(value, 86 + key + identity + need + class),
        CAST(substr(value, 86 + key, identity) AS TEXT), stored_at, recorded_at,
        CAST(substr(value, 86 + key + identity, need) AS TEXT),
        CAST(substr(value, 86 + key + identity + need, class) AS TEXT)
    FROM head
)
"""
_ENTRY = b"%10d%d%10d"
"""Goes with a fingerprint: tenant, rank, copy."""
_ENTRIES = """
WITH entry(fingerprint, tenant, rank, copy) AS (
    SELECT
        value, CAST(substr(?3, rowid * 21 - 20, 10) AS INTEGER),
        CAST(substr(?3, rowid * 21 - 10, 1) AS INTEGER),
        ?1 + CAST(substr(?3, rowid * 21 - 9, 10) AS INTEGER)
    FROM carray(?2)
)
"""


def _of_rows(statement: str) -> str:
    return f"{_ROWS}{statement}"


def _of_entries(statement: str) -> str:
    return f"{_ENTRIES}{statement}"


# CROSS JOIN: the outer table is the packed one. ORDER BY: each tree is traversed once, from left to
# right. A row whose key is taken gets no copy with its id, so nothing is inserted elsewhere either.
_INSERT_COPIES = _of_rows("""
INSERT OR IGNORE INTO copy
SELECT id, tenant, key, size, digests, identity, stored_at, recorded_at, storage_class FROM row
""")
_INSERT_DIGESTS = _of_entries("""
INSERT OR IGNORE INTO digest
SELECT fingerprint, entry.tenant, rank, copy.id
FROM entry CROSS JOIN copy ON copy.id = entry.copy
ORDER BY 1, 2, 3, 4
""")
_INSERT_SIZES = _of_rows("""
INSERT INTO size
SELECT row.size, row.tenant, need, copy.id
FROM row CROSS JOIN copy ON copy.id = row.id
ORDER BY 1, 2, 3, 4
""")
_LEFT_OUT = """
SELECT rowid - 1 FROM carray(?2)
WHERE NOT EXISTS (SELECT 1 FROM copy WHERE id = ?1 + CAST(substr(value, 1, 10) AS INTEGER))
"""
_DELETE_COPIES = _of_rows("DELETE FROM copy WHERE id IN (SELECT id FROM row)")
_DELETE_DIGESTS = _of_entries("""
DELETE FROM digest
WHERE (fingerprint, tenant, rank, copy) IN (SELECT fingerprint, tenant, rank, copy FROM entry)
""")
_DELETE_SIZES = _of_rows("""
DELETE FROM size
WHERE (size, tenant, need, copy) IN (SELECT size, tenant, need, id FROM row)
""")
_MISSING_DIGESTS = _of_entries("""
SELECT DISTINCT copy FROM entry WHERE NOT EXISTS (
    SELECT 1 FROM digest WHERE digest.fingerprint = entry.fingerprint
    AND digest.tenant = entry.tenant AND digest.rank = entry.rank AND digest.copy = entry.copy)
""")
_MISSING_SIZES = _of_rows("""
SELECT id FROM row WHERE NOT EXISTS (
    SELECT 1 FROM size WHERE size.size = row.size
    AND size.tenant = row.tenant AND size.need = row.need AND size.copy = row.id)
""")
_COUNT_DIGESTS = _of_entries("SELECT count(*) FROM (SELECT DISTINCT * FROM entry)")


class Rows:
    """Packed copies, with ids relative to a base that is passed to SQLite."""

    def __init__(self) -> None:
        self._rows: list[bytes] = []
        self._fingerprints = bytearray()
        self._entries = bytearray()

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, number: int, tenant: int, copy: Copy) -> None:
        """Add a copy with the id base + `number`; ValueError if a name is too long."""
        key, size, digests, identity, stored_at, recorded_at, storage_class = copy
        packed = digests.packed
        if (size < SMALLEST_PART and packed[:1] == b"\x01") or copy.content_digest:
            rank, need = 0, b""
        else:
            rank, need = 1, _need(digests)
        name, own, kind = key.encode(), identity.encode(), class_column(storage_class).encode()
        lengths = len(name), len(own), len(need), len(kind)
        fields = _HEAD % (number, tenant, size, stored_at, recorded_at, *lengths)
        if len(fields) != _HEAD_LENGTH:
            raise ValueError(f"{key[:100]!r}: a name or a number is too long for the index")
        self._rows.append(b"".join((fields, name, own, need, kind, packed)))
        entry, at, end = _ENTRY % (tenant, rank, number), 0, len(packed)
        starts, entries = self._fingerprints, self._entries
        while at < end:  # the layout is described at Digests
            head = packed[at]
            at += 6 if head & 4 else 1
            starts += packed[at : at + 8]
            entries += entry if head & 1 else _ENTRY % (tenant, 2, number)
            at += VALUE_BYTES[head]

    def copy(self, index: int, base: int) -> tuple[int, int, Copy]:
        """Return id, tenant and copy of the row at `index`, counted from 0."""
        row = self._rows[index]
        number, tenant, size, stored_at, recorded_at, key, identity, need, kind = (
            int(row[start:end]) for start, end in pairwise(_HEAD_COLUMNS)
        )
        key_end = _HEAD_LENGTH + key
        identity_end = key_end + identity
        need_end = identity_end + need
        class_end = need_end + kind
        copy = Copy(
            row[_HEAD_LENGTH:key_end].decode(),
            size,
            Digests(row[class_end:]),
            row[key_end:identity_end].decode(),
            stored_at,
            recorded_at,
            row[need_end:class_end].decode() or "STANDARD",
        )
        return base + number, tenant, copy

    def insert(self, connection: apsw.Connection, base: int = 0) -> list[int]:
        """Insert the copies; return the positions of those left out, whose keys are taken."""
        if not self._rows:
            return []
        connection.execute(_INSERT_COPIES, self._copies(base))
        inserted = connection.changes()
        if self._entries:
            connection.execute(_INSERT_DIGESTS, self._digests(base))
        connection.execute(_INSERT_SIZES, self._copies(base))
        if inserted == len(self):
            return []
        return [index for (index,) in connection.execute(_LEFT_OUT, self._copies(base))]

    def delete(self, connection: apsw.Connection) -> None:
        """Delete the copies."""
        if not self._rows:
            return
        connection.execute(_DELETE_COPIES, self._copies(0))
        if self._entries:
            connection.execute(_DELETE_DIGESTS, self._digests(0))
        connection.execute(_DELETE_SIZES, self._copies(0))

    def missing(self, connection: apsw.Connection) -> set[int]:
        """Return the ids of copies that are missing from the table of digests or of sizes."""
        found = set(connection.execute(_MISSING_SIZES, self._copies(0)))
        if self._entries:
            found.update(connection.execute(_MISSING_DIGESTS, self._digests(0)))
        return {number for (number,) in found}

    def count_digests(self, connection: apsw.Connection) -> int:
        """Return the number of rows in `digest` that belong to the copies."""
        if not self._entries:
            return 0
        count: int = connection.execute(_COUNT_DIGESTS, self._digests(0)).get
        return count

    def _copies(self, base: int) -> tuple[Any, ...]:
        return base, apsw.carray(tuple(self._rows))

    def _digests(self, base: int) -> tuple[Any, ...]:
        return base, apsw.carray(fingerprints(self._fingerprints)), self._entries


def _need(digests: Digests) -> bytes:
    return " ".join(sorted(map(str, digests.schemes))).encode() or UNREAD.encode()


def fingerprint(digest: Digest) -> int:
    """Return the fingerprint of a digest: its first 8 bytes as an integer."""
    return int.from_bytes(digest.value[:8], "little", signed=True)


def fingerprints(joined: bytes | bytearray) -> "array[int]":
    """Return the fingerprints of digests whose first 8 bytes are joined."""
    values = array("q", joined)
    if sys.byteorder == "big":
        values.byteswap()
    return values
