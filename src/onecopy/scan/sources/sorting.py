"""Rows in the order of keys, whatever their number: in a temporary database, which spills to disk.

Of the rows of one key, the last version counts, or the one that states the latest time.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any

import apsw

from onecopy.listing import ListedCopy, listed_copy
from onecopy.temporary import spilling, temporary_database

_ROWS = 20_000
"""Rows that are yielded at a time."""
_SCHEMA = """
CREATE TABLE entry (
    key TEXT, size INTEGER, tag BLOB, parts INTEGER, opaque INTEGER, modified INTEGER, class TEXT,
    checksums TEXT, rank TEXT);
BEGIN;
"""
_COLUMNS = "key, size, tag, parts, opaque, modified, class, checksums"
_INSERT = f"INSERT INTO entry ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
_INSERT_RANKED = "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SORTED = f"SELECT {_COLUMNS} FROM entry ORDER BY key, rank, modified"  # noqa: S608 - constants


class Sorter:
    """Rows to be sorted."""

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database
        self._has_ranks = False
        self.left_out: Counter[str] = Counter()
        """The rows that `sorted` did not yield, by reason."""

    def add(self, copies: Sequence[ListedCopy], ranks: Sequence[str] | None) -> None:
        """Add rows, and the order of versions, if they are versions."""
        if ranks is None:
            self._database.executemany(_INSERT, copies)
            return
        self._has_ranks = True
        rows = zip(copies, ranks, strict=True)
        self._database.executemany(_INSERT_RANKED, ((*copy, rank) for copy, rank in rows))

    def sorted(self) -> Iterator[list[ListedCopy]]:
        """Yield the last row of each key, some thousand at a time."""
        rows = self._database.execute(_SORTED)
        ahead = list(islice(rows, 1))
        while ahead:
            batch = [*ahead, *islice(rows, _ROWS)]
            ahead = batch[-1:] if len(batch) > _ROWS else []
            keys = [row[0] for row in batch] + ([] if ahead else [""])
            last = [row for row, key, next_ in zip(batch, keys, keys[1:]) if key != next_]  # noqa: B905 - the last row is ahead
            self._count(len(batch) - len(ahead) - len(last))
            yield self._current(last)

    def _count(self, replaced: int) -> None:
        self.left_out["noncurrent" if self._has_ranks else "repeated"] += replaced

    def _current(self, rows: Sequence[tuple[Any, ...]]) -> list[ListedCopy]:
        """Return the rows as copies, without delete markers."""
        values = ((k, s, t, p, o == 1, m, c, n) for k, s, t, p, o, m, c, n in rows)
        copies: list[ListedCopy] = list(map(listed_copy, values))
        found = [copy for copy in copies if copy.size]
        self.left_out["delete-marker"] += len(copies) - len(found)
        return found


@contextmanager
def sorter() -> Iterator[Sorter]:
    """Provide an empty sorter; what it holds is deleted at the end."""
    with spilling(), closing(temporary_database(_SCHEMA, cache_mib=128)) as database:
        yield Sorter(database)
