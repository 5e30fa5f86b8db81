"""What it costs to write entries into a table, for plans."""

from onecopy.aws.prices import WRITE_UNIT
from onecopy.content import Copy, Listed
from onecopy.index.dynamodb.address import Address
from onecopy.index.interface import Mean, WriteCost

_UNITS_PER_SECOND = 4_000.0
"""Write request units that a new on-demand table accepts per second at once
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html)."""

_UNITS_PER_LISTED = 0.09
"""Write request units for each object that is listed for the first time; they are packed."""


def listing_price(objects: int) -> float:
    """See `Charging`."""
    return objects * _UNITS_PER_LISTED * WRITE_UNIT


def write_cost(address: Address, mean: Mean) -> WriteCost:
    """Estimate what it takes to write entries like those that `mean` averages over."""
    units = mean(units_of)
    item_bytes = mean(_checksum_bytes if address.layout == "checksums" else _bytes)
    return WriteCost(_UNITS_PER_SECOND / max(1.0, units), units, item_bytes)


def units_of(entry: Copy | Listed) -> int:
    """Return the approximate number of write request units that an entry takes.

    A copy takes one for itself, one for its size, and one for each of its digests.
    """
    return 1 if isinstance(entry, Listed) else 2 + len(entry.digests)


def _bytes(entry: Copy | Listed) -> int:
    """Return the approximate size in bytes of an entry's items in an index."""
    if isinstance(entry, Listed):
        return 60 + 2 * len(entry.digest.value)
    return 250 + len(entry.key) + len(entry.identity) + 120 * len(entry.digests)


def _checksum_bytes(entry: Copy | Listed) -> int:
    """Return the approximate size in bytes of an entry's items in a table of checksums."""
    digests = [entry.digest] if isinstance(entry, Listed) else entry.digests
    return 10 + sum(2 * len(digest.value) for digest in digests)
