"""The sizes of a folder's files that are due: a file of the size is new since the last scan.

The record `scan-compared` states when all files that share a size were last compared. It is deleted
before anything new is listed, so that after an interruption every size is due.
"""

from collections.abc import Collection, Iterable

import msgspec

from onecopy.content import Copy
from onecopy.index.interface import State
from onecopy.index.listings import Listings
from onecopy.index.stored import decoding
from onecopy.listing import ListedCopy, Span
from onecopy.scan.records import unlist

_NAME = "scan-compared"
_MOST = 1_000_000
"""Sizes in memory. If there are more, every size is due."""
_MOST_LEFT = 1000
"""Sizes that are kept for the next scan. If there are more, every size is due then."""

_Size = tuple[str, int]
"""A tenant, and a size in bytes."""


class _Compared(msgspec.Struct):
    """The last complete comparison."""

    purpose: str
    """Another store, or other patterns: every size is due."""
    started_ms: int
    """When its listing began. Copies recorded later have not been compared."""
    left: list[_Size] = []
    """Sizes that are due again, because a file could not be read."""


class Due:
    """The sizes that are due."""

    def __init__(self, state: State, purpose: str) -> None:
        self._state = state
        self._purpose = purpose
        self._stored = state.get(_NAME)
        last = self._last()
        self._since = last.started_ms if last else 0
        self._sizes: set[_Size] | None = set(last.left) if last else None
        self._left: set[_Size] = set()

    def _last(self) -> _Compared | None:
        if self._stored is None:
            return None
        with decoding("the time of the last scan"):
            last = msgspec.json.decode(self._stored, type=_Compared)
        return last if last.purpose == self._purpose else None

    @property
    def is_everything(self) -> bool:
        """Whether every size is due."""
        return self._sizes is None

    @property
    def is_nothing(self) -> bool:
        """Whether no size is due."""
        return self._sizes is not None and not self._sizes

    def has(self, tenant: str, size: int) -> bool:
        """Return whether the files of a size are due."""
        return self._sizes is None or (tenant, size) in self._sizes

    def is_new(self, copy: Copy) -> bool:
        """Return whether a copy was recorded since the last scan, such as by an upload."""
        return self._sizes is not None and copy.recorded_ms > self._since

    def note(self, tenant: str, sizes: Iterable[int]) -> None:
        """Note, durably, that these sizes are due: call this before what is new is recorded."""
        new = {(tenant, size) for size in sizes}
        if self._sizes is None or new <= self._sizes:
            return
        self._store(None)
        self._sizes |= new
        if len(self._sizes) > _MOST:
            self._sizes = None

    def is_unchanged(
        self,
        listings: Listings,
        tenant: str,
        span: Span,
        copies: Collection[ListedCopy],
        recorded: Collection[str],
    ) -> bool:
        """Return whether just these copies are listed within a span; note the sizes of new ones.

        Copies at the keys in `recorded` are unlisted.
        """
        if self.is_everything:
            unlist(listings, tenant, recorded)
            return False
        keys, new, number, also = set(recorded), set(copies), 0, list[ListedCopy]()
        for copy in listings.listed_copies(tenant, span):
            if copy.key in keys:
                also.append(copy)
            else:
                number += 1
                new.discard(copy)
        self.note(tenant, {copy.size for copy in new})
        if also:
            listings.unlist(tenant, also)
        return not new and number == len(copies)

    def leave(self, tenant: str, size: int) -> None:
        """Note that a file of this size could not be read, so that the next scan tries it."""
        self._left.add((tenant, size))

    def settle(self, started_ms: int) -> None:
        """Note, durably, that all that was due is compared, but for what is left."""
        compared = _Compared(self._purpose, started_ms, sorted(self._left))
        is_kept = len(compared.left) <= _MOST_LEFT
        self._store(msgspec.json.encode(compared) if is_kept else None)

    def _store(self, value: bytes | None) -> None:
        if value != self._stored:
            self._state.put_if(_NAME, self._stored, value)
            self._stored = value
