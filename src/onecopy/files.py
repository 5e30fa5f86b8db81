"""Local files: walking folders, and noticing a file that changes while it is read."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

from onecopy.errors import FileChanged, InvalidKey
from onecopy.key import LONGEST_KEY, RESERVED, check_prefix, join

Identity = tuple[int, int, int, int, int]
"""Device, inode, size, time of change of content and of anything, in ns: same file, same bytes."""

_CHUNK = 256 * 1024
_READABLE_BY_ALL = 0o444
_MISLEADING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters, separators of lines, and what turns the direction of text."""


class File(NamedTuple):
    """A regular file as it was when it was listed; a named tuple, for millions are made."""

    path: str
    key: str
    """Under which it is to lie in the store, below the tenant's prefix."""
    size: int
    """Bytes; may be 0."""
    identity: Identity

    @contextmanager
    def open(self) -> Iterator[int]:
        """Open the file as a descriptor to read from.

        Raises FileChanged, on entering and on leaving, if it is no longer the file that was listed
        or no longer has the same content; OSError if it can't be opened.
        """
        descriptor = _open(self.path)
        try:
            self._check(descriptor)
            yield descriptor
            self._check(descriptor)
        finally:
            os.close(descriptor)

    def chunks(
        self, offset: int = 0, length: int | None = None, *, chunk_size: int = _CHUNK
    ) -> Iterator[bytes]:
        """Yield a stretch of the file, by default up to its end, in chunks; raises as `open` does.

        The last chunk comes only if the file is still the same: who sends the length first can't
        complete a request with bytes of a file that changed.
        """
        end = self.size if length is None else offset + length
        with self.open() as descriptor:
            os.lseek(descriptor, offset, os.SEEK_SET)
            while offset < end:
                chunk = os.read(descriptor, min(chunk_size, end - offset))
                offset += len(chunk)
                if not chunk or offset == end:
                    self._check(descriptor)
                if not chunk:
                    raise FileChanged(f"{printable(self.path)} has no more than {offset} bytes")
                yield chunk

    def _check(self, descriptor: int) -> None:
        if _identity(os.fstat(descriptor)) != self.identity:
            raise FileChanged(f"{printable(self.path)} changed since it was listed")


class Skipped(NamedTuple):
    """Something that is not uploaded, and why."""

    path: str
    """As `printable` shows it."""
    reason: str
    """`symlink`, `special` (a device, pipe or socket), `reserved` (a folder store's own records),
    `unreadable`, `absent` or `key-invalid`."""
    message: str


def walk(
    paths: Iterable[str | os.PathLike[str]], *, to: str = "", room: int = LONGEST_KEY
) -> Iterator[File | Skipped]:
    """Return the files at and below `paths`, with their keys below the prefix `to`.

    A folder's keys begin with its own name, a file's key is its name; `.` and the like have the
    name of the folder that they mean, and `/` has none. Folder by folder, sorted by name; memory
    grows with the largest folder only. Symbolic links are not followed, `.onecopy` is left out.
    Nothing is opened, so that opening a file may still fail. Raises InvalidKey for `to`.
    """
    folder = check_prefix(to, room)
    return chain.from_iterable(_tree(os.fspath(path), folder, room) for path in paths)


def printable(path: str) -> str:
    """Return a path as it may be shown: what is not UTF-8, or may mislead, is escaped."""
    text = os.fsencode(path).decode(errors="backslashreplace")
    return _MISLEADING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


class _Folder(NamedTuple):
    path: str
    """Ends in a separator."""
    key: str
    names: Iterator[str]


def _tree(path: str, folder: str, room: int) -> Iterator[File | Skipped]:
    entry = _entry(path, folder, _name(path), room)
    if not isinstance(entry, _Folder):
        yield entry
        return
    levels = [entry]
    while levels:
        level = levels[-1]
        for name in level.names:
            entry = _entry(level.path + name, level.key, name, room)
            if isinstance(entry, _Folder):
                levels.append(entry)
                break
            yield entry
        else:
            levels.pop()


def _entry(path: str, folder: str, name: str, room: int) -> File | Skipped | _Folder:
    try:
        key = join(folder, name, room) if name else folder
        return _look(path, key)
    except InvalidKey as error:
        # No fault of the name: whoever uploads a folder that holds a store means all else in it.
        own = name.lower() == RESERVED
        return _skipped(path, "reserved" if own else error.reason, str(error))
    except (FileNotFoundError, NotADirectoryError):
        return _skipped(path, "absent", "no such file or folder")
    except OSError as error:
        return _skipped(path, "unreadable", error.strerror or str(error))


def _look(path: str, key: str) -> File | Skipped | _Folder:
    status = os.lstat(path)
    mode = status.st_mode
    if stat.S_ISREG(mode):
        # Asking costs a system call: only where the mode leaves a doubt.
        if mode & _READABLE_BY_ALL == _READABLE_BY_ALL or _readable(path):
            return File(path, key, status.st_size, _identity(status))
        return _skipped(path, "unreadable", os.strerror(errno.EACCES))
    if stat.S_ISDIR(mode):
        names = os.listdir(path)  # noqa: PTH208 - names alone: a million take 70 MB
        return _Folder(path.rstrip(os.sep) + os.sep, key, iter(sorted(names)))
    if stat.S_ISLNK(mode):
        return _skipped(path, "symlink", "symbolic links are not followed; name what it points to")
    return _skipped(path, "special", "a device, pipe or socket is not a file")


def _readable(path: str) -> bool:
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)


def _skipped(path: str, reason: str, message: str) -> Skipped:
    return Skipped(printable(path), reason, message)


def _name(path: str) -> str:
    name = path.rstrip(os.sep).rpartition(os.sep)[2]
    return os.path.realpath(path).rpartition(os.sep)[2] if name in {"", ".", ".."} else name


def _identity(status: os.stat_result) -> Identity:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_FLAGS |= getattr(os, "O_NONBLOCK", 0)  # a pipe that took the file's place must not stop us


def _open(path: str) -> int:
    try:
        return os.open(path, _FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileChanged(f"{printable(path)} is a symbolic link now") from error
        raise
