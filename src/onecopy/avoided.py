"""Uploads, and uploads that were avoided, counted by tenant and day (UTC).

Avoided are the files of a run that were not sent because their contents were already stored. The
client of the run reports their number at its end; no check counts them.

One value of the index's state, `avoided/TENANT`, holds all counts of a tenant: those of its last 92
days, the sums of the months before, and the keys of its last 200 reports, by which a repeated
report is recognized. `onecopy.recorder` adds to it in batches.
"""

import logging
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from onecopy.index.interface import State
from onecopy.index.stored import decoding

DAILY_FILES = 100_000_000
"""Avoided files that are counted for one tenant on one day."""
DAILY_BYTES = 10**17
"""Avoided bytes that are counted for one tenant on one day: 100 PB."""
MAX_DAYS = 92
"""Days of a tenant that are kept one by one."""
_MAX_KEYS = 200
"""Reports that are recognized when they are repeated."""
_MAX_BATCHES = 32
"""Batches that are recognized when it is not known whether they were written."""

_log = logging.getLogger("onecopy.avoided")


class Counts(msgspec.Struct, frozen=True, array_like=True):
    """Files and bytes that were uploaded, and whose upload was avoided."""

    uploaded_files: int = 0
    uploaded_bytes: int = 0
    avoided_files: int = 0
    avoided_bytes: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.uploaded_files + other.uploaded_files,
            self.uploaded_bytes + other.uploaded_bytes,
            self.avoided_files + other.avoided_files,
            self.avoided_bytes + other.avoided_bytes,
        )


class Activity(NamedTuple):
    """What was counted for one tenant; dates and months are in order, and those of UTC."""

    days: Mapping[str, Counts]
    """By date, such as `2026-03-12`: the last 92 days on which something was counted."""
    months: Mapping[str, Counts]
    """By month, such as `2026-03`: what was counted before those days."""

    @property
    def total(self) -> Counts:
        """The sum of everything that was counted."""
        return sum([*self.days.values(), *self.months.values()], Counts())


def avoided(state: State, tenant: str) -> Activity:
    """Return what was counted for a tenant, as far as it has been written; raises Damaged."""
    return decode(state.get(name_of(tenant))).activity()


def by_month(activity: Activity) -> dict[str, Counts]:
    """Return the counts of each month in which something was counted, in order."""
    months = dict(activity.months)
    for date, counts in activity.days.items():
        months[date[:7]] = months.get(date[:7], Counts()) + counts
    return dict(sorted(months.items()))


class Waiting:
    """Counts of one tenant that are not written yet."""

    def __init__(self) -> None:
        self.sums: dict[str, Counts] = {}
        """By date: what has no key."""
        self.reports: dict[str, tuple[str, Counts]] = {}
        """By the hash of their keys: the date, and what was counted."""

    def add(self, date: str, counts: Counts, key: str) -> None:
        """Add counts of a date; those with a key that waits already are ignored."""
        if key:
            self.reports.setdefault(key, (date, counts))
        else:
            self.sums[date] = self.sums.get(date, Counts()) + counts


class Batch(NamedTuple):
    """Counts that are written together, and the name by which they are recognized."""

    tenant: str
    name: str
    waiting: Waiting


class Stored(msgspec.Struct):
    """The value of a tenant, as JSON."""

    days: dict[str, Counts] = {}
    months: dict[str, Counts] = {}
    keys: list[str] = []
    """Hashes of the keys of the last reports."""
    batches: list[str] = []
    """Names of the last batches."""

    def add(self, batch: Batch) -> Counts:
        """Add a batch, unless it was added before; return what was added."""
        if batch.name in self.batches:
            return Counts()
        added = [self._add(date, counts) for date, counts in batch.waiting.sums.items()]
        for key, (date, counts) in batch.waiting.reports.items():
            if key not in self.keys:
                self.keys.append(key)
                added.append(self._add(date, counts))
        del self.keys[:-_MAX_KEYS]
        self.batches = [*self.batches, batch.name][-_MAX_BATCHES:]
        self._merge_old()
        return sum(added, Counts())

    def _add(self, date: str, counts: Counts) -> Counts:
        together = self.days.get(date, Counts()) + counts
        if counts.avoided_files and _exceeds(together):
            _log.warning("a report is not counted: there are too many on %s", date)
            return Counts()
        self.days[date] = together
        return counts

    def _merge_old(self) -> None:
        for date in sorted(self.days)[:-MAX_DAYS]:
            month = date[:7]
            self.months[month] = self.months.get(month, Counts()) + self.days.pop(date)

    def activity(self) -> Activity:
        """Return the counts, in order."""
        return Activity(dict(sorted(self.days.items())), dict(sorted(self.months.items())))


def today() -> str:
    """Return the date, UTC."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def _exceeds(counts: Counts) -> bool:
    return counts.avoided_files > DAILY_FILES or counts.avoided_bytes > DAILY_BYTES


def decode(value: bytes | None) -> Stored:
    """Return the counts in the value of a tenant; raises Damaged."""
    if value is None:
        return Stored()
    with decoding("the counts of avoided uploads"):
        return msgspec.json.decode(value, type=Stored)


def hash_key(key: str) -> str:
    """Return a short name of a key. A client that finds two with one name undercounts itself."""
    return urlsafe_b64encode(blake2b(key.encode(), digest_size=6).digest()).decode()


def name_of(tenant: str) -> str:
    """Return the name of a tenant's value in the state."""
    return f"avoided/{tenant}"
