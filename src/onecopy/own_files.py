"""Files of onecopy itself among those of the user: they are never walked, scanned or uploaded.

The index holds the secret that signs tickets and the tokens, so it must not travel into a store.
"""

import os
import re
import stat
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

OWN = (
    "it belongs to onecopy: index, store, cache, token, file of a migration or scan, or this output"
)
"""The message for a path that is left out."""

_NAMED = re.compile(r"onecopy-(migrate|scan)-[0-9a-f]{16}\.(csv|checkpoint(\.new)?)")
"""Names of checkpoints and files of rejects; see `onecopy migrate` and `onecopy scan`."""
_PREFIXES = frozenset({"onecopy-", b"onecopy-"})
_LOG, _SHARED = "-wal", "-shm"
"""What the names of the files beside an index in SQLite end with while it is open."""
INDEX_ID = b"onec"
"""What identifies such an index: its application id (https://sqlite.org/fileformat.html)."""
_FORMAT, _ID_AT = b"SQLite format 3\0", 68
"""What the file begins with, and the place of the application id."""
_Place = tuple[int, int]
"""Device and inode: the same through any link or relative path."""


class OwnFiles:
    """The files and folders at these paths, migrations' own, and the files this process prints to.

    A path at which nothing is yet is recognized as soon as it exists. The user may nevertheless
    name paths below `enterable`, such as files in a store that are checked. `is_store` recognizes a
    store by its folder, wherever that is; it is closed, too, or else enterable.
    """

    def __init__(
        self,
        closed: Iterable[str | os.PathLike[str]] | str | os.PathLike[str] = (),
        *,
        enterable: Iterable[Path] = (),
        is_store: Callable[[str], bool] | None = None,
        is_store_closed: bool = True,
    ) -> None:
        paths = [closed] if isinstance(closed, str | os.PathLike) else closed
        self._closed = [Path(os.path.realpath(path)) for path in paths]
        self._all = [*self._closed, *(path.resolve() for path in enterable)]
        names = [path.name for path in self._all]
        self._names = frozenset([*names, *map(os.fsencode, names)])
        self._places = self._find()
        self._is_store = is_store
        self._is_store_closed = is_store_closed

    def is_store(self, folder: str) -> bool:
        """Return whether a folder, which has records of a store, is the store itself."""
        return self._is_store is not None and self._is_store(folder)

    def has(self, name: str | bytes, status: os.stat_result) -> bool:
        """Return whether a file or folder with this name and status is one of onecopy itself."""
        place = status.st_dev, status.st_ino
        if name in self._names or place in self._places:
            self._places = self._find()  # it may be newer than the last look, or gone since
            if place in self._places:
                return True
        return name[:8] in _PREFIXES and _is_named(os.fsdecode(name), status)

    def may_have(self, names: Collection[str], inodes: Collection[int]) -> bool:
        """Return whether `has` may be true of one of these: a quick look at all of them at once."""
        is_named = "onecopy-" in "".join(names) or not self._names.isdisjoint(names)
        return is_named or any(inode in inodes for _, inode in self._places)

    def contain(self, path: str) -> bool:
        """Return whether a path is below one of the closed folders, through whatever links."""
        closed, parents = set(_places(self._closed)), Path(os.path.realpath(path)).parents
        is_below = self._is_store_closed and any(self.is_store(str(each)) for each in parents)
        return is_below or not closed.isdisjoint(_places(parents))

    def _find(self) -> frozenset[_Place]:
        return frozenset([*_places(self._all), *_outputs()])


def may_have_index_in_use(names: Iterable[str]) -> bool:
    """Return whether a folder with these names may have an index that a process has open."""
    return _LOG in "\0".join(names)


def is_index_in_use(path: str) -> bool:
    """Return whether this is an index that a process has open, or a file beside it.

    Such as that of a service, whose clients do not know where it is. Ask `OwnFiles` first: reading
    an index that this process itself has open would release its locks.
    """
    index = path.removesuffix(_LOG).removesuffix(_SHARED)
    return os.path.lexists(index + _LOG) and _is_index(index)


def _is_index(path: str) -> bool:
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return False
        with Path(path).open("rb") as file:
            head = file.read(_ID_AT + len(INDEX_ID))
    except OSError:
        return False
    return head.startswith(_FORMAT) and head.endswith(INDEX_ID)


def _is_named(name: str, status: os.stat_result) -> bool:
    return _NAMED.fullmatch(name) is not None and stat.S_ISREG(status.st_mode)


def _places(paths: Iterable[Path]) -> Iterator[_Place]:
    for path in paths:
        with suppress(OSError, ValueError):
            yield _place(path.stat())


def _place(status: os.stat_result) -> _Place:
    return status.st_dev, status.st_ino


def _outputs() -> Iterator[_Place]:
    """Yield the places of standard output and error, which may be files."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # None, closed, or not a file
            yield _place(os.fstat(stream.fileno()))
