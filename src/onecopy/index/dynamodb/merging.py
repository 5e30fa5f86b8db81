"""Merging of a listing into the blocks of a tenant."""

import random
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

from onecopy.index.dynamodb.blocks import BlockReader, ChangedBlocks, Held, Numbers
from onecopy.index.dynamodb.changes import Change, Changer
from onecopy.index.dynamodb.connections import Table
from onecopy.index.dynamodb.directory import Directory, Missing, Outdated, patiently
from onecopy.index.dynamodb.errors import contended
from onecopy.index.dynamodb.lists import Tenants
from onecopy.index.listings import Merged
from onecopy.index.packed.merging import merge_blocks, unlisted
from onecopy.index.spans import total
from onecopy.index.stored import damaged
from onecopy.listing import ListedCopy, Span

_T = TypeVar("_T")

_AT_ONCE = 8
"""Directories that one change replaces, of up to 64 blocks each."""
_ATTEMPTS = 100
"""Attempts while others change the same directories: each time, one of them succeeds."""
_MOST_MISSING = 12
"""Attempts in which a block was missing. Others may replace it while it is read, but not always."""
_LONGEST_DELAY = 0.2
"""Seconds before the next attempt, at most."""


class Merger:
    """Merges listings."""

    def __init__(
        self, table: Table, tenants: Tenants, blocks: BlockReader, changer: Changer
    ) -> None:
        self._table = table
        self._numbers = Numbers(tenants)
        self._blocks = blocks
        self._changer = changer

    def merge(
        self, tenant: str, span: Span, copies: Sequence[ListedCopy], *, is_complete: bool
    ) -> Merged:
        """Merge copies into a span, some directories at a time; durable on return."""
        merged, key = [Merged()], span.after
        while True:
            one, end = self._merge_some(tenant, key, span, copies, is_complete=is_complete)
            merged.append(one)
            if end is None or (span.through is not None and end > span.through):
                return total(merged)
            key = end

    def _merge_some(
        self,
        tenant: str,
        key: str,
        span: Span,
        copies: Sequence[ListedCopy],
        *,
        is_complete: bool,
    ) -> tuple[Merged, str | None]:
        """Merge into the directories from a key on; return where to continue."""
        keys = [copy.key for copy in copies]

        def prepare(change: Change) -> tuple[Merged, str | None]:
            blocks, merged = ChangedBlocks(change, self._numbers), [Merged()]
            stop, end = bisect_left(keys, key), None
            for directory in self._from(tenant, key, span):
                start, end = stop, directory.end
                stop = len(keys) if end is None else bisect_left(keys, end)
                given = copies[start:stop]
                merged.append(
                    self._merge_into(blocks, directory, span, given, is_complete=is_complete)
                )
            change.records = blocks.records()
            return total(merged), end

        return self._change(tenant, prepare)

    def _from(self, tenant: str, key: str, span: Span) -> Iterator[Directory]:
        for _ in range(_AT_ONCE):
            directory = patiently(self._table, tenant, key)
            yield directory
            end = directory.end
            if end is None or (span.through is not None and end > span.through):
                return
            key = end

    def _merge_into(
        self,
        blocks: ChangedBlocks,
        directory: Directory,
        span: Span,
        copies: Sequence[ListedCopy],
        *,
        is_complete: bool,
    ) -> Merged:
        tenant = blocks.tenant
        held = [Held(ref, self._blocks, tenant) for ref in directory.overlapping(span)]
        self._blocks.load(tenant, _changed(held, copies, is_complete=is_complete))
        blocks.enter(directory)
        merged = merge_blocks(blocks, held, span, copies, is_complete=is_complete)
        blocks.leave(directory)
        return merged

    def unlist(self, tenant: str, copies: Sequence[ListedCopy]) -> list[bool]:
        """Delete copies that are listed as given; return for each whether it was."""
        keys = sorted({copy.key for copy in copies})
        gone = [False] * len(copies)
        while keys:
            done, keys = self._unlist_some(tenant, keys, copies)
            gone = [one or other for one, other in zip(gone, done, strict=True)]
        return gone

    def _unlist_some(
        self, tenant: str, keys: Sequence[str], copies: Sequence[ListedCopy]
    ) -> tuple[list[bool], list[str]]:
        """Delete the copies in the first directories; return the keys in the other ones."""

        def prepare(change: Change) -> tuple[list[bool], list[str]]:
            blocks, rest = ChangedBlocks(change, self._numbers), list(keys)
            gone = [False] * len(copies)
            for _ in range(_AT_ONCE):
                if not rest:
                    break
                directory = patiently(self._table, tenant, rest[0])
                own = [key for key in rest if directory.has(key)]
                rest = rest[len(own) :]
                done = self._unlist_from(blocks, directory, own, copies)
                gone = [one or other for one, other in zip(gone, done, strict=True)]
            change.records = blocks.records()
            return gone, rest

        return self._change(tenant, prepare)

    def _unlist_from(
        self,
        blocks: ChangedBlocks,
        directory: Directory,
        keys: Sequence[str],
        copies: Sequence[ListedCopy],
    ) -> list[bool]:
        refs = dict.fromkeys(ref for key in keys if (ref := directory.at(key)))
        held = [Held(ref, self._blocks, blocks.tenant) for ref in refs]
        self._blocks.load(blocks.tenant, held)
        blocks.enter(directory)
        gone = unlisted(blocks, ((each, each.copies) for each in held), copies)
        blocks.leave(directory)
        return gone

    def _change(self, tenant: str, prepare: Callable[[Change], _T]) -> _T:
        """Make a change; prepare it again while others change the same directories."""
        missing = 0
        for attempt in range(_ATTEMPTS):
            change = Change(tenant)
            try:
                answer = prepare(change)
                if not change.is_empty:
                    self._changer.make(change)
            except Outdated as outdated:
                missing += isinstance(outdated, Missing)
                if missing == _MOST_MISSING:
                    raise damaged("blocks of listed copies are missing") from outdated
                time.sleep(random.random() * min(_LONGEST_DELAY, 0.01 * attempt))  # noqa: S311 - jitter
            else:
                return answer
        raise contended("change what is listed")


def _changed(
    held: Sequence[Held], copies: Sequence[ListedCopy], *, is_complete: bool
) -> list[Held]:
    """Return the blocks that have other copies than these, which is known without reading them."""
    keys = [copy.key for copy in copies]
    bounds = [*(bisect_left(keys, each.first) for each in held), len(keys)]
    pairs = zip(held, pairwise(bounds), strict=True)
    given = [(each, copies[start:stop]) for each, (start, stop) in pairs]
    return [each for each, own in given if (own or is_complete) and not each.has_just(own)]
