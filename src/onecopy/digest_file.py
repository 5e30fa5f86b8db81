"""The SQLite file of the cache of digests.

It fetches all entries of a call in one row, and stores them from one array. Each row would release
Python's lock and wait to get it back, for up to 5 ms while other threads compute.
"""

from array import array
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes

import apsw

from onecopy.digest_rows import PATH_BYTES, split

DAMAGE = (apsw.CorruptError, apsw.NotADBError, apsw.FormatError, apsw.SQLError)
"""Errors of a damaged file; the last one if the names of tables or columns are damaged."""
_FORM = 3
_MOST_BYTES = 512 << 20
"""Size of the file from which on entries are removed: about 5 million files."""
_BUSY_MS = 1000

_SCHEMA = f"""
CREATE TABLE secret (value BLOB NOT NULL);
CREATE TABLE file (path BLOB PRIMARY KEY, entry BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE avoided (name INTEGER PRIMARY KEY);
PRAGMA user_version = {_FORM};
"""
_FIND = """
SELECT octet_length(entry), CAST(group_concat(path || entry, '') AS BLOB)
FROM carray(?) CROSS JOIN file ON path = value GROUP BY 1
"""
_KEEP = """
INSERT OR REPLACE INTO file
SELECT substr(value, 1, 8), substr(value, 9) FROM carray(?)
"""
_FIND_AVOIDED = "SELECT name FROM avoided WHERE name IN (SELECT value FROM carray(?))"
_KEEP_AVOIDED = "INSERT OR IGNORE INTO avoided SELECT value FROM carray(?)"


class DigestFile:
    """An open file; its methods raise `apsw.Error`. Not safe for several threads."""

    def __init__(self, path: Path) -> None:
        self._connection = apsw.Connection(str(path))
        try:
            self.secret = _prepare(self._connection)
        except BaseException:
            self.close()
            raise

    def find(self, paths: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the rows of files by the hashes of their paths."""
        found: dict[bytes, bytes] = {}
        for length, data in self._connection.execute(_FIND, (apsw.carray(tuple(paths)),)):
            if type(length) is int and type(data) is bytes:  # else it is damaged
                found |= split(data, PATH_BYTES + length)
        return found

    def keep(self, rows: Sequence[bytes]) -> None:
        """Store rows, of which there is at least one."""
        self._connection.execute(_KEEP, (apsw.carray(tuple(rows)),)).fetchall()

    def find_avoided(self, names: "array[int]") -> set[int]:
        """Return which of the names were kept."""
        return {name for (name,) in self._connection.execute(_FIND_AVOIDED, (apsw.carray(names),))}

    def keep_avoided(self, names: "array[int]") -> None:
        """Store names."""
        self._connection.execute(_KEEP_AVOIDED, (apsw.carray(names),)).fetchall()

    def shrink(self) -> None:
        """Delete about half of the entries, chosen at random, while the file is too large."""
        while self._bytes() > _MOST_BYTES:
            with self._connection:
                self._connection.execute("DELETE FROM file WHERE random() & 1")
                self._connection.execute("DELETE FROM avoided WHERE random() & 1")
            self._connection.execute("VACUUM")

    def _bytes(self) -> int:
        pages, size = (self._connection.pragma(f"page_{name}") for name in ("count", "size"))
        return int(pages * size)

    def close(self) -> None:
        """Close the file, whatever its state."""
        with suppress(apsw.Error):
            self._connection.close()


def _prepare(connection: apsw.Connection) -> bytes:
    """Prepare the file, and return its secret."""
    connection.set_busy_timeout(_BUSY_MS)
    # Without waiting for the disk: after a power failure, damage is noticed.
    connection.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -16384").fetchall()
    connection.execute("BEGIN IMMEDIATE")
    try:
        secret = _secret_of(connection)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return secret


def _secret_of(connection: apsw.Connection) -> bytes:
    """Return the secret of the file, which is filled if it is new."""
    form = connection.pragma("user_version")
    if form == 0 and not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").get:
        connection.execute(_SCHEMA).fetchall()
        connection.execute("INSERT INTO secret VALUES (?)", (token_bytes(32),))
    elif form != _FORM:
        raise apsw.FormatError(f"its form is {form}")
    secret = connection.execute("SELECT value FROM secret").get
    if type(secret) is not bytes:
        raise apsw.FormatError("it has no secret")
    return secret
