"""The copies of a tenant in the order of their keys, for scans.

Items of copies are found by hashes of their keys, in no order: to keep another item for each would
make every upload dearer. A scan reads them all, once, into a temporary database; that costs less
than a tenth of a write for each copy.
"""

import time
from collections.abc import Callable, Iterator
from threading import Lock

from onecopy.content import Copy
from onecopy.index.spans import within
from onecopy.index.stored import stored_copy
from onecopy.listing import Span
from onecopy.temporary import spilling, temporary_database

_LEAST_SECONDS = 10.0
_TIMES_READING = 20.0
"""What was read is used for ten seconds, or twenty times as long as reading took."""
_PAGE = 1000
_CREATE = """
CREATE TABLE copy (
    key TEXT PRIMARY KEY, size INTEGER, digests BLOB, identity TEXT, stored INTEGER,
    recorded INTEGER, storage_class TEXT
) STRICT, WITHOUT ROWID;
"""
_PUT = "INSERT OR REPLACE INTO copy VALUES (?, ?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM copy WHERE key = ? AND identity = ?"
_AFTER = "SELECT * FROM copy WHERE key > ? ORDER BY key LIMIT ?"


class Snapshot:
    """The copies of a tenant, as they were read, with the changes that this process made since."""

    def __init__(self, read: Callable[[Callable[[list[Copy]], object]], object]) -> None:
        self._lock = Lock()
        with spilling():
            self._database = temporary_database(_CREATE, cache_mib=16)
            began = time.monotonic()
            read(self.put)
        self._expires = time.monotonic() + max(
            _LEAST_SECONDS, _TIMES_READING * (time.monotonic() - began)
        )

    @property
    def is_expired(self) -> bool:
        """Whether what others have recorded since must be read."""
        return time.monotonic() > self._expires

    def put(self, copies: list[Copy]) -> None:
        """Add copies, or replace those at their keys."""
        rows = [(key, size, digests.packed, *more) for key, size, digests, *more in copies]
        with self._lock, spilling():
            self._database.execute("BEGIN")
            self._database.executemany(_PUT, rows)
            self._database.execute("COMMIT")

    def remove(self, copy: Copy) -> None:
        """Remove a copy, unless there is another one at its key."""
        with self._lock, spilling():
            self._database.execute(_DELETE, (copy.key, copy.identity))

    def within(self, span: Span) -> Iterator[Copy]:
        """Yield the copies within a span, in the order of keys."""
        return within(span, self._after)

    def _after(self, key: str) -> list[Copy]:
        with self._lock, spilling():
            rows = self._database.execute(_AFTER, (key, _PAGE)).fetchall()
        return list(map(stored_copy, rows))
