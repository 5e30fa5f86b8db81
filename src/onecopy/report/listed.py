"""The listed copies of an index, without those whose key has a copy: an object counts once."""

from collections.abc import Iterator
from typing import NamedTuple

from onecopy.index.listings import Listings
from onecopy.listing import EVERYTHING, ListedCopy


class Classed(NamedTuple):
    """The storage class of a copy, as a listing states it."""

    key: str
    storage_class: str


def listed_only(index: object, tenant: str) -> Iterator[tuple[str, ListedCopy]]:
    """Yield (tenant, listed copy) pairs of one tenant; none if the index keeps no listings.

    Both are in the order of keys, so that memory use is constant.
    """
    for owner, listed in listed_and_classed(index, tenant):
        if isinstance(listed, ListedCopy):
            yield owner, listed


def listed_and_classed(index: object, tenant: str) -> Iterator[tuple[str, ListedCopy | Classed]]:
    """Do as `listed_only`; where a key has a copy, yield its storage class."""
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
        else:
            yield tenant, Classed(listed.key, listed.storage_class)


_END = b"\xff" * 4
"""Behind all keys, which are UTF-8."""


def _order(key: str) -> bytes:
    return key.encode(errors="surrogateescape")
