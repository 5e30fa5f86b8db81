"""Files with the same size or content in one selection."""

import os
from array import array
from ast import literal_eval
from collections.abc import Collection, Iterable, Sequence
from threading import Lock, RLock
from typing import NamedTuple

import apsw

from onecopy.digest import Digest
from onecopy.files import File
from onecopy.patterns import Patterns
from onecopy.temporary import spilling, temporary_database
from onecopy.upload.item import Item

_SIZES = "sizes (size INTEGER PRIMARY KEY, path BLOB, key BLOB, identity TEXT)"
_CONTENTS = (
    "contents (digest BLOB, size INTEGER, path BLOB, PRIMARY KEY (digest, size)) WITHOUT ROWID"
)


def _on_disk(table: str) -> apsw.Connection:
    """Return a database with a table, so that memory does not grow with the selection."""
    with spilling():
        return temporary_database(f"CREATE TABLE {table}; BEGIN", cache_mib=8)


class FirstFiles:
    """The first file of each content in a selection.

    This is the only place that decides what "the same content twice in one selection" means: two
    files have the same content if, and only if, their content digests are equal. `check` adds the
    files that are not stored, `upload` those that it stored. A file whose key is in the trash is
    never the first: the others must not rely on it. Safe for several threads.
    """

    def __init__(self, trash: Patterns) -> None:
        self._trash = trash
        self._lock = RLock()
        self._database = _on_disk(_CONTENTS)
        self._is_empty = True

    def add(self, file: File, digest: Digest) -> str | None:
        """Return the path of an earlier file with this content; if there is none, add the file.

        A file in the trash is not added.
        """
        with self._lock, spilling():
            if not self._trash.match(file.key):
                self._is_empty = False
                self._database.execute(
                    "INSERT OR IGNORE INTO contents VALUES (?, ?, ?)",
                    (digest.value, file.size, os.fsencode(file.path)),
                ).fetchall()
                if self._database.changes():  # the common case takes no second query
                    return None
            return self.find(file, digest)

    def find(self, file: File, digest: Digest) -> str | None:
        """Return the path of the first file with the content of this one, or None."""
        if self._is_empty:  # the common case if a folder is uploaded again
            return None
        with self._lock, spilling():
            row = self._database.execute(
                "SELECT path FROM contents WHERE digest = ? AND size = ?", (digest.value, file.size)
            ).fetchone()
        return None if row is None else os.fsdecode(row[0])

    def close(self) -> None:
        """Release the temporary database; the object cannot be used afterwards."""
        with self._lock:
            self._database.close()


class SameSize(NamedTuple):
    """What is known of the earlier files with a certain size."""

    seen: bool
    """Whether there is one."""
    unread: File | None
    """The first of them, if it was not read."""


_UNSEEN, _SEEN = SameSize(seen=False, unread=None), SameSize(seen=True, unread=None)


class Sizes:
    """The sizes in a selection, and the files that were not read because their size was unique.

    For one thread at a time.
    """

    def __init__(self) -> None:
        self._database = _on_disk(_SIZES)

    @spilling()
    def add(self, files: Sequence[tuple[File, bool]]) -> list[SameSize]:
        """Add files, each with whether the caller reads it; return what is known of each size."""
        firsts = self._find({file.size for file, _ in files})
        before = dict(firsts)
        found = [_add(firsts, *each) for each in files]
        self._keep([item for item in firsts.items() if item not in before.items()])
        return found

    def _find(self, sizes: Collection[int]) -> dict[int, File | None]:
        """Return the first file of each size that was seen; None if it was read."""
        if not sizes:
            return {}
        rows = self._database.execute(
            "SELECT size, path, key, identity FROM carray(?) CROSS JOIN sizes ON size = value",
            (apsw.carray(array("q", sizes)),),
        )
        return {
            size: path and File(os.fsdecode(path), os.fsdecode(key), size, literal_eval(identity))
            for size, path, key, identity in rows
        }

    def _keep(self, firsts: Iterable[tuple[int, File | None]]) -> None:
        rows = [
            (size, os.fsencode(file.path), os.fsencode(file.key), repr(file.identity))
            if file
            else (size, None, None, None)
            for size, file in firsts
        ]
        self._database.executemany("INSERT OR REPLACE INTO sizes VALUES (?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Release the temporary database; the object cannot be used afterwards."""
        self._database.close()


def _add(firsts: dict[int, File | None], file: File, is_read: bool) -> SameSize:  # noqa: FBT001
    if file.size not in firsts:
        firsts[file.size] = None if is_read else file
        return _UNSEEN
    first, firsts[file.size] = firsts[file.size], None
    return SameSize(seen=True, unread=first) if first else _SEEN


class InFlight:
    """The contents in flight: the first file of each proceeds, and equal files wait for it.

    Once the first file is stored, the gate knows the content of the others. A file also waits for
    a file of its size whose content digest is not known yet, because the two may be equal.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[Digest | int, list[Item]] = {}

    def join(self, item: Item) -> bool:
        """Return whether the file may proceed; otherwise keep it until the earlier file leaves."""
        if item.claim is not None:
            return True
        claim = item.digest or item.file.size
        with self._lock:
            for earlier in (claim, item.file.size):
                if earlier in self._waiting:
                    item.check = True
                    self._waiting[earlier].append(item)
                    return False
            item.claim = claim
            self._waiting[claim] = []
            return True

    def leave(self, item: Item) -> list[Item]:
        """Remove a file; return the files that waited for it."""
        if item.claim is None:
            return []
        with self._lock:
            claim, item.claim = item.claim, None
            return self._waiting.pop(claim)
