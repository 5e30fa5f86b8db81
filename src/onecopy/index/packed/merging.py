"""Merging of a listing into blocks. The engine finds the blocks, and stores what is changed."""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Generic, NamedTuple, Protocol, TypeVar

from onecopy.index.listings import Merged
from onecopy.index.packed.entries import Entry, without_common
from onecopy.index.packed.sizes import entries
from onecopy.index.spans import is_moved, is_same_state, total
from onecopy.listing import ListedCopy, Span


class OldBlock(Protocol):
    """A block as it is stored. It has the keys from `first` up to that of the next block."""

    @property
    def id(self) -> int:
        """The number that is in the entries of its copies."""
        ...

    @property
    def first(self) -> str:
        """The first key that it may have."""
        ...

    @property
    def copies(self) -> Sequence[ListedCopy]:
        """Its copies, in the order of their keys."""
        ...

    def has_just(self, copies: Sequence[ListedCopy]) -> bool:
        """Return whether the block has these copies and no others."""
        ...


_B = TypeVar("_B", bound=OldBlock)


class Blocks(ABC, Generic[_B]):
    """The blocks of a tenant, to be changed, and the entries that change with them."""

    def __init__(self, size: int, largest: int) -> None:
        self._size = size
        """Copies in a new block."""
        self._largest = largest
        """A block that grows beyond this number of copies is divided."""
        self._added: list[Entry] = []
        self._removed: list[Entry] = []

    @abstractmethod
    def insert_one(self, copies: Sequence[ListedCopy]) -> int:
        """Store copies as a new block; return its number."""

    @abstractmethod
    def rewrite(self, block: _B, copies: Sequence[ListedCopy]) -> None:
        """Store other copies in a block, which keeps its number."""

    @abstractmethod
    def delete(self, block: _B) -> None:
        """Delete a block that has no copies any more."""

    def changed_entries(self) -> tuple[list[Entry], list[Entry]]:
        """Return the entries that were added and those that were removed, unsorted."""
        return without_common(self._added, self._removed)

    def insert(self, copies: Sequence[ListedCopy]) -> None:
        """Insert copies as new blocks."""
        for at in range(0, len(copies), self._size):
            own = copies[at : at + self._size]
            self._added += entries(own, self.insert_one(own))

    def replace(
        self,
        block: _B,
        old: Sequence[ListedCopy],
        new: Sequence[ListedCopy],
        removed: Sequence[ListedCopy],
        added: Sequence[ListedCopy],
    ) -> None:
        """Replace the copies of a block; divide it if it grew too large."""
        if len(new) > self._largest:
            self.insert(new[self._size :])
            new, end = new[: self._size], new[self._size].key
            added = [copy for copy in added if copy.key < end]
            removed = [copy for copy in removed if copy.key < end]
            removed += [copy for copy in old if copy.key >= end]
        if new:
            self.rewrite(block, new)
        else:
            self.delete(block)
        self._removed += entries(removed, block.id)
        self._added += entries(added, block.id)


def merge_blocks(
    blocks: Blocks[_B],
    old: Sequence[_B],
    span: Span,
    copies: Sequence[ListedCopy],
    *,
    is_complete: bool,
) -> Merged:
    """Merge copies into the blocks that may have keys of a span, in order."""
    keys = [copy.key for copy in copies]
    bounds = [*(bisect_left(keys, block.first) for block in old), len(keys)]
    ahead = copies[: bounds[0]]
    blocks.insert(ahead)
    merged = [Merged(new=len(ahead))]
    for block, (start, stop) in zip(old, pairwise(bounds), strict=True):
        merged.append(
            _merge_block(blocks, block, span, copies[start:stop], is_complete=is_complete)
        )
    return total(merged)


def _merge_block(
    blocks: Blocks[_B], block: _B, span: Span, given: Sequence[ListedCopy], *, is_complete: bool
) -> Merged:
    if not given and not is_complete:
        return Merged()
    if block.has_just(given):
        return Merged(unchanged=len(given))
    old = block.copies
    start, stop = _bounds(old, span)
    change = _compare(old[start:stop], given)
    if is_complete:
        now, removed = given, [*change.replaced, *change.missing]
    else:
        now, removed = sorted([*given, *change.missing]), change.replaced
    if change.added or removed:
        blocks.replace(block, old, [*old[:start], *now, *old[stop:]], removed, change.added)
    gone = len(change.missing) if is_complete else 0
    unchanged = len(given) - change.new - change.changed
    return Merged(change.new, change.changed, gone, unchanged, change.moved)


class _Change(NamedTuple):
    new: int
    changed: int
    moved: int
    added: list[ListedCopy]
    """New ones, and those in the place of others."""
    replaced: list[ListedCopy]
    """Those in whose place others are."""
    missing: list[ListedCopy]


def _compare(old: Sequence[ListedCopy], given: Sequence[ListedCopy]) -> _Change:
    if not old:
        return _Change(len(given), 0, 0, list(given), [], [])
    before, keys = {copy[0]: copy for copy in old}, [copy[0] for copy in given]
    found = map(before.get, keys)
    pairs = [(was, copy) for was, copy in zip(found, given, strict=True) if was != copy]
    replaced = [was for was, _ in pairs if was is not None]
    changed = sum(was is not None and not is_same_state(was, copy) for was, copy in pairs)
    moved = sum(was is not None and is_moved(was, copy) for was, copy in pairs)
    missing = [before[key] for key in before.keys() - keys]
    added = [copy for _, copy in pairs]
    return _Change(len(pairs) - len(replaced), changed, moved, added, replaced, missing)


def _bounds(copies: Sequence[ListedCopy], span: Span) -> tuple[int, int]:
    """Return which copies are within a span: the first, and the one behind the last."""
    keys = [copy[0] for copy in copies]
    stop = len(keys) if span.through is None else bisect_right(keys, span.through)
    return bisect_right(keys, span.after), stop


def unlisted(
    blocks: Blocks[_B],
    found: Iterable[tuple[_B, Sequence[ListedCopy]]],
    copies: Sequence[ListedCopy],
) -> list[bool]:
    """Remove copies from the blocks that may have them; return for each whether it was there."""
    given, gone = set(copies), set[ListedCopy]()
    for block, old in found:
        if removed := [copy for copy in old if copy in given]:
            kept = [copy for copy in old if copy not in given]
            blocks.replace(block, old, kept, removed, [])
            gone.update(removed)
    first = {copy: number for number, copy in reversed(list(enumerate(copies)))}
    return [copy in gone and first[copy] == number for number, copy in enumerate(copies)]
