"""Estimates of the time and cost of a migration. The destination is not even opened."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from onecopy.aws.prices import IMPORTED_GB, PUT, WRITE_UNIT
from onecopy.content import Copy, Listed
from onecopy.index import engine_module
from onecopy.migrate.interface import Source

_MAX_SAMPLE_ROWS = 100_000
_MAX_SAMPLE_SECONDS = 3.0
_FILE_ROWS_PER_SECOND = 100_000.0
"""Rows written to the files of an import, assumed for a small machine."""
_FILE_BYTES = 2_000_000
"""Approximate size of one file of an import."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An estimate of a migration."""

    rows: int | None
    """Approximate; None if it can only be found by reading all of them."""
    sampled: int
    """Rows read to measure the reading rate."""
    rejected: int
    """Sampled rows that cannot be moved."""
    reading_rate: float
    """Rows per second, measured."""
    writing_rate: float
    """Rows per second, assumed."""
    units: float | None = None
    """Write request units per row; None unless the destination charges for them."""
    item_bytes: float | None = None
    """Bytes of items per row; None unless the destination charges for them."""

    @property
    def seconds(self) -> float | None:
        """The approximate duration; reading and writing happen concurrently."""
        return None if self.rows is None else self.rows / min(self.reading_rate, self.writing_rate)

    @property
    def all_units(self) -> int | None:
        """The approximate number of write request units."""
        return None if self.rows is None or self.units is None else round(self.rows * self.units)

    @property
    def dollars(self) -> float | None:
        """The approximate cost of these units."""
        return None if self.all_units is None else self.all_units * WRITE_UNIT

    @property
    def import_dollars(self) -> float | None:
        """The approximate cost of importing the same rows from a bucket."""
        if self.rows is None or self.item_bytes is None:
            return None
        total = self.rows * self.item_bytes
        return total / 1e9 * IMPORTED_GB + (1 + total // _FILE_BYTES) * PUT


def plan(source: Source, destination: str, *, by_import: bool = False) -> Plan:
    """Estimate a migration from a sample of its rows.

    Raises what the source raises, and InvalidSettings if the destination is not an index.
    """
    engine = engine_module(destination)
    sample = _Sample(source)
    cost = engine.write_cost(destination, sample.mean)
    return Plan(
        source.count(),
        sample.rows,
        sample.rejected,
        sample.rate,
        _FILE_ROWS_PER_SECOND if by_import else cost.entries_per_second,
        cost.units,
        cost.item_bytes,
    )


class _Sample:
    """The first rows of a source."""

    def __init__(self, source: Source) -> None:
        began = time.monotonic()
        self._entries: list[Copy | Listed] = []
        self.rejected = 0
        self._empty_files = 0
        for batch in source.batches():
            self._entries += [entry for _, entry in batch.entries]
            self.rejected += len(batch.rejects)
            self._empty_files += batch.empty_files
            seconds = time.monotonic() - began
            if self.rows >= _MAX_SAMPLE_ROWS or seconds > _MAX_SAMPLE_SECONDS:
                break
        self.rate = max(1, self.rows) / max(time.monotonic() - began, 1e-3)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self._entries) + self.rejected + self._empty_files

    def mean(self, measure: Callable[[Copy | Listed], int]) -> float:
        """Return the average of a measure over the rows; rows that are not moved count as 0."""
        return sum(map(measure, self._entries)) / max(1, self.rows)
