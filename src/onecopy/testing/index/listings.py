"""The contract of `Listings`, as tests."""
# ruff: noqa: S101 - a contract is made of assertions

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import md5
from typing import Any, Protocol

import pytest

from onecopy.content import Digests
from onecopy.errors import Unavailable
from onecopy.index.interface import Index
from onecopy.index.listings import MOST_COUNTED, Listings, Merged, SizeListing
from onecopy.listing import EVERYTHING, ListedCopy, Span
from onecopy.testing.index.values import (
    FOREIGN_KEYS,
    MANY,
    THREADS,
    a_copy,
    at_once,
    proved,
    sha256_of,
)

_ODD_KEYS = (*FOREIGN_KEYS, "\x7f", "\x80", "é", "\uffff", "\U00010000", "x" * 1024)
"""The order of UTF-16 would put U+10000 before U+FFFF."""


class IndexWithListings(Index, Listings, Protocol):
    """An index that also keeps what listings state."""


def a_listed(key: str, content: str | None = None, **fields: Any) -> ListedCopy:  # noqa: ANN401 - any field
    """Return a listed copy whose tag is the MD5 of its content, or else of its key."""
    tag = md5((content or key).encode(), usedforsecurity=False).digest()
    return ListedCopy(key, 1000, tag, 0, False, 1_700_000_000)._replace(**fields)


def listed(keys: Iterable[str]) -> list[ListedCopy]:
    """Return listed copies at keys, in order."""
    return [a_listed(key) for key in sorted(keys)]


def numbered(numbers: Iterable[int]) -> list[ListedCopy]:
    """Return listed copies at numbered keys, in several folders and of a few sizes."""
    return [
        a_listed(f"folder {number // 700:04d}/{number:08d}", size=1 + number % 100)
        for number in numbers
    ]


