"""Local files: walking folders, and detecting files that change while they are read."""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, repeat
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from onecopy.errors import FileChanged, InvalidKey
from onecopy.key import LONGEST_KEY, RESERVED, are_valid_names, check_prefix, join
from onecopy.own_files import OWN, OwnFiles, is_index_in_use, may_have_index_in_use
from onecopy.patterns import Filter
from onecopy.platforms import BINARY, NO_FOLLOW, NON_BLOCKING, has_access, statuses
from onecopy.text import printable

Identity = tuple[int, int, int, int, int]
"""Device, inode, size, mtime and ctime in ns. If they are unchanged, so are the file's bytes."""

_identity: Callable[[os.stat_result], Identity] = attrgetter(
    "st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"
)
_mode: Callable[[os.stat_result], int] = attrgetter("st_mode")
_CHUNK = 256 * 1024
_READABLE_BY_ALL = 0o444
_AT_ONCE = 100
"""Entries of a folder that are looked at together. With more, their statuses leave the core's cache
before they are used."""
_ENDLESS = "has content, but the system says that it is empty, as in /proc; save a copy of it first"


class File(NamedTuple):
    """A regular file as it was when it was listed. A named tuple, since millions are created."""

    path: str
    key: str
    """The key under which to store it, below the tenant's prefix."""
    size: int
    """Bytes; may be 0."""
    identity: Identity

    @contextmanager
    def open(self) -> Iterator[int]:
        """Open the file, and yield a descriptor to read from.

        Raises FileChanged, on entering and on leaving, if the file was replaced or changed since it
        was listed; OSError if it can't be opened.
        """
        descriptor = _open(self.path)
        try:
            self._check(descriptor)
            if not self.size and os.read(descriptor, 1):
                raise FileChanged(f"{printable(self.path)} {_ENDLESS}")
            yield descriptor
            self._check(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> bytes:
        """Return all bytes, with few system calls; raises as `open` does. For small files."""
        with self.open() as descriptor:
            content = os.read(descriptor, self.size + 1)
            while 0 < len(content) < self.size and (more := os.read(descriptor, self.size)):
                content += more
        if len(content) != self.size:
            raise FileChanged(f"{printable(self.path)} changed: it has {len(content)} bytes now")
        return content

    def chunks(
        self, offset: int = 0, length: int | None = None, *, chunk_size: int = _CHUNK
    ) -> Iterator[bytes]:
        """Yield a range of the file in chunks, by default up to its end; raises as `open` does.

        The last chunk is yielded only if the file is still unchanged. So a request that states its
        length first is never completed with bytes of a changed file.
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
                    raise FileChanged(f"{printable(self.path)} changed: it has only {offset} bytes")
                yield chunk

    def _check(self, descriptor: int) -> None:
        if _identity(os.fstat(descriptor)) != self.identity:
            raise FileChanged(f"{printable(self.path)} changed since it was listed")


class Skipped(NamedTuple):
    """A path that is not uploaded, with the reason."""

    path: str
    """As the system names it: if it is not UTF-8, with surrogates (`os.fsencode`)."""
    reason: str
    """`symlink`, `special` (a device, pipe or socket), `reserved` (records of a folder store),
    `own` (see OwnFiles), `excluded` (see Filter), `unreadable`, `absent` or `key-invalid`."""
    message: str
    named: bool = False
    """Whether it is one of the given paths, rather than found below one."""

    @property
    def left_out(self) -> bool:
        """Whether it is left out as a matter of course; any other skipped path is an error."""
        return not self.named and self.reason in _NOT_A_FILE


_NOT_A_FILE = frozenset({"symlink", "special", "reserved", "own", "excluded"})


def walk(  # noqa: PLR0913 - options by name
    paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    *,
    to: str = "",
    room: int = LONGEST_KEY,
    own: OwnFiles | None = None,
    accept: Filter = Filter(),
    any_name: bool = False,
) -> Iterator[File | Skipped]:
    """Return the files at and below `paths`, or one path, with their keys below the prefix `to`.

    A folder's keys begin with the name of the folder; a file's key is its name. Paths such as `.`
    have the name of the folder that they refer to, and `/` has none. Files are returned folder by
    folder, sorted by name; memory grows with the largest folder only. Symbolic links are not
    followed, and `.onecopy` and the files of onecopy itself, `own`, are left out, as are those that
    `accept` leaves out: its patterns match keys without `to`. No file is opened, so opening one may
    still fail. Keys may have `room` bytes; with `any_name`, files are returned although their keys
    are invalid, as for a check. Raises InvalidKey for `to`.
    """
    chosen = None if accept.accepts_all else accept
    walker = _Walker(check_prefix(to, room), room, own or OwnFiles(), chosen, any_name)
    # A text is iterable, too: of "/photos", all files below / would be returned.
    named = [paths] if isinstance(paths, str | os.PathLike) else paths
    return chain.from_iterable(walker.tree(_native(path)) for path in named)


def _native(path: str | os.PathLike[str]) -> str:
    """Return a path with the system's own separators only (Windows also accepts `/`)."""
    text = os.fspath(path)
    return text.replace(os.altsep, os.sep) if os.altsep else text


class _Folder(NamedTuple):
    path: str
    """Ends in a separator."""
    key: str
    names: Sequence[str] = ()
    has_valid_names: bool = False
    """Whether each name certainly makes a valid key."""
    may_have_index: bool = True
    """Whether an index that is in use may be in it."""


class _Walker(NamedTuple):
    to: str
    room: int
    own: OwnFiles
    accept: Filter | None
    """None if it accepts all."""
    any_name: bool

    def tree(self, path: str) -> Iterator[File | Skipped]:
        """Yield the files at and below a path that the user has named."""
        entry = self._entry(path, _Folder("", self.to), _name(path))
        if not isinstance(entry, Skipped) and self.own.contain(path):
            entry = _skipped(path, "own", OWN)
        if isinstance(entry, Skipped):
            if entry.reason == "symlink" and _is_special(path):  # such as /dev/stdin
                entry = _skipped(path, *_SPECIAL)
            yield entry._replace(named=True)
            return
        if isinstance(entry, File):
            yield entry
            return
        levels = [self._runs(entry)]
        while levels:
            run = next(levels[-1], None)
            if run is None:
                levels.pop()
            elif isinstance(run, _Folder):
                levels.append(self._runs(run))
            else:
                yield from run

    def _runs(self, folder: _Folder) -> Iterator[Sequence[File | Skipped] | _Folder]:
        """Yield the entries of a folder in order; those that are no folders, some at a time."""
        for start in range(0, len(folder.names), _AT_ONCE):
            names = folder.names[start : start + _AT_ONCE]
            try:
                seen = statuses(folder.path, names)
            except OSError:  # find out which one it is
                yield from self._singly(folder, names, repeat(None))
                continue
            if files := self._plain_files(folder, names, seen):
                yield files
            else:
                yield from self._singly(folder, names, seen)

    def _singly(
        self, folder: _Folder, names: Iterable[str], seen: Iterable[os.stat_result | None]
    ) -> Iterator[Sequence[File | Skipped] | _Folder]:
        for name, status in zip(names, seen, strict=False):
            entry = self._entry(folder.path + name, folder, name, status)
            yield entry if isinstance(entry, _Folder) else (entry,)

    def _plain_files(
        self, folder: _Folder, names: Sequence[str], seen: Sequence[os.stat_result]
    ) -> list[File] | None:
        """Return the files if all entries are files that need no closer look: the common case."""
        if self.accept is not None or folder.may_have_index or not folder.has_valid_names:
            return None
        if not all(map(_is_plain, set(map(_mode, seen)))):
            return None
        identities = list(map(_identity, seen))
        if self.own.may_have(names, [identity[1] for identity in identities]):
            return None
        path, key = folder.path, folder.key + "/"
        return [
            _file((path + name, key + name, identity[2], identity))
            for name, identity in zip(names, identities, strict=True)
        ]

    def _entry(
        self, path: str, folder: _Folder, name: str, status: os.stat_result | None = None
    ) -> File | Skipped | _Folder:
        try:
            status = status or os.lstat(path)
            if self.accept is not None and (
                message := self._excluded(self.accept, folder.key, name, status)
            ):
                return _skipped(path, "excluded", message)
            key = f"{folder.key}/{name}" if folder.has_valid_names else self._key(folder.key, name)
            return self._describe(path, key, name, status, folder)
        except InvalidKey as error:
            return _refused(path, name, error)
        except (FileNotFoundError, NotADirectoryError) as error:
            return _skipped(path, "absent", _ABSENT[type(error)])
        except OSError as error:
            return _skipped(path, "unreadable", error.strerror or str(error))

    def _key(self, folder: str, name: str) -> str:
        if self.any_name and name.lower() != RESERVED:
            return f"{folder}/{name}" if folder and name else folder + name
        return join(folder, name, self.room) if name else folder

    def _excluded(
        self, accept: Filter, folder: str, name: str, status: os.stat_result
    ) -> str | None:
        """Return why an entry is left out by the patterns, which match its key without `to`."""
        if not name:  # the root of the file system
            return None
        path = f"{folder[len(self.to) :]}/{name}".removeprefix("/")
        return accept.reason(f"{path}/" if stat.S_ISDIR(status.st_mode) else path)

    def _describe(
        self, path: str, key: str, name: str, status: os.stat_result, folder: _Folder
    ) -> File | Skipped | _Folder:
        mode = status.st_mode
        if self.own.has(name, status) or (folder.may_have_index and is_index_in_use(path)):
            return _skipped(path, "own", OWN)
        if stat.S_ISREG(mode):
            # `has_access` costs a system call, which most modes make unnecessary.
            if _is_plain(mode) or has_access(path, os.R_OK):
                return File(path, key, status.st_size, _identity(status))
            return _skipped(path, "unreadable", os.strerror(errno.EACCES))
        if stat.S_ISDIR(mode):
            return self._folder(path, key)
        if stat.S_ISLNK(mode):
            message = "symbolic links are not followed; name the file or folder that it points to"
            return _skipped(path, "symlink", message)
        return _skipped(path, *_SPECIAL)

    def _folder(self, path: str, key: str) -> Skipped | _Folder:
        names = os.listdir(path)  # noqa: PTH208 - only names: a million take 70 MB
        if RESERVED in names and self.own.is_store(path):
            return _skipped(path, "own", OWN)
        names.sort()
        is_valid = bool(key) and are_valid_names(key, names, self.room)
        may_have_index = may_have_index_in_use(names)
        return _Folder(path.rstrip(os.sep) + os.sep, key, names, is_valid, may_have_index)


_ABSENT = {
    FileNotFoundError: "no such file or folder",
    NotADirectoryError: "it names a file as if it were a folder",
}
_RECORDS = "a folder of this name holds the records of a store, and is never uploaded"
_SPECIAL = ("special", "devices, pipes and sockets are not uploaded; save the bytes in a file")


_file = partial(tuple.__new__, File)
"""Makes a file from its fields, in half the time of `File(*fields)`."""


def _is_plain(mode: int) -> bool:
    """Return whether an entry is a regular file that anyone may read."""
    return stat.S_ISREG(mode) and mode & _READABLE_BY_ALL == _READABLE_BY_ALL


def _is_special(path: str) -> bool:
    """Return whether a link leads to something that is neither a file nor a folder."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _refused(path: str, name: str, error: InvalidKey) -> Skipped:
    # A store's records are no error: an upload of a folder that is a store means its files.
    if name.lower() == RESERVED:
        return _skipped(path, "reserved", _RECORDS)
    below = "; nothing below it was read" if Path(path).is_dir() else ""
    return _skipped(path, error.reason, f"{error}{below}")


def _skipped(path: str, reason: str, message: str) -> Skipped:
    return Skipped(path, reason, message)


def _name(path: str) -> str:
    name = path.rstrip(os.sep).rpartition(os.sep)[2]
    return os.path.realpath(path).rpartition(os.sep)[2] if name in {"", ".", ".."} else name


# Non-blocking: a pipe that has taken the file's place must not stop us.
_FLAGS = os.O_RDONLY | NO_FOLLOW | BINARY | NON_BLOCKING


def _open(path: str) -> int:
    try:
        return os.open(path, _FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileChanged(f"{printable(path)} was replaced by a symbolic link") from error
        raise
