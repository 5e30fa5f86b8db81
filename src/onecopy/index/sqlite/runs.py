"""Sorted runs of entries by size, which are joined now and then (a log-structured merge tree).

Sorted by size, the entries of neighbouring keys are far apart: inserted into one tree, those of
each merge would change nearly every page of it. So each merge writes its entries as a run of its
own: sorted, and packed several hundred to a row. Sixteen runs of about one length are joined into a
longer one. A run of sign -1 has the entries that a merge removed: the entries of an index are those
of all positive runs without those of all negative ones, as multisets. So at any time it does not
matter how far a join has come, nor what joins at the same time.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from heapq import merge
from itertools import groupby, repeat
from operator import itemgetter
from struct import Struct
from typing import Any, cast

import apsw

from onecopy.index.stored import damaged

Entry = bytes
"""16 bytes, in the order in which they are sorted; see sizes.py."""
_LENGTH = 16
_ROW = 500
"""Entries in one row: one page of the file."""
_FANOUT = 16
"""Runs of one level that are joined."""
_ROWS_AT_ONCE = 128
"""Rows that one transaction joins, so that other writers don't wait for long."""

_NEW_RUN = "INSERT INTO listing_run (tenant, sign, level) VALUES (?, ?, ?) RETURNING id"
_SET_LEVEL = "UPDATE listing_run SET level = ? WHERE id = ? RETURNING id"
_DELETE_RUN = "DELETE FROM listing_run WHERE id = ?"
_RUNS = "SELECT id, sign FROM listing_run WHERE tenant = ?"
_OF_LEVEL = "SELECT id, sign FROM listing_run WHERE tenant = ? AND level = ?"
_FULL_LEVEL = """
SELECT level FROM listing_run WHERE tenant = ? GROUP BY level HAVING count(*) >= ? LIMIT 1
"""
_NEW_ROW = "INSERT INTO listing_size (run, first, entries) VALUES (?, ?, ?)"
_SET_ROW = "UPDATE listing_size SET first = ?, entries = ? WHERE id = ?"
_DELETE_ROW = "DELETE FROM listing_size WHERE id = ?"
_FIRST_ROWS = "SELECT id, entries FROM listing_size WHERE run = ? ORDER BY first, id LIMIT ?"
_BETWEEN = """
SELECT entries FROM listing_size
WHERE run = ?1 AND first < ?3 AND first >= coalesce(
    (SELECT max(first) FROM listing_size WHERE run = ?1 AND first < ?2), ?2)
ORDER BY first, id
"""


class Changes:
    """Entries that a transaction adds and removes."""

    def __init__(self) -> None:
        self.added: list[Entry] = []
        self.removed: list[Entry] = []

    def write(self, connection: apsw.Connection, tenant: int) -> None:
        """Write them as new runs."""
        added, removed = _without_common(self.added, self.removed)
        for sign, changed in ((1, added), (-1, removed)):
            if changed:
                changed.sort()
                _Run(tenant, sign).append(connection, changed)


