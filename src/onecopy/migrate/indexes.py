"""An index as the source of a migration, and as its destination."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import cast

from onecopy.content import Copy, Listed
from onecopy.digest import Digest
from onecopy.index import Engine
from onecopy.index.interface import Entry, State
from onecopy.migrate.interface import Batch, Sampled

_VALUES = ("store", "store-trial", "tokens")
"""What belongs to an index wherever it lies: which store, what that can be trusted with, and who
may ask. Not the secret of the tickets: uploads that are in progress are not moved."""


class IndexSource:
    """All that an index knows."""

    def __init__(self, index: Engine, name: str) -> None:
        self._index = index
        self.name = name

    def version(self) -> str:
        return ""  # positions hold as long as there is the index

    def count(self) -> int | None:
        return self._index.count()

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        for position, entries in self._index.pages(after):
            yield Batch(position, entries, [])

    def values(self) -> Iterator[tuple[str, bytes]]:
        for name in _VALUES:
            value = self._index.get(name)
            if value is not None:
                yield name, value

    def close(self) -> None:
        self._index.close()


class IndexDestination:
    """An index that takes copies and lists."""

    def __init__(self, index: Engine, name: str) -> None:
        self.name = name
        self._index = index

    @property
    def state(self) -> State | None:
        return self._index

    def begin(self, *, resumed: bool) -> None:
        """Nothing is to be prepared."""

    def keep(self, entries: Iterable[Entry]) -> None:
        for kind, run in groupby(entries, kind_of):
            if kind is Listed:
                self._index.enlist(cast("Iterable[tuple[str, Listed]]", run))
            else:
                self._index.add(cast("Iterable[tuple[str, Copy]]", run))

    def finish(self, tell: Callable[[str], object]) -> None:
        """Nothing is left to do."""

    def lacks(self, sample: Sequence[Sampled]) -> list[Sampled]:
        return [sampled for sampled in sample if not self._has(sampled)]

    def _has(self, sampled: Sampled) -> bool:
        digests = [Digest.parse(text) for text in sampled.digests]
        if sampled.key is None:
            return None not in self._index.listed(sampled.tenant, digests)
        copy = self._index.at(sampled.tenant, [sampled.key])[0]
        return copy is not None and all(digest in copy.digests for digest in digests)

    def count(self) -> int | None:
        return self._index.count()

    def dollars(self) -> float | None:
        return None

    def close(self) -> None:
        self._index.close()


def kind_of(entry: Entry) -> type[Copy | Listed]:
    """Return whether an entry is a copy or a listed digest."""
    return type(entry[1])
