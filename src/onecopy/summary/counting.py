"""Counting of duplicates, content by content, in flat memory."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from operator import itemgetter

from onecopy.content import Copy
from onecopy.patterns import Patterns
from onecopy.report.shares import AGES, OLDEST, UNKNOWN
from onecopy.summary.figures import Duplicates, LargeGroup, Share
from onecopy.summary.shares import Folders, Types
from onecopy.timestamp import now

MOST_GROUPS = 10_000
"""Groups that are kept, those that waste most."""
_AGES = (*(name for name, _ in AGES), OLDEST, UNKNOWN)
_KEY = itemgetter(0)


class Count:
    """Counts the duplicates among copies.

    Copies in trash are no duplicates. With `hard_links` (for folders), copies of one content with
    the same identity are one object.
    """

    def __init__(
        self, trash: Patterns, price_of: Callable[[str], float], *, hard_links: bool
    ) -> None:
        """`price_of` returns the price of a storage class in US dollars per GB and month."""
        self._trash = trash
        self._price_of = price_of
        self._hard_links = hard_links
        self._groups = self._duplicates = self._wasted = 0
        self._largest: list[LargeGroup] = []
        self._least = 0
        """Bytes that a group must waste to be kept."""
        self._classes: dict[str, int] = defaultdict(int)
        """Storage class -> bytes."""
        self._folders = Folders()
        self._types = Types()
        seconds = now() // 1000
        self._ends = [0, *(seconds - age for _, age in reversed(AGES))]
        """Times at which ages end, in order: up to the first one, the age is not known."""
        self._ages = [[0, 0] for _ in _AGES]

    def add(self, copies: Sequence[Copy]) -> None:
        """Add the copies of one content: all but the original are duplicates."""
        in_trash = self._trash.match
        objects: Sequence[Copy] = [copy for copy in copies if not in_trash(copy[0])]
        if self._hard_links:
            objects = _one_each(objects)
        if len(objects) < 2:
            return
        first = _original(objects)
        duplicates = [copy for copy in objects if copy is not first]
        for copy in duplicates:
            self._add_duplicate(copy)
        self._add_group(duplicates)

    def _add_duplicate(self, copy: Copy) -> None:
        key, size, _, _, stored_ms, _, storage_class = copy
        self._classes[storage_class] += size
        self._folders.add(key, size)
        self._types.add(key, size)
        age = self._ages[-1 - bisect_left(self._ends, stored_ms // 1000)]
        age[0] += 1
        age[1] += size

    def _add_group(self, duplicates: Sequence[Copy]) -> None:
        wasted = duplicates[0].size * len(duplicates)
        self._groups += 1
        self._duplicates += len(duplicates)
        self._wasted += wasted
        if wasted >= self._least:
            self._largest.append(self._large_group(duplicates, wasted))
        if len(self._largest) >= 2 * MOST_GROUPS:
            self._largest = self._ordered()
            self._least = self._largest[-1].wasted

    def _large_group(self, duplicates: Sequence[Copy], wasted: int) -> LargeGroup:
        shared, size = str(duplicates[0].content_digest), duplicates[0].size
        cost = size / 1e9 * sum(self._price_of(copy.storage_class) for copy in duplicates)
        return LargeGroup(shared, size, len(duplicates) + 1, wasted, cost)

    def _ordered(self) -> list[LargeGroup]:
        return sorted(self._largest, key=lambda group: group.place)[:MOST_GROUPS]

    def result(self) -> Duplicates:
        """Return the figures."""
        cost = sum(size / 1e9 * self._price_of(name) for name, size in self._classes.items())
        return Duplicates(
            self._groups,
            self._duplicates,
            self._wasted,
            cost,
            tuple(self._ordered()),
            self._folders.largest(),
            self._types.largest(),
            tuple(self._by_age()),
        )

    def _by_age(self) -> list[Share]:
        named = zip(_AGES, self._ages, strict=True)
        return [Share(name, count, size) for name, (count, size) in named if count]


def _original(copies: Sequence[Copy]) -> Copy:
    """Return the oldest copy; of several of the same second, the one with the first key."""
    seconds = [copy[4] // 1000 for copy in copies]  # `copy.stored_ms` takes longer
    oldest = min(seconds)
    if seconds.count(oldest) == 1:  # the common case, kept cheap
        return copies[seconds.index(oldest)]
    return min(zip(seconds, copies, strict=True))[1]  # a copy begins with its key


def _one_each(copies: Sequence[Copy]) -> Sequence[Copy]:
    """Return the copy with the first key of each identity."""
    if len({copy[3] for copy in copies}) == len(copies):  # the common case, kept cheap
        return copies
    first: dict[str, Copy] = {}
    for copy in sorted(copies, key=_KEY):
        first.setdefault(copy.identity, copy)
    return list(first.values())
