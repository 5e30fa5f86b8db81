"""Joining of runs, so that a lookup has few to search."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from threading import Lock

from onecopy.index.dynamodb.changes import Change, Changer
from onecopy.index.dynamodb.connections import Table
from onecopy.index.dynamodb.directory import Outdated
from onecopy.index.dynamodb.runs import (
    PAGE,
    Run,
    RunReader,
    firsts_of,
    pages_of,
    record,
    records_of,
    unused_pages,
)
from onecopy.index.packed.entries import LENGTH, level_of, without_common

_FANOUT = 32
"""Runs of one level that are joined while listings are merged."""
_MOST = 64
"""Runs that are joined at once: a transaction has at most 100 writes."""
_RATIO = 4
"""A settled run has at least this many times the entries of all shorter ones."""
_PAGES_AT_ONCE = 512
"""Pages that are read, and pages that are written, at a time."""


class Joiner:
    """Joins the runs of tenants."""

    def __init__(self, table: Table, runs: RunReader, changer: Changer) -> None:
        self._table = table
        self._runs = runs
        self._changer = changer
        self._lock = Lock()

    def join_full(self, tenant: str, *, most_entries: int | None = None) -> None:
        """Join levels that have many runs; another thread may be at it.

        With `most_entries`, only what takes no longer than a request may.
        """
        if self._lock.acquire(blocking=False):
            try:
                while sources := self._full_level(tenant, most_entries):
                    self._join(tenant, sources)
            except Outdated:  # another process is at it
                pass
            finally:
                self._lock.release()

    def _full_level(self, tenant: str, most_entries: int | None) -> list[Run]:
        levels: dict[int, list[Run]] = {}
        for run in self._clean(tenant, consistent=False):
            if most_entries is None or run.length <= most_entries:
                levels.setdefault(level_of(run.length), []).append(run)
        full = (own for own in levels.values() if len(own) >= _FANOUT)
        return next(full, [])[:_MOST]

    def settle(self, tenant: str) -> None:
        """Join all runs that are not much shorter than the next longer one."""
        with self._lock, suppress(Outdated):
            while sources := _unsettled(self._clean(tenant, consistent=True)):
                self._join(tenant, sources)

    def _clean(self, tenant: str, *, consistent: bool) -> list[Run]:
        return [run for run in self._runs.live(tenant, consistent=consistent) if run.is_clean]

    def _join(self, tenant: str, sources: Sequence[Run]) -> None:
        """Replace runs by one; raises Outdated if another process has joined them."""
        change = Change(tenant)
        change.runs = [run.id for run in sources]
        change.old = [unused_pages(run.id, run.pages) for run in sources]
        self._changer.open(change, sum(run.pages for run in sources))
        try:
            count, pages = self._write(change, sources)
        except Outdated:
            self._changer.give_up(tenant, change.version)
            raise
        self._changer.finish(change, count, pages)

    def _write(self, change: Change, sources: Sequence[Run]) -> tuple[int, int]:
        """Write the entries of runs as those of another one; return the numbers of them."""
        count, firsts, rest = 0, list[bytes](), list[bytes]()
        for records in self._joined(change.tenant, sources):
            rest += records
            full = len(rest) // (_PAGES_AT_ONCE * PAGE) * _PAGES_AT_ONCE * PAGE
            count += self._put(change, rest[:full], firsts)
            rest = rest[full:]
        count += self._put(change, rest, firsts)
        self._table.put_many(firsts_of(change.tenant, change.version, firsts))
        return count, len(firsts)

    def _put(self, change: Change, records: Sequence[bytes], firsts: list[bytes]) -> int:
        pages = pages_of(change.tenant, change.version, records, len(firsts))
        self._table.put_many(pages)
        firsts += records[::PAGE]
        return len(records)

    def _joined(self, tenant: str, sources: Sequence[Run]) -> Iterator[list[bytes]]:
        """Yield the records of runs in order, some at a time, without those that cancel out."""
        parts = [_Part(run) for run in sources]
        limit = max(2, _PAGES_AT_ONCE // len(parts))
        while parts:
            wanted = {part: part.next_pages(limit) for part in parts}
            names = [(part.run.id, page) for part, own in wanted.items() for page in own]
            pages = self._runs.pages(tenant, names, consistent=True)
            for part, own in wanted.items():
                part.fill([pages[part.run.id, page] for page in own])
            bound = min((part.last for part in parts if part.has_more), default=None)
            taken = [record for part in parts for record in part.take(bound)]
            yield _without_pairs(taken)
            parts = [part for part in parts if not part.is_over]


class _Part:
    """What was read of a run, and not yet taken."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._next = 0
        self._records: list[bytes] = []

    def next_pages(self, limit: int) -> range:
        """Return the numbers of the pages to read."""
        if self._records:
            return range(0)
        return range(self._next, min(self.run.pages, self._next + limit))

    def fill(self, pages: Sequence[bytes]) -> None:
        """Add the pages that were read."""
        self._next += len(pages)
        self._records += records_of(b"".join(pages))

    @property
    def has_more(self) -> bool:
        return self._next < self.run.pages

    @property
    def is_over(self) -> bool:
        return not self._records and not self.has_more

    @property
    def last(self) -> bytes:
        return self._records[-1][:LENGTH]

    def take(self, bound: bytes | None) -> list[bytes]:
        """Take the records up to an entry."""
        if bound is None:
            taken, self._records = self._records, []
            return taken
        count = bisect_right(self._records, bound, key=lambda record: record[:LENGTH])
        taken, self._records = self._records[:count], self._records[count:]
        return taken


def _without_pairs(records: Sequence[bytes]) -> list[bytes]:
    """Return records in order, without entries that were both added and removed."""
    added = [record[:LENGTH] for record in records if not record[LENGTH]]
    removed = [record[:LENGTH] for record in records if record[LENGTH]]
    if not added or not removed:
        return sorted(records)
    signed = zip((1, -1), without_common(added, removed), strict=True)
    return sorted(record(entry, sign) for sign, entries in signed for entry in entries)


def _unsettled(runs: Sequence[Run]) -> list[Run]:
    """Return the shortest runs that are followed by one that is not much longer, up to that."""
    chosen, total = list[Run](), 0
    for run in sorted(runs, key=lambda run: run.length):
        if run.length > _RATIO * total:
            if len(chosen) > 1:
                break
            chosen = []
        chosen.append(run)
        total += run.length
    return chosen[:_MOST] if len(chosen) > 1 else []
