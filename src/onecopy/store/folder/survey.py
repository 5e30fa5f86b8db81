"""A survey of a folder: its regular files, and the rest with the reason why it is left out.

A folder or file that cannot be read spoils none of the others.
"""

import os
import stat
import sys
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from onecopy.store.folder.directories import (
    ABSENT,
    HIDDEN,
    READ,
    Descent,
    failure,
    folder_names,
    split_key,
)
from onecopy.store.objects import store_reason

IsOwn = Callable[[bytes, os.stat_result], bool]
"""Returns whether the file or folder with a name and status belongs to onecopy."""
Found = tuple[bytes, os.stat_result | str]
"""A path, and the status of a regular file, or a reason of `LeftOut`."""

_LENIENT = ("utf-8", "surrogatepass")
_NAMES = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
"""Encoding of names as in `os.fsencode`, which takes three times as long."""
_DOT, _SLASH = b"./"


def survey(
    root: int, prefix: str, longest: int, is_own: IsOwn, *, after: bytes = b""
) -> Generator[Found, None, None]:
    """Yield what is at each path that begins with `prefix`, by the bytes of the paths.

    Paths up to `after` are skipped, and folders that end before it are not opened.

    The path of a folder ends in a slash; a folder is yielded only if it is left out: if it belongs
    to onecopy, is called `.onecopy`, is a mount point, has a path longer than `longest` bytes, or
    cannot be read. The root's own `.onecopy` is not mentioned. What is removed while it is looked
    at is skipped. Keeps the names of one directory per level in memory. Raises OSError if the
    directory in which the listing starts cannot be read.
    """
    above, start = split_key(prefix)
    walk = _Walk(os.fstat(root).st_dev, longest, is_own, after)
    levels: list[_Level] = []
    try:
        fd = _open_first(root, above)
        if fd is not None:
            # A lone surrogate is not valid UTF-8, so no key begins with its encoding.
            levels.append(walk.level(fd, above.encode(), start.encode(*_LENIENT)))
        while levels:
            level = levels[-1]
            name = next(level.names, None)
            if name is None:
                os.close(levels.pop().fd)
                continue
            found = walk.at(level, name)
            if isinstance(found, _Level):
                levels.append(found)
            elif found is not None:
                yield level.path + name, found
    finally:
        for level in levels:
            os.close(level.fd)


class _Level(NamedTuple):
    """A directory that is being listed."""

    fd: int
    path: bytes
    names: Iterator[bytes]
    """The remaining names; those of directories end in a slash."""


class _Walk(NamedTuple):
    """The rules of one walk."""

    device: int
    longest: int
    is_own: IsOwn
    after: bytes

    def at(self, level: _Level, name: bytes) -> _Level | os.stat_result | str | None:
        """Return a folder to list, a regular file's status, a reason, or None if it is gone."""
        if name[0] == _DOT and name.rstrip(b"/").lower() == HIDDEN:
            is_the_stores = not level.path and name == HIDDEN + b"/"
            return None if is_the_stores else "reserved"
        try:
            if name[-1] == _SLASH:
                return self._folder(level, name)
            status = os.stat(name, dir_fd=level.fd, follow_symlinks=False)
        except OSError as error:
            return None if error.errno in ABSENT else store_reason(failure(error))
        if stat.S_ISREG(status.st_mode):
            return "own" if self.is_own(name, status) else status
        if stat.S_ISDIR(status.st_mode):  # it has replaced what was listed
            return None
        return "symlink" if stat.S_ISLNK(status.st_mode) else "special"

    def _folder(self, level: _Level, name: bytes) -> _Level | str:
        path = level.path + name
        if len(path) >= self.longest:  # no key fits below it
            return "key-invalid"
        fd = os.open(name[:-1], READ, dir_fd=level.fd)
        try:
            reason = self._refusal(name[:-1], os.fstat(fd))
        except OSError:
            os.close(fd)
            raise
        if reason is None:
            return self.level(fd, path, b"")
        os.close(fd)
        return reason

    def _refusal(self, name: bytes, status: os.stat_result) -> str | None:
        # When a file system mounted below is unmounted, its objects would look as if deleted.
        if status.st_dev != self.device:
            return "mounted"
        return "own" if self.is_own(name, status) else None

    def level(self, fd: int, path: bytes, start: bytes) -> _Level:
        """Start listing a directory; closes the descriptor if that fails."""
        after = self.after[len(path) :] if self.after.startswith(path) else b""
        try:
            return _Level(fd, path, _sorted_names(fd, start, after))
        except OSError:
            os.close(fd)
            raise


def _open_first(root: int, prefix: str) -> int | None:
    """Open the directory in which a listing starts; return None if there is none."""
    try:
        with Descent(root) as descent:
            return os.open(b".", READ, dir_fd=descent.open(folder_names(prefix)))
    except ValueError:  # a NUL, or not valid UTF-8
        return None
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def _sorted_names(fd: int, start: bytes, after: bytes) -> Iterator[bytes]:
    """Return the names in a directory in key order; names of directories end in a slash.

    Only those that begin with `start` and come after `after`, or are a directory that it is in.
    """
    with os.scandir(fd) as entries:
        found = [
            entry.name.encode(*_NAMES) + (b"/" if entry.is_dir(follow_symlinks=False) else b"")
            for entry in entries
        ]
    found.sort()
    if start:
        found = [name for name in found if name.startswith(start)]
    if not after:
        return iter(found)
    return iter([name for name in found if name > after or _is_within(after, name)])


def _is_within(path: bytes, name: bytes) -> bool:
    return name.endswith(b"/") and path.startswith(name)
