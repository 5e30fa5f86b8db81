"""Digests of local files that were read before, so that an unchanged file is not read again.

A cached digest may only be used to ask whether a content is stored. What is uploaded is hashed
while it is read to be sent, and replaces what was cached.

An entry is bound to the path and to the identity of the file: device, inode, size, and the times of
its last change and status change in nanoseconds. A file that changed within a minute before it was
read is not cached, since it may change again without a new time: if the file system's clock is
coarse (the problem of "racy" entries of git's index, https://git-scm.com/docs/racy-git), or if a
program writes to it through memory. Linux sets the times at the first such write to a page, and
again only after the page was written to the disk, which takes up to 35 seconds by default. In file
systems without a disk, such writes set no times at all, so their files are not cached.

Checksums detect entries that were damaged, cut short, or moved to another place. One file in some
hundreds is read again all the same, which replaces entries that are wrong in spite of that.

The cache is a SQLite file that many processes may use at once. Nothing depends on it: if it is
damaged, it is replaced, and any other error means only that files are read. It also remembers which
avoided uploads were counted, so that each counts once.
"""

import logging
import time
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from random import expovariate
from threading import Lock
from typing import NamedTuple, TypeVar

import apsw

from onecopy.digest import SHA256, Digest, Scheme
from onecopy.digest_file import DigestFile, is_damage
from onecopy.digest_rows import SHA256_BYTES, Placed, Rows, chosen
from onecopy.files import File
from onecopy.platforms import is_in_memory, is_trusted

_log = logging.getLogger("onecopy.cache")
_T = TypeVar("_T")
FILE = "digests.sqlite"
"""Its name in the folder of caches."""

_MOST_DAYS = 90
"""Age of an entry after which its file is read again."""
_RACY_NS = 60_000_000_000
"""Time without a change after which any further change to a file has a new time."""
_SAMPLED = 1 / 256
"""Share of the entries that are not used, so that their files are read again."""
_BATCH = 4000
"""Entries that are written at once."""
_UNTRUSTED = (
    "the cache of digests %s is not used, since others may change it or its folder: make both your "
    "own (chown, chmod), or name another folder with XDG_CACHE_HOME"
)
_SHA256_ALONE = [SHA256]
_DAY_NS = 86_400 * 10**9


class _Opened(NamedTuple):
    file: DigestFile
    rows: Rows


