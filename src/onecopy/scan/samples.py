"""Looks at a few of the listed objects, to learn in which folders ETags are no MD5.

A listing does not state that an object is encrypted by a key of KMS, or of the client. Its ETag is
then no MD5, and another ETag does not mean another content: the copy is opaque.

A sample that is encrypted shows that another ETag decides nothing in its folder. One that is not
shows little about the others there, so the newest object is looked at: most often, encryption is
switched on for a bucket, and concerns what is stored from then on. What remains is counted, and a
check looks at objects whose sizes few have, whatever their ETags.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import attrgetter, itemgetter
from typing import TypeGuard

from onecopy.digest import MD5, Digest
from onecopy.listing import ListedCopy
from onecopy.scan.figures import Figures
from onecopy.store.interface import Describer, Object, Seen, Store

_EVERY = 10_000
"""Objects of a first folder for which one is looked at; at least one is."""
_MOST = 100
"""Most looks of one scan."""


_is_opaque = itemgetter(ListedCopy._fields.index("is_opaque"))

_Run = tuple[str, int, int]
"""The first folder of keys that follow each other, and their range."""


class _Folder:
    """A first folder of keys."""

    def __init__(self) -> None:
        self.objects = 0
        self.looks = 0
        self.is_sampled = False
        """Whether a look has shown something."""

    @property
    def is_due(self) -> bool:
        return self.objects > self.looks * _EVERY


class Samples:
    """The first folders of a listing, and what was found out about them."""

    def __init__(self, store: Store, figures: Figures) -> None:
        self._describer = store if isinstance(store, Describer) else None
        self._left = _MOST if self._describer else 0
        self._figures = figures
        self._folders: dict[str, _Folder] = defaultdict(_Folder)
        self._opaque: set[str] = set()

    def marked(self, copies: list[ListedCopy]) -> list[ListedCopy]:
        """Return listed copies in order; those of a folder with another kind of ETag as opaque."""
        if self._describer is None:
            return copies
        runs = list(_runs(copies))
        self._look(self._due(copies, runs))
        if self._opaque:
            copies = [
                copy._replace(is_opaque=True) if name in self._opaque else copy
                for name, start, end in runs
                for copy in copies[start:end]
            ]
        self._count(copies, runs)
        return copies

    def _count(self, copies: list[ListedCopy], runs: list[_Run]) -> None:
        self._figures.opaque += sum(map(_is_opaque, copies))
        self._figures.unsampled += sum(
            end - start - sum(map(_is_opaque, copies[start:end]))
            for name, start, end in runs
            if not self._folders[name].is_sampled
        )

    def _due(self, copies: list[ListedCopy], runs: list[_Run]) -> dict[str, ListedCopy]:
        """Return an object of each folder of which one should be looked at."""
        due: dict[str, ListedCopy] = {}
        for name, start, end in runs:
            folder = self._folders[name]
            folder.objects += end - start
            is_due = folder.is_due and name not in due and len(due) < self._left
            if is_due and (sample := _sample(copies, start, end)):
                due[name] = sample
        return due

    def _look(self, samples: dict[str, ListedCopy]) -> None:
        if self._describer is None or not samples:
            return
        self._left -= len(samples)
        self._figures.looks += len(samples)
        seen = self._describer.describe([sample.key for sample in samples.values()])
        for (name, sample), each in zip(samples.items(), seen, strict=True):
            folder = self._folders[name]
            folder.looks += 1
            if _is_as_listed(each, sample):
                folder.is_sampled = True
                if Digest(MD5, sample.tag) not in each.digests:
                    self._opaque.add(name)


def still_opaque(
    listed: Iterable[ListedCopy], copies: list[ListedCopy], figures: Figures
) -> list[ListedCopy]:
    """Return copies; one that is listed as opaque in the same state stays so, and is counted.

    A listing does not state encryption, but an inventory did, or a sample of an earlier scan.
    """
    known = {_state(copy) for copy in filter(_is_opaque, listed)}
    if not known:
        return copies
    kept = [copy._replace(is_opaque=True) if _state(copy) in known else copy for copy in copies]
    figures.opaque += sum(map(_is_opaque, kept)) - sum(map(_is_opaque, copies))
    return kept


def _state(copy: ListedCopy) -> tuple[str, int, bytes, int, int]:
    """Return what a listing states of an object's content."""
    return copy.key, copy.size, copy.tag, copy.parts, copy.modified


def _runs(copies: list[ListedCopy]) -> Iterator[_Run]:
    """Yield the first folders in order; the name of what is in no folder is empty."""
    start, count = 0, len(copies)
    while start < count:
        folder, slash, _ = copies[start].key.partition("/")
        end = start + 1
        if slash:  # "0" is the character behind "/"
            end = bisect_left(copies, folder + "0", lo=end, key=attrgetter("key"))
        else:
            while end < count and "/" not in copies[end].key:
                end += 1
        yield folder if slash else "", start, end
        start = end


def _sample(copies: list[ListedCopy], start: int, end: int) -> ListedCopy | None:
    """Return the newest object whose ETag should be an MD5 of the whole."""
    run = (copy for copy in islice(copies, start, end) if copy.parts == 0 and not copy.is_opaque)
    return max(run, key=attrgetter("modified"), default=None)


def _is_as_listed(seen: Seen, listed: ListedCopy) -> TypeGuard[Object]:
    """Whether what was seen is the listed object."""
    if not isinstance(seen, Object):
        return False
    return seen.size == listed.size and seen.stored_ms // 1000 == listed.modified
