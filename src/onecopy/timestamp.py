"""Timestamps of records: milliseconds since 1970, UTC."""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MILLISECONDS = 253_402_300_799_000
"""The end of the year 9999, the last that RFC 3339 can express; files may claim a later time."""


def now() -> int:
    """Return the current time in milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def as_datetime(milliseconds: int) -> datetime:
    """Return a time in milliseconds since 1970 as a UTC time."""
    if milliseconds < 0:
        milliseconds = 0
    elif milliseconds > _MAX_MILLISECONDS:
        milliseconds = _MAX_MILLISECONDS
    # Not `fromtimestamp`, which on Windows ends with the year 3000. Two of these are made for every
    # known file of a check: positional arguments and no min() take half the time.
    return _EPOCH + timedelta(0, 0, 0, milliseconds)


def in_milliseconds(time: datetime) -> int:
    """Return a time in milliseconds since 1970, UTC; without a time zone it is in local time."""
    return round(time.timestamp() * 1000)
