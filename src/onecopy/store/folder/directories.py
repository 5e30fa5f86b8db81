"""Directories below a root, accessed by descriptor; no symbolic link is ever followed.

So a concurrent move or link cannot lead out of the root, and if a file system is unmounted, the
directory under its mount point is not mistaken for it.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Self

from onecopy.errors import Forbidden, InvalidKey, OnecopyError, StoreFull, Unavailable
from onecopy.key import RESERVED
from onecopy.platforms import DIRECTORY, LOOKUP_ONLY, NO_FOLLOW
from onecopy.store.interface import Absent, Object, Unknown
from onecopy.store.objects import store_reason
from onecopy.text import printable

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""Errors that mean that there is certainly no such file."""
_FULL = {
    errno.ENOSPC: "the disk of the store is full: free some space there",
    errno.EDQUOT: "the quota of the store's disk is used up: free some space there, or raise it",
    errno.EFBIG: "the file is larger than the file system of the store, or a limit, allows",
}
_NOT_A_FOLDER = frozenset({errno.ENOTDIR, errno.ELOOP})
_PATHS = (str, bytes, os.PathLike)
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
_READ_ONLY = "the file system of the store is read-only: mount it so that it can be written to"

READ = os.O_RDONLY | DIRECTORY | NO_FOLLOW
"""Flags to open a directory for listing, syncing or changing it."""
_PASS = READ | LOOKUP_ONLY
"""Flags to open a directory for looking up names in it; needs no permission to list it."""


def object_of(key: str, status: os.stat_result) -> Object:
    """Return a file as an Object.

    The device is not part of the identity: a file system may get another number when it is mounted
    again, and the marker identifies the store. Writing, linking and chmod change the ctime.
    """
    return Object(key, status.st_size, identity_of(status), status.st_mtime_ns // 1_000_000)


def identity_of(status: os.stat_result) -> str:
    """Return the identity of a file."""
    return f"{status.st_ino:x}.{status.st_size:x}.{status.st_mtime_ns:x}.{status.st_ctime_ns:x}"


def failure(error: OSError) -> OnecopyError:
    """Translate an error of the file system into one of the store's contract."""
    # The new name of a link, not that of the staged file; the descriptor, if the call got one.
    named = error.filename2 or error.filename
    where = f" for {printable(os.fsdecode(named))}" if isinstance(named, _PATHS) else ""
    message = f"the store's file system reports{where}: {error.strerror or error}"
    if error.errno in _FULL:
        return StoreFull(_FULL[error.errno])
    if error.errno == errno.EROFS:
        return Forbidden(_READ_ONLY)
    if error.errno in _FORBIDDEN:
        return Forbidden(message)
    return Unavailable(message)


def look_error(error: OSError | ValueError) -> Absent | Unknown:
    """Translate the error of a look; ValueError means that no file can have this name."""
    if isinstance(error, OSError) and error.errno not in ABSENT:
        return Unknown(store_reason(failure(error)))
    return Absent()


# A class, because a generator would cost as much time as the system call that it wraps.


class translated:  # noqa: N801 - used as a function
    """Translates OSError into the errors of the store's contract."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, at: object) -> None:
        if isinstance(error, OSError):
            raise failure(error) from error


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


HIDDEN = RESERVED.encode()
"""The name of a folder with records of a store, in any case."""
_INVALID = frozenset({b"", b".", b"..", HIDDEN})


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
                "folder, or rename this one"
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
