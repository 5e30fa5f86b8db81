"""Files with the same size or content in one selection; memory is flat, in a temporary database."""

import os
from threading import Lock
from typing import NamedTuple

import apsw

from onecopy.digest import Digest
from onecopy.files import File

_PRAGMAS = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8192;
"""
_SIZES = """
CREATE TABLE sizes (size INTEGER PRIMARY KEY, path BLOB, identity TEXT);
BEGIN;
"""
_CONTENTS = """
CREATE TABLE contents (digest BLOB, size INTEGER, path BLOB, PRIMARY KEY (digest, size))
WITHOUT ROWID;
BEGIN;
"""


def _temporary_database(schema: str) -> apsw.Connection:
    database = apsw.Connection("")  # SQLite deletes the file when the connection is closed
    database.execute(_PRAGMAS + schema).fetchall()  # apsw runs a statement only when it is fetched
    return database


class FirstFiles:
    """The first file of each content in a selection.

    This is the only place that decides what "the same content twice in one selection" means: two
    files have the same content if, and only if, their content digests are equal. `check` adds the
    files that it reads, `upload` those that it stored. Safe for several threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._database = _temporary_database(_CONTENTS)

    def add(self, file: File, digest: Digest) -> str | None:
        """Return the path of an earlier file with this content; if there is none, add the file."""
        with self._lock:
            first = self._find(file, digest)
            if first is None:
                self._database.execute(
                    "INSERT INTO contents VALUES (?, ?, ?)",
                    (digest.value, file.size, os.fsencode(file.path)),
                )
            return first

    def find(self, file: File, digest: Digest) -> str | None:
        """Return the path of the first file with the content of this one, or None."""
        with self._lock:
            return self._find(file, digest)

    def _find(self, file: File, digest: Digest) -> str | None:
        row = self._database.execute(
            "SELECT path FROM contents WHERE digest = ? AND size = ?", (digest.value, file.size)
        ).fetchone()
        return None if row is None else os.fsdecode(row[0])

    def close(self) -> None:
        """Delete the database."""
        with self._lock:
            self._database.close()


class SameSize(NamedTuple):
    """What is known of the earlier files with a certain size."""

    seen: bool
    """Whether there is one."""
    unread: File | None
    """The first of them, if it was not read."""


class Sizes:
    """The sizes in a selection, and the files that were not read because their size was unique.

    For one thread at a time.
    """

    def __init__(self) -> None:
        self._database = _temporary_database(_SIZES)

    def add(self, file: File, *, is_read: bool) -> SameSize:
        """Add a file; return what is known of its size. `is_read`: the caller reads the file."""
        row = self._database.execute(
            "SELECT path, identity FROM sizes WHERE size = ?", (file.size,)
        ).fetchone()
        if row is None:
            kept = (None, None) if is_read else (os.fsencode(file.path), repr(file.identity))
            self._database.execute("INSERT INTO sizes VALUES (?, ?, ?)", (file.size, *kept))
            return SameSize(seen=False, unread=None)
        path, identity = row
        if path is None:
            return SameSize(seen=True, unread=None)
        self._database.execute("UPDATE sizes SET path = NULL WHERE size = ?", (file.size,))
        numbers = tuple(int(number) for number in identity.strip("()").split(","))
        dev, inode, size, modified, changed = numbers
        first = File(os.fsdecode(path), "", file.size, (dev, inode, size, modified, changed))
        return SameSize(seen=True, unread=first)

    def close(self) -> None:
        """Delete the database."""
        self._database.close()
