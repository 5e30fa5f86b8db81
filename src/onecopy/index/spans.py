"""Spans of keys: how the engines divide them to merge, and read them page by page."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from operator import lt
from typing import TypeVar

from onecopy.content import Copy
from onecopy.index.listings import Merged
from onecopy.index.stored import require_progress
from onecopy.listing import ListedCopy, Span

_C = TypeVar("_C", Copy, ListedCopy)


def groups(
    span: Span, copies: Iterable[ListedCopy], size: int
) -> Iterator[tuple[Span, list[ListedCopy]]]:
    """Divide a span and its copies into groups of up to `size` copies, without gap or overlap.

    The last group covers the rest of the span, and may have no copies. Raises ValueError for keys
    out of order or outside of the span, when it comes to them.
    """
    rest, after = iter(copies), span.after
    group = list(islice(rest, size))
    while group:
        following = list(islice(rest, size))
        own = Span(after, group[-1].key if following else span.through)
        _require_order(span, after, group)
        yield own, group
        after, group = group[-1].key, following
    if after == span.after:
        yield span, []


def _require_order(span: Span, after: str, group: Sequence[ListedCopy]) -> None:
    """Raise ValueError unless keys ascend behind `after`, and the last is within the span.

    Python compares strings by code points, which is the order of their UTF-8 bytes.
    """
    keys = [after, *[copy.key for copy in group]]
    if not all(map(lt, keys, keys[1:])):
        before, key = next((one, next_) for one, next_ in pairwise(keys) if not one < next_)
        raise ValueError(f"listed copies are out of order: {key[:100]!r} after {before[:100]!r}")
    if not span.has(keys[-1]):
        raise ValueError(f"the key {keys[-1][:100]!r} is beyond the span's end {span.through!r}")


def is_same_state(old: ListedCopy, new: ListedCopy) -> bool:
    """Return whether two entries state the same content: a change of class is none of content."""
    return old[:6] == new[:6]


def is_moved(old: ListedCopy, new: ListedCopy) -> bool:
    """Return whether two entries state the same content in different storage classes."""
    return old.storage_class != new.storage_class and is_same_state(old, new)


def total(merged: Iterable[Merged]) -> Merged:
    """Return the sum of merges."""
    return Merged(*map(sum, zip(*merged, strict=True)))


def within(span: Span, after: Callable[[str], Sequence[_C]]) -> Iterator[_C]:
    """Yield the copies within a span; `after` reads the page behind a key, in the order of keys.

    Raises Damaged if a page does not continue behind that key.
    """
    key = span.after
    while page := after(key):
        for copy in page:
            if not span.has(copy.key):
                return
            yield copy
        require_progress(key, page[-1].key)
        key = page[-1].key
