"""Digests of local files that were read before, so that an unchanged file is not read again.

A cached digest may only be used to ask whether a content is stored. What is uploaded is hashed
while it is read to be sent, and replaces what was cached.

An entry is bound to the path and to the identity of the file: device, inode, size, and the times of
its last change and status change in nanoseconds. A file that changed within a minute before it was
read is not cached, since it may change again without a new time: if the file system's clock is
coarse (the problem of "racy" entries of git's index, https://git-scm.com/docs/racy-git), or if a
program writes to it through memory. Linux sets the times at the first such write to a page, and
again only after the page was written to the disk, which takes up to 35 seconds by default.

A seal over all of it detects entries that were damaged, cut short, or moved to another path. One
file in some hundreds is read again all the same, which heals entries that are wrong in spite of
that.

The cache is a SQLite file that many processes may use at once. Nothing depends on it: if it is
damaged, it is replaced, and any other error means only that files are read.
"""

import logging
import os
import time
from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path
from random import random
from secrets import token_bytes
from threading import Lock
from typing import Any, TypeVar

import apsw

from onecopy.content import Digests, Evidence
from onecopy.digest import Digest, Scheme
from onecopy.files import File

_log = logging.getLogger("onecopy.cache")
_T = TypeVar("_T")
FILE = "digests.sqlite"
"""Its name in the folder of caches."""

_FORM = 1
_MOST_BYTES = 512 << 20
"""Size of the file from which on entries are removed: about 6 million files."""
_MOST_DAYS = 90
"""Age of an entry after which its file is read again."""
_RACY_NS = 60_000_000_000
"""Time without a change after which any further change to a file has a new time."""
_SAMPLED = 1 / 256
"""Share of the entries that are not used, so that their files are read again."""
_BATCH = 1000
_BUSY_MS = 1000
_DAY_NS = 86_400 * 10**9
_DAMAGE = (apsw.CorruptError, apsw.NotADBError, apsw.FormatError)

_SCHEMA = f"""
CREATE TABLE secret (value BLOB NOT NULL);
CREATE TABLE file (path INTEGER PRIMARY KEY, day INTEGER, seal BLOB, digests BLOB);
PRAGMA user_version = {_FORM};
"""
_FIND = "SELECT path, day, seal, digests FROM file WHERE path IN (SELECT value FROM carray(?))"
_KEEP = "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)"

_Row = tuple[int, int, bytes, bytes]
"""Hash of the path, when the file was read in days since 1970, seal, packed digests."""


class DigestCache:
    """The digests of files that were read before. Safe for several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._lock = Lock()
        self._kept: list[_Row] = []
        self._secret = b""
        self._here = os.fsencode(os.path.abspath("") + os.sep)  # noqa: PTH100
        self._connection: apsw.Connection | None = None
        self._is_tried = False
        """Whether it was opened, or cannot be."""
        self._attempt(self._open_if_there, None)

    def find(
        self, wanted: Sequence[tuple[File, Collection[Scheme]]]
    ) -> list[tuple[Digest, ...] | None]:
        """Return the digests of each file by its schemes, in order; None if it has to be read."""
        paths = [self._path(file) for file, _ in wanted]
        keys = list(map(self._hash, paths))
        nothing: dict[int, _Row] = {}
        rows = self._attempt(partial(self._select, keys), nothing)
        found = zip(wanted, paths, keys, strict=True)
        return [
            self._digests(row, path, *each) if (row := rows.get(key)) else None
            for each, path, key in found
        ]

    def keep(self, files: Iterable[tuple[File, Sequence[Digest]]], began_ns: int) -> None:
        """Keep digests of files whose reading began at a time, in ns since 1970, or later."""
        latest, day = began_ns - _RACY_NS, _days(began_ns)
        old = [each for each in files if _is_settled(each[0], latest)]
        if old:
            self._attempt(self._open_once, None)
        rows = [self._row(file, digests, day) for file, digests in old]
        with self._lock:
            self._kept += rows
            is_due = len(self._kept) >= _BATCH
        if is_due:
            self._flush()

    def close(self) -> None:
        """Write what was kept, and close the file."""
        self._flush()
        self._attempt(self._shrink, None)
        with self._lock:
            self._close()

    def _path(self, file: File) -> bytes:
        """Return the path from the root; with a drive, it only has to be the same each time."""
        path = os.fsencode(file.path)
        return path if path.startswith(b"/") else self._here + path

    def _hash(self, path: bytes) -> int:
        hashed = blake2b(path, digest_size=8, key=self._secret).digest()
        return int.from_bytes(hashed, "little", signed=True)

    def _seal(self, path: bytes, file: File, day: int, digests: bytes) -> bytes:
        # As text: the numbers of some file systems, and times after 2262, exceed 64 bits.
        identity = b"%d,%d,%d,%d,%d,%d," % (*file.identity, day)
        return blake2b(identity + digests + path, digest_size=12, key=self._secret).digest()

    def _row(self, file: File, digests: Iterable[Digest], day: int) -> _Row:
        path = self._path(file)
        packed = Digests.of((digest, Evidence.CLAIMED) for digest in digests).packed
        return self._hash(path), day, self._seal(path, file, day, packed), packed

    def _digests(
        self, row: _Row, path: bytes, file: File, schemes: Collection[Scheme]
    ) -> tuple[Digest, ...] | None:
        _, day, seal, packed = row
        if seal != self._seal(path, file, day, packed) or random() < _SAMPLED:  # noqa: S311
            return None
        digests = tuple(Digests(packed))
        if [digest.scheme for digest in digests] == list(schemes):  # the common case, kept cheap
            return digests
        known = {digest.scheme: digest for digest in digests}
        if not all(scheme in known for scheme in schemes):
            return None
        return tuple(known[scheme] for scheme in schemes)

    def _select(self, keys: Sequence[int]) -> dict[int, _Row]:
        if self._connection is None or not keys:
            return {}
        today = _days(time.time_ns())
        rows = self._connection.execute(_FIND, (apsw.carray(array("q", keys)),))
        return {row[0]: row for row in rows if _is_current(row, today)}

    def _flush(self) -> None:
        with self._lock:
            kept, self._kept = self._kept, []
        self._attempt(partial(self._write, kept), None)

    def _write(self, rows: Sequence[_Row]) -> None:
        if self._connection is not None and rows:
            with self._connection:
                self._connection.executemany(_KEEP, rows)

    def _shrink(self) -> None:
        """Delete about half of the entries, chosen at random, while the file is too large."""
        connection = self._connection
        if connection is None:
            return
        while _bytes(connection) > _MOST_BYTES:
            with connection:
                connection.execute("DELETE FROM file WHERE random() & 1")
            connection.execute("VACUUM")

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
            self._secret = _prepare(connection)
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


def _bytes(connection: apsw.Connection) -> int:
    size: int = connection.pragma("page_count") * connection.pragma("page_size")
    return size


def _is_settled(file: File, latest: int) -> bool:
    """Return whether a file changed before a time, in a file system that keeps both times."""
    *_, modified, changed = file.identity
    return 0 < changed < latest and modified < latest


def _days(nanoseconds: int) -> int:
    return nanoseconds // _DAY_NS


def _is_current(row: tuple[Any, ...], today: int) -> bool:
    _, day, _, packed = row
    is_whole = type(day) is int and type(packed) is bytes
    return is_whole and today - _MOST_DAYS <= day <= today
