"""An index as the source of a migration, and as its destination."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import cast

from onecopy.content import Copy, Listed
from onecopy.digest import Digest
from onecopy.errors import InvalidSettings
from onecopy.index import Engine, Lists, Pages
from onecopy.index.interface import Entry, State
from onecopy.index.listings import count_listed
from onecopy.migrate.interface import Batch, Sampled
from onecopy.placed import placed_values
from onecopy.text import count_text
from onecopy.tokens import token_values

_VALUES = ("store", "store-trial")
"""Values that are moved with the entries: the store's id and its probed capabilities.
The secret of the tickets is not moved, because uploads in progress are not."""


class IndexSource:
    """All entries of an index."""

    def __init__(self, index: Engine, name: str) -> None:
        if not isinstance(index, Pages):
            raise InvalidSettings(f"{name} can't be read page by page, so it can't be moved")
        self._index, self._pages = index, index
        self.name = name

    def notes(self) -> list[str]:
        listed = count_listed(self._index)
        if not listed:
            return []
        copies = count_text(listed, "listed copy is", "listed copies are")
        advice = "run `onecopy scan` with the destination as its index to list the store again"
        return [f"{copies} not moved: {advice}"]

    def version(self) -> str:
        return ""  # positions stay valid for the life of the index

    def count(self) -> int | None:
        return self._pages.count()

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        for position, entries in self._pages.pages(after):
            yield Batch(position, entries, [])

    def values(self) -> Iterator[tuple[str, bytes]]:
        for name in _VALUES:
            if (value := self._index.get(name)) is not None:
                yield name, value
        yield from token_values(self._index)
        yield from placed_values(self._index)

    def close(self) -> None:
        self._index.close()


class IndexDestination:
    """An index that accepts copies and listed checksums."""

    def __init__(self, index: Engine, name: str) -> None:
        if not isinstance(index, Lists):
            raise InvalidSettings(f"{name} can't hold lists of checksums: use another index")
        self.name = name
        self._index, self._lists = index, index

    @property
    def state(self) -> State | None:
        return self._index

    def begin(self, *, resumed: bool) -> None:
        """Do nothing: an index needs no preparation."""

    def keep(self, entries: Iterable[Entry]) -> None:
        for kind, run in groupby(entries, kind_of):
            if kind is Listed:
                self._lists.enlist(cast("Iterable[tuple[str, Listed]]", run))
            else:
                self._index.add(cast("Iterable[tuple[str, Copy]]", run))

    def finish(self, report: Callable[[str], object]) -> None:
        """Do nothing: `keep` has stored everything."""

    def missing(self, sample: Sequence[Sampled]) -> list[Sampled]:
        return [sampled for sampled in sample if not self._has(sampled)]

    def _has(self, sampled: Sampled) -> bool:
        if sampled.key is None:
            digests = [Digest.parse(text) for text in sampled.digests]
            return None not in self._lists.listed(sampled.tenant, digests)
        return self._index.at(sampled.tenant, [sampled.key]) != [None]

    def counts(self) -> Iterator[int]:
        return self._index.counts() if isinstance(self._index, Pages) else iter(())

    def dollars(self) -> float | None:
        return None

    def close(self) -> None:
        self._index.close()


def kind_of(entry: Entry) -> type[Copy | Listed]:
    """Return the type of an entry: a copy or a listed digest."""
    return type(entry[1])
