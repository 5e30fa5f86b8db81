"""The contract of `Pages`, as tests."""
# ruff: noqa: S101 - a contract is made of assertions

from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from onecopy.content import Copy, Digests, Listed
from onecopy.digest import Digest
from onecopy.errors import Unavailable
from onecopy.index.interface import Entry, Index, Lists, Pages
from onecopy.testing.index.values import MANY, MD5_PARTS, a_copy, claimed, md5_of, proved, sha256_of


class MovableIndex(Index, Lists, Pages, Protocol):
    """An index that can be read page by page."""


def moved(index: Pages, after: str | None = None) -> list[Entry]:
    """Return all entries after a position, in order."""
    return [entry for _, entries in index.pages(after) for entry in entries]


def in_order(entries: list[Entry]) -> list[Entry]:
    """Return entries in a fixed order."""
    return sorted(entries, key=repr)


class PagesContract:
    """What every index that can be read page by page does: the contract of `Pages`."""

    @pytest.fixture
    def index(self) -> MovableIndex | Iterator[MovableIndex]:
        """Return or yield an empty index."""
        raise NotImplementedError

    def fill(self, index: MovableIndex) -> list[Entry]:
        """Record copies and list digests of several tenants; return all entries."""
        copies = [
            (name, a_copy(f"{name}{number}", proved(f"{name}{number}"), size=number + 1))
            for name in ("t", "u")
            for number in range(MANY)
        ]
        more = [
            ("t", a_copy("unread", Digests())),
            ("t", a_copy("claims", claimed(md5_of("a"), Digest(MD5_PARTS, bytes(16))))),
        ]
        lists = [
            (name, Listed(md5_of(f"{name}{number}"), number or None))
            for name in ("u", "v")
            for number in range(MANY)
        ]
        index.add([*copies, *more])
        index.enlist(lists)
        return [*copies, *more, *lists]

    def test_pages(self, index: MovableIndex) -> None:
        """All entries of all tenants are yielded unchanged, in pages of limited size.

        After a position come exactly the entries of the later pages.
        """
        assert list(index.pages()) == []
        given = self.fill(index)
        pages = list(index.pages())
        assert in_order([entry for _, page in pages for entry in page]) == in_order(given)
        assert all(0 < len(page) <= 10_000 for _, page in pages)
        positions = [position for position, _ in pages]
        assert len(set(positions)) == len(positions)
        assert all(position.isascii() and len(position) <= 4096 for position in positions)
        # After a few of them: each time, all that follows is read.
        for at in {*range(0, len(pages), len(pages) // 5 + 1), len(pages) - 1}:
            rest = [entry for _, page in pages[at + 1 :] for entry in page]
            assert in_order(moved(index, positions[at])) == in_order(rest)

    def test_what_stays_is_seen(self, index: MovableIndex) -> None:
        """Entries that stay are yielded, whatever is written during the iteration."""
        given = self.fill(index)
        seen: list[Entry] = []
        position = None
        for number in range(3):
            position, entries = next(iter(index.pages(position)))
            seen += entries
            index.record("t", [a_copy(f"comes {number}", proved("new"))])
            index.enlist([("u", Listed(sha256_of(f"comes {number}")))])
            index.forget("t", [a_copy("claims", Digests())])
        seen += moved(index, position)
        keys = {(tenant, entry.key) for tenant, entry in seen if isinstance(entry, Copy)}
        listed = {pair for pair in seen if isinstance(pair[1], Listed)}
        for tenant, entry in given:
            if isinstance(entry, Listed):
                assert (tenant, entry) in listed
            elif entry.key != "claims":
                assert (tenant, entry.key) in keys

    def test_counts(self, index: MovableIndex) -> None:
        """The number of entries is about right at once; counting ends with the exact one."""
        assert index.count() == list(index.counts())[-1] == 0
        given = self.fill(index)
        assert 0.9 * len(given) < index.count() < 1.1 * len(given)
        counts = list(index.counts())
        assert counts == sorted(counts)
        assert counts[-1] == len(given)

    def test_pages_closed(self, index: MovableIndex) -> None:
        """After `close` all methods raise Unavailable."""
        index.close()
        calls: list[Callable[[], object]] = [
            index.count,
            lambda: list(index.counts()),
            lambda: list(index.pages()),
        ]
        for call in calls:
            with pytest.raises(Unavailable):
                call()
