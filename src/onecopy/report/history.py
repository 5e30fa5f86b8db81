"""Earlier reports of an index, for the question how it changed.

They are kept in the index itself, if asked: so they are there wherever it is used from, and belong
to one tenant.
"""

import json
from dataclasses import dataclass

from onecopy.errors import Unavailable
from onecopy.index.interface import State
from onecopy.report.figures import Report

_MOST = 500
"""Reports that are kept; the oldest are dropped. They take half of what a value may hold."""
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Kept:
    """The figures of a report that was kept."""

    time: int
    """When it was made, in seconds since 1970."""
    objects: int
    bytes: int
    """Of all objects."""
    wasted: int
    """Bytes of proved duplicates."""
    likely: int
    """Bytes of likely duplicates."""


def kept(index: State, tenant: str) -> list[Kept]:
    """Return the reports of a tenant that were kept, oldest first."""
    return [Kept(*row) for row in _read(index.get(_name(tenant)))]


def keep(index: State, tenant: str, figures: Report, time: int) -> None:
    """Keep the figures of a report; of several in a second, the last."""
    new = [time, figures.stored, figures.stored_bytes, figures.wasted, figures.likely_wasted]
    for _ in range(_ATTEMPTS):
        old = index.get(_name(tenant))
        rows = [row for row in _read(old) if row[0] != time]
        value = json.dumps(sorted([*rows, new])[-_MOST:], separators=(",", ":")).encode()
        if index.put_if(_name(tenant), old, value):
            return
    raise Unavailable("the report was not kept, since others kept reports as well; run it again")


def _name(tenant: str) -> str:
    return f"reports/{tenant}"


def _read(value: bytes | None) -> list[list[int]]:
    rows: list[list[int]] = json.loads(value) if value else []
    return rows
