"""Sums by folder and type, in a bounded number of entries."""

import re
from collections.abc import Callable, Iterator

from onecopy.summary.figures import Share

MOST_FOLDERS = 300
"""Folders in a summary, which a treemap can show."""
MOST_TYPES = 20
_MOST_SUMS = 20_000
"""Entries that are kept while they are summed up."""
_DEEPEST = 12
"""Levels of folders; what is deeper is in the folder at this depth."""
_LONGEST_TYPE = 12
"""Characters of an extension, its point and one before it."""
REST = "*"
"""All other types: no extension has this character."""

_TYPE = re.compile(r"[^/]\.([A-Za-z0-9]{1,10})\Z").search

_Sum = list[int]
"""Duplicates, and their bytes."""


class Sums:
    """Sums by name. When there are too many, `shorten` gives several names the same one."""

    def __init__(
        self,
        shorten: Callable[[], Callable[[str], str]],
        most: int = _MOST_SUMS,
        short: Callable[[str], str] = str,
    ) -> None:
        self._shorten = shorten
        """Returns the next function that shortens names, when there are too many."""
        self._most = most
        self._short = short
        self._sums: dict[str, _Sum] = {}

    def add(self, name: str, count: int, size: int) -> None:
        """Add a number of duplicates and their bytes to a name."""
        own = self._sums.get(name)
        if own is None:
            own = self._new(name)
        own[0] += count
        own[1] += size

    def _new(self, name: str) -> _Sum:
        own = self._sums.setdefault(self._short(name), [0, 0])
        while len(self._sums) > self._most:
            self._short = self._shorten()
            old, self._sums = self._sums, {}
            for each, (count, size) in old.items():
                self.add(each, count, size)
            own = self._sums.setdefault(self._short(name), [0, 0])
        return own

    def shares(self) -> list[Share]:
        """Return all sums, in no order."""
        return [Share(name, count, size) for name, (count, size) in self._sums.items() if count]


class Folders:
    """Duplicates by folder, to the greatest depth at which the number of folders is bounded."""

    def __init__(self, most: int = _MOST_SUMS) -> None:
        self._depth = _DEEPEST
        self._sums = Sums(self._shallower, most, self._cut)

    def _shallower(self) -> Callable[[str], str]:
        self._depth -= 1
        return self._cut

    def add(self, key: str, size: int) -> None:
        """Add the duplicate at a key."""
        self._sums.add(key.rpartition("/")[0], 1, size)

    def _cut(self, folder: str) -> str:
        if folder.count("/") < self._depth:
            return folder
        return "/".join(folder.split("/", self._depth)[: self._depth])

    def largest(self) -> tuple[Share, ...]:
        """Return the largest folders with all that is below them, parents before children."""
        whole = Sums(lambda: str, most=2**60)
        for name, count, size in self._sums.shares():
            for each in (name, *_parents(name)):
                whole.add(each, count, size)
        # A parent is at least as large as its children, so it comes before them.
        ordered = sorted(whole.shares(), key=lambda each: (-each.bytes, len(each.name), each.name))
        return tuple(ordered[:MOST_FOLDERS])


def _parents(folder: str) -> Iterator[str]:
    """Yield the folders above one, and at last the root."""
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


class Types:
    """Duplicates by the extension of their names."""

    def __init__(self) -> None:
        self._sums = Sums(lambda: lambda _: REST)

    def add(self, key: str, size: int) -> None:
        """Add the duplicate at a key."""
        self._sums.add(type_of(key), 1, size)

    def largest(self) -> tuple[Share, ...]:
        """Return the largest types, and the sum of all others."""
        ordered = sorted(self._sums.shares(), key=lambda each: (-each.bytes, each.name))
        named = [each for each in ordered if each.name != REST]
        others = [each for each in ordered if each not in named[:MOST_TYPES]]
        if not others:
            return tuple(named)
        rest = Share(REST, sum(each[1] for each in others), sum(each[2] for each in others))
        return (*named[:MOST_TYPES], rest)


def type_of(key: str) -> str:
    """Return the extension of a key in lower case, such as `.jpg`; empty if it has none."""
    found = _TYPE(key[-_LONGEST_TYPE:])
    return "." + found[1].lower() if found else ""
