"""Entries by size in sorted runs, as in a log-structured merge tree.

Sorted by size, the entries of neighbouring keys are far apart. So each merge writes its entries as
a run of its own, and runs of about one length are joined into a longer one. A run may also have
entries that a merge removed, of sign -1: the entries of an index are those of all runs, added up,
as a multiset. So at any time it does not matter how far a join has come.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby, repeat
from operator import itemgetter

from onecopy.index.stored import damaged

Entry = bytes
"""16 bytes, in the order in which they are sorted; see sizes.py."""
LENGTH = 16
Signed = tuple[Entry, int]
"""An entry, and 1 or -1: it was added or removed."""


def without_common(left: list[Entry], right: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return what only one of two multisets has."""
    if not left or not right:
        return left, right
    wanted = set(right)
    shared = Counter(right) & Counter(entry for entry in left if entry in wanted)
    return (_without(left, shared), _without(right, shared)) if shared else (left, right)


def _without(entries: Iterable[Entry], counts: Counter[Entry]) -> list[Entry]:
    rest, kept = counts.copy(), []
    for entry in entries:
        if rest[entry] > 0:
            rest[entry] -= 1
        else:
            kept.append(entry)
    return kept


def level_of(count: int) -> int:
    """Return the level of a run with this number of entries."""
    return (count.bit_length() - 1) // 4


def summed(entries: Iterable[Signed]) -> Iterator[Entry]:
    """Yield the entries of several runs in order, without those that were removed."""
    counts: Counter[Entry] = Counter()
    for entry, sign in entries:
        counts[entry] += sign
    for entry in sorted(counts):
        yield from _repeated(entry, counts[entry])


def streamed(streams: Sequence[Iterator[Signed]]) -> Iterator[Entry]:
    """Do the same with sorted runs that are read only as far as the caller reads."""
    for entry, group in groupby(merge(*streams), key=itemgetter(0)):
        yield from _repeated(entry, sum(sign for _, sign in group))


def _repeated(entry: Entry, count: int) -> Iterable[Entry]:
    if count < 0:
        raise damaged("the sizes of listed copies lack one that was removed")
    return repeat(entry, count)
