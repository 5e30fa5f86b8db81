"""The meaning of SQLite's errors for users of the index."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from onecopy.errors import Failure, Forbidden, Unavailable

_BUSY = (Unavailable, "other processes are writing to the index: try again")
_DENIED = (Forbidden, "no permission to write to the index")
_FULL = (
    Failure,
    "the disk of the index, or the one for temporary files, is full: free some space",
)
_UNREADABLE = (
    Unavailable,
    "the index cannot be read or written: check its disk, the free space there, and quotas",
)
_RESTORE = "stop all processes that use it, check the disk, and restore a backup (docs/indexes.md)"
_MEANINGS: dict[type[apsw.Error], tuple[type[Failure], str]] = {
    apsw.AuthError: _DENIED,
    apsw.BusyError: _BUSY,
    apsw.CantOpenError: _UNREADABLE,
    apsw.ConnectionClosedError: (Unavailable, "the index is closed"),
    apsw.CorruptError: (Failure, f"the index is damaged: {_RESTORE}"),
    apsw.FullError: _FULL,
    apsw.IOError: _UNREADABLE,
    apsw.InterruptError: _UNREADABLE,
    apsw.LockedError: _BUSY,
    apsw.NoMemError: _UNREADABLE,
    apsw.NotADBError: (Failure, f"the index file is not a SQLite file: {_RESTORE}"),
    apsw.PermissionsError: _DENIED,
    apsw.ProtocolError: _BUSY,
    apsw.ReadOnlyError: _DENIED,
}


def failure(error: apsw.Error) -> Failure:
    """Return the error to raise in place of one of SQLite's."""
    # SQLite cannot grow its shared memory, a file beside the index, on a full disk.
    is_full = getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE
    if found := _FULL if is_full else _MEANINGS.get(type(error)):
        kind, meaning = found
        return kind(f"{meaning} ({error})")
    return Failure(f"the index failed: {type(error).__name__}: {error}")


@contextmanager
def translated() -> Iterator[None]:
    """Raise errors of SQLite in the block as Unavailable, Forbidden or Failure."""
    try:
        yield
    except apsw.Error as error:
        raise failure(error) from error
