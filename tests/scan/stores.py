"""A store in memory with short pages, in which a test can step in; and an index bound to it."""

import random
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from hashlib import md5

from onecopy.content import Copy, Digests
from onecopy.digest import MD5, Digest
from onecopy.errors import Unavailable
from onecopy.gate import bind
from onecopy.index.memory import MemoryIndex
from onecopy.listing import ListedCopy, Span
from onecopy.own_files import OwnFiles
from onecopy.store.interface import Absent, LeftOut, Object, Unknown
from onecopy.store.listings import Page
from onecopy.store.memory import MemoryStore


def tag(identity: str) -> bytes:
    """Return the tag of an object of `Shelf`."""
    return md5(identity.encode(), usedforsecurity=False).digest()


class Shelf(MemoryStore):
    """Objects whose listing has pages of a few keys."""

    def __init__(self, page_size: int = 3) -> None:
        super().__init__()
        self.page_size = page_size
        self.splits = 0
        self.empty: set[str] = set()
        self.left_out: list[LeftOut] = []
        self.pages: list[Page] = []
        self.on_page: Callable[[Page], object] = lambda _page: None
        self.marker_looks = 0
        self.is_unmarked = False
        self.classes: dict[str, str] = {}
        """Key -> storage class, if it is another one than STANDARD."""
        self._counting = threading.Lock()

    def identify(self, *, create: bool) -> str:
        self.marker_looks += 1
        if self.is_unmarked:
            raise Unavailable("no marker")
        return super().identify(create=create)

    def listed(self, key: str) -> ListedCopy:
        """Return what a listing states about an object."""
        found = self.look([key])[0]
        assert isinstance(found, Object)
        state = found.size, tag(found.identity), 0, False, found.stored_ms // 1000
        return ListedCopy(key, *state, found.storage_class)

    def look(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        return [
            each._replace(storage_class=self._class(each.key)) if isinstance(each, Object) else each
            for each in super().look(keys)
        ]

    def objects(self, prefix: str = "") -> Iterator[Object]:
        found = super().objects(prefix)
        return (each._replace(storage_class=self._class(each.key)) for each in found)

    def _class(self, key: str) -> str:
        return self.classes.get(key, "STANDARD")

    def list_pages(self, span: Span, own: OwnFiles) -> Iterator[Page]:
        while True:
            with self._counting:
                self.list_requests += 1
            keys = sorted(
                [
                    *(each.key for each in self.objects()),
                    *self.empty,
                    *(each.key for each in self.left_out),
                ]
            )
            found = [key for key in keys if span.has(key)]
            shown = found[: self.page_size]
            is_last = len(found) <= self.page_size
            covered = Span(span.after, span.through if is_last else shown[-1])
            page = Page(
                [self.listed(key) for key in shown if self.is_object(key)],
                [each for each in self.left_out if each.key in shown],
                len(self.empty.intersection(shown)),
                covered,
            )
            self.on_page(page)
            self.pages.append(page)
            yield page
            if is_last:
                return
            span = Span(str(covered.through), span.through)

    def is_object(self, key: str) -> bool:
        """Return whether there is an object with content at a key."""
        return isinstance(self.look([key])[0], Object)

    def split(self, span: Span) -> str | None:
        with self._counting:
            self.list_requests += 1
            self.splits += 1
        keys = sorted(each.key for each in self.objects())
        start = bisect_right(keys, span.after)
        end = len(keys) if span.through is None else bisect_left(keys, span.through)
        return keys[random.randrange(start, end)] if end - start > 1 else None

    def is_as_listed(self, copy: Copy, listed: ListedCopy) -> bool:
        return tag(copy.identity) == listed.tag


class Encrypted(Shelf):
    """A store that describes objects; those in the folder `kms` have a tag that is no MD5."""

    def __init__(self, page_size: int = 1000) -> None:
        super().__init__(page_size)
        self.described: list[str] = []

    def describe(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        """See Describer."""
        self.described += keys
        return [self._described(each) for each in self.look(keys)]

    def _described(self, seen: Object | Absent | Unknown) -> Object | Absent | Unknown:
        if not isinstance(seen, Object) or seen.key.startswith("kms/"):
            return seen
        return seen._replace(digests=Digests.proved(Digest(MD5, tag(seen.identity))))


def slow(_page: Page) -> None:
    """Take a random time for a page, so that threads overtake each other."""
    time.sleep(random.random() / 2000)


def filled(keys: Sequence[str], page_size: int = 3) -> Shelf:
    """Return a store with small objects at keys."""
    shelf = Shelf(page_size)
    for key in keys:
        shelf.place(key, key.encode())
    return shelf


def index_of(shelf: Shelf) -> MemoryIndex:
    """Return an empty index that belongs to a store."""
    index = MemoryIndex()
    bind(index, shelf)
    return index


def copy_at(shelf: Shelf, key: str, recorded_ms: int = 1, prefix: str = "") -> Copy:
    """Return the copy at a key, as if it had been recorded at a time."""
    found = shelf.look([prefix + key])[0]
    assert isinstance(found, Object)
    return Copy(key, found.size, Digests(), found.identity, found.stored_ms, recorded_ms)
