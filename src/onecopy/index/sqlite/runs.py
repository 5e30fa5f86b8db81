"""Sorted runs of entries by size, as rows (index/packed/entries.py says why).

In one tree, the entries of each merge would change nearly every page of it. A run is packed several
hundred entries to a row. Sixteen runs of about one length are joined into a longer one. A run has
one sign: -1 if its entries are those that a merge removed.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import le
from struct import Struct
from typing import Any, cast

import apsw

from onecopy.index.packed.entries import (
    LENGTH,
    Entry,
    Signed,
    level_of,
    streamed,
    summed,
    without_common,
)
from onecopy.index.stored import damaged

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


@lru_cache(_ROW + 1)
def _cutter(count: int) -> Struct:
    return Struct(f"{LENGTH}s" * count)


def _cut(first: Any, packed: Any) -> tuple[Entry, ...]:  # noqa: ANN401 - maybe damaged
    """Return the entries of a row; raises Damaged."""
    _require_row(first, packed)
    return _cutter(len(packed) // LENGTH).unpack(packed)


def _require_row(first: Any, packed: Any) -> None:  # noqa: ANN401 - maybe damaged
    is_whole = type(packed) is bytes and packed and len(packed) % LENGTH == 0
    if not is_whole or packed[:LENGTH] != first:
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
        return summed(
            (entry, sign)
            for sign, first, packed in rows
            for entry in _between(first, packed, low, high)
        )
    # Read only as far as the caller does: a size may have millions of copies.
    runs = runs_of(connection, tenant)
    return streamed([_stream(connection, run, sign, low, high) for run, sign in runs])


def _stream(
    connection: apsw.Connection, run: int, sign: int, low: Entry, high: Entry
) -> Iterator[Signed]:
    for first, packed in connection.execute(_BETWEEN, (run, low, high)):
        for entry in _between(first, packed, low, high):
            yield entry, sign


def _between(first: Any, packed: Any, low: Entry, high: Entry) -> Iterator[Entry]:  # noqa: ANN401
    """Yield the entries of a row within bounds; raises Damaged."""
    _require_row(first, packed)
    places = range(0, len(packed), LENGTH)
    start = bisect_left(places, low, key=lambda at: packed[at : at + LENGTH])
    for at in places[start:]:
        entry = packed[at : at + LENGTH]
        if entry >= high:
            return
        yield entry
