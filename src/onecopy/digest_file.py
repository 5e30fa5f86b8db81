"""The SQLite file of the cache of digests.

It fetches all rows of a call as one, because each would release Python's lock and wait to get it
back, for up to 5 ms while other threads compute.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import accumulate
from pathlib import Path
from secrets import token_bytes

import apsw

_DAMAGE = (apsw.CorruptError, apsw.NotADBError, apsw.FormatError, apsw.SQLError)
"""Errors of a damaged file; the last one if the names of tables or columns are damaged."""
_FORM = 5
_MOST_BYTES = 512 << 20
"""Size of the file from which on rows are removed: about 6 million files."""
_BUSY_MS = 1000

_SCHEMA = f"""
CREATE TABLE secret (value BLOB NOT NULL);
CREATE TABLE neighbours (place INTEGER PRIMARY KEY, files BLOB NOT NULL);
CREATE TABLE avoided (name INTEGER PRIMARY KEY);
PRAGMA user_version = {_FORM};
"""
_FIND = """
SELECT group_concat(place), group_concat(octet_length(files)),
    CAST(group_concat(files, '') AS BLOB)
FROM carray(?) CROSS JOIN neighbours ON place = value
"""
_KEEP = "INSERT OR REPLACE INTO neighbours VALUES (?, ?)"
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

    def find(self, places: "array[int]") -> dict[int, bytes]:
        """Return the rows at these places."""
        [(found, lengths, data)] = self._connection.execute(_FIND, (apsw.carray(places),))
        if not found:
            return {}
        ends = list(accumulate(map(int, lengths.split(","))))
        starts = [0, *ends]
        return {
            int(place): data[start:end]
            for place, start, end in zip(found.split(","), starts, ends, strict=False)
        }

    def keep(
        self,
        places: "array[int]",
        merge: Callable[[dict[int, bytes]], Iterable[tuple[int, bytes]]],
    ) -> None:
        """Store the rows that `merge` returns for those at these places, at once."""
        with _writing(self._connection):
            self._connection.executemany(_KEEP, merge(self.find(places)))

    def find_avoided(self, names: "array[int]") -> set[int]:
        """Return which of the names were kept."""
        return {name for (name,) in self._connection.execute(_FIND_AVOIDED, (apsw.carray(names),))}

    def keep_avoided(self, names: "array[int]") -> None:
        """Store names."""
        self._connection.execute(_KEEP_AVOIDED, (apsw.carray(names),)).fetchall()

    def shrink(self) -> None:
        """Delete about half of the rows, chosen at random, while the file is too large."""
        while self._bytes() > _MOST_BYTES:
            with _writing(self._connection):
                self._connection.execute("DELETE FROM neighbours WHERE random() & 1")
                self._connection.execute("DELETE FROM avoided WHERE random() & 1")
            self._connection.execute("VACUUM")

    def _bytes(self) -> int:
        """Return the bytes in use: another process may keep the file from being made smaller."""
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = map(self._connection.pragma, names)
        return int((pages - free) * size)

    def close(self) -> None:
        """Close the file, whatever its state."""
        with suppress(apsw.Error):
            self._connection.close()


def is_damage(error: Exception) -> bool:
    """Return whether an error means that the file is damaged, or was cut short."""
    code: int = getattr(error, "extendedresult", 0)  # the types of apsw lack it
    return isinstance(error, _DAMAGE) or code == apsw.SQLITE_IOERR_SHORT_READ


def _prepare(connection: apsw.Connection) -> bytes:
    """Prepare the file, and return its secret."""
    connection.set_busy_timeout(_BUSY_MS)
    # Without waiting for the disk: after a power failure, damage is noticed.
    connection.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -16384").fetchall()
    with _writing(connection):
        return _secret_of(connection)


@contextmanager
def _writing(connection: apsw.Connection) -> Iterator[None]:
    """Let no other process write, and write all or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends it itself if the disk is full
            connection.execute("ROLLBACK")
        raise


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
