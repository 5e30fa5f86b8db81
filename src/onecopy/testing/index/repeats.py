"""The contract of `Repeats`, as tests."""
# ruff: noqa: S101 - a contract is made of assertions

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol

import pytest

from onecopy.content import Copy, Digests
from onecopy.digest import SHA256, SMALLEST_PART, Digest
from onecopy.errors import Unavailable
from onecopy.index.interface import Index, Repeats, Stored
from onecopy.testing.index.values import (
    MANY,
    MD5_PARTS,
    SHA256_PARTS,
    a_copy,
    claimed,
    copies_of,
    md5_of,
    proved,
    sha256_of,
)


class RepeatsIndex(Index, Repeats, Protocol):
    """An index that finds contents with several copies."""


def found(index: RepeatsIndex, tenant: str = "t") -> list[Sequence[Copy]]:
    """Return what is found, in the order of the first keys."""
    return sorted(map(list, index.repeated(tenant)), key=lambda copies: copies[0].key)


class RepeatsContract:
    """What every index that finds repeated contents does: the contract of `Repeats`."""

    @pytest.fixture
    def index(self) -> RepeatsIndex | Iterator[RepeatsIndex]:
        """Return or yield an empty index."""
        raise NotImplementedError

    def test_repeated(self, index: RepeatsIndex) -> None:
        """Contents with several copies of one tenant are found, in the order of recording."""
        twice, often = copies_of("a", 2), copies_of("b", 5)
        index.record("t", [*often[:2], twice[1], *copies_of("c", 1)])
        index.record("u", [*copies_of("c", 1), *copies_of("d", 3)])
        index.record("t", [*often[2:], twice[0]])
        assert found(index) == [[twice[1], twice[0]], often]
        assert found(index, "u") == [copies_of("d", 3)]
        assert found(index, "v") == []

    def test_only_proved_content_digests(self, index: RepeatsIndex) -> None:
        """Copies that share an MD5, or a digest that is only claimed, are not found."""
        index.add(
            ("t", a_copy(f"{key}{number}", digests))
            for number in range(3)
            for key, digests in {
                "unread": Digests(),
                "weak": Digests.proved(md5_of("a")),
                "claimed": claimed(sha256_of("a")),
            }.items()
        )
        other = Digests.proved(sha256_of("b"), md5_of("a"))
        index.add([("t", a_copy("a", proved("a"))), ("t", a_copy("b", other))])
        assert found(index) == []

    def test_large_contents(self, index: RepeatsIndex) -> None:
        """Contents in parts are found by their content digest, and by no other SHA-256."""
        size = SMALLEST_PART
        whole = Digest(SHA256_PARTS, sha256_of("whole").value)
        both = Digests.proved(whole, sha256_of("plain"), Digest(MD5_PARTS, md5_of("m").value))
        large = [a_copy(f"large{number}", both, size=size) for number in range(2)]
        plain = Digests.proved(sha256_of("plain"), Digest(SHA256_PARTS, sha256_of("x").value))
        index.add(("t", copy) for copy in [*large, a_copy("plain", plain, size=size)])
        assert found(index) == [large]

    def test_same_beginning(self, index: RepeatsIndex) -> None:
        """Digests of which only the beginning is the same are two contents."""
        start = sha256_of("a").value[:8]
        digests = [Digest(SHA256, start + bytes([number]) * 24) for number in (1, 1, 2, 3, 3)]
        copies = [
            a_copy(f"k{number}", Digests.proved(digest)) for number, digest in enumerate(digests)
        ]
        index.add(("t", copy) for copy in copies)
        assert found(index) == [copies[:2], copies[3:]]

    def test_many(self, index: RepeatsIndex) -> None:
        """All are found, if there are more than are read at a time."""
        copies = [copy for number in range(MANY) for copy in copies_of(f"c{number:05d}", 2)]
        index.add(("t", copy) for copy in copies)
        index.add(("t", copy) for copy in copies_of("once", 1))
        assert [copy for own in found(index) for copy in own] == copies

    def test_forgotten(self, index: RepeatsIndex) -> None:
        """A content of which one copy is left is found no more."""
        copies = copies_of("a", 2)
        index.record("t", copies)
        index.forget("t", copies[:1])
        assert found(index) == []

    def test_stored(self, index: RepeatsIndex) -> None:
        """The copies of one tenant are counted, and those without a proved content digest."""
        index.record("t", copies_of("a", 2))
        index.add([("t", a_copy("weak", Digests.proved(md5_of("b")), size=7))])
        index.add([("t", a_copy("unread", Digests(), size=1)), ("u", a_copy("k", Digests()))])
        assert index.stored("t") == Stored(4, 2008, 2)
        assert index.stored("v") == Stored(0, 0, 0)

    def test_version(self, index: RepeatsIndex) -> None:
        """Each change makes another version."""
        copies = copies_of("a", 2)
        versions = [index.version()]
        for change in (
            lambda: index.record("t", copies),
            lambda: index.add([("t", a_copy("weak", Digests()))]),
            lambda: index.forget("t", copies[:1]),
        ):
            change()
            versions.append(index.version())
        assert all(old != new for old, new in pairwise(versions))

    def test_repeats_closed(self, index: RepeatsIndex) -> None:
        """After `close` all methods raise Unavailable."""
        index.close()
        with pytest.raises(Unavailable):
            index.version()
        with pytest.raises(Unavailable):
            index.stored("t")
        with pytest.raises(Unavailable):
            list(index.repeated("t"))
