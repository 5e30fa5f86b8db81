"""Walking folders: the files at and below some paths, with the keys to store them under."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from operator import attrgetter
from typing import NamedTuple

from onecopy.errors import InvalidKey
from onecopy.files import skipped
from onecopy.files.file import File, identity_of
from onecopy.files.skipped import Skipped
from onecopy.key import LONGEST_KEY, RESERVED, are_valid_names, check_prefix, join
from onecopy.own_files import OwnFiles, is_index_in_use, may_have_index_in_use
from onecopy.patterns import Filter
from onecopy.platforms import has_access, statuses

_mode: Callable[[os.stat_result], int] = attrgetter("st_mode")
_READABLE_BY_ALL = 0o444
_AT_ONCE = 100
"""Entries of a folder that are looked at together. With more, their statuses leave the core's cache
before they are used."""


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
            entry = skipped.own(path)
        if isinstance(entry, Skipped):
            yield skipped.named(path, entry)
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
        identities = list(map(identity_of, seen))
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
                return Skipped(path, "excluded", message)
            key = f"{folder.key}/{name}" if folder.has_valid_names else self._key(folder.key, name)
            return self._describe(path, key, name, status, folder)
        except InvalidKey as error:
            return skipped.without_key(path, name, error)
        except OSError as error:
            return skipped.failed(path, error)

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
            return skipped.own(path)
        if stat.S_ISREG(mode):
            # `has_access` costs a system call, which most modes make unnecessary.
            if _is_plain(mode) or has_access(path, os.R_OK):
                return File(path, key, status.st_size, identity_of(status))
            return skipped.no_access(path)
        if stat.S_ISDIR(mode):
            return self._folder(path, key)
        return skipped.no_file(path, mode)

    def _folder(self, path: str, key: str) -> Skipped | _Folder:
        names = os.listdir(path)  # noqa: PTH208 - only names: a million take 70 MB
        if RESERVED in names and self.own.is_store(path):
            return skipped.own(path)
        names.sort()
        is_valid = bool(key) and are_valid_names(key, names, self.room)
        may_have_index = may_have_index_in_use(names)
        return _Folder(path.rstrip(os.sep) + os.sep, key, names, is_valid, may_have_index)


_file = partial(tuple.__new__, File)
"""Makes a file from its fields, in half the time of `File(*fields)`."""


def _is_plain(mode: int) -> bool:
    """Return whether an entry is a regular file that anyone may read."""
    return stat.S_ISREG(mode) and mode & _READABLE_BY_ALL == _READABLE_BY_ALL


def _name(path: str) -> str:
    name = path.rstrip(os.sep).rpartition(os.sep)[2]
    return os.path.realpath(path).rpartition(os.sep)[2] if name in {"", ".", ".."} else name