class ListingsContract:
    """What every index does that keeps listings: the contract of `Listings`."""

    @pytest.fixture
    def index(self) -> IndexWithListings | Iterator[IndexWithListings]:
        """Return or yield an empty index."""
        raise NotImplementedError

    # Merging

    def test_nothing_is_listed(self, index: IndexWithListings) -> None:
        """In a new index nothing is listed."""
        assert list(index.listed_copies("t")) == []
        assert index.listed_at("t", ["a"]) == [None]
        assert index.listed_sizes("t", [1000]) == [None]
        assert index.matching("t", 1000, [(0, bytes(16))], 9) == []
        assert index.opaque("t", 1000, 9) == []
        assert index.unlist("t", [a_listed("a")]) == [False]
        assert index.merge("t", EVERYTHING, []) == Merged()

    def test_no_arguments(self, index: IndexWithListings) -> None:
        """Calls without arguments return empty results."""
        index.merge("t", EVERYTHING, listed("a"))
        assert index.listed_at("t", []) == []
        assert index.listed_sizes("t", []) == []
        assert index.matching("t", 1000, [], 9) == []
        assert index.unlist("t", []) == []

    def test_first_listing(self, index: IndexWithListings) -> None:
        """All entries of a first listing are new, and are kept with all their fields."""
        given = [
            a_listed("a", size=1),
            a_listed("b", size=5 * 2**40, parts=10_000, modified=0),
            a_listed("c", is_opaque=True, storage_class="DEEP_ARCHIVE"),
            a_listed("d", tag=bytes(16), checksums="CRC32 SHA256", modified=2**32),
            a_listed("e", tag=b"\xff" * 16, parts=1, storage_class="", checksums="CRC64NVME"),
        ]
        assert index.merge("t", EVERYTHING, given) == Merged(new=5)
        assert list(index.listed_copies("t")) == given
        keys = ["e", "none", *"abcd", "a"]
        assert index.listed_at("t", keys) == [given[4], None, *given[:4], given[0]]

    def test_merged_again(self, index: IndexWithListings) -> None:
        """A merge that is repeated changes nothing."""
        given = numbered(range(MANY))
        for merged in (Merged(new=MANY), Merged(unchanged=MANY)):
            assert index.merge("t", EVERYTHING, iter(given)) == merged
            assert list(index.listed_copies("t")) == given

    def test_span(self, index: IndexWithListings) -> None:
        """A merge replaces what is within its span: behind the first key, and the last included."""
        index.merge("t", EVERYTHING, listed("abcde"))
        merged = index.merge("t", Span("b", "d"), listed(["bb", "d"]))
        assert merged == Merged(new=1, gone=1, unchanged=1)
        assert list(index.listed_copies("t")) == listed(["a", "b", "bb", "d", "e"])

    def test_empty_span(self, index: IndexWithListings) -> None:
        """A merge without entries deletes all within its span, and nothing else."""
        index.merge("t", EVERYTHING, listed("abcde"))
        assert index.merge("t", Span("b", "d"), []) == Merged(gone=2)
        assert index.merge("t", Span("bb", "bc"), []) == Merged()
        assert list(index.listed_copies("t")) == listed("abe")
        assert index.merge("t", EVERYTHING, []) == Merged(gone=3)
        assert list(index.listed_copies("t")) == []
        assert index.listed_sizes("t", [1000]) == [None]

    def test_incomplete(self, index: IndexWithListings) -> None:
        """Entries are kept that an incomplete listing does not have."""
        index.merge("t", EVERYTHING, listed("ace"))
        given = [a_listed("b"), a_listed("c", "new")]
        assert index.merge("t", EVERYTHING, given, complete=False) == Merged(new=1, changed=1)
        assert list(index.listed_copies("t")) == [a_listed("a"), *given, a_listed("e")]
        assert index.merge("t", EVERYTHING, [], complete=False) == Merged()
        assert len(list(index.listed_copies("t"))) == 4

    @pytest.mark.parametrize(
        "fields",
        [{"size": 1001}, {"tag": bytes(16)}, {"parts": 1}, {"is_opaque": True}, {"modified": 5}],
        ids=str,
    )
    def test_changed(self, index: IndexWithListings, fields: dict[str, Any]) -> None:
        """Another tag, size or time is a change, and is kept."""
        index.merge("t", EVERYTHING, listed("abc"))
        given = [a_listed("a"), a_listed("b", **fields), a_listed("c")]
        assert index.merge("t", EVERYTHING, given) == Merged(changed=1, unchanged=2)
        assert list(index.listed_copies("t")) == given

    @pytest.mark.parametrize(
        ("fields", "moved"), [({"storage_class": "GLACIER"}, 1), ({"checksums": "SHA256"}, 0)]
    )
    @pytest.mark.parametrize("complete", [True, False])
    def test_class(
        self, index: IndexWithListings, fields: dict[str, Any], moved: int, *, complete: bool
    ) -> None:
        """Another storage class or checksum is kept, but is no change of the content."""
        index.merge("t", EVERYTHING, listed("ab"))
        given = [a_listed("a", **fields), a_listed("b")]
        for reclassified in (moved, 0):
            merged = index.merge("t", EVERYTHING, given, complete=complete)
            assert merged == Merged(unchanged=2, reclassified=reclassified)
            assert list(index.listed_copies("t")) == given

    @pytest.mark.parametrize(
        "keys",
        ["ba", "aa", "abca", ["a", "\U00010000", "\uffff"]],
        ids=["order", "twice", "end", "utf-16"],
    )
    def test_order(self, index: IndexWithListings, keys: Sequence[str]) -> None:
        """Keys that are out of order, or given twice, are refused."""
        with pytest.raises(ValueError, match="order"):
            index.merge("t", EVERYTHING, [a_listed(key) for key in keys])

    @pytest.mark.parametrize("keys", ["a", "b", "bf", "f", "cdf"])
    def test_outside(self, index: IndexWithListings, keys: str) -> None:
        """Keys outside of the span are refused, and what is listed there is kept."""
        index.merge("t", EVERYTHING, listed("abf"))
        with pytest.raises(ValueError, match=r"key|order"):
            index.merge("t", Span("b", "e"), [a_listed(key, "new") for key in keys])
        assert index.listed_at("t", ["a", "b", "f"]) == listed("abf")

    def test_interrupted(self, index: IndexWithListings) -> None:
        """If the entries break off, a prefix of the span is merged, and the rest is as before."""
        old, new = numbered(range(0, 2 * MANY, 2)), numbered(range(1, 2 * MANY, 2))
        index.merge("t", EVERYTHING, old)

        def broken() -> Iterator[ListedCopy]:
            yield from new[: MANY // 2]
            raise ConnectionError

        with pytest.raises(ConnectionError):
            index.merge("t", EVERYTHING, broken())
        found = list(index.listed_copies("t"))
        count = len(set(found) & set(new))
        last = new[count - 1].key if count else ""
        assert found == new[:count] + [copy for copy in old if copy.key > last]
        assert index.merge("t", EVERYTHING, new) == Merged(MANY - count, 0, MANY - count, count)
        assert list(index.listed_copies("t")) == new

    def test_odd_keys(self, index: IndexWithListings) -> None:
        """Keys of other programs are kept as they are, in the order of their UTF-8 bytes."""
        keys = sorted(_ODD_KEYS, key=str.encode)
        given = [a_listed(key) for key in keys]
        assert index.merge("t", EVERYTHING, given) == Merged(new=len(keys))
        assert list(index.listed_copies("t")) == given
        assert index.listed_at("t", keys) == given
        for number, key in enumerate(keys):
            assert list(index.listed_copies("t", Span(key))) == given[number + 1 :]
            assert list(index.listed_copies("t", Span("", key))) == given[: number + 1]
        assert index.merge("t", Span("", keys[-1]), given) == Merged(unchanged=len(keys))

    def test_many_changes(self, index: IndexWithListings) -> None:
        """Entries are added, changed and removed in many places of a long listing."""
        old = numbered(number for number in range(2 * MANY) if number % 7)
        new = [
            copy._replace(tag=bytes(16)) if number % 10 == 3 else copy
            for number, copy in enumerate(numbered(range(2 * MANY)))
            if number % 11
        ]
        index.merge("t", EVERYTHING, old)
        before, after = {copy.key: copy for copy in old}, {copy.key: copy for copy in new}
        changed = sum(before[key] != after[key] for key in before.keys() & after)
        both = len(before.keys() & after)
        assert index.merge("t", EVERYTHING, new) == Merged(
            len(new) - both, changed, len(old) - both, both - changed
        )
        self._check(index, new)

    def test_grows_in_one_place(self, index: IndexWithListings) -> None:
        """Many entries are inserted between two that are neighbours, and removed again."""
        ends, middle = [a_listed("a"), a_listed("z")], numbered(range(MANY))
        index.merge("t", EVERYTHING, ends)
        assert index.merge("t", Span("a", "y"), middle) == Merged(new=MANY)
        self._check(index, [ends[0], *middle, ends[1]])
        for number, copy in enumerate(middle[: MANY // 2 : 50]):
            near = a_listed(f"{copy.key}+", size=5)
            assert index.merge("t", Span(copy.key, f"{copy.key}~"), [near]) == Merged(new=1)
            middle.insert(number * 51 + 1, near)
        self._check(index, [ends[0], *middle, ends[1]])
        assert index.merge("t", Span("a", "y"), []) == Merged(gone=len(middle))
        self._check(index, ends)

    @staticmethod
    def _check(index: IndexWithListings, given: Sequence[ListedCopy]) -> None:
        """Check that these entries are found by every query, and no others."""
        assert list(index.listed_copies("t")) == given
        assert index.listed_at("t", [copy.key for copy in given]) == given
        sizes: dict[int, list[ListedCopy]] = {}
        for copy in given:
            sizes.setdefault(copy.size, []).append(copy)
        counts = [min(len(found), MOST_COUNTED) for found in sizes.values()]
        answers = index.listed_sizes("t", list(sizes))
        assert [answer and answer.copies for answer in answers] == counts
        for size, copies in sizes.items():
            wanted = {(copy.parts, copy.tag) for copy in copies[:20]}
            found = index.matching("t", size, wanted, len(given))
            assert sorted(found) == [copy for copy in copies if (copy.parts, copy.tag) in wanted]

    def test_spans_at_once(self, index: IndexWithListings) -> None:
        """Threads merge neighbouring spans concurrently, and nothing is lost."""
        given = numbered(range(THREADS * 1000))
        index.merge("t", EVERYTHING, given[::3])

        def merge(number: int) -> Merged:
            own = given[number * 1000 : number * 1000 + 1000]
            after = given[number * 1000 - 1].key if number else ""
            return index.merge("t", Span(after, own[-1].key), own)

        merged = at_once(merge)
        assert sum(one.new + one.unchanged for one in merged) == len(given)
        assert index.merge("t", EVERYTHING, given) == Merged(unchanged=len(given))
        self._check(index, given)

    # Lookup by size

    def test_sizes(self, index: IndexWithListings) -> None:
        """The copies of a size are counted, with the numbers of their parts."""
        given = [
            a_listed("a"),
            a_listed("b", parts=3),
            a_listed("c", parts=3, is_opaque=True),
            a_listed("d", size=7, is_opaque=True),
            a_listed("e", size=8),
        ]
        index.merge("t", EVERYTHING, given)
        assert index.listed_sizes("t", [8, 1000, 9, 7, 1000]) == [
            SizeListing(frozenset({0}), opaque=0, copies=1, in_parts=0),
            SizeListing(frozenset({0, 3}), opaque=1, copies=3, in_parts=1),
            None,
            SizeListing(frozenset({0}), opaque=1, copies=1, in_parts=0),
            SizeListing(frozenset({0, 3}), opaque=1, copies=3, in_parts=1),
        ]

    def test_counting_stops(self, index: IndexWithListings) -> None:
        """Copies are counted up to a limit; numbers of parts are found behind it, too."""
        count = MOST_COUNTED + 300
        given = [a_listed(f"{number:05d}", is_opaque=number < count) for number in range(2 * count)]
        given[-1] = given[-1]._replace(parts=77)
        index.merge("t", EVERYTHING, given)
        parts = frozenset({0, 77})
        counted = SizeListing(parts, opaque=MOST_COUNTED, copies=MOST_COUNTED, in_parts=1)
        assert index.listed_sizes("t", [1000]) == [counted]

    def test_counting_parts_stops(self, index: IndexWithListings) -> None:
        """Copies over several parts are counted up to the limit, whatever the numbers of parts."""
        count = MOST_COUNTED + 300
        given = [a_listed(f"{number:05d}", parts=2 + number % 2) for number in range(count)]
        index.merge("t", EVERYTHING, given)
        counted = SizeListing(frozenset({2, 3}), 0, MOST_COUNTED, MOST_COUNTED)
        assert index.listed_sizes("t", [1000]) == [counted]

    def test_matching(self, index: IndexWithListings) -> None:
        """Copies are found by size, number of parts and tag, whether opaque or not."""
        given = [
            a_listed("a", "x"),
            a_listed("b", "x", is_opaque=True),
            a_listed("c", "x", parts=2),
            a_listed("d", "x", size=7),
            a_listed("e", "y"),
        ]
        index.merge("t", EVERYTHING, given)
        x, y = given[0].tag, given[4].tag
        assert sorted(index.matching("t", 1000, [(0, x)], 9)) == given[:2]
        assert index.matching("t", 1000, {(2, x), (3, x), (2, y)}, 9) == given[2:3]
        assert sorted(index.matching("t", 1000, [(0, y), (2, x)], 9)) == [given[2], given[4]]
        assert index.matching("t", 8, [(0, x)], 9) == []
        assert index.matching("t", 1000, [(0, x[:4] + bytes(12))], 9) == []

    def test_matching_any_tag(self, index: IndexWithListings) -> None:
        """Without tags, all copies of the size are found."""
        given = [a_listed("a", "x"), a_listed("b", parts=3), a_listed("c", is_opaque=True)]
        index.merge("t", EVERYTHING, [*given, a_listed("d", size=7)])
        assert sorted(index.matching("t", 1000, None, 9)) == given
        assert len(index.matching("t", 1000, None, 2)) == 2
        assert index.matching("t", 8, None, 9) == []

    def test_matching_limit(self, index: IndexWithListings) -> None:
        """At most `limit` copies are returned, each once, even if all have the same tag."""
        given = [a_listed(f"{number:05d}", "x") for number in range(MANY)]
        index.merge("t", EVERYTHING, given)
        tags = [(0, given[0].tag), (1, given[0].tag)]
        for limit in (1, 2, 30, MANY, 2 * MANY):
            found = index.matching("t", 1000, tags, limit)
            assert len(set(found)) == len(found) == min(limit, MANY)
            assert set(found) <= set(given)

    def test_opaque(self, index: IndexWithListings) -> None:
        """Opaque copies of a size are found, the most recently modified first."""
        given = [
            a_listed(f"{n:05d}", is_opaque=n % 2 == 0, modified=1_700_000_000 + n * 7919 % MANY)
            for n in range(MANY)
        ]
        index.merge("t", EVERYTHING, [*given, a_listed("z", size=7, is_opaque=True)])
        newest = sorted((c for c in given if c.is_opaque), key=lambda copy: -copy.modified)
        for limit in (1, 2, 100, MANY):
            assert index.opaque("t", 1000, limit) == newest[:limit]
        assert index.opaque("t", 8, 9) == []

    def test_opaque_changes(self, index: IndexWithListings) -> None:
        """A copy that is no longer opaque, or was modified, is not found as before."""
        old = [a_listed(key, is_opaque=True, modified=ord(key)) for key in "abc"]
        index.merge("t", EVERYTHING, old)
        new = [old[0]._replace(modified=999), old[1]._replace(is_opaque=False), old[2]]
        index.merge("t", EVERYTHING, new)
        assert index.opaque("t", 1000, 9) == [new[0], new[2]]
        assert index.listed_sizes("t", [1000]) == [SizeListing(frozenset({0}), 2, 3, 0)]

    def test_in_parts(self, index: IndexWithListings) -> None:
        """Copies of a size over two or more parts are found, but for opaque ones."""
        given = [a_listed(f"{n:05d}", parts=n % 4, is_opaque=n % 3 == 0) for n in range(MANY)]
        index.merge("t", EVERYTHING, [*given, a_listed("z", size=7, parts=2)])
        several = [copy for copy in given if copy.parts > 1 and not copy.is_opaque]
        assert sorted(index.in_parts("t", 1000, MANY)) == several
        for limit in (1, 2, 100):
            found = index.in_parts("t", 1000, limit)
            assert len(set(found)) == limit
            assert set(found) <= set(several)
        assert index.in_parts("t", 7, 9) == [a_listed("z", size=7, parts=2)]
        assert index.in_parts("t", 8, 9) == []
        assert index.in_parts("t", 0, 9) == []

    # Deletion

    def test_unlist(self, index: IndexWithListings) -> None:
        """An entry is deleted, and found by nothing."""
        given = listed("abc")
        index.merge("t", EVERYTHING, given)
        wanted = [given[1], a_listed("none"), given[2], given[1]]
        assert index.unlist("t", wanted) == [True, False, True, False]
        self._check(index, given[:1])
        assert index.merge("t", EVERYTHING, given) == Merged(new=2, unchanged=1)

    @pytest.mark.parametrize("fields", [{"size": 1001}, {"tag": bytes(16)}, {"modified": 5}])
    def test_unlist_if_as_given(self, index: IndexWithListings, fields: dict[str, Any]) -> None:
        """An entry that has changed since is kept."""
        new = a_listed("a", **fields)
        index.merge("t", EVERYTHING, [new])
        assert index.unlist("t", listed("a")) == [False]
        assert list(index.listed_copies("t")) == [new]

    def test_unlist_many(self, index: IndexWithListings) -> None:
        """Thousands of entries are deleted in one call, in any order."""
        given = numbered(range(MANY))
        index.merge("t", EVERYTHING, given)
        unlisted = [copy for number, copy in enumerate(given) if number % 3 or number < MANY // 3]
        assert all(index.unlist("t", unlisted[::-1]))
        self._check(index, [copy for copy in given if copy not in set(unlisted)])

    # Beside copies

    def test_beside_copies(self, index: IndexWithListings) -> None:
        """A listed copy is ignored by everything else; a copy at its key is kept beside it."""
        copy = a_copy("a", proved("a"))
        index.merge("t", EVERYTHING, listed("ab"))
        assert index.at("t", ["a"]) == [None]
        assert list(index.copies()) == []
        assert index.schemes("t", [1000]) == [frozenset()]
        index.record("t", [copy])
        assert index.listed_at("t", ["a"]) == listed("a")
        assert index.at("t", ["a", "b"]) == [copy, None]
        assert index.merge("t", EVERYTHING, []) == Merged(gone=2)
        assert index.lookup("t", [sha256_of("a")]) == [copy]
        index.merge("t", EVERYTHING, listed("a"))
        assert index.forget("t", [copy]) == [True]
        assert list(index.listed_copies("t")) == listed("a")

    def test_copies_within(self, index: IndexWithListings) -> None:
        """The copies within a span are found, in the order of the UTF-8 bytes of their keys."""
        keys = sorted(_ODD_KEYS, key=str.encode)
        copies = [a_copy(key, Digests()) for key in keys]
        index.add(("t", copy) for copy in reversed(copies))
        index.merge("t", EVERYTHING, listed("bc"))
        assert list(index.copies_within("t", EVERYTHING)) == copies
        for number, key in enumerate(keys):
            assert list(index.copies_within("t", Span(key))) == copies[number + 1 :]
            assert list(index.copies_within("t", Span("", key))) == copies[: number + 1]
        assert list(index.copies_within("t", Span(keys[2], keys[5]))) == copies[3:6]

    def test_many_copies_within(self, index: IndexWithListings) -> None:
        """Thousands of copies are found within a span."""
        copies = [a_copy(f"{number:05d}", proved(str(number))) for number in range(2 * MANY)]
        index.add(("t", copy) for copy in copies)
        span = Span(copies[99].key, copies[99 + MANY].key)
        assert list(index.copies_within("t", span)) == copies[100 : 100 + MANY]

    # Tenants

    def test_listings_are_apart(self, index: IndexWithListings) -> None:
        """A tenant neither sees nor changes what is listed for another tenant (P5)."""
        own, other = listed("abc"), [a_listed("b", is_opaque=True)]
        index.merge("t", EVERYTHING, own)
        assert index.merge("u", EVERYTHING, other) == Merged(new=1)
        index.add([("t", a_copy("a", proved("a")))])
        assert list(index.listed_copies("u")) == other
        assert index.listed_at("u", ["a", "b"]) == [None, other[0]]
        assert index.listed_sizes("u", [1000]) == [SizeListing(frozenset({0}), 1, 1, 0)]
        assert index.listed_sizes("v", [1000]) == [None]
        assert index.matching("u", 1000, [(0, own[0].tag)], 9) == []
        assert index.opaque("t", 1000, 9) == []
        assert index.in_parts("v", 1000, 9) == []
        assert list(index.copies_within("u", EVERYTHING)) == []
        assert index.unlist("u", own) == [False, False, False]
        assert index.merge("u", EVERYTHING, []) == Merged(gone=1)
        assert list(index.listed_copies("t")) == own

    def test_tenants(self, index: IndexWithListings) -> None:
        """Every tenant that has copies or listed copies is named once, in order."""
        assert index.tenants() == []
        index.add((name, a_copy(key, Digests())) for name in ("c", "a-1") for key in "ab")
        index.merge("b", EVERYTHING, listed("ab"))
        index.merge("c", EVERYTHING, listed("ab"))
        assert index.tenants() == ["a-1", "b", "c"]

    # Closing

    def test_listings_closed(self, index: IndexWithListings) -> None:
        """After `close` all methods raise Unavailable."""
        index.merge("t", EVERYTHING, listed("a"))
        index.close()
        calls: list[Callable[[], object]] = [
            lambda: index.merge("t", EVERYTHING, listed("a")),
            lambda: list(index.listed_copies("t")),
            lambda: index.listed_at("t", ["a"]),
            lambda: index.listed_sizes("t", [1000]),
            lambda: index.matching("t", 1000, [(0, bytes(16))], 9),
            lambda: index.opaque("t", 1000, 9),
            lambda: index.in_parts("t", 1000, 9),
            lambda: index.unlist("t", listed("a")),
            lambda: list(index.copies_within("t", EVERYTHING)),
            index.tenants,
        ]
        for call in calls:
            with pytest.raises(Unavailable):
                call()
