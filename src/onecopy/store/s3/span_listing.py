"""Listing a span of keys in the order of their bytes, whatever order the service has."""

from bisect import bisect_right
from collections.abc import Iterator

from onecopy.errors import Failure
from onecopy.listing import ListedCopy, Span
from onecopy.store.interface import LeftOut
from onecopy.store.listings import Page
from onecopy.store.s3.key_order import (
    Order,
    before,
    check_order,
    end_of,
    folders_above,
    folders_skipped,
    is_neighbour,
)
from onecopy.store.s3.list_entries import Entries, entries_of
from onecopy.store.s3.list_objects import ListClient

_MOST_HELD = 10_000
"""Objects that are held back before requests are made to find out whether they are complete."""


class SpanLister:
    """Lists the objects below a prefix, span by span; threads may share it."""

    def __init__(self, client: ListClient, prefix: str, order: Order) -> None:
        self._client = client
        self._prefix = prefix
        self.order = order
        """The orders that the service may have, as far as is known."""

    def pages(self, span: Span) -> Iterator[Page]:
        """See Listable.list_pages."""
        held, start = _Held(span.after), self._start(span.after)
        for entries, is_last in self._entries(start):
            held.add(entries)
            end = span.through if is_last else self._complete_through(held, entries, span)
            if is_last or _reaches(end, span):
                yield held.take(span.through)
                return
            if end and end > held.after:
                yield held.take(end)

    def _entries(self, after: str, prefix: str = "") -> Iterator[tuple[Entries, bool]]:
        """Yield what is listed behind a position, and whether it is all; checks the order."""
        token, last = None, after
        while True:
            place = self._prefix + after if after else ""
            response = self._client.list(self._prefix + prefix, after=place, token=token)
            entries = entries_of(response.columns, self._prefix)
            self.order = check_order(self.order, entries.keys, last)
            if response.token is not None and response.token == token:
                raise Failure("the bucket repeats a page of its listing: try again later")
            last, token = entries.keys[-1] if entries.keys else last, response.token
            yield entries, token is None
            if token is None:
                return

    def _start(self, after: str) -> str:
        """Return the position from which a listing has all keys behind `after`."""
        if after and self.order is not Order.BYTES:
            for folder in folders_skipped(after):
                if self._client.list(self._prefix + folder, limit=1).columns.keys:
                    return before(folder[:-1])
        return after

    def _complete_through(self, held: "_Held", entries: Entries, span: Span) -> str | None:
        """Return the last key up to which all keys are listed; None if there is none yet.

        By folders, what precedes a folder by bytes may still come. That is listed first if too much
        is held back otherwise, or if the span may end here.
        """
        if not entries.keys:
            return None
        last = entries.keys[-1]
        if self.order is Order.BYTES:
            return last
        is_asking = held.count >= _MOST_HELD or _reaches(last, span)
        for folder in folders_above(last):
            if folder <= held.after:
                continue
            if not is_asking or _reaches(folder[:-1], span):
                return folder[:-1]
            self._add_neighbours(held, folder)
        return last

    def _add_neighbours(self, held: "_Held", folder: str) -> None:
        """List what precedes a folder by bytes, and is listed behind it by folders."""
        stem, position = folder[:-1], end_of(folder)
        found = self._client.list(self._prefix + stem, after=self._prefix + position, limit=1)
        following = entries_of(found.columns, self._prefix).keys
        if not following or not is_neighbour(following[0], folder):
            return
        for entries, _ in self._entries(position, stem):
            held.add(entries)
            if entries.keys and not is_neighbour(entries.keys[-1], folder):
                return


_Found = ListedCopy | LeftOut | None
"""What is at a key; None: an empty object."""


class _Held:
    """What is listed and not yet yielded, by key: what is listed twice is here once."""

    def __init__(self, after: str) -> None:
        self.after = after
        """Everything up to here is yielded."""
        self._found: dict[str, _Found] = {}
        self._strayed: list[LeftOut] = []

    @property
    def count(self) -> int:
        """The number of objects held back."""
        return len(self._found)

    def add(self, entries: Entries) -> None:
        """Hold what is not yet yielded; an object at the prefix itself is listed first."""
        found: dict[str, _Found] = {copy.key: copy for copy in entries.copies}
        found |= {each.key: each for each in entries.left_out}
        found |= dict.fromkeys(entries.empty)
        after = self.after
        if not all(map(after.__lt__, found)):
            found = {key: each for key, each in found.items() if key > after or not key}
        self._found |= found
        self._strayed += entries.strayed

    def take(self, through: str | None) -> Page:
        """Return what is held up to a key as the next page."""
        keys = sorted(self._found)
        taken = keys if through is None else keys[: bisect_right(keys, through)]
        found = [self._found.pop(key) for key in taken]
        copies = [each for each in found if isinstance(each, ListedCopy)]
        left_out = [each for each in found if isinstance(each, LeftOut)]
        empty, span = len(found) - len(copies) - len(left_out), Span(self.after, through)
        left_out += self._strayed
        self.after, self._strayed = through or self.after, []
        return Page(copies, left_out, empty, span)


def _reaches(end: str | None, span: Span) -> bool:
    """Return whether what is complete through a key is the whole span."""
    return end is not None and span.through is not None and end >= span.through
