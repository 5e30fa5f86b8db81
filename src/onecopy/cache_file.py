"""The SQLite file of the digest cache, which many processes may use at once.

Nothing depends on it: if it is damaged, it is replaced, and any other error means only that it
remembers nothing.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes
from threading import Lock
from typing import TypeVar

import apsw

_log = logging.getLogger("onecopy.cache")
_T = TypeVar("_T")
FILE = "digests.sqlite"
"""Its name in the folder of caches."""

_FORM = 2
_MOST_BYTES = 512 << 20
"""Size of the file from which on entries are removed: about 6 million files."""
_BUSY_MS = 1000
_DAMAGE = (apsw.CorruptError, apsw.NotADBError, apsw.FormatError)

_SCHEMA = f"""
CREATE TABLE secret (value BLOB NOT NULL);
CREATE TABLE file (path INTEGER PRIMARY KEY, day INTEGER, seal BLOB, digests BLOB);
CREATE TABLE avoided (name INTEGER PRIMARY KEY);
PRAGMA user_version = {_FORM};
"""


class CacheFile:
    """The open file. Safe for several threads."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._lock = Lock()
        self._connection: apsw.Connection | None = None
        self._is_tried = False
        """Whether it was opened, or cannot be."""
        self.secret = b""
        """Random bytes of this file; empty if it is not open."""
        self._attempt(self._open_if_there, None)

    def use(self, do: Callable[[apsw.Connection], _T], otherwise: _T) -> _T:
        """Return the result of `do`; `otherwise` if the file is not open, or cannot be used."""

        def attempt() -> _T:
            return otherwise if self._connection is None else do(self._connection)

        return self._attempt(attempt, otherwise)

    def create(self) -> None:
        """Create the file if it does not exist."""
        self._attempt(self._open_once, None)

    def close(self) -> None:
        """Remove entries if the file is too large, and close it."""
        self.use(_shrink, None)
        with self._lock:
            self._close()

    def _attempt(self, do: Callable[[], _T], otherwise: _T) -> _T:
        """Return the result of `do`; replace the file if it is damaged."""
        with self._lock:
            try:
                return do()
            except _DAMAGE as error:
                _log.info("%s is damaged (%s), and is replaced", self._file, error)
                self._replace()
            except (apsw.Error, OSError) as error:
                _log.debug("%s cannot be used: %s", self._file, error)
        return otherwise

    def _replace(self) -> None:
        self._close()
        with suppress(apsw.Error, OSError):
            remove(self._file.parent)
            self._open()

    def _open_if_there(self) -> None:
        if self._file.exists():
            self._open_once()

    def _open_once(self) -> None:
        if not self._is_tried:
            self._is_tried = True
            self._open()

    def _open(self) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = apsw.Connection(str(self._file))
        try:
            self.secret = _prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(apsw.Error):
                connection.close()


def remove(folder: Path) -> int:
    """Remove the cache in a folder; return its size in bytes. Raises OSError."""
    files = [folder / f"{FILE}{ending}" for ending in ("", "-journal")]
    there = [file for file in files if file.exists()]
    size = sum(file.stat().st_size for file in there)
    for file in there:
        file.unlink(missing_ok=True)
    return size


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


def _shrink(connection: apsw.Connection) -> None:
    """Delete about half of the entries, chosen at random, while the file is too large."""
    while _bytes(connection) > _MOST_BYTES:
        with connection:
            connection.execute("DELETE FROM file WHERE random() & 1")
            connection.execute("DELETE FROM avoided WHERE random() & 1")
        connection.execute("VACUUM")


def _bytes(connection: apsw.Connection) -> int:
    size: int = connection.pragma("page_count") * connection.pragma("page_size")
    return size
