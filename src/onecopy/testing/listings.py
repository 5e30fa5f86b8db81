"""Contract tests for stores that can list, for authors of back ends. They need pytest.

class TestMyStore(ListableContract, ReceiverContract):
    @pytest.fixture
    def store(self) -> Store:
        return MyStore(...)  # empty
"""
# ruff: noqa: S101 - tests consist of assertions

from functools import partial
from itertools import pairwise
from typing import Protocol, runtime_checkable

import pytest

from onecopy.listing import EVERYTHING, ListedCopy, Span
from onecopy.own_files import OwnFiles
from onecopy.store.interface import Store
from onecopy.store.listings import Listable, Page
from onecopy.store.objects import copy_of
from onecopy.testing.store import LARGE, SMALL, StoreContract, at_once

KEYS = (
    "a",
    "a b",
    "a!/b",
    "a-/b",
    "a.b",
    "b/a",
    "b/a b",
    "b/c-d/e",
    "b/c.d",
    "b/c/d",
    "b0/a",
    "e\u0301",
    "z/-/a",
    "z/a/b/c/d",
    "é",
    "日本語/пример/𝄞",
    "\uffee",
    "𝄞",
)
"""Keys in the order of their bytes, which isn't that of folders, nor that of UTF-16."""
_BOUNDS = ("", "a-", "a!/b", "b", "b/", "b/c", "b/c-d/e", "b0", "c", "z/a/", "é", "~", None)


@runtime_checkable
class ListableStore(Store, Listable, Protocol):
    """A store that can list."""


