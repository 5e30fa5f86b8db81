"""Changes of this process that a disk would keep if the power failed now.

Only synced changes count: the bytes of a file after an fsync of the file, a name in a folder after
an fsync of the folder. File systems may keep more, and often do.
"""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

P = ParamSpec("P")
T = TypeVar("T")
_Inode = tuple[int, int]


class Disk:
    """Follows the system calls with which this process changes files and folders."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._unsynced: dict[_Inode, str] = {}
        """Files and folders with changes that may be lost, and the calls that made them."""
        self.early: list[str] = []
        """Links to files whose bytes may still be lost."""
        for name in ("write", "pwrite", "posix_fallocate", "ftruncate"):
            patch.setattr(os, name, self._writing(getattr(os, name)))
        for name in ("fsync", "fdatasync"):
            patch.setattr(os, name, self._syncing(getattr(os, name)))
        patch.setattr(os, "link", self._linking(os.link))
        patch.setattr(os, "mkdir", self._making(os.mkdir))
        patch.setattr(os, "open", self._opening(os.open))

    def _writing(self, function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*given: P.args, **named: P.kwargs) -> T:
            self._unsynced[_inode(given[0])] = function.__name__
            return function(*given, **named)

        return call

    def _syncing(self, function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*given: P.args, **named: P.kwargs) -> T:
            result = function(*given, **named)
            self._unsynced.pop(_inode(given[0]), None)
            return result

        return call

    def _linking(self, function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*given: P.args, **named: P.kwargs) -> T:
            source, target = given
            if _inode(source, named.get("src_dir_fd")) in self._unsynced:
                self.early.append(str(target))
            result = function(*given, **named)
            self._name(target, named.get("dst_dir_fd"))
            return result

        return call

    def _making(self, function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*given: P.args, **named: P.kwargs) -> T:
            result = function(*given, **named)
            self._name(given[0], named.get("dir_fd"))
            return result

        return call

    def _opening(self, function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*given: P.args, **named: P.kwargs) -> T:
            path, flags = given[:2]
            assert isinstance(flags, int)
            is_new = flags & os.O_CREAT and not _exists(path, named.get("dir_fd"))
            result = function(*given, **named)
            if is_new:
                self._name(path, named.get("dir_fd"))
            return result

        return call

    def _name(self, path: object, dir_fd: object) -> None:
        """Note that a folder has a new entry."""
        text = os.fsdecode(path) if isinstance(path, bytes) else str(path)
        self._unsynced[_inode(str(Path(text).parent), dir_fd)] = f"name {text}"

    def lost(self, top: Path, path: Path) -> list[str]:
        """Return why a file below `top` may be lost or incomplete; nothing if it is durable."""
        places = (path, *(top / above for above in path.relative_to(top).parents))
        why = {place: self._unsynced.get(_inode(place)) for place in places}
        return [f"{place.relative_to(top)}: {reason}" for place, reason in why.items() if reason]


def _inode(path: object, dir_fd: object = None) -> _Inode:
    assert isinstance(path, int | str | bytes | Path)
    assert isinstance(dir_fd, int | None)
    status = os.fstat(path) if isinstance(path, int) else os.stat(path, dir_fd=dir_fd)
    return status.st_dev, status.st_ino


def _exists(path: object, dir_fd: object) -> bool:
    try:
        _inode(path, dir_fd)
    except FileNotFoundError:
        return False
    return True
