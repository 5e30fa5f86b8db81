"""Paths that are not uploaded, and the reasons."""

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

from onecopy.errors import InvalidKey
from onecopy.key import RESERVED
from onecopy.own_files import OWN

_LEFT_OUT = frozenset({"symlink", "special", "reserved", "own", "excluded"})
"""Reasons that are no error."""
_RECORDS = "a folder of this name holds the records of a store, and is never uploaded"
_SPECIAL = "devices, pipes and sockets are not uploaded; save the bytes in a file"
_SYMLINK = "symbolic links are not followed; name the file or folder that it points to"
_ABSENT = "no such file or folder"
_BELOW_A_FILE = "it names a file as if it were a folder"


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
        return not self.named and self.reason in _LEFT_OUT


def own(path: str) -> Skipped:
    """Skip a path of onecopy itself."""
    return Skipped(path, "own", OWN)


def no_file(path: str, mode: int) -> Skipped:
    """Skip what is neither a file nor a folder, by its mode."""
    is_link = stat.S_ISLNK(mode)
    return Skipped(path, "symlink", _SYMLINK) if is_link else Skipped(path, "special", _SPECIAL)


def no_access(path: str) -> Skipped:
    """Skip a file that this process may not read."""
    return Skipped(path, "unreadable", os.strerror(errno.EACCES))


def failed(path: str, error: OSError) -> Skipped:
    """Skip a path for which the system returned an error."""
    if isinstance(error, FileNotFoundError):
        return Skipped(path, "absent", _ABSENT)
    if isinstance(error, NotADirectoryError):
        return Skipped(path, "absent", _BELOW_A_FILE)
    return Skipped(path, "unreadable", error.strerror or str(error))


def without_key(path: str, name: str, error: InvalidKey) -> Skipped:
    """Skip a path whose name makes no valid key."""
    # A store's records are no error: an upload of a folder that is a store means its files.
    if name.lower() == RESERVED:
        return Skipped(path, "reserved", _RECORDS)
    below = "; nothing below it was read" if Path(path).is_dir() else ""
    return Skipped(path, error.reason, f"{error}{below}")


def named(path: str, skipped: Skipped) -> Skipped:
    """Return what is skipped as a path that the user has named; a link may lead to a device."""
    if skipped.reason == "symlink" and _is_special(path):  # such as /dev/stdin
        skipped = Skipped(path, "special", _SPECIAL)
    return skipped._replace(named=True)


def _is_special(path: str) -> bool:
    """Return whether a link leads to something that is neither a file nor a folder."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
