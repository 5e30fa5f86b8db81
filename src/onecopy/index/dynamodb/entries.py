"""The entries by size of a tenant, in all of its runs."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from onecopy.index.dynamodb.runs import FIRST, Run, RunReader, between
from onecopy.index.packed.entries import Entry, Signed, streamed, summed

_FEW = 64
"""Pages up to which all entries are read at once."""
_AT_ONCE = 16
"""Pages of a run that are read at a time otherwise."""
_MOST_PAGES = 10_000
"""Pages that are kept: about 80 MB."""


class Entries:
    """The entries of a tenant, as of the moment at which its runs were read."""

    def __init__(self, reader: RunReader, tenant: str, *, consistent: bool = False) -> None:
        self._reader = reader
        self._tenant = tenant
        self.is_consistent = consistent
        self._runs = reader.live(tenant, consistent=consistent)
        self._firsts = reader.firsts(tenant, self._runs, consistent=consistent)
        self._pages: dict[tuple[str, int], bytes] = {}

    def prefetch(self, ranges: Iterable[tuple[Entry, Entry]]) -> None:
        """Read the pages that have entries of these ranges, unless a range has many."""
        wanted = {
            (run.id, number)
            for low, high in ranges
            for run in self._runs
            if len(own := self._numbers(run, low, high)) <= _AT_ONCE
            for number in own
        }
        self._read(wanted)

    def within(self, low: Entry, high: Entry) -> Iterator[Entry]:
        """Yield the entries from one up to another, which is excluded, in order."""
        numbers = {run.id: self._numbers(run, low, high) for run in self._runs}
        if sum(map(len, numbers.values())) <= _FEW:
            wanted = [(run, number) for run, own in numbers.items() for number in own]
            pages = self._read(wanted)
            return summed(signed for page in pages for signed in between(page, low, high))
        return streamed([self._stream(run, own, low, high) for run, own in numbers.items()])

    def _stream(self, run: str, numbers: range, low: Entry, high: Entry) -> Iterator[Signed]:
        for at in range(0, len(numbers), _AT_ONCE):
            for page in self._read([(run, number) for number in numbers[at : at + _AT_ONCE]]):
                yield from between(page, low, high)

    def _numbers(self, run: Run, low: Entry, high: Entry) -> range:
        """Return the numbers of the pages that may have entries of a range."""
        firsts = self._firsts[run.id]
        places = range(0, len(firsts), FIRST)

        def first(at: int) -> bytes:
            return firsts[at : at + FIRST]

        start = bisect_left(places, low[:FIRST], key=first) - 1
        return range(max(0, start), bisect_right(places, high[:FIRST], key=first))

    def _read(self, wanted: Iterable[tuple[str, int]]) -> list[bytes]:
        """Return pages in order, and keep them."""
        names = list(wanted)
        if unread := [name for name in names if name not in self._pages]:
            if len(self._pages) > _MOST_PAGES:
                self._pages = {}
            known = self._pages
            self._pages = known | self._reader.pages(
                self._tenant, unread, consistent=self.is_consistent
            )
        pages = self._pages
        return [pages[name] for name in names]
