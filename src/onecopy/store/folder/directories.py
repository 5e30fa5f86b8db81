"""Directories below a root, accessed by descriptor; no symbolic link is ever followed.

So a concurrent move or link cannot lead out of the root, and if a file system is unmounted, the
directory under its mount point is not mistaken for it.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Self

from onecopy.errors import Forbidden, InvalidKey, OnecopyError, StoreFull, Unavailable
from onecopy.platforms import DIRECTORY, LOOKUP_ONLY, NO_FOLLOW
from onecopy.store.interface import Object

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""Errors that mean that there is certainly no such file."""
_FULL = {
    errno.ENOSPC: "the disk of the store is full: free some space there",
    errno.EDQUOT: "the quota of the store's disk is used up: free some space there, or raise it",
    errno.EFBIG: "the file is larger than the file system of the store, or a limit, allows",
}
_NOT_A_FOLDER = frozenset({errno.ENOTDIR, errno.ELOOP})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

READ = os.O_RDONLY | DIRECTORY | NO_FOLLOW
"""Flags to open a directory for listing, syncing or changing it."""
_PASS = READ | LOOKUP_ONLY
"""Flags to open a directory for looking up names in it; needs no permission to list it."""


def object_of(key: str, status: os.stat_result) -> Object:
    """Return a file as an Object.

    The device is not part of the identity: a file system may get another number when it is mounted
    again, and the marker identifies the store. Writing, linking and chmod change the ctime.
    """
    identity = f"{status.st_ino:x}.{status.st_size:x}.{status.st_mtime_ns:x}.{status.st_ctime_ns:x}"
    return Object(key, status.st_size, identity, status.st_mtime_ns // 1_000_000)


def failure(error: OSError) -> OnecopyError:
    """Translate an error of the file system into one of the store's contract."""
    name = error.filename if isinstance(error.filename, str | bytes | os.PathLike) else b""
    at = f" ({os.fsdecode(name)!r})" if name else ""
    message = f"the store's file system reports: {error.strerror or error}{at}"
    if error.errno in _FULL:
        return StoreFull(_FULL[error.errno])
    if error.errno in _FORBIDDEN:
        return Forbidden(message)
    return Unavailable(message)


# Classes, because a generator would cost as much time as the system call that it wraps.


class translated:  # noqa: N801 - used as a function
    """Translates OSError into the errors of the store's contract."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, at: object) -> None:
        if isinstance(error, OSError):
            raise failure(error) from error


class opened:  # noqa: N801 - used as a function
    """Opens a descriptor, and closes it at the end; raises OSError."""

    __slots__ = ("_fd",)

    def __init__(
        self,
        path: str | bytes | os.PathLike[str],
        flags: int,
        mode: int = 0o666,
        *,
        dir_fd: int | None = None,
    ) -> None:
        self._fd = os.open(path, flags, mode, dir_fd=dir_fd)

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def split_key(key: str) -> tuple[str, str]:
    """Split a key into the prefix of its folders and the name in the last of them."""
    folder, slash, name = key.rpartition("/")
    return folder + slash, name


def folder_names(prefix: str) -> list[bytes]:
    """Return the names of the folders in a prefix, which is empty or ends in a slash.

    Raises FileNotFoundError if one of them is empty, `.`, `..` or hidden from the store's users,
    and ValueError if the prefix cannot be encoded in UTF-8.
    """
    found = prefix.encode().split(b"/")[:-1]
    if not _INVALID.isdisjoint(map(bytes.lower, found)):
        raise FileNotFoundError(errno.ENOENT, "not a plain path", prefix)
    return found


_HIDDEN = b".onecopy"
_INVALID = frozenset({b"", b".", b"..", _HIDDEN})


class Descent:
    """Opens directories below a root, and keeps the parents of the last one open.

    If paths are opened in sorted order, every directory is opened only once.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._names: list[bytes] = []
        self._fds: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._climb(0)

    def open(self, path: Sequence[bytes]) -> int:
        """Return a descriptor that is valid until the next call; raises OSError."""
        shared = 0
        for current, wanted in zip(self._names, path, strict=False):
            if current != wanted:
                break
            shared += 1
        self._climb(shared)
        for name in path[shared:]:
            above = self._fds[-1] if self._fds else self._root
            self._fds.append(os.open(name, _PASS, dir_fd=above))
            self._names.append(name)
        return self._fds[-1] if self._fds else self._root

    def _climb(self, depth: int) -> None:
        while len(self._fds) > depth:
            self._names.pop()
            os.close(self._fds.pop())

    @property
    def depth(self) -> int:
        """The number of directories that the last call has opened, even if it failed."""
        return len(self._fds)


def check_folders(descent: Descent, key: str) -> None:
    """Raise InvalidKey if something other than a folder has the name of a folder of the key."""
    names = folder_names(split_key(key)[0])
    try:
        descent.open(names)
    except OSError as error:
        if error.errno in _NOT_A_FOLDER:
            blocking = b"/".join(names[: descent.depth + 1]).decode()
            raise InvalidKey(
                f"cannot store {key!r}: {blocking!r} is not a folder in the store; use another "
                "folder (--to), or rename this one"
            ) from error


@contextmanager
def open_or_create(root: int, path: Sequence[bytes], mode: int = 0o777) -> Iterator[int]:
    """Open a directory, durably creating what is missing of it; raises OSError."""
    fd = os.dup(root)
    try:
        for name in path:
            below = _open_or_make(fd, name, mode)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def _open_or_make(above: int, name: bytes, mode: int) -> int:
    try:
        return os.open(name, READ, dir_fd=above)
    except FileNotFoundError:
        # Another process may create it first; opening it shows whether it is a directory.
        with suppress(FileExistsError):
            os.mkdir(name, mode, dir_fd=above)
        os.fsync(above)
        return os.open(name, READ, dir_fd=above)


IsOwn = Callable[[bytes, os.stat_result], bool]
"""Returns whether the file or folder with a name and status belongs to onecopy."""


def files(
    root: int, prefix: str, longest: int, is_own: IsOwn
) -> Iterator[tuple[bytes, os.stat_result | None]]:
    """Yield path and status of each regular file whose path begins with `prefix`, by their bytes.

    A file or folder that belongs to onecopy has no status; the path of a folder ends in a slash.
    Skips `.onecopy`, symbolic links, special files, other file systems mounted below, and
    directories whose path is longer than `longest` bytes. Keeps the names of one directory per
    level in memory. Raises OSError if a directory cannot be read.
    """
    above, start = split_key(prefix)
    device = os.fstat(root).st_dev
    levels: list[_Level] = []
    try:
        fd = _open_first(root, above)
        if fd is not None:
            # A lone surrogate is not valid UTF-8, so no key begins with its encoding.
            levels.append(_level(fd, above.encode(), start.encode(*_LENIENT)))
        while levels:
            fd, path, listed = levels[-1]
            name = next(listed, None)
            if name is None:
                levels.pop()
                os.close(fd)
            elif not name.endswith(b"/"):
                if status := _status(fd, name):
                    yield path + name, None if is_own(name, status) else status
            elif len(path) + len(name) < longest:
                below = _open_below(fd, name[:-1], device)
                if below is None:
                    continue
                if is_own(name[:-1], os.fstat(below)):
                    os.close(below)
                    yield path + name, None
                else:
                    levels.append(_level(below, path + name, b""))
    finally:
        for fd, _, _ in levels:
            os.close(fd)


_LENIENT = ("utf-8", "surrogatepass")
_Level = tuple[int, bytes, Iterator[bytes]]
"""A directory that is being listed: its descriptor, its path, and the remaining names."""


def _level(fd: int, path: bytes, start: bytes) -> _Level:
    """Start listing a directory; closes the descriptor if that fails."""
    try:
        return fd, path, _sorted_names(fd, start)
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


def _open_below(fd: int, name: bytes, device: int) -> int | None:
    try:
        below = os.open(name, READ, dir_fd=fd)
    except OSError as error:
        if error.errno in ABSENT:  # removed since, or no longer a directory
            return None
        raise
    # When a file system mounted below is unmounted, its objects would look as if deleted.
    if os.fstat(below).st_dev != device:
        os.close(below)
        return None
    return below


def _sorted_names(fd: int, start: bytes) -> Iterator[bytes]:
    """Return the names in a directory in key order; names of directories end in a slash."""
    found = []
    with os.scandir(fd) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            if entry.is_dir(follow_symlinks=False):
                if name.lower() == _HIDDEN:
                    continue
                name += b"/"
            elif not entry.is_file(follow_symlinks=False):
                continue
            if name.startswith(start):
                found.append(name)
    found.sort()
    return iter(found)


def _status(fd: int, name: bytes) -> os.stat_result | None:
    try:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise
    return status if stat.S_ISREG(status.st_mode) else None
