"""Sorted runs of entries by size, which are joined now and then (a log-structured merge tree).

Sorted by size, the entries of neighbouring keys are far apart: inserted into one tree, those of
each merge would change nearly every page of it. So each merge writes its entries as a run of its
own: sorted, and packed several hundred to a row. Sixteen runs of about one length are joined into a
longer one. A run of sign -1 has the entries that a merge removed: the entries of an index are those
of all positive runs without those of all negative ones, as multisets. So at any time it does not
matter how far a join has come, nor what joins at the same time.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from heapq import merge
from itertools import groupby, repeat
from operator import itemgetter, le
from struct import Struct
from typing import Any, cast

import apsw

from onecopy.index.stored import damaged

Entry = bytes
"""16 bytes, in the order in which they are sorted; see sizes.py."""
_LENGTH = 16
_ROW = 500
"""Entries in one row: one page of the file."""

_NEW_RUN = "INSERT INTO listing_run (tenant, sign, level) VALUES (?, ?, ?) RETURNING id"
_SET_LEVEL = "UPDATE listing_run SET level = ? WHERE id = ? RETURNING id"
_RUNS = "SELECT id, sign FROM listing_run WHERE tenant = ?"
_NEW_ROW = "INSERT INTO listing_size (run, first, entries) VALUES (?, ?, ?)"
_FIRST_ROWS = "SELECT id, first, entries FROM listing_size WHERE run = ? ORDER BY first, id LIMIT ?"
_BETWEEN = """
SELECT first, entries FROM listing_size
WHERE run = ?1 AND first < ?3 AND first >= coalesce(
    (SELECT max(first) FROM listing_size WHERE run = ?1 AND first < ?2), ?2)
ORDER BY first, id
"""
_BETWEEN_IN_ALL = """
SELECT sign, first, entries FROM listing_run CROSS JOIN listing_size
ON run = listing_run.id AND first < ?3 AND first >= coalesce(
    (SELECT max(first) FROM listing_size WHERE run = listing_run.id AND first < ?2), ?2)
WHERE tenant = ?1 LIMIT ?4
"""
_FEW = 64
"""Rows of all runs (512 KB) up to which one statement is better than one for each run."""


class Changes:
    """Entries that a transaction adds and removes."""

    def __init__(self) -> None:
        self.added: list[Entry] = []
        self.removed: list[Entry] = []

    def write(self, connection: apsw.Connection, tenant: int) -> None:
        """Write them as new runs."""
        added, removed = without_common(self.added, self.removed)
        for sign, changed in ((1, added), (-1, removed)):
            if changed:
                changed.sort()
                Run(tenant, sign).append(connection, changed)


def without_common(left: list[Entry], right: list[Entry]) -> tuple[list[Entry], list[Entry]]:
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


class Run:
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


@lru_cache(_ROW + 1)
def _cutter(count: int) -> Struct:
    return Struct(f"{_LENGTH}s" * count)


def _cut(first: Any, packed: Any) -> tuple[Entry, ...]:  # noqa: ANN401 - maybe damaged
    """Return the entries of a row; raises Damaged."""
    _require_row(first, packed)
    return _cutter(len(packed) // _LENGTH).unpack(packed)


def _require_row(first: Any, packed: Any) -> None:  # noqa: ANN401 - maybe damaged
    is_whole = type(packed) is bytes and packed and len(packed) % _LENGTH == 0
    if not is_whole or packed[:_LENGTH] != first:
        raise damaged("a row of the sizes of listed copies is not as it was written")


def rows_of(
    connection: apsw.Connection, run: int, limit: int = -1
) -> Iterator[tuple[int, Sequence[Entry]]]:
    """Yield the first rows of a run, or all: numbers and entries; raises Damaged."""
    last = b""
    for number, first, packed in connection.execute(_FIRST_ROWS, (run, limit)):
        entries = _cut(first, packed)
        if not all(map(le, (last, *entries), entries)):
            raise damaged(f"run {run} of the sizes of listed copies is not in order")
        last = entries[-1]
        yield number, entries


Runs = Sequence[tuple[int, int]]
"""Number and sign of each run."""


def runs_of(connection: apsw.Connection, tenant: int) -> Runs:
    """Return the runs of a tenant."""
    runs: Any = connection.execute(_RUNS, (tenant,)).fetchall()
    return cast("Runs", runs)


def within(connection: apsw.Connection, tenant: int, low: Entry, high: Entry) -> Iterator[Entry]:
    """Yield the entries of a tenant from one up to another, which is excluded, in order."""
    rows: Any = connection.execute(_BETWEEN_IN_ALL, (tenant, low, high, _FEW)).fetchall()
    if len(rows) < _FEW:
        return _sorted(rows, low, high)
    return _streamed(connection, tenant, low, high)


def _sorted(rows: Iterable[tuple[int, Entry, bytes]], low: Entry, high: Entry) -> Iterator[Entry]:
    counts: Counter[Entry] = Counter()
    for sign, first, packed in rows:
        for entry in _between(first, packed, low, high):
            counts[entry] += sign
    for entry in sorted(counts):
        yield from _repeated(entry, counts[entry])


def _streamed(connection: apsw.Connection, tenant: int, low: Entry, high: Entry) -> Iterator[Entry]:
    """Merge the runs as far as the caller reads: a size may have millions of copies."""
    runs = runs_of(connection, tenant)
    streams = [_stream(connection, run, sign, low, high) for run, sign in runs]
    for entry, group in groupby(merge(*streams), key=itemgetter(0)):
        yield from _repeated(entry, sum(sign for _, sign in group))


def _stream(
    connection: apsw.Connection, run: int, sign: int, low: Entry, high: Entry
) -> Iterator[tuple[Entry, int]]:
    for first, packed in connection.execute(_BETWEEN, (run, low, high)):
        for entry in _between(first, packed, low, high):
            yield entry, sign


def _repeated(entry: Entry, count: int) -> Iterable[Entry]:
    if count < 0:
        raise damaged("the sizes of listed copies lack one that was removed")
    return repeat(entry, count)


def _between(first: Any, packed: Any, low: Entry, high: Entry) -> Iterator[Entry]:  # noqa: ANN401
    """Yield the entries of a row within bounds; raises Damaged."""
    _require_row(first, packed)
    places = range(0, len(packed), _LENGTH)
    start = bisect_left(places, low, key=lambda at: packed[at : at + _LENGTH])
    for at in places[start:]:
        entry = packed[at : at + _LENGTH]
        if entry >= high:
            return
        yield entry
