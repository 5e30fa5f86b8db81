"""Likely duplicates: copies that share only weak evidence, such as an ETag."""

from collections.abc import Iterable

from onecopy.content import Copy
from onecopy.index.interface import Index
from onecopy.index.listings import Listings
from onecopy.patterns import Patterns
from onecopy.report import LikelyGroup, listed_only, report
from onecopy.summary.counting import MOST_GROUPS
from onecopy.summary.figures import Duplicates, LargeGroup

NONE = Duplicates(0, 0, 0)
KEYS = 10
"""Keys of a group that are kept."""


def has_listed(index: Index, tenant: str) -> bool:
    """Return whether anything is listed for a tenant."""
    if not isinstance(index, Listings):
        return False
    return next(iter(index.listed_copies(tenant)), None) is not None


def count_likely(
    index: Index,
    tenant: str,
    copies: Iterable[tuple[str, Copy]],
    trash: Patterns,
    *,
    hard_links: bool,
) -> Duplicates:
    """Count the likely duplicates among the copies of a tenant and what is listed for it.

    Sorts all of them in a temporary file, as `onecopy report` does: some seconds for a million.
    """
    figures = report(
        copies,
        price=0,
        listed=listed_only(index, tenant),
        top=MOST_GROUPS,
        keys=KEYS,
        hard_links=hard_links,
        trash=trash,
    )
    largest = sorted(map(_group, figures.likely_top), key=lambda group: group.place)
    return Duplicates(
        figures.likely_groups, figures.likely_duplicates, figures.likely_wasted, tuple(largest)
    )


def _group(group: LikelyGroup) -> LargeGroup:
    return LargeGroup(group.evidence, group.size, group.objects, group.wasted, group.keys)
