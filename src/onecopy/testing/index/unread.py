"""The contract of `Unread`, as tests."""
# ruff: noqa: S101 - a contract is made of assertions

from collections.abc import Iterator
from typing import Protocol

import pytest

from onecopy.content import Digests
from onecopy.errors import Unavailable
from onecopy.index.interface import Index, Unread
from onecopy.testing.index.values import a_copy, claimed, md5_of, proved


class LazyIndex(Index, Unread, Protocol):
    """An index with copies that are known by size alone."""


class UnreadContract:
    """What every index with unread copies does: the contract of `Unread`."""

    @pytest.fixture
    def index(self) -> LazyIndex | Iterator[LazyIndex]:
        """Return or yield an empty index."""
        raise NotImplementedError

    def test_unread(self, index: LazyIndex) -> None:
        """Copies without a digest are found by their size, only for their tenant."""
        index.add(("t", a_copy(f"k{number}", Digests())) for number in range(5))
        index.add(
            [
                ("t", a_copy("read", proved("a"))),
                ("t", a_copy("weak", Digests.proved(md5_of("b")))),
                ("t", a_copy("claimed", claimed(md5_of("c")))),
                ("t", a_copy("larger", Digests(), size=1001)),
                ("u", a_copy("another's", Digests())),
            ]
        )
        assert sorted(index.unread("t", 1000, 10)) == [
            a_copy(f"k{number}", Digests()) for number in range(5)
        ]
        assert index.unread("t", 999, 10) == []
        assert index.unread("v", 1000, 10) == []

    def test_unread_sizes(self, index: LazyIndex) -> None:
        """The sizes of copies without a digest are returned, and no others."""
        index.add([("t", a_copy("k", Digests())), ("t", a_copy("l", Digests(), size=7))])
        index.add([("t", a_copy("read", proved("a"), size=8))])
        index.add([("u", a_copy("another's", Digests(), size=9))])
        assert index.unread_sizes("t", [9, 1000, 8, 7, 1000, 6]) == {7, 1000}
        assert index.unread_sizes("t", []) == set()
        assert index.unread_sizes("v", [7]) == set()

    def test_undecided_sizes(self, index: LazyIndex) -> None:
        """The sizes of copies without a proved content digest are returned, and no others."""
        unknown = [Digests(), Digests.proved(md5_of("b")), claimed(md5_of("c"))]
        index.add(("t", a_copy(f"k{at}", known, size=at)) for at, known in enumerate(unknown, 1))
        index.add([("t", a_copy("read", proved("a"), size=4)), ("t", a_copy("m", proved("m")))])
        index.add([("t", a_copy("n", Digests.proved(md5_of("n"))))])
        index.add([("u", a_copy("another's", Digests(), size=5))])
        assert index.undecided_sizes("t", [9, 1000, 1, 2, 3, 4, 5, 1000]) == {1, 2, 3, 1000}
        assert index.undecided_sizes("t", []) == set()
        assert index.undecided_sizes("v", [1, 1000]) == set()

    def test_limit(self, index: LazyIndex) -> None:
        """The limit is respected; a larger limit returns the same copies and more."""
        index.add(("t", a_copy(f"k{number}", Digests())) for number in range(10))
        some = index.unread("t", 1000, 4)
        assert len(some) == 4
        assert set(some) < set(index.unread("t", 1000, 8))
        assert index.unread("t", 1000, 0) == []

    def test_read(self, index: LazyIndex) -> None:
        """A copy is no longer unread when a digest becomes known."""
        copy = a_copy("k", Digests())
        index.add([("t", copy), ("t", a_copy("l", Digests()))])
        index.record("t", [copy._replace(digests=proved("a"))])
        index.add([("t", a_copy("l", claimed(md5_of("a"))))])
        assert index.unread("t", 1000, 10) == []

    def test_unread_closed(self, index: LazyIndex) -> None:
        """After `close` all methods raise Unavailable."""
        index.close()
        with pytest.raises(Unavailable):
            index.unread("t", 1000, 1)
