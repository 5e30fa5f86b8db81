"""Summaries by tenant, kept in memory.

A million copies are counted in about two seconds, a hundred million in minutes: too long for a
request, and too much to repeat for each of them. So a summary is kept, and counted again when
somebody asks for it after the index has changed; until that is done, the old one is shown with its
time. While it is counted for the first time, the figures so far are shown: contents come in the
order of their digests, so these are a fair sample.

Keeping it up to date with each change instead would make every write to the index slower, for
figures that are seldom looked at.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from threading import Lock
from time import monotonic
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from onecopy.errors import OnecopyError, Unavailable
from onecopy.index.interface import Index, Repeats, Stored
from onecopy.patterns import Patterns
from onecopy.summary.counting import Count
from onecopy.summary.figures import Duplicates, Summary
from onecopy.summary.keeping import Kept, Show
from onecopy.summary.likely import NONE, Likely, count_likely, has_listed

MOST_TENANTS = 100
"""Tenants whose summaries are kept: the last ones that were asked for."""
_SHOW_SECONDS = 0.3
"""Time between two looks at figures that are counted for the first time."""
_T = TypeVar("_T")


@runtime_checkable
class RepeatsIndex(Index, Repeats, Protocol):
    """An index that finds contents with several copies."""


class _Proved(NamedTuple):
    duplicates: Duplicates
    stored: Stored | None
    """None while counting is not complete."""


class _Tenant(NamedTuple):
    """What is kept of a tenant. Likely duplicates take longer, and do not delay the others."""

    proved: Kept[_Proved]
    likely: Kept[Likely]


class Summaries:
    """The summaries of an index; close them before the index."""

    def __init__(
        self,
        index: RepeatsIndex,
        trash: Patterns,
        *,
        hard_links: bool,
        price_of: Callable[[str], float],
    ) -> None:
        """`price_of` returns the price of a storage class in US dollars per GB and month."""
        self._index = index
        self._trash = trash
        self._price_of = price_of
        self._hard_links = hard_links
        self._lock = Lock()
        self._turns = Lock(), Lock()
        self._tenants: OrderedDict[str, _Tenant] = OrderedDict()
        self._is_open = True

    def refresh(self, tenant: str) -> Future[OnecopyError | None] | None:
        """Begin to count if the index has changed; return what ends then, as `Kept.refresh`."""
        version = self._index.version()
        kept = self._of(tenant)
        counting = kept.proved.refresh(version)
        kept.likely.refresh(version)
        return counting

    def latest(self, tenant: str) -> tuple[Summary | None, bool]:
        """Return the last figures, if any, and whether newer ones are being counted."""
        proved, likely = self._of(tenant)
        is_counting = proved.is_counting or likely.is_counting
        if proved.value is None:
            return None, is_counting
        (duplicates, stored), found = proved.value, likely.value
        if stored and found and found.stored:
            stored = found.stored
        others = found and found.duplicates
        return Summary(proved.as_of, stored, duplicates, others), is_counting

    def close(self) -> None:
        """End counting as soon as possible."""
        self._is_open = False

    def _of(self, tenant: str) -> _Tenant:
        with self._lock:
            if tenant not in self._tenants:
                self._tenants[tenant] = self._new(tenant)
            self._tenants.move_to_end(tenant)
            if len(self._tenants) > MOST_TENANTS:
                self._tenants.popitem(last=False)
            return self._tenants[tenant]

    def _new(self, tenant: str) -> _Tenant:
        first, second = self._turns
        return _Tenant(
            Kept(lambda show: self._count(tenant, show), first),
            Kept(lambda _: self._count_likely(tenant), second),
        )

    def _count(self, tenant: str, show: Show[_Proved] | None) -> _Proved:
        count = Count(self._trash, self._price_of, hard_links=self._hard_links)
        due = monotonic() + _SHOW_SECONDS
        for copies in self._while_open(self._index.repeated(tenant)):
            count.add(copies)
            if show and monotonic() > due:
                show(_Proved(count.result(), None))
                due = monotonic() + _SHOW_SECONDS
        return _Proved(count.result(), self._index.stored(tenant))

    def _count_likely(self, tenant: str) -> Likely:
        stored = self._index.stored(tenant)
        if stored.unproved == 0 and not has_listed(self._index, tenant):
            return NONE
        pairs = self._while_open(self._index.copies(tenant))
        return count_likely(
            self._index,
            tenant,
            pairs,
            self._trash,
            self._price_of,
            stored=stored,
            hard_links=self._hard_links,
        )

    def _while_open(self, items: Iterable[_T]) -> Iterator[_T]:
        for item in items:
            if not self._is_open:
                raise Unavailable("the service is stopping")
            yield item
