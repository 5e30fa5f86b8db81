"""What a migration would take: nothing is written, and the destination is not even opened."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from onecopy.aws.prices import IMPORTED_GB, PUT, WRITE_UNIT
from onecopy.content import Copy, Listed
from onecopy.errors import InvalidSettings
from onecopy.migrate.interface import Source
from onecopy.migrate.rows import digests_of

_SAMPLE_ROWS = 100_000
_SAMPLE_SECONDS = 3.0
"""How much is read to see how fast that is."""
_RATES = {"memory": 100_000.0, "postgresql": 40_000.0, "sqlite": 150_000.0}
"""Rows that are written in a second, as we assume it of a small machine."""
_UNITS_A_SECOND = 4_000.0
"""Write request units of a second that a new on-demand table takes at once
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html)."""
_PACKED_A_SECOND = 100_000.0
"""Rows of a second that are written to files, as we assume it of a small machine."""
_PUT_BYTES = 2_000_000
"""Bytes of one file, about."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a migration would take."""

    rows: int | None
    """About; None if only reading them all would tell."""
    sampled: int
    """Rows that were read to see how fast that is."""
    rejected: int
    """Of these."""
    reading_rate: float
    """Rows a second, measured."""
    writing_rate: float
    """Rows a second, assumed."""
    units: float | None = None
    """Write request units for a row, of DynamoDB."""
    item_bytes: float | None = None
    """Bytes of an item, of DynamoDB."""

    @property
    def seconds(self) -> float | None:
        """About how long it takes: reading and writing go on at the same time."""
        return None if self.rows is None else self.rows / min(self.reading_rate, self.writing_rate)

    @property
    def all_units(self) -> int | None:
        """About how many write request units it takes."""
        return None if self.rows is None or self.units is None else round(self.rows * self.units)

    @property
    def dollars(self) -> float | None:
        """About what that costs."""
        return None if self.all_units is None else self.all_units * WRITE_UNIT

    @property
    def import_dollars(self) -> float | None:
        """About what it costs to import the same from a bucket."""
        if self.rows is None or self.item_bytes is None:
            return None
        total = self.rows * self.item_bytes
        return total / 1e9 * IMPORTED_GB + (1 + total // _PUT_BYTES) * PUT


def plan(source: Source, destination: str, *, by_import: bool = False) -> Plan:
    """Return what it would take, from what a few rows tell. Raises what the source raises."""
    parts = urlsplit(destination)
    if parts.scheme not in (*_RATES, "dynamodb"):
        raise InvalidSettings(f"{destination!r} is no index")
    sample = _Sample(source)
    if parts.scheme in _RATES:
        rate, units, item_bytes = _RATES[parts.scheme], None, None
    else:
        bare = dict(parse_qsl(parts.query)).get("layout") == "checksums"
        units, item_bytes = sample.mean(units_of), sample.mean(_bare_bytes if bare else _bytes)
        rate = _PACKED_A_SECOND if by_import else _UNITS_A_SECOND / max(1.0, units)
    return Plan(source.count(), sample.rows, sample.rejected, sample.rate, rate, units, item_bytes)


class _Sample:
    """The first rows of a source."""

    def __init__(self, source: Source) -> None:
        began = time.monotonic()
        self._entries: list[Copy | Listed] = []
        self.rejected = 0
        for batch in source.batches():
            self._entries += [entry for _, entry in batch.entries]
            self.rejected += len(batch.rejects)
            seconds = time.monotonic() - began
            if self.rows >= _SAMPLE_ROWS or seconds > _SAMPLE_SECONDS:
                break
        self.rate = max(1, self.rows) / max(time.monotonic() - began, 1e-3)

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self._entries) + self.rejected

    def mean(self, measure: Callable[[Copy | Listed], int]) -> float:
        """Return what is measured of a row, on average."""
        return sum(map(measure, self._entries)) / max(1, self.rows)


def units_of(entry: Copy | Listed) -> int:
    """Return about how many write request units it takes to keep an entry in an index.

    For a copy itself and what leads to it by its size, and by each of its digests.
    """
    return 1 if isinstance(entry, Listed) else 2 + len(entry.digests)


def _bytes(entry: Copy | Listed) -> int:
    """Return about how many bytes of items an entry becomes in an index."""
    if isinstance(entry, Listed):
        return 60 + 2 * len(entry.digest.value)
    return 250 + len(entry.key) + len(entry.identity) + 120 * len(entry.digests)


def _bare_bytes(entry: Copy | Listed) -> int:
    """Return about how many bytes an entry becomes in a table of checksums."""
    return 10 + sum(2 * len(digest.value) for digest in digests_of(entry))
