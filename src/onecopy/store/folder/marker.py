"""The marker of a store in a folder: a file with the store's id, and other marks beside it.

Only if the marker has just been seen is an absent object certainly absent from this store.
"""

import errno
import os
import secrets
from contextlib import suppress

import msgspec

from onecopy.errors import InvalidSettings, Unavailable
from onecopy.key import RESERVED
from onecopy.platforms import NO_FOLLOW
from onecopy.store.folder.descriptors import opened, opened_file, write_all
from onecopy.store.folder.directories import HIDDEN, Descent, open_or_create, translated

GONE = "if the store was removed for good, name a new index"
"""What to do if a store is not found, at the end of a message."""
_NAME = "store.json"
PLACE = f"{RESERVED}/{_NAME}"
"""Path of the marker in the folder of a store."""
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})


class _Content(msgspec.Struct, frozen=True):
    """The contents of the marker."""

    id: str
    version: int = 1


_decoder = msgspec.json.Decoder(_Content)


class Marker:
    """The marker of one store; remembers the id that it saw first."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._id: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether the marker has been seen."""
        return self._id is not None

    def create(self, root: int) -> None:
        """Give the folder an id unless it has one; among concurrent attempts, one wins."""
        if _read(root) is None:
            content = msgspec.json.encode(_Content(secrets.token_hex(16)))
            _write(root, _NAME, content + b"\n")

    def check(self, root: int) -> str:
        """Return the id in the marker if it is the one first seen; raises Unavailable."""
        found = _read(root)
        if found is None:
            raise Unavailable(
                f"no {PLACE} in {self._url}: check that the store's disk is mounted there; {GONE}"
            )
        if self._id not in (None, found):
            raise Unavailable(f"{self._url} is another store now: check what is mounted there")
        self._id = found
        return found


def write_mark(root: int, name: str) -> None:
    """Write a mark beside the marker unless there is one."""
    _write(root, _file_of(name), b'{"version":1}\n')


def is_marked(root: int, name: str) -> bool:
    """Return whether there is a mark beside the marker."""
    with Descent(root) as descent:
        try:
            os.stat(_file_of(name), dir_fd=descent.open([HIDDEN]), follow_symlinks=False)
        except FileNotFoundError:
            return False
    return True


def _file_of(mark: str) -> str:
    return f"{mark}.json"


def _write(root: int, name: str, body: bytes) -> None:
    """Write a file of onecopy itself, durably, unless there is one."""
    with open_or_create(root, [HIDDEN]) as own:
        draft = f"{name}.{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW
        try:
            with opened(draft, flags, dir_fd=own) as fd:
                write_all(fd, body)
                os.fsync(fd)
            with suppress(FileExistsError):
                os.link(draft, name, src_dir_fd=own, dst_dir_fd=own)
        except OSError as error:
            if error.errno in _NO_LINKS:
                raise InvalidSettings(
                    "this file system has no hard links, which the store needs: use another"
                ) from error
            raise
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=own)
        os.fsync(own)


def _read(root: int) -> str | None:
    """Return the id in the marker, or None if there is no marker."""
    with translated(), Descent(root) as descent:
        try:
            with opened_file(_NAME, os.O_RDONLY, dir_fd=descent.open([HIDDEN])) as fd:
                text = os.read(fd, 4096)
        except FileNotFoundError:
            return None
    try:
        marker = _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise Unavailable(f"cannot read {PLACE}: {error}") from error
    if marker.version != 1:
        raise InvalidSettings(f"unknown version {marker.version} of {PLACE}: upgrade onecopy")
    return marker.id
