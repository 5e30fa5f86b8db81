"""Number of entries in a destination, before and after a migration."""

import time
from collections.abc import Callable

from onecopy.migrate.checkpoint import Mark
from onecopy.migrate.interface import Destination
from onecopy.text import count_text


def count_entries(
    destination: Destination, report: Callable[[str], object], timeout: float = float("inf")
) -> int | None:
    """Return the number of entries; None if it is not known, or not within `timeout` seconds."""
    number, until = None, time.monotonic() + timeout
    for number in destination.counts():
        report(f"counting the destination: {count_text(number, 'entry', 'entries')} so far")
        if time.monotonic() > until:
            return None
    return number


def replaced_rows(mark: Mark, after: int | None) -> int | None:
    """Return how many moved rows made no new entry; None if the entries were not counted."""
    if mark.before is None or after is None:
        return None
    moved = mark.copies + mark.listed
    return min(moved, max(0, moved - (after - mark.before)))
