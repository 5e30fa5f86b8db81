"""The optional contract of an index that keeps what listings state, in little space.

A listed copy is not a copy: `lookup`, `at`, `copies`, `schemes`, `unread` and `counts` ignore it.
At one key there may be both. The copy then says more, unless the object has changed since; only a
look at the object decides that, so callers compare both, and lose nothing.

Tags and times propose copies to look at, so an engine may return copies that do not match, never
omit one that does.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from onecopy.content import Copy
from onecopy.index.interface import Engine
from onecopy.listing import EVERYTHING, ListedCopy, Span

MOST_COUNTED = 1000
"""Counting the listed copies of a size stops here: a size may have millions."""


class Merged(NamedTuple):
    """The changes of one merge, in listed copies."""

    new: int = 0
    changed: int = 0
    """Listed before with another tag, size or time."""
    gone: int = 0
    unchanged: int = 0
    """Listed before with the same tag, size and time."""
    reclassified: int = 0
    """Unchanged ones that were listed before in another storage class."""


class SizeListing(NamedTuple):
    """The listed copies of one size, counted."""

    parts: frozenset[int]
    """The numbers of parts that occur (0: an ETag over the whole content)."""
    opaque: int
    """Opaque copies, counted up to MOST_COUNTED."""
    copies: int
    """All copies, counted up to MOST_COUNTED."""
    in_parts: int
    """Copies that `in_parts` returns, counted up to MOST_COUNTED."""


@runtime_checkable
class Listings(Protocol):
    """Optional: what listings of the store state about its objects."""

    def merge(
        self, tenant: str, span: Span, copies: Iterable[ListedCopy], *, complete: bool = True
    ) -> Merged:
        """Replace what is listed within a span of keys by these copies, in the order of keys.

        The order is that of the keys' UTF-8 bytes. Without `complete`, listed copies that are not
        among these are kept. Memory use is constant, however long the span is; spans of some
        10,000 copies are usual. After an interruption a prefix of the span is merged. Durable when
        it returns; repeating the call changes nothing. Raises ValueError for keys outside of the
        span or out of order.
        """
        ...

    def listed_copies(self, tenant: str, span: Span = EVERYTHING) -> Iterator[ListedCopy]:
        """Yield what is listed within a span, in the order of keys. Memory use is constant."""
        ...

    def listed_at(self, tenant: str, keys: Sequence[str]) -> list[ListedCopy | None]:
        """Return, for each key in order, what is listed there, or None."""
        ...

    def listed_sizes(self, tenant: str, sizes: Sequence[int]) -> list[SizeListing | None]:
        """Return, for each size in order, its listed copies counted, or None if there are none.

        Must be cheap for a tenant without listings: it is called for every probe and every check.
        """
        ...

    def matching(
        self, tenant: str, size: int, tags: Collection[tuple[int, bytes]] | None, limit: int
    ) -> list[ListedCopy]:
        """Return up to `limit` listed copies of this size whose (parts, tag) is among `tags`.

        None: whatever their tag.
        """
        ...

    def opaque(self, tenant: str, size: int, limit: int) -> list[ListedCopy]:
        """Return up to `limit` opaque copies of this size, the most recently modified first."""
        ...

    def in_parts(self, tenant: str, size: int, limit: int) -> list[ListedCopy]:
        """Return up to `limit` copies of this size over several parts that are not opaque.

        Those that come behind MOST_COUNTED opaque copies over parts may be left out.
        """
        ...

    def unlist(self, tenant: str, copies: Sequence[ListedCopy]) -> list[bool]:
        """Delete these from what is listed, if they are listed as given; return whether each was.

        Durable when it returns.
        """
        ...

    def tenants(self) -> list[str]:
        """Return at least the names of the tenants that have copies or listed copies, in order.

        They may have had them earlier. Takes time for each tenant, not for each copy.
        """
        ...

    def copies_within(self, tenant: str, span: Span) -> Iterator[Copy]:
        """Yield the copies (not: listed copies) within a span, in the order of keys.

        Memory use is constant. Copies that are added or removed during the iteration, or that
        others have added or removed lately, may or may not be yielded.
        """
        ...


@runtime_checkable
class Compactable(Protocol):
    """Optional: an index that is searched faster once many listings were merged and joined."""

    def compact(self) -> None:
        """Join what merges have written, and delete what interrupted ones have left.

        To be called when a scan is complete. Lookups return the same before and after.
        """
        ...


@runtime_checkable
class Charging(Protocol):
    """Optional: an index whose service charges for writes."""

    def listing_price(self, objects: int) -> float:
        """Return at most what it costs, in US dollars, to list objects for the first time."""
        ...


def count_listed(index: object) -> int:
    """Return the number of listed copies of all tenants, which are read for that."""
    if not isinstance(index, Listings):
        return 0
    return sum(1 for tenant in index.tenants() for _ in index.listed_copies(tenant))


@runtime_checkable
class ListingEngine(Engine, Listings, Protocol):
    """An engine that keeps listings."""