class DigestCache:
    """The digests of files that were read before. Safe for several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._lock = Lock()
        self._kept: list[Placed] = []
        self._kept_files = 0
        self._opened: _Opened | None = None
        self._is_tried = False
        """Whether it was opened, or cannot be."""
        self._is_in_memory = cache(is_in_memory)
        self._attempt(self._open_if_there, None)

    def find(
        self, wanted: Sequence[tuple[File, Collection[Scheme]]]
    ) -> list[tuple[Digest, ...] | None]:
        """Return the digests of each file by its schemes, in order; None if it has to be read."""
        if self._opened is None or not wanted:
            return [None] * len(wanted)
        files = [file for file, _ in wanted]
        nothing: list[bytes | None] = [None] * len(files)
        found = self._ask(lambda opened: _packed(opened, files), nothing)
        for place in _sampled(len(files)):
            found[place] = None
        return [
            None
            if packed is None
            else (_digest((SHA256, packed)),)  # the common case, kept cheap
            if len(packed) == SHA256_BYTES and schemes == _SHA256_ALONE
            else chosen(packed, schemes)
            for packed, (_, schemes) in zip(found, wanted, strict=True)
        ]

    def keep(self, files: Iterable[tuple[File, Sequence[Digest]]], began_ns: int) -> None:
        """Keep digests of files whose reading began at a time, in ns since 1970, or later."""
        latest, day = began_ns - _RACY_NS, began_ns // _DAY_NS
        old = [
            (file, digests)
            for file, digests in files
            # It changed before, in a file system that keeps both times.
            if (identity := file.identity)[3] < latest > identity[4] > 0
            and not self._is_in_memory(identity[0])
        ]
        if old:
            self._attempt(self._open_once, None)
            self._ask(lambda opened: self._hold(opened.rows.placed(old, day), len(old)), None)
            if self._kept_files >= _BATCH:
                self._flush()

    def _hold(self, placed: Iterable[Placed], files: int) -> None:
        self._kept += placed
        self._kept_files += files

    def uncounted(self, target: str, names: Sequence[int]) -> list[bool]:
        """Return, for each avoided upload to a target, whether it was not counted before.

        A name is a signed number of 64 bits.
        """
        salted = _salted(target, names)
        nothing: set[int] = set()
        counted = self._ask(lambda opened: opened.file.find_avoided(salted), nothing)
        return [name not in counted for name in salted]

    def count(self, target: str, names: Sequence[int]) -> None:
        """Remember that avoided uploads to a target were counted."""
        self._attempt(self._open_once, None)
        self._ask(lambda opened: opened.file.keep_avoided(_salted(target, names)), None)

    def close(self) -> None:
        """Write what was kept, and close the file."""
        self._flush()
        self._ask(lambda opened: opened.file.shrink(), None)
        with self._lock:
            self._close()

    def _flush(self) -> None:
        with self._lock:
            kept, self._kept, self._kept_files = self._kept, [], 0
        if kept:
            self._ask(lambda opened: _store(opened, kept), None)

    def _ask(self, do: Callable[[_Opened], _T], otherwise: _T) -> _T:
        """Return what `do` returns; `otherwise` if there is no file, or if that fails."""
        return self._attempt(lambda: do(self._opened) if self._opened else otherwise, otherwise)

    def _attempt(self, do: Callable[[], _T], otherwise: _T) -> _T:
        """Return the result of `do`; replace the file if it is damaged."""
        with self._lock:
            try:
                return do()
            except (apsw.Error, OSError) as error:
                if is_damage(error):
                    _log.info("%s is damaged (%s), and is replaced", self._file, error)
                    self._replace()
                else:
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
        if is_trusted(self._file.parent) and is_trusted(_created(self._file)):
            file = DigestFile(self._file)
            self._opened = _Opened(file, Rows(file.secret))
        else:
            _log.warning(_UNTRUSTED, self._file)

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.file.close()


def _created(path: Path) -> Path:
    """Create a file that only the user may read, if there is none; return its path."""
    with suppress(FileExistsError):
        path.touch(0o600, exist_ok=False)
    return path


def _sampled(count: int) -> Iterator[int]:
    """Yield the places of some of `count` entries, chosen by chance."""
    place = int(expovariate(_SAMPLED))
    while place < count:
        yield place
        place += 1 + int(expovariate(_SAMPLED))


_digest = partial(tuple.__new__, Digest)
"""Makes a digest from its fields, in half the time of `Digest(*fields)`."""


def _packed(opened: _Opened, files: Sequence[File]) -> list[bytes | None]:
    """Return the packed digests of the files that are in the cache."""
    rows = opened.file.find(opened.rows.places(files))
    return opened.rows.packed(files, rows, _days(time.time_ns()))


def _store(opened: _Opened, kept: Sequence[Placed]) -> None:
    rows, days = opened.rows, _days(time.time_ns())
    places = array("q", dict.fromkeys(place for place, _ in kept))
    opened.file.keep(places, lambda old: rows.merged(old, kept, days))
    opened.file.shrink()


def remove(folder: Path) -> int:
    """Remove the cache in a folder; return its size in bytes. Raises OSError."""
    files = [folder / f"{FILE}{ending}" for ending in ("", "-journal")]
    there = [file for file in files if file.exists()]
    size = sum(file.stat().st_size for file in there)
    for file in there:
        file.unlink(missing_ok=True)
    return size


def _salted(target: str, names: Sequence[int]) -> "array[int]":
    """Return names that differ for other targets."""
    hashed = blake2b(target.encode(errors="surrogateescape"), digest_size=8).digest()
    salt = int.from_bytes(hashed, signed=True)
    return array("q", [name ^ salt for name in names])


def _days(nanoseconds: int) -> range:
    """Return the days whose entries may be used at a time."""
    today = nanoseconds // _DAY_NS
    return range(today - _MOST_DAYS, today + 1)
