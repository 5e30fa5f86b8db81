"""The contract of `Classified`, as tests."""
# ruff: noqa: S101 - a contract is made of assertions

from collections.abc import Iterator
from typing import Protocol

import pytest

from onecopy.content import Copy, Digests
from onecopy.errors import Unavailable
from onecopy.index.interface import Classified, Index
from onecopy.testing.index.values import a_copy, copies_of, md5_of, proved, sha256_of


class ClassifyingIndex(Index, Classified, Protocol):
    """An index that records new storage classes of copies."""


class ClassifiedContract:
    """What every index that records new storage classes does: the contract of `Classified`."""

    @pytest.fixture
    def index(self) -> ClassifyingIndex | Iterator[ClassifyingIndex]:
        """Return or yield an empty index."""
        raise NotImplementedError

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_classify_changes_nothing_else(self, index: ClassifyingIndex, place: int) -> None:
        """The copy of record, or another one, has its new class however it is found."""
        copies = copies_of("a", 3)
        index.record("t", copies)
        for storage_class in ("DEEP_ARCHIVE", "STANDARD_IA", "STANDARD"):
            moved = copies[place]._replace(storage_class=storage_class)
            assert index.classify("t", [moved]) == [True]
            copies[place] = moved
            assert index.at("t", [copy.key for copy in copies]) == copies
            assert index.lookup("t", [sha256_of("a"), md5_of("a")])[0] == copies[0]
            assert index.lookup("t", [sha256_of("a")]) == [copies[0]]
            found = index.copies("t", digest=sha256_of("a"))
            assert list(found) == [("t", copy) for copy in copies]
            assert index.record("t", copies) == [copies[0]] * 3

    def test_classify_weak_copies(self, index: ClassifyingIndex) -> None:
        """Copies without a content digest are classified as well."""
        copies = [a_copy("weak", Digests.proved(md5_of("b"))), a_copy("unread", Digests())]
        index.add(("t", copy) for copy in copies)
        moved = [copy._replace(storage_class="GLACIER") for copy in copies]
        assert index.classify("t", moved) == [True, True]
        assert index.at("t", ["weak", "unread"]) == moved
        assert index.lookup("t", [md5_of("b")]) == moved[:1]

    def test_classify_only_what_is_recorded(self, index: ClassifyingIndex) -> None:
        """Neither a newer object at the key nor another tenant's copy is changed."""
        old, new = a_copy("k", proved("a")), a_copy("k", proved("b"), identity="v2")
        index.record("t", [new])
        index.record("u", [old])
        assert index.classify("t", [_archived(old), _archived(a_copy("none", proved("c")))]) == [
            False,
            False,
        ]
        assert index.at("t", ["k", "none"]) == [new, None]
        assert index.classify("t", [_archived(new)]) == [True]
        assert index.at("u", ["k"]) == [old]

    def test_classify_by_key_and_identity(self, index: ClassifyingIndex) -> None:
        """Nothing but key, identity and class of a given copy counts."""
        copy = a_copy("k", proved("a"))
        index.record("t", [copy])
        given = Copy("k", 5, Digests(), copy.identity, 1, 2, "GLACIER")
        assert index.classify("t", [given]) == [True]
        assert index.at("t", ["k"]) == [copy._replace(storage_class="GLACIER")]

    def test_classify_many(self, index: ClassifyingIndex) -> None:
        """Many copies at once, or none."""
        copies = copies_of("a", 200)
        index.add(("t", copy) for copy in copies)
        moved = [copy._replace(storage_class="ONEZONE_IA") for copy in copies]
        assert index.classify("t", moved) == [True] * 200
        assert sorted(index.copies("t")) == [("t", copy) for copy in moved]
        assert index.classify("t", []) == []

    def test_classified_copies_are_forgotten(self, index: ClassifyingIndex) -> None:
        """A copy that was classified is forgotten as any other."""
        copy = a_copy("k", proved("a"))
        index.record("t", [copy])
        index.classify("t", [_archived(copy)])
        assert index.forget("t", [copy]) == [True]
        assert index.lookup("t", [sha256_of("a")]) == [None]

    def test_classify_after_close(self, index: ClassifyingIndex) -> None:
        """After `close` it raises Unavailable."""
        index.close()
        with pytest.raises(Unavailable):
            index.classify("t", [a_copy("k", proved("a"))])


def _archived(copy: Copy) -> Copy:
    return copy._replace(storage_class="GLACIER")
