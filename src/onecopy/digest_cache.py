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

The cache also remembers which avoided uploads were counted, so that each counts once.
"""

import os
import time
from array import array
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from random import random
from threading import Lock
from typing import Any

import apsw

from onecopy.cache_file import CacheFile
from onecopy.content import Digests, Evidence
from onecopy.digest import Digest, Scheme
from onecopy.files import File

_MOST_DAYS = 90
"""Age of an entry after which its file is read again."""
_RACY_NS = 60_000_000_000
"""Time without a change after which any further change to a file has a new time."""
_SAMPLED = 1 / 256
"""Share of the entries that are not used, so that their files are read again."""
_BATCH = 1000
_DAY_NS = 86_400 * 10**9

_FIND = "SELECT path, day, seal, digests FROM file WHERE path IN (SELECT value FROM carray(?))"
_KEEP = "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)"
_FIND_AVOIDED = "SELECT name FROM avoided WHERE name IN (SELECT value FROM carray(?))"
_KEEP_AVOIDED = "INSERT OR IGNORE INTO avoided SELECT value FROM carray(?)"

_Row = tuple[int, int, bytes, bytes]
"""Hash of the path, when the file was read in days since 1970, seal, packed digests."""


class DigestCache:
    """The digests of files that were read before. Safe for several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._file = CacheFile(folder)
        self._lock = Lock()
        self._kept: list[_Row] = []
        self._here = os.fsencode(os.path.abspath("") + os.sep)  # noqa: PTH100

    def find(
        self, wanted: Sequence[tuple[File, Collection[Scheme]]]
    ) -> list[tuple[Digest, ...] | None]:
        """Return the digests of each file by its schemes, in order; None if it has to be read."""
        paths = [self._path(file) for file, _ in wanted]
        keys = list(map(self._hash, paths))
        nothing: dict[int, _Row] = {}
        rows = self._file.use(partial(_select, keys), nothing) if keys else nothing
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
            self._file.create()
        rows = [self._row(file, digests, day) for file, digests in old]
        with self._lock:
            self._kept += rows
            is_due = len(self._kept) >= _BATCH
        if is_due:
            self._flush()

    def uncounted(self, target: str, names: Sequence[int]) -> list[bool]:
        """Return, for each avoided upload to a target, whether it was not counted before.

        A name is a signed number of 64 bits.
        """
        salted = self._salted(target, names)
        nothing: set[int] = set()
        counted = self._file.use(partial(_select_avoided, salted), nothing)
        return [name not in counted for name in salted]

    def count(self, target: str, names: Sequence[int]) -> None:
        """Remember that avoided uploads to a target were counted."""
        self._file.create()
        self._file.use(partial(_write_avoided, self._salted(target, names)), None)

    def close(self) -> None:
        """Write what was kept, and close the file."""
        self._flush()
        self._file.close()

    def _path(self, file: File) -> bytes:
        """Return the path from the root; with a drive, it only has to be the same each time."""
        path = os.fsencode(file.path)
        return path if path.startswith(b"/") else self._here + path

    def _hash(self, path: bytes) -> int:
        hashed = blake2b(path, digest_size=8, key=self._file.secret).digest()
        return int.from_bytes(hashed, "little", signed=True)

    def _seal(self, path: bytes, file: File, day: int, digests: bytes) -> bytes:
        # As text: the numbers of some file systems, and times after 2262, exceed 64 bits.
        identity = b"%d,%d,%d,%d,%d,%d," % (*file.identity, day)
        return blake2b(identity + digests + path, digest_size=12, key=self._file.secret).digest()

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

    def _salted(self, target: str, names: Sequence[int]) -> "array[int]":
        """Return names that differ for other targets, and other caches."""
        salt = self._hash(target.encode(errors="surrogateescape"))
        return array("q", [name ^ salt for name in names])

    def _flush(self) -> None:
        with self._lock:
            kept, self._kept = self._kept, []
        if kept:
            self._file.use(partial(_write, kept), None)


def _select(keys: Sequence[int], connection: apsw.Connection) -> dict[int, _Row]:
    today = _days(time.time_ns())
    rows = connection.execute(_FIND, (apsw.carray(array("q", keys)),))
    return {row[0]: row for row in rows if _is_current(row, today)}


def _write(rows: Sequence[_Row], connection: apsw.Connection) -> None:
    with connection:
        connection.executemany(_KEEP, rows)


def _select_avoided(names: "array[int]", connection: apsw.Connection) -> set[int]:
    return {name for (name,) in connection.execute(_FIND_AVOIDED, (apsw.carray(names),))}


def _write_avoided(names: "array[int]", connection: apsw.Connection) -> None:
    connection.execute(_KEEP_AVOIDED, (apsw.carray(names),))


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
