"""Looks at samples, to find out which ETags are no MD5."""

from collections.abc import Iterator

import pytest

from onecopy.listing import Span
from onecopy.own_files import OwnFiles
from onecopy.scan import samples, scan_by_listing
from onecopy.store.listings import Page
from tests.scan.stores import Encrypted, index_of


def encrypted(*keys: str) -> Encrypted:
    """Return a store with objects at keys."""
    shelf = Encrypted()
    for key in keys:
        shelf.place(key, key.encode())
    return shelf


def test_a_folder_of_encrypted_objects_is_opaque() -> None:
    """One object of each first folder is looked at; if its tag is no MD5, all there are opaque."""
    shelf = encrypted("a", "b", "kms/a", "kms/b/c", "kms0", "plain/a", "plain/b")
    index = index_of(shelf)
    figures = scan_by_listing(index, shelf)
    assert shelf.described == ["a", "kms/a", "plain/a"]
    assert figures.looks == 1 + 3
    opaque = [copy.key for copy in index.listed_copies("default") if copy.is_opaque]
    assert opaque == ["kms/a", "kms/b/c"]
    assert (figures.opaque, figures.unsampled) == (2, 0)
    again = scan_by_listing(index, shelf)
    assert (again.unchanged, again.changed) == (7, 0)


def test_looks_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look for each group of objects in a folder, within a limit for the whole scan."""
    monkeypatch.setattr(samples, "_EVERY", 10)
    monkeypatch.setattr(samples, "_MOST", 5)
    shelf = encrypted(*(f"{folder}/{number:03}" for folder in "abc" for number in range(30)))
    shelf.page_size = 10
    monkeypatch.setattr("onecopy.scan.pages.GROUP", 10)
    figures = scan_by_listing(index_of(shelf), shelf, connections=1)
    assert (len(shelf.described), figures.looks) == (5, 6)
    assert shelf.described[:4] == ["a/000", "a/010", "a/020", "b/000"]
    assert (figures.opaque, figures.unsampled) == (0, 30)


def test_the_newest_object_is_looked_at() -> None:
    """Encryption concerns what is stored since it was switched on."""
    shelf = encrypted("kms/a", "kms/b", "kms/c", "kms/d")
    list_pages = shelf.list_pages

    def aged(span: Span, own: OwnFiles) -> Iterator[Page]:
        for page in list_pages(span, own):
            newer = [
                copy._replace(modified=copy.modified + 60 * ("b" in copy.key))
                for copy in page.copies
            ]
            yield page._replace(copies=newer)

    shelf.list_pages = aged  # type: ignore[method-assign]
    scan_by_listing(index_of(shelf), shelf)
    assert shelf.described == ["kms/b"]


def test_what_cannot_be_looked_at_is_not_opaque() -> None:
    """An object that is gone since it was listed says nothing about its folder."""
    shelf = encrypted("kms/a", "kms/b")
    shelf.on_page = lambda _page: shelf.remove("kms/a")
    index = index_of(shelf)
    figures = scan_by_listing(index, shelf)
    assert [copy.is_opaque for copy in index.listed_copies("default")] == [False, False]
    assert (figures.opaque, figures.unsampled) == (0, 2)
