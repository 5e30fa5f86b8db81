"""What the last complete scan of a store did, kept in the index for the metrics of a service."""

from collections.abc import Mapping

import msgspec

from onecopy.index.interface import State
from onecopy.index.stored import decoding
from onecopy.timestamp import now

_NAME = "last-scan"


class LastScan(msgspec.Struct, frozen=True):
    """The figures of a scan that ended."""

    started_ms: int
    """In milliseconds since 1970, UTC."""
    ended_ms: int
    objects: int
    bytes: int
    recorded: int
    """Objects that were new or had changed."""
    forgotten: int
    problems: int
    """Objects that could not be recorded."""
    empty: int = 0
    """Empty ones among `objects`, which are not indexed."""


def keep_scan(state: State, figures: Mapping[str, int], started_ms: int) -> None:
    """Keep the figures of a scan that has ended now. Of two that end at once, either stays."""
    scan = LastScan(started_ms, now(), **figures)
    state.put_if(_NAME, state.get(_NAME), msgspec.json.encode(scan))


def last_scan(state: State) -> LastScan | None:
    """Return the last scan that ended; raises Damaged."""
    value = state.get(_NAME)
    if value is None:
        return None
    with decoding("the figures of the last scan"):
        return msgspec.json.decode(value, type=LastScan)
