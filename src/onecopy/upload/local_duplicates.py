"""What one selection of files holds twice; with flat memory, in a temporary database."""

import os
from typing import NamedTuple

import apsw

from onecopy.digest import Digest
from onecopy.files import File

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384;
CREATE TABLE sizes (size INTEGER PRIMARY KEY, path BLOB, identity TEXT);
CREATE TABLE contents (digest BLOB, size INTEGER, path BLOB, PRIMARY KEY (digest, size))
WITHOUT ROWID;
BEGIN;
"""


class Meeting(NamedTuple):
    """What a selection knows of a file's size."""

    seen: bool
    """Whether an earlier file has it."""
    unread: File | None
    """That earlier file, if nobody has needed its digest before."""


class Selection:
    """The files of one selection so far: their sizes, and the contents of those that were read.

    For one thread at a time.
    """

    def __init__(self) -> None:
        self._database = apsw.Connection("")  # a file of its own that goes with the connection
        self._database.execute(_SCHEMA).fetchall()  # apsw runs no more than it is asked for

    def meet(self, file: File, *, read: bool) -> Meeting:
        """Take note of a file's size; `read` says that the caller will `add` it in any case."""
        row = self._database.execute(
            "SELECT path, identity FROM sizes WHERE size = ?", (file.size,)
        ).fetchone()
        if row is None:
            kept = (None, None) if read else (os.fsencode(file.path), repr(file.identity))
            self._database.execute("INSERT INTO sizes VALUES (?, ?, ?)", (file.size, *kept))
            return Meeting(seen=False, unread=None)
        path, identity = row
        if path is None:
            return Meeting(seen=True, unread=None)
        self._database.execute("UPDATE sizes SET path = NULL WHERE size = ?", (file.size,))
        numbers = tuple(int(number) for number in identity.strip("()").split(","))
        dev, inode, size, modified, changed = numbers
        first = File(os.fsdecode(path), "", file.size, (dev, inode, size, modified, changed))
        return Meeting(seen=True, unread=first)

    def add(self, file: File, digest: Digest) -> str | None:
        """Take note of a content; return the path of the first file that has it, if another."""
        with_size = (digest.value, file.size)
        row = self._database.execute(
            "SELECT path FROM contents WHERE digest = ? AND size = ?", with_size
        ).fetchone()
        if row is not None:
            return os.fsdecode(row[0])
        self._database.execute(
            "INSERT INTO contents VALUES (?, ?, ?)", (*with_size, os.fsencode(file.path))
        )
        return None

    def close(self) -> None:
        """Drop it all."""
        self._database.close()
