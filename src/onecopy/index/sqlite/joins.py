"""Joining of runs, so that a lookup has few to search."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, cast

import apsw

from onecopy.index.packed.entries import Entry, without_common
from onecopy.index.sqlite.runs import Run, Runs, rows_of

_FANOUT = 16
"""Runs of one level that are joined."""
_ROWS_AT_ONCE = 128
"""Rows that one transaction joins, so that other writers don't wait for long."""

_DELETE_RUN = "DELETE FROM listing_run WHERE id = ?"
_OF_LEVEL = "SELECT id, sign FROM listing_run WHERE tenant = ? AND level = ?"
_FULL_LEVEL = """
SELECT level FROM listing_run WHERE tenant = ? GROUP BY level HAVING count(*) >= ? LIMIT 1
"""
_SET_ROW = "UPDATE listing_size SET first = ?, entries = ? WHERE id = ?"
_DELETE_ROW = "DELETE FROM listing_size WHERE id = ?"


def level_to_join(connection: apsw.Connection, tenant: int) -> int | None:
    """Return a level that has enough runs to be joined, or None."""
    level: int | None = connection.execute(_FULL_LEVEL, (tenant, _FANOUT)).get
    return level


class Join:
    """The runs of one level, joined a part at a time; each part in a transaction of the caller."""

    def __init__(self, tenant: int, level: int) -> None:
        self._place = (tenant, level)
        self._sources: Runs | None = None
        self._targets = {sign: Run(tenant, sign) for sign in (1, -1)}

    def advance(self, connection: apsw.Connection) -> bool:
        """Join the next entries; return whether there are more."""
        if self._sources is None:
            self._sources = cast("Any", connection.execute(_OF_LEVEL, self._place).fetchall())
        limit = max(2, _ROWS_AT_ONCE // max(1, len(self._sources)))
        parts = [_Part(connection, run, sign, limit) for run, sign in self._sources]
        bound = min((part.last for part in parts if part.has_more), default=None)
        taken: dict[int, list[Entry]] = {1: [], -1: []}
        for part in parts:
            taken[part.sign] += part.take(bound)
        for sign, joined in zip((1, -1), without_common(taken[1], taken[-1]), strict=True):
            self._targets[sign].append(connection, sorted(joined))
        self._sources = [(part.run, part.sign) for part in parts if not part.is_over]
        return bool(self._sources)


class _Part:
    """The first rows of a run that is joined."""

    def __init__(self, connection: apsw.Connection, run: int, sign: int, limit: int) -> None:
        self._connection = connection
        self.run = run
        self.sign = sign
        self._rows = list(rows_of(connection, run, limit))
        self.has_more = len(self._rows) == limit

    @property
    def last(self) -> Entry:
        return self._rows[-1][1][-1]

    @property
    def is_over(self) -> bool:
        return not self._rows and not self.has_more

    def take(self, bound: Entry | None) -> list[Entry]:
        """Delete the entries up to a bound from the run, and return them."""
        taken: list[Entry] = []
        for number, own in self._rows:
            count = len(own) if bound is None else bisect_right(own, bound)
            if not count:
                break
            taken += own[:count]
            self._shorten(number, own[count:])
        self._rows = [row for row in self._rows if bound is not None and row[1][-1] > bound]
        if self.is_over:
            self._connection.execute(_DELETE_RUN, (self.run,))
        return taken

    def _shorten(self, number: int, rest: Sequence[Entry]) -> None:
        if rest:
            self._connection.execute(_SET_ROW, (rest[0], b"".join(rest), number))
        else:
            self._connection.execute(_DELETE_ROW, (number,))
