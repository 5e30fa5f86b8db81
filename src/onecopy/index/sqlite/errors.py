"""The meaning of SQLite's errors for users of the index."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from onecopy.errors import Damaged, Failure, Forbidden, Unavailable
from onecopy.index.stored import RESTORE, damaged

_BUSY = (Unavailable, "other processes are writing to the index: try again")
_DENIED = (Forbidden, "no permission to write to the index")
_FULL = (
    Failure,
    "the disk of the index, or the one for temporary files, is full: free some space",
)
_NO_MEMORY = (
    Unavailable,
    "there is not enough memory for the index: free some, and try again",
)
_UNREADABLE = (
    Unavailable,
    "the index cannot be read or written: check its disk, the free space there, and quotas",
)
_MEANINGS: dict[type[apsw.Error], tuple[type[Failure], str]] = {
    apsw.AuthError: _DENIED,
    apsw.BusyError: _BUSY,
    apsw.CantOpenError: _UNREADABLE,
    apsw.ConnectionClosedError: (Unavailable, "the index is closed"),
    apsw.FullError: _FULL,
    apsw.IOError: _UNREADABLE,
    apsw.InterruptError: (Unavailable, "the access to the index was interrupted: try again"),
    apsw.LockedError: _BUSY,
    apsw.NoMemError: _NO_MEMORY,
    apsw.NotADBError: (Damaged, f"the index is damaged: its file is not a SQLite file: {RESTORE}"),
    apsw.PermissionsError: _DENIED,
    apsw.ProtocolError: _BUSY,
    apsw.ReadOnlyError: _DENIED,
}

_DAMAGE = (
    apsw.ConstraintError,
    apsw.CorruptError,
    apsw.EmptyError,
    apsw.FormatError,
    apsw.InternalError,
    apsw.MismatchError,
    apsw.RangeError,
    apsw.SQLError,
    apsw.SchemaChangeError,
    apsw.TooBigError,
)
"""All statements and tables are ours, so these errors mean damage."""
ERRORS = (apsw.Error, UnicodeDecodeError)
"""What SQLite's rows raise: texts are decoded as they are read."""


def failure(error: apsw.Error | UnicodeDecodeError) -> Failure:
    """Return the error to raise in place of one of ERRORS."""
    if isinstance(error, UnicodeDecodeError):
        return damaged(error)
    # SQLite cannot grow its shared memory, a file beside the index, on a full disk.
    is_full = getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE
    if found := _FULL if is_full else _MEANINGS.get(type(error)):
        kind, meaning = found
        return kind(f"{meaning} ({error})")
    if isinstance(error, _DAMAGE):
        return damaged(error)
    return Failure(f"the index failed: {type(error).__name__}: {error}")


@contextmanager
def translated() -> Iterator[None]:
    """Raise errors of SQLite in the block as Unavailable, Forbidden or Failure."""
    try:
        yield
    except ERRORS as error:
        raise failure(error) from error
