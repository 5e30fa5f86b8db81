"""Likely duplicates: copies that share only weak evidence, such as an ETag."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from onecopy.content import Copy
from onecopy.index.interface import Index, Stored
from onecopy.index.listings import Listings
from onecopy.listing import ListedCopy
from onecopy.patterns import Patterns
from onecopy.report import Folder, LikelyGroup, Report
from onecopy.report import Share as ReportShare
from onecopy.report.grouping import grouped
from onecopy.report.listed import listed_only
from onecopy.summary.counting import MOST_GROUPS
from onecopy.summary.figures import Duplicates, LargeGroup, Share
from onecopy.summary.shares import MOST_FOLDERS, MOST_TYPES, REST

KEYS = 10
"""Keys of a group that are kept."""


class Likely(NamedTuple):
    """Likely duplicates, and what is stored."""

    duplicates: Duplicates
    stored: Stored | None = None
    """Copies, and what is only listed; None: no others than copies."""


NONE = Likely(Duplicates(0, 0, 0))


def has_listed(index: Index, tenant: str) -> bool:
    """Return whether anything is listed for a tenant."""
    if not isinstance(index, Listings):
        return False
    return next(iter(index.listed_copies(tenant)), None) is not None


class _Counted:
    """Counts listed copies as they pass."""

    def __init__(self, copies: Iterable[tuple[str, ListedCopy]]) -> None:
        self._copies = copies
        self.files = self.bytes = 0

    def __iter__(self) -> Iterator[tuple[str, ListedCopy]]:
        for pair in self._copies:
            self.files += 1
            self.bytes += pair[1].size
            yield pair


def count_likely(  # noqa: PLR0913 - what it counts, and how
    index: Index,
    tenant: str,
    copies: Iterable[tuple[str, Copy]],
    trash: Patterns,
    price_of: Callable[[str], float],
    *,
    stored: Stored,
    hard_links: bool,
) -> Likely:
    """Count the likely duplicates among the copies of a tenant and what is listed for it.

    `stored` are its copies, counted. All are grouped in temporary files, as `onecopy report` does:
    some seconds for a million.
    """
    listed = _Counted(listed_only(index, tenant))
    with grouped(copies, listed, hard_links=hard_links, trash=trash) as grouping:
        divisions = grouping.divide(price_of)
        figures = grouping.report(divisions, price_of("STANDARD"), top=0, keys=0, depth=1)
        found = grouping.likely_top(MOST_GROUPS, KEYS)
        largest = tuple(_group(group, price_of) for group in found)
        folders = _largest(_folders(divisions.tree(""), ""))[:MOST_FOLDERS]
        duplicates = _duplicates(figures, largest, tuple(folders))
        more, size = listed.files, listed.bytes
        everything = Stored(stored.files + more, stored.bytes + size, stored.unproved + more)
        return Likely(duplicates, everything)


def _duplicates(
    figures: Report, largest: tuple[LargeGroup, ...], folders: tuple[Share, ...]
) -> Duplicates:
    return Duplicates(
        figures.likely_groups,
        figures.likely_duplicates,
        figures.likely_wasted,
        figures.likely_cost,
        tuple(sorted(largest, key=lambda group: group.place)),
        folders,
        tuple(_types(figures)),
        tuple(_share(share, share.name) for share in figures.by_age.first if share.likely_wasted),
    )


def _group(group: LikelyGroup, price_of: Callable[[str], float]) -> LargeGroup:
    size, prices = group.size, ((price_of(name), n) for name, n in group.classes.items())
    cost = size / 1e9 * sum(price * number for price, number in prices)
    return LargeGroup(group.evidence, size, group.objects, group.wasted, cost, group.keys)


def _share(share: ReportShare, name: str) -> Share:
    return Share(name, share.likely_duplicates, share.likely_wasted)


def _folders(folder: Folder, name: str) -> Iterator[Share]:
    """Yield a folder and all that are below it, which have likely duplicates."""
    if folder.share.likely_wasted:
        yield _share(folder.share, name)
    for child in folder.children:
        above = f"{name}/" if name else ""
        yield from _folders(child, above + child.share.name)


def _largest(shares: Iterable[Share]) -> list[Share]:
    return sorted(shares, key=lambda share: (-share.bytes, len(share.name), share.name))


def _types(figures: Report) -> Iterator[Share]:
    types = figures.by_type
    shares = [_share(each, f".{each.name}" if each.name else "") for each in types.first]
    yield from [each for each in _largest(shares) if each.bytes][:MOST_TYPES]
    if types.others and types.others.likely_wasted:
        yield _share(types.others, REST)
