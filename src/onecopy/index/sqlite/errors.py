"""The meaning of SQLite's errors for users of the index."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from onecopy.errors import Failure, Forbidden, Unavailable

_RESTORE = "stop all processes that use it, check the disk, and restore a backup (docs/indexes.md)"
_MEANINGS: tuple[tuple[tuple[type[apsw.Error], ...], type[Failure], str], ...] = (
    (
        (apsw.BusyError, apsw.LockedError, apsw.ProtocolError),
        Unavailable,
        "other processes are writing to the index: try again",
    ),
    ((apsw.ConnectionClosedError,), Unavailable, "the index is closed"),
    (
        (apsw.IOError, apsw.CantOpenError, apsw.InterruptError, apsw.NoMemError),
        Unavailable,
        "the index cannot be read or written",
    ),
    (
        (apsw.ReadOnlyError, apsw.PermissionsError, apsw.AuthError),
        Forbidden,
        "no permission to write to the index",
    ),
    (
        (apsw.FullError,),
        Failure,
        "the disk of the index, or the one for temporary files, is full: free some space",
    ),
    ((apsw.CorruptError,), Failure, f"the index is damaged: {_RESTORE}"),
    ((apsw.NotADBError,), Failure, f"the index file is not a SQLite file: {_RESTORE}"),
)


def failure(error: apsw.Error) -> Failure:
    """Return the error to raise in place of one of SQLite's."""
    for errors, kind, meaning in _MEANINGS:
        if isinstance(error, errors):
            return kind(f"{meaning} ({error})")
    return Failure(f"the index failed: {type(error).__name__}: {error}")


@contextmanager
def translated() -> Iterator[None]:
    """Translate errors of SQLite."""
    try:
        yield
    except apsw.Error as error:
        raise failure(error) from error