class ListableContract(StoreContract):
    """The contract of a store that can list; use it in front of the others."""

    @pytest.fixture
    def listable(self, store: Store) -> ListableStore:
        """Return the same store under its optional protocol."""
        assert isinstance(store, ListableStore)
        return store

    def fill(self, store: Store, keys: tuple[str, ...] = KEYS) -> None:
        """Upload a small content to each key, not in their order."""
        at_once([partial(self.put, store, key, key.encode()) for key in reversed(keys)])

    def test_lists_an_empty_store(self, listable: ListableStore) -> None:
        """A span without objects is covered, too."""
        for span in (EVERYTHING, Span("a", "b"), Span("a")):
            pages = _pages(listable, span)
            assert [page[:3] for page in pages] == [([], [], 0)] * len(pages)

    def test_lists_by_the_bytes_of_keys(self, listable: ListableStore) -> None:
        """Keys come in the order of their bytes, whatever order the service has."""
        self.fill(listable)
        assert _keys(listable, EVERYTHING) == list(KEYS)

    def test_lists_spans(self, listable: ListableStore) -> None:
        """A span has the keys after its beginning and up to its end, wherever these lie."""
        self.fill(listable)
        for after in _BOUNDS[:-1]:
            for through in _BOUNDS:
                span = Span(after or "", through)
                assert _keys(listable, span) == [key for key in KEYS if span.has(key)], span

    def test_resumes_behind_each_page(self, listable: ListableStore) -> None:
        """A listing that was interrupted behind a page lists the rest."""
        self.fill(listable)
        for page in _pages(listable, EVERYTHING)[:-1]:
            after = page.span.through or ""
            assert _keys(listable, Span(after)) == [key for key in KEYS if key > after]

    def test_lists_uploads(self, listable: ListableStore) -> None:
        """A copy has the size, the time and, if it is not opaque, the MD5 of what was uploaded."""
        small, large = self.put(listable, "small"), self.put(listable, "x/large", LARGE)
        listed = {copy.key: copy for copy in _listed(listable)}
        assert [copy.size for copy in listed.values()] == [len(SMALL), len(LARGE)]
        for stored in (small, large):
            copy = listed[stored.key]
            assert copy.modified == stored.stored_ms // 1000
            assert len(copy.tag) == 16
        weak = [each for each in small.digests if each.scheme.algorithm == "md5"]
        if not listed["small"].is_opaque:
            assert list(listed["small"].digests) == weak

    def test_hides_unfinished_uploads(self, listable: ListableStore) -> None:
        """Neither an upload in progress nor the store's own records are listed."""
        upload = self.begin(listable, "a", LARGE)
        pages = _pages(listable, EVERYTHING)
        assert [page[:3] for page in pages] == [([], [], 0)] * len(pages)
        listable.abort(upload)

    def test_a_copy_is_as_listed(self, listable: ListableStore) -> None:
        """What was recorded is recognized by what is listed, and only that."""
        stored = [
            self.put(listable, "a"),
            self.put(listable, "b", b"other"),
            self.see(listable, "a"),
        ]
        a, b = _listed(listable)
        expected = [(True, False), (False, True), (True, False)]
        for each, is_listed in zip(stored, expected, strict=True):
            copy = copy_of(each, each.key)
            assert (listable.is_as_listed(copy, a), listable.is_as_listed(copy, b)) == is_listed

    def test_another_state_is_not_as_listed(self, listable: ListableStore) -> None:
        """Another identity, size or tag is another state."""
        copy, [listed] = copy_of(self.put(listable, "a"), "a"), _listed(listable)
        assert listable.is_as_listed(copy, listed)
        for changed in (copy._replace(identity="0" * 64), copy._replace(size=1)):
            assert not listable.is_as_listed(changed, listed)
        assert not listable.is_as_listed(copy, listed._replace(tag=bytes(16)))

    def test_divides_a_span(self, listable: ListableStore) -> None:
        """A key that divides is within the span, and both halves together are the whole."""
        self.fill(listable)
        for span in (EVERYTHING, Span("a-"), Span("b/", "b0"), Span("", "b/c-d/e"), Span("zz")):
            key = listable.split(span)
            if key is None:
                continue
            assert span.has(key)
            assert key != span.through
            halves = Span(span.after, key), Span(key, span.through)
            found = [key for half in halves for key in _keys(listable, half)]
            assert found == [key for key in KEYS if span.has(key)]

    def test_divides_nothing(self, listable: ListableStore) -> None:
        """Where there is at most one object, nothing can be divided."""
        assert listable.split(EVERYTHING) is None
        self.fill(listable, ("a/b/c",))
        assert listable.split(EVERYTHING) is None
        assert listable.split(Span("a/b/c")) is None

    def test_several_list_at_once(self, listable: ListableStore) -> None:
        """Threads may list different spans of one store concurrently."""
        self.fill(listable)
        bounds = [*_BOUNDS[:-1], None]
        spans = [
            Span(after or "", through) for after, through in pairwise(sorted(bounds, key=_last))
        ]
        found = at_once([partial(_keys, listable, span) for span in spans])
        assert found == [[key for key in KEYS if span.has(key)] for span in spans]

    def test_counts_requests(self, listable: ListableStore) -> None:
        """The number of requests to list never falls."""
        before = listable.list_requests
        _pages(listable, EVERYTHING)
        assert listable.list_requests >= before


def _last(bound: str | None) -> tuple[bool, str]:
    return bound is None, bound or ""


def _pages(store: Listable, span: Span) -> list[Page]:
    """Return the pages of a span; they cover it without gap or overlap, in order."""
    pages = list(store.list_pages(span, OwnFiles()))
    assert pages[0].span.after == span.after
    assert pages[-1].span.through == span.through
    for page, following in pairwise(pages):
        assert page.span.through == following.span.after
    for page in pages:
        keys = [copy.key for copy in page.copies]
        assert keys == sorted(set(keys))
        assert all(map(page.span.has, keys))
    return pages


def _listed(store: Listable) -> list[ListedCopy]:
    return [copy for page in _pages(store, EVERYTHING) for copy in page.copies]


def _keys(store: Listable, span: Span) -> list[str]:
    return [copy.key for page in _pages(store, span) for copy in page.copies]