def _without_common(left: list[Entry], right: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return what only one of two multisets has."""
    if not left or not right:
        return left, right
    wanted = set(right)
    shared = Counter(right) & Counter(entry for entry in left if entry in wanted)
    return (_without(left, shared), _without(right, shared)) if shared else (left, right)


def _without(entries: Iterable[Entry], counts: Counter[Entry]) -> list[Entry]:
    rest, kept = counts.copy(), []
    for entry in entries:
        if rest[entry] > 0:
            rest[entry] -= 1
        else:
            kept.append(entry)
    return kept


class _Run:
    """A new run, written in the order of its entries."""

    def __init__(self, tenant: int, sign: int) -> None:
        self._kind = (tenant, sign)
        self._number: int | None = None
        self._last = b""
        self._count = 0

    def append(self, connection: apsw.Connection, sorted_entries: Sequence[Entry]) -> None:
        """Append entries.

        Since the transaction before, another process may have joined this run into one of its own,
        or smaller entries may have come into a run that is joined here: then a new run begins.
        """
        if not sorted_entries:
            return
        number = (
            None if sorted_entries[0] < self._last else self._grow(connection, len(sorted_entries))
        )
        if number is None:
            self._count = len(sorted_entries)
            values = (*self._kind, level_of(self._count))
            number = self._number = connection.execute(_NEW_RUN, values).get
        self._last = sorted_entries[-1]
        cuts = range(0, len(sorted_entries), _ROW)
        rows = (sorted_entries[at : at + _ROW] for at in cuts)
        connection.executemany(_NEW_ROW, [(number, row[0], b"".join(row)) for row in rows])

    def _grow(self, connection: apsw.Connection, count: int) -> int | None:
        self._count += count
        values = (level_of(self._count), self._number)
        grown: int | None = connection.execute(_SET_LEVEL, values).get
        return grown


def level_of(count: int) -> int:
    """Return the level of a run with so many entries."""
    return (count.bit_length() - 1) // 4


def level_to_join(connection: apsw.Connection, tenant: int) -> int | None:
    """Return a level that has enough runs to be joined, or None."""
    level: int | None = connection.execute(_FULL_LEVEL, (tenant, _FANOUT)).get
    return level


class Join:
    """The runs of one level, joined a part at a time; each part in a transaction of the caller."""

    def __init__(self, tenant: int, level: int) -> None:
        self._place = (tenant, level)
        self._sources: Runs | None = None
        self._targets = {sign: _Run(tenant, sign) for sign in (1, -1)}

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
        for sign, joined in zip((1, -1), _without_common(taken[1], taken[-1]), strict=True):
            self._targets[sign].append(connection, sorted(joined))
        self._sources = [(part.run, part.sign) for part in parts if not part.is_over]
        return bool(self._sources)


class _Part:
    """The first rows of a run that is joined."""

    def __init__(self, connection: apsw.Connection, run: int, sign: int, limit: int) -> None:
        self._connection = connection
        self.run = run
        self.sign = sign
        rows: Any = connection.execute(_FIRST_ROWS, (run, limit))
        self._rows = [(number, _cut(packed)) for number, packed in rows]
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


@lru_cache(_ROW + 1)
def _cutter(count: int) -> Struct:
    return Struct(f"{_LENGTH}s" * count)


def _cut(packed: Any) -> tuple[Entry, ...]:  # noqa: ANN401 - maybe damaged
    """Return the entries of a row; raises Damaged."""
    _require_entries(packed)
    return _cutter(len(packed) // _LENGTH).unpack(packed)


def _require_entries(packed: Any) -> None:  # noqa: ANN401 - maybe damaged
    if type(packed) is not bytes or len(packed) % _LENGTH or not packed:
        raise damaged("a row of the sizes of listed copies has another length than was written")


Runs = Sequence[tuple[int, int]]
"""Number and sign of each run."""


def runs_of(connection: apsw.Connection, tenant: int) -> Runs:
    """Return the runs of a tenant."""
    runs: Any = connection.execute(_RUNS, (tenant,)).fetchall()
    return cast("Runs", runs)


def within(connection: apsw.Connection, runs: Runs, low: Entry, high: Entry) -> Iterator[Entry]:
    """Yield the entries from one up to another, which is excluded, in order."""
    streams = [_stream(connection, run, sign, low, high) for run, sign in runs]
    for entry, group in groupby(merge(*streams), key=itemgetter(0)):
        count = sum(sign for _, sign in group)
        if count < 0:
            raise damaged("the sizes of listed copies lack one that was removed")
        yield from repeat(entry, count)


def _stream(
    connection: apsw.Connection, run: int, sign: int, low: Entry, high: Entry
) -> Iterator[tuple[Entry, int]]:
    for (packed,) in connection.execute(_BETWEEN, (run, low, high)):
        for at in range(_find(packed, low), _find(packed, high), _LENGTH):
            yield packed[at : at + _LENGTH], sign


def _find(packed: bytes, entry: Entry) -> int:
    """Return where the entries of a row begin that are not less than one; raises Damaged."""
    _require_entries(packed)
    places = range(0, len(packed), _LENGTH)
    return _LENGTH * bisect_left(places, entry, key=lambda at: packed[at : at + _LENGTH])
