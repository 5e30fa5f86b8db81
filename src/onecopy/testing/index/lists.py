"""The contract of `Lists`, as tests."""
# ruff: noqa: S101 - a contract is made of assertions

from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from onecopy.content import Listed
from onecopy.digest import MD5, SHA256, Digest
from onecopy.errors import Unavailable
from onecopy.index.interface import Index, Lists
from onecopy.testing.index.values import (
    MANY,
    MD5_PARTS,
    SHA256_PARTS,
    a_copy,
    crc_of,
    md5_of,
    proved,
    sha256_of,
)


class ListingIndex(Index, Lists, Protocol):
    """An index that also keeps lists of digests."""


class ListsContract:
    """What every index with lists does: the contract of `Lists`."""

    @pytest.fixture
    def index(self) -> ListingIndex | Iterator[ListingIndex]:
        """Return or yield an empty index."""
        raise NotImplementedError

    def test_listed(self, index: ListingIndex) -> None:
        """A listed digest is found, with the size in the list."""
        given = [
            Listed(md5_of("a")),
            Listed(sha256_of("b"), 7),
            Listed(Digest(MD5_PARTS, b"c" * 16)),
            Listed(crc_of("b"), 8),
        ]
        assert index.listed("t", [given[0].digest]) == [None]
        assert index.enlist(("t", listed) for listed in given) == len(given)
        for listed in given:
            assert index.listed("t", [listed.digest]) == [listed]
        digests = [md5_of("none"), *(listed.digest for listed in given), md5_of("a")]
        assert index.listed("t", digests) == [None, *given, given[0]]
        assert index.listed("t", []) == []
        assert index.enlist([]) == 0

    def test_listed_is_no_copy(self, index: ListingIndex) -> None:
        """Listed digests are ignored by lookups and iterations, and hide no copy."""
        copy = a_copy("a", proved("a"))
        index.enlist([("t", Listed(sha256_of("a"))), ("t", Listed(md5_of("b"), 1000))])
        assert index.lookup("t", [sha256_of("a"), md5_of("b")]) == [None, None]
        assert list(index.copies()) == []
        assert list(index.copies("t", digest=sha256_of("a"))) == []
        assert index.record("t", [copy]) == [copy]
        assert index.lookup("t", [sha256_of("a")]) == [copy]
        assert index.forget("t", [copy]) == [True]
        assert index.listed("t", [sha256_of("a")]) == [Listed(sha256_of("a"))]

    def test_scheme_is_part_of_a_listed_digest(self, index: ListingIndex) -> None:
        """The scheme and the whole value of a listed digest count."""
        value = sha256_of("a").value
        alike = Digest(SHA256, value[:24] + bytes(8))
        index.enlist([("t", Listed(Digest(SHA256, value), 1)), ("t", Listed(alike, 2))])
        others = [Digest(SHA256_PARTS, value), Digest(MD5, value[:16])]
        answers = [Listed(Digest(SHA256, value), 1), Listed(alike, 2), None, None]
        wanted = [Digest(SHA256, value), alike, *others]
        assert index.listed("t", wanted) == answers
        assert [index.listed("t", [digest])[0] for digest in wanted] == answers

    def test_enlisted_again(self, index: ListingIndex) -> None:
        """If a digest is listed again, later or in the same call, the last size is kept."""
        a, b = md5_of("a"), md5_of("b")
        given = [Listed(a, 1), Listed(b, 5), Listed(a, 2), Listed(b)]
        assert index.enlist(("t", listed) for listed in given) == 4
        assert index.listed("t", [a, b]) == [Listed(a, 2), Listed(b)]
        index.enlist([("t", Listed(a, 3))])
        assert index.listed("t", [a, b]) == [Listed(a, 3), Listed(b)]

    def test_enlist_many(self, index: ListingIndex) -> None:
        """Thousands of digests are listed and found in order, in one call."""
        given = [Listed(md5_of(str(number)), number or None) for number in range(MANY)]
        assert index.enlist(("t", listed) for listed in given) == MANY
        wanted = [number * 7919 % (2 * MANY) for number in range(3 * MANY)]
        answers = index.listed("t", [md5_of(str(number)) for number in wanted])
        assert answers == [given[number] if number < MANY else None for number in wanted]

    def test_schemes_of_lists(self, index: ListingIndex) -> None:
        """Digests listed with sizes add their scheme to these; those without, to every size."""
        index.add([("t", a_copy("a", proved("a"), size=1))])
        index.enlist([("t", Listed(md5_of("b"), 2)), ("t", Listed(md5_of("c"), 2))])
        one, two, three = index.schemes("t", [1, 2, 3])
        assert one == {SHA256}
        assert {MD5} <= two <= {MD5, SHA256}
        assert three == set()
        index.enlist([("t", Listed(Digest(MD5_PARTS, bytes(16))))])
        one, two, three = index.schemes("t", [1, 2, 3])
        assert one == {SHA256, MD5_PARTS}
        assert {MD5, MD5_PARTS} <= two <= {MD5, MD5_PARTS, SHA256}
        assert {MD5_PARTS} <= three <= {MD5_PARTS, SHA256}

    def test_lists_are_apart(self, index: ListingIndex) -> None:
        """A tenant neither sees nor changes another tenant's lists (P5)."""
        digest = md5_of("a")
        index.enlist(
            [("t", Listed(digest, 1)), ("u", Listed(digest, 2)), ("t", Listed(md5_of("b")))]
        )
        assert index.listed("t", [digest]) == [Listed(digest, 1)]
        assert index.listed("u", [digest, md5_of("b")]) == [Listed(digest, 2), None]
        assert index.listed("v", [digest, md5_of("b")]) == [None, None]
        assert index.schemes("v", [1]) == [frozenset()]

    def test_lists_closed(self, index: ListingIndex) -> None:
        """After `close` all methods raise Unavailable."""
        index.close()
        calls: list[Callable[[], object]] = [
            lambda: index.listed("t", [md5_of("a")]),
            lambda: index.enlist([("t", Listed(md5_of("a")))]),
        ]
        for call in calls:
            with pytest.raises(Unavailable):
                call()
