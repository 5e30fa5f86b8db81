"""Temporary databases, which spill to files that SQLite deletes."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from onecopy.errors import Failure


@contextmanager
def spilling() -> Iterator[None]:
    """Raise errors of a temporary database in the block as Failure, which says what to do."""
    try:
        yield
    except (apsw.FullError, apsw.IOError, apsw.CantOpenError) as error:
        raise Failure(
            f"cannot write temporary files ({error}): free some space on the disk for them, or "
            "set SQLITE_TMPDIR to a folder on another disk"
        ) from error
