"""Looks at samples, to find out which ETags are no MD5."""

import pytest

from onecopy.scan import samples, scan_by_listing
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
    again = scan_by_listing(index, shelf)
    assert (again.unchanged, again.changed) == (7, 0)


def test_looks_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look for so many objects of a folder, and not more than a limit for the whole scan."""
    monkeypatch.setattr(samples, "_EVERY", 10)
    monkeypatch.setattr(samples, "_MOST", 5)
    shelf = encrypted(*(f"{folder}/{number:03}" for folder in "abc" for number in range(30)))
    shelf.page_size = 10
    monkeypatch.setattr("onecopy.scan.pages.GROUP", 10)
    figures = scan_by_listing(index_of(shelf), shelf, connections=1)
    assert (len(shelf.described), figures.looks) == (5, 6)
    assert shelf.described[:4] == ["a/000", "a/010", "a/020", "b/000"]


def test_what_cannot_be_looked_at_is_not_opaque() -> None:
    """An object that is gone since it was listed says nothing about its folder."""
    shelf = encrypted("kms/a", "kms/b")
    shelf.on_page = lambda _page: shelf.remove("kms/a")
    index = index_of(shelf)
    scan_by_listing(index, shelf)
    assert [copy.is_opaque for copy in index.listed_copies("default")] == [False, False]
