"""The listed copies of an index, without those whose key has a copy: an object counts once."""

from collections.abc import Iterator

from onecopy.index.listings import Listings
from onecopy.listing import EVERYTHING, ListedCopy


def listed_only(index: object, tenant: str) -> Iterator[tuple[str, ListedCopy]]:
    """Yield (tenant, listed copy) pairs of one tenant; none if the index keeps no listings.

    Both are in the order of keys, so that memory use is constant.
    """
    if not isinstance(index, Listings):
        return
    copies: Iterator[bytes] = iter(())
    recorded = b""
    for number, listed in enumerate(index.listed_copies(tenant)):
        if number == 0:  # without listed copies, no copy is read
            copies = (_order(copy.key) for copy in index.copies_within(tenant, EVERYTHING))
        key = _order(listed.key)
        while recorded < key:
            recorded = next(copies, _END)
        if recorded != key:
            yield tenant, listed


_END = b"\xff" * 4
"""Behind all keys, which are UTF-8."""


def _order(key: str) -> bytes:
    return key.encode(errors="surrogateescape")
