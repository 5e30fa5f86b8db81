"""Temporary databases, which spill to files that SQLite deletes."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from onecopy.errors import Failure

_PRAGMAS = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA temp_store = FILE;
"""


def temporary_database(tables: str, *, cache_mib: int) -> apsw.Connection:
    """Return a database that is deleted when it is closed; `tables` are its first statements.

    It is in memory until it grows beyond its cache. Call it, and use it, within `spilling`.
    """
    database = apsw.Connection("")
    try:
        # apsw runs statements only as rows are fetched.
        database.execute(f"{_PRAGMAS} PRAGMA cache_size = -{cache_mib << 10}; {tables}").fetchall()
    except BaseException:
        database.close()
        raise
    return database


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
