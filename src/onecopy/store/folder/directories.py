"""Directories below a root, by descriptor: no symbolic link is followed at any component.

So nothing that is moved or linked meanwhile leads out of the root, and a file system that is
unmounted meanwhile is not mistaken for the directory below it.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from onecopy.errors import Forbidden, OnecopyError, StoreFull, Unavailable
from onecopy.store.interface import Object

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""What the system says where there is no such file, and can't be without a change."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

# The zeros keep this module importable where the system has no such flags.
NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
READ = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | NO_FOLLOW
"""Flags that open a directory to list, sync or change it."""
_PASS = READ | getattr(os, "O_PATH", 0)
"""Flags that open a directory to look at names in it: needs no permission to list it."""


def described(key: str, status: os.stat_result) -> Object:
    """Return a file as the object that it is.

    The device is no part of the identity: a file system may get another number when it is mounted
    again, and the marker tells whether it is ours. Writing, linking and chmod change the ctime.
    """
    identity = f"{status.st_ino:x}.{status.st_size:x}.{status.st_mtime_ns:x}.{status.st_ctime_ns:x}"
    return Object(key, status.st_size, identity, status.st_mtime_ns // 1_000_000)


def failure(error: OSError) -> OnecopyError:
    """Return what the system's error means to a caller of the store."""
    message = f"the store's file system says: {error.strerror or error}"
    if error.errno in _FULL:
        return StoreFull(message)
    if error.errno in _FORBIDDEN:
        return Forbidden(message)
    return Unavailable(message)


# Classes, for a generator takes as long as the system call that it goes round.


class translated:  # noqa: N801 - used as a function
    """Turns the errors of the system into those of the store."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError):
            raise failure(error) from error


class opened:  # noqa: N801 - used as a function
    """Opens and closes by descriptor; raises OSError."""

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        os.close(self._fd)


def split(key: str) -> tuple[str, str]:
    """Return the folders of a key as a prefix, and the name in the last of them."""
    folder, slash, name = key.rpartition("/")
    return folder + slash, name


def names(prefix: str) -> list[bytes]:
    """Return the names of the folders in a prefix, which is empty or ends in a slash.

    Raises FileNotFoundError where one leads up or nowhere, or is hidden from the store's users, and
    ValueError for what is not UTF-8.
    """
    found = prefix.encode().split(b"/")[:-1]
    if not _ODD.isdisjoint(map(bytes.lower, found)):
        raise FileNotFoundError(errno.ENOENT, "not a plain path", prefix)
    return found


_HIDDEN = b".onecopy"
_ODD = frozenset({b"", b".", b"..", _HIDDEN})


class Descent:
    """Opens one directory after another below a root; those on the way to the last stay open.

    Asked in sorted order it opens every directory once, however many there are.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._names: list[bytes] = []
        self._fds: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._climb(0)

    def open(self, path: Sequence[bytes]) -> int:
        """Return a descriptor that is good until the next call; raises OSError."""
        shared = 0
        for ours, theirs in zip(self._names, path, strict=False):
            if ours != theirs:
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


@contextmanager
def made(root: int, path: Sequence[bytes], mode: int = 0o777) -> Iterator[int]:
    """Open a directory, making what is missing of it durably; raises OSError."""
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
        # Somebody may be quicker; whether it is a directory then is seen when it is opened.
        with suppress(FileExistsError):
            os.mkdir(name, mode, dir_fd=above)
        os.fsync(above)
        return os.open(name, READ, dir_fd=above)


def files(root: int, prefix: str, longest: int) -> Iterator[tuple[bytes, os.stat_result]]:
    """Yield path and status of each regular file whose path begins with `prefix`, by their bytes.

    Passes over `.onecopy`, symbolic links, special files, other file systems mounted below, and
    directories whose path is longer than `longest` bytes. Holds the names of one directory per
    level, never more. Raises OSError where it may not look.
    """
    above, start = split(prefix)
    device = os.fstat(root).st_dev
    levels: list[_Level] = []
    try:
        fd = _open_first(root, above)
        if fd is not None:
            # A lone surrogate is no UTF-8, so that what it becomes here begins no key.
            levels.append(_level(fd, above.encode(), start.encode(*_LENIENT)))
        while levels:
            fd, path, listed = levels[-1]
            name = next(listed, None)
            if name is None:
                levels.pop()
                os.close(fd)
            elif not name.endswith(b"/"):
                if status := _status(fd, name):
                    yield path + name, status
            elif len(path) + len(name) < longest:
                below = _open_below(fd, name[:-1], device)
                if below is not None:
                    levels.append(_level(below, path + name, b""))
    finally:
        for fd, _, _ in levels:
            os.close(fd)


_LENIENT = ("utf-8", "surrogatepass")
_Level = tuple[int, bytes, Iterator[bytes]]
"""A directory that is being listed: its descriptor, its path, and the names yet to come."""


def _level(fd: int, path: bytes, start: bytes) -> _Level:
    """Begin to list a directory, whose descriptor is closed if that fails."""
    try:
        return fd, path, _listed(fd, start)
    except OSError:
        os.close(fd)
        raise


def _open_first(root: int, prefix: str) -> int | None:
    """Open the directory in which a listing begins; None if there is none."""
    try:
        with Descent(root) as descent:
            return os.open(b".", READ, dir_fd=descent.open(names(prefix)))
    except ValueError:  # a NUL, or no UTF-8
        return None
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def _open_below(fd: int, name: bytes, device: int) -> int | None:
    try:
        below = os.open(name, READ, dir_fd=fd)
    except OSError as error:
        if error.errno in ABSENT:  # gone meanwhile, or no longer a directory
            return None
        raise
    # What is mounted below can be unmounted, and all in it would look as if it were gone.
    if os.fstat(below).st_dev != device:
        os.close(below)
        return None
    return below


def _listed(fd: int, start: bytes) -> Iterator[bytes]:
    """Return the names in a directory in the order of their keys: directories end in a slash."""
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
