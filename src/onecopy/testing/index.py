"""The contract of an index as tests, for authors of back ends. Needs pytest.

    class TestMyIndex(
        IndexContract, UnreadContract, ListsContract, PagesContract, StateContract
    ):
        @pytest.fixture
        def index(self) -> Engine:
            return MyIndex(...)  # empty

An engine that lacks one of the optional Protocols leaves out the class.
"""
# ruff: noqa: S101 - a contract is made of assertions

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import md5, sha256
from itertools import chain
from threading import Barrier
from typing import Protocol, TypeVar

import pytest

from onecopy.content import Copy, Digests, Evidence, Listed
from onecopy.digest import MD5, SHA256, SMALLEST_PART, Digest, Scheme, content_scheme
from onecopy.errors import Unavailable
from onecopy.index.interface import (
    LONGEST_IDENTITY,
    Entry,
    Index,
    Lists,
    Pages,
    State,
    Unread,
)

T = TypeVar("T")

SHA256_PARTS = content_scheme(SMALLEST_PART)
MD5_PARTS = Scheme("md5", SMALLEST_PART)
MANY = 2500
"""More than an engine reads or writes at one time."""
THREADS = 8


def sha256_of(content: str) -> Digest:
    """Return the content digest of a small content."""
    return Digest(SHA256, sha256(content.encode()).digest())


def md5_of(content: str) -> Digest:
    """Return the MD5 of a content."""
    return Digest(MD5, md5(content.encode(), usedforsecurity=False).digest())


def proved(content: str) -> Digests:
    """Return what is known of a small content that was read."""
    return Digests.proved(sha256_of(content), md5_of(content))


def claimed(*digests: Digest) -> Digests:
    """Return digests that nobody has proved."""
    return Digests.of([(digest, Evidence.CLAIMED) for digest in digests])


def a_copy(key: str, digests: Digests, *, size: int = 1000, identity: str = "v1") -> Copy:
    """Return a copy that was stored and recorded at its own times."""
    stored_at = 1_700_000_000_000 + len(key)
    return Copy(
        key, size, digests, f"{identity} of {key}"[:LONGEST_IDENTITY], stored_at, stored_at + 7
    )


def copies_of(content: str, count: int) -> list[Copy]:
    """Return copies of one content at many keys."""
    return [a_copy(f"{content}/{number:05d}", proved(content)) for number in range(count)]


def at_once(do: Callable[[int], T]) -> list[T]:
    """Return what calls with the numbers from 0 return that threads make at the same time."""
    barrier = Barrier(THREADS)

    def call(number: int) -> T:
        barrier.wait()
        return do(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, range(THREADS)))


class IndexContract:
    """What every index does."""

    @pytest.fixture
    def index(self) -> Index | Iterator[Index]:
        """Return or yield an empty index."""
        raise NotImplementedError

    # Looking up

    def test_empty(self, index: Index) -> None:
        """An index of which nothing was asked yet knows nothing."""
        assert index.lookup("t", [sha256_of("a"), md5_of("a")]) == [None, None]
        assert index.at("t", ["a"]) == [None]
        assert index.schemes("t", [1000]) == [frozenset()]
        assert list(index.copies()) == []
        assert list(index.copies("t")) == []
        assert list(index.copies("t", digest=sha256_of("a"))) == []

    def test_nothing_asked(self, index: Index) -> None:
        """Empty questions get empty answers."""
        index.record("t", [a_copy("a", proved("a"))])
        assert index.lookup("t", []) == []
        assert index.at("t", []) == []
        assert index.schemes("t", []) == []
        assert index.record("t", []) == []
        assert index.add([]) == 0
        assert index.forget("t", []) == []

    def test_found_by_each_digest(self, index: Index) -> None:
        """A copy comes back whole, whichever of its digests is asked for."""
        copy = a_copy("a", proved("a"))
        index.record("t", [copy])
        assert index.lookup("t", [sha256_of("a")]) == [copy]
        assert index.lookup("t", [md5_of("a")]) == [copy]

    def test_found_by_parts(self, index: Index) -> None:
        """A large content is found by its digests over parts."""
        digests = [Digest(SHA256_PARTS, sha256(b"x").digest()), Digest(MD5_PARTS, bytes(16))]
        copy = a_copy("a", Digests.proved(*digests), size=SMALLEST_PART)
        assert index.record("t", [copy]) == [copy]
        assert index.lookup("t", digests) == [copy, copy]

    def test_lookup_in_order(self, index: Index) -> None:
        """Answers come in the order of the questions, repeated and unknown ones included."""
        copies = [a_copy(f"k{number}", proved(f"c{number}")) for number in range(MANY)]
        index.add(("t", copy) for copy in copies)
        asked = [number * 7919 % (2 * MANY) for number in range(3 * MANY)]
        answers = index.lookup("t", [sha256_of(f"c{number}") for number in asked])
        assert answers == [copies[number] if number < MANY else None for number in asked]

    def test_scheme_is_part_of_a_digest(self, index: Index) -> None:
        """The same value under another scheme is another digest."""
        index.record("t", [a_copy("a", proved("a"))])
        value = sha256_of("a").value
        assert index.lookup("t", [Digest(SHA256_PARTS, value)]) == [None]
        assert index.lookup("t", [Digest(MD5, value[:16])]) == [None]

    def test_alike_digests(self, index: Index) -> None:
        """Digests that begin alike, as anybody can make them, are told apart."""
        start = sha256_of("a").value[:24]
        digests = [Digest(SHA256, start + bytes([number]) * 8) for number in range(10)]
        copies = [a_copy(f"k{d.value[-1]}", Digests.proved(d)) for d in digests[:9]]
        assert index.record("t", copies) == copies
        assert index.lookup("t", digests) == [*copies, None]
        assert [index.lookup("t", [digest])[0] for digest in digests] == [*copies, None]
        assert [list(index.copies("t", digest=d)) for d in digests[8:]] == [[("t", copies[8])], []]

    def test_alike_digests_of_one_copy(self, index: Index) -> None:
        """A copy that proves one digest and claims one that begins alike is not first for both."""
        own = sha256_of("a")
        alike = Digest(SHA256, own.value[:31] + bytes([own.value[31] ^ 1]))
        both = Digests.of({own: Evidence.PROVED, alike: Evidence.CLAIMED})
        index.add([("t", a_copy("claims", both))])
        assert index.lookup("t", [alike]) == [a_copy("claims", both)]
        proves = a_copy("proves", Digests.proved(alike))
        index.record("t", [proves])
        assert index.lookup("t", [alike, own]) == [proves, a_copy("claims", both)]
        assert index.lookup("t", [alike]) == [proves]

    def test_first_of_many(self, index: Index) -> None:
        """Whatever was recorded first: content digest proved, then digest proved, then claimed."""
        weak = md5_of("a")
        copies = [
            a_copy("claimed", claimed(weak)),
            a_copy("proved", Digests.proved(weak)),
            a_copy("also proved", Digests.proved(weak)),
            a_copy("content digest proved", proved("a")),
            a_copy("an extra copy", proved("a")),
            a_copy("claimed, too", Digests.of({**proved("b"), weak: Evidence.CLAIMED})),
        ]
        index.add(("t", copy) for copy in copies)
        order = [copies[number] for number in (3, 4, 1, 2, 0, 5)]
        assert list(index.copies("t", digest=weak)) == [("t", copy) for copy in order]
        for copy in order:
            assert index.lookup("t", [weak]) == [copy]
            assert index.lookup("t", [weak, sha256_of("z")]) == [copy, None]
            index.forget("t", [copy])
        assert index.lookup("t", [weak]) == [None]

    def test_at(self, index: Index) -> None:
        """Keys are answered in order, repeated and unknown ones included."""
        a, b = a_copy("a", proved("a")), a_copy("b", claimed(md5_of("b")))
        index.add([("t", a), ("t", b)])
        assert index.at("t", ["b", "x", "a", "b"]) == [b, None, a, b]

    def test_odd_names(self, index: Index) -> None:
        """Names are kept to the letter, up to the longest."""
        keys = [
            "é",
            "e\u0301",
            "a b%20+c'\"\\*?",
            "A/b",
            "a/B",
            "日本語/𝄞",
            512 * "é",
            " ",
            "0",
            "-1",
        ]
        copies = [a_copy(key, proved(key), identity='"x" \\ \u00a0 \U0001f600') for key in keys]
        copies.append(a_copy("i", proved("i"), identity=LONGEST_IDENTITY * "i"))
        index.record("t", copies)
        assert index.at("t", [copy.key for copy in copies]) == copies
        assert sorted(copy for _, copy in index.copies("t")) == sorted(copies)

    def test_large_numbers(self, index: Index) -> None:
        """The largest size and far times are kept exactly."""
        digest = Digest(content_scheme(5 * 10**13), bytes(32))
        copy = Copy("a", 5 * 10**13, Digests.proved(digest), "i", 253_402_300_799_999, -1)
        index.record("t", [copy])
        assert index.lookup("t", [digest]) == [copy]
        assert index.schemes("t", [copy.size, copy.size - 1]) == [{digest.scheme}, set()]

    # Recording

    def test_first_wins(self, index: Index) -> None:
        """The first of equal contents is the copy of record; the others are kept as extra ones."""
        first, second = copies_of("a", 2)
        assert index.record("t", [first]) == [first]
        assert index.record("t", [second]) == [first]
        assert index.lookup("t", [sha256_of("a")]) == [first]
        assert list(index.copies("t", digest=sha256_of("a"))) == [("t", first), ("t", second)]
        assert index.at("t", [second.key]) == [second]

    def test_first_wins_within_a_call(self, index: Index) -> None:
        """Equal contents in one call have one copy of record, too."""
        first, second = copies_of("a", 2)
        other = a_copy("other", proved("b"))
        assert index.record("t", [first, other, second]) == [first, other, first]

    def test_race(self, index: Index) -> None:
        """Of threads that record the same contents one wins each, and all are told which."""
        contents = [f"content {number}" for number in range(20)]

        def record(thread: int) -> list[Copy]:
            own = [a_copy(f"{content} of {thread}", proved(content)) for content in contents]
            return [copy for each in own for copy in index.record("t", [each])]

        answers = at_once(record)
        assert answers == [answers[0]] * THREADS
        assert index.lookup("t", [sha256_of(content) for content in contents]) == answers[0]
        assert len(list(index.copies("t"))) == THREADS * len(contents)

    def test_record_again(self, index: Index) -> None:
        """Recording again changes nothing, whoever was first."""
        first, second = copies_of("a", 2)
        for _ in range(2):
            assert index.record("t", [first, second]) == [first, first]
        later = second._replace(recorded_at=second.recorded_at + 5)
        assert index.record("t", [later]) == [first]
        assert list(index.copies("t", digest=sha256_of("a"))) == [("t", first), ("t", second)]

    @pytest.mark.parametrize(
        "digests", [Digests(), claimed(sha256_of("a")), Digests.proved(md5_of("a"))]
    )
    def test_record_needs_proof(self, index: Index, digests: Digests) -> None:
        """A copy without a proved content digest is refused, and with it its whole call."""
        with pytest.raises(ValueError, match="content digest"):
            index.record("t", [a_copy("good", proved("good")), a_copy("bad", digests)])
        assert list(index.copies()) == []

    def test_whole_digest_of_a_large_content(self, index: Index) -> None:
        """The SHA-256 of a whole large content is not its content digest, and proves no record."""
        copy = a_copy("a", proved("a"), size=SMALLEST_PART)
        with pytest.raises(ValueError, match="content digest"):
            index.record("t", [copy])
        index.add([("t", copy)])
        assert index.lookup("t", [sha256_of("a")]) == [copy]

    def test_replaced(self, index: Index) -> None:
        """Another object at a key takes the place of the one that was there, in every respect."""
        old, new = a_copy("k", proved("a")), a_copy("k", proved("b"), size=2000, identity="v2")
        index.record("t", [old])
        assert index.record("t", [new]) == [new]
        assert index.at("t", ["k"]) == [new]
        assert index.lookup("t", [sha256_of("a"), md5_of("a"), sha256_of("b")]) == [None, None, new]
        assert index.schemes("t", [1000, 2000]) == [frozenset(), {SHA256}]
        assert list(index.copies()) == [("t", new)]

    def test_replaced_by_an_equal_one(self, index: Index) -> None:
        """A copy of record that is stored anew is an extra copy behind those now older."""
        first, second = copies_of("a", 2)
        index.record("t", [first, second])
        anew = first._replace(identity="v2", recorded_at=first.recorded_at + 1)
        assert index.record("t", [anew]) == [second]
        assert list(index.copies("t", digest=sha256_of("a"))) == [("t", second), ("t", anew)]

    def test_merged(self, index: Index) -> None:
        """What becomes known of the same object is added to what was, with its first time."""
        old = a_copy(
            "k", Digests.of({md5_of("a"): Evidence.PROVED, sha256_of("a"): Evidence.CLAIMED})
        )
        index.add([("t", old)])
        new = old._replace(digests=Digests.proved(sha256_of("a")), recorded_at=9, stored_at=8)
        both = new._replace(digests=proved("a"), recorded_at=old.recorded_at)
        assert index.record("t", [new]) == [both]
        assert index.lookup("t", [md5_of("a"), sha256_of("a")]) == [both, both]
        assert list(index.copies()) == [("t", both)]

    def test_proof_stays(self, index: Index) -> None:
        """What is proved stays so when it is claimed once more."""
        copy = a_copy("k", proved("a"))
        index.record("t", [copy])
        index.add([("t", copy._replace(digests=claimed(md5_of("a"))))])
        assert index.at("t", ["k"]) == [copy]

    def test_contradiction(self, index: Index) -> None:
        """An object is not found any more by a digest that a later proof contradicts."""
        index.record("t", [a_copy("k", proved("a"))])
        new = a_copy("k", Digests.proved(sha256_of("b")))
        merged = new._replace(digests=Digests.proved(sha256_of("b"), md5_of("a")))
        assert index.record("t", [new]) == [merged]
        assert index.lookup("t", [sha256_of("a"), sha256_of("b")]) == [None, merged]

    def test_proved_late(self, index: Index) -> None:
        """A copy whose content digest is proved later does not take the record over."""
        early, first = copies_of("a", 2)
        index.add([("t", early._replace(digests=Digests.proved(md5_of("a"))))])
        assert index.record("t", [first]) == [first]
        assert index.record("t", [early]) == [first]
        assert index.record("t", [first]) == [first]
        assert list(index.copies("t", digest=sha256_of("a"))) == [("t", first), ("t", early)]

    # Adding

    def test_add(self, index: Index) -> None:
        """Many copies of several tenants are kept, proved or not."""
        kinds = [proved("a"), claimed(sha256_of("b")), Digests.proved(md5_of("c")), Digests()]
        given = [
            (f"t{number % 3}", a_copy(f"k{number}", kinds[number % 4])) for number in range(MANY)
        ]
        assert index.add(pair for pair in given) == MANY
        assert sorted(index.copies()) == sorted(given)

    def test_add_again(self, index: Index) -> None:
        """Adding again changes nothing, and copies are given whether or not they are new."""
        given = [("t", copy) for copy in copies_of("a", MANY)]
        index.add(given[: MANY // 2])
        before = list(index.copies("t", digest=sha256_of("a")))
        assert index.add(given[: MANY // 2]) == MANY // 2
        assert list(index.copies("t", digest=sha256_of("a"))) == before
        assert index.add(given) == MANY
        assert list(index.copies("t", digest=sha256_of("a"))) == given

    def test_add_in_order(self, index: Index) -> None:
        """Of equal contents the first given is the copy of record."""
        copies = copies_of("a", 50)
        given = [("t", copies[number * 7 % 50]) for number in range(50)]
        index.add(given)
        assert list(index.copies("t", digest=sha256_of("a"))) == given

    def test_key_twice_in_add(self, index: Index) -> None:
        """A key that is given several times holds the last object, with all that is known of it."""
        old = a_copy("k", proved("old"))
        new = a_copy("k", claimed(md5_of("new")), identity="v2")
        more = new._replace(digests=Digests.proved(sha256_of("new")), recorded_at=1)
        assert index.add([("t", old), ("t", new), ("u", old), ("t", more)]) == 4
        digests = Digests.of({sha256_of("new"): Evidence.PROVED, md5_of("new"): Evidence.CLAIMED})
        merged = new._replace(digests=digests)
        assert sorted(index.copies()) == [("t", merged), ("u", old)]
        assert index.lookup("t", [md5_of("old"), md5_of("new")]) == [None, merged]

    def test_add_is_interrupted(self, index: Index) -> None:
        """An error of whoever gives copies passes; what was kept of them is a prefix, and whole."""
        given = [("t", a_copy(f"k{number:04d}", proved(str(number)))) for number in range(MANY)]

        def broken() -> Iterator[tuple[str, Copy]]:
            yield from given
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            index.add(broken())
        kept = sorted(index.copies())
        assert kept == given[: len(kept)]
        found = index.lookup("t", [md5_of(str(number)) for number in range(len(kept))])
        assert found == [copy for _, copy in kept]

    # Schemes

    def test_schemes(self, index: Index) -> None:
        """Each size is answered with what must be computed to find its copies: no more, no less."""
        weak = Digests.proved(md5_of("m"))
        parts = Digests.proved(Digest(MD5_PARTS, bytes(16)))
        index.add(
            [
                ("t", a_copy("a", proved("a"), size=1)),
                ("t", a_copy("b", proved("b"), size=1)),
                ("t", a_copy("c", weak, size=2)),
                ("t", a_copy("d", proved("d"), size=3)),
                ("t", a_copy("e", weak, size=3)),
                ("t", a_copy("f", claimed(md5_of("f"), Digest(MD5_PARTS, bytes(16))), size=3)),
                ("t", a_copy("g", Digests(), size=4)),
                ("t", a_copy("h", parts, size=SMALLEST_PART)),
            ]
        )
        both = {SHA256, MD5}
        own = {SHA256_PARTS, MD5_PARTS}
        sizes = [4, 1, SMALLEST_PART, 9, 2, 3, 1]
        expected = [{SHA256}, {SHA256}, own, set(), both, both | {MD5_PARTS}, {SHA256}]
        assert index.schemes("t", sizes) == expected

    def test_schemes_follow(self, index: Index) -> None:
        """What is proved, replaced or forgotten is no longer asked for."""
        copy = a_copy("a", Digests.proved(md5_of("a")))
        index.add([("t", copy)])
        assert index.schemes("t", [1000]) == [{SHA256, MD5}]
        index.record("t", [copy._replace(digests=proved("a"))])
        assert index.schemes("t", [1000]) == [{SHA256}]
        index.forget("t", [copy])
        assert index.schemes("t", [1000]) == [frozenset()]

    def test_schemes_of_many_sizes(self, index: Index) -> None:
        """Thousands of sizes are answered in order."""
        index.add(
            ("t", a_copy(f"k{size}", proved("a"), size=size)) for size in range(1, MANY + 1, 2)
        )
        answers = index.schemes("t", range(MANY))
        assert answers == [{SHA256} if size % 2 else set() for size in range(MANY)]

    # Going through

    def test_copies_of_a_tenant(self, index: Index) -> None:
        """All copies of one tenant, or of all tenants, each exactly once."""
        given = {name: copies_of(name, MANY) for name in ("t", "u")}
        for name, copies in given.items():
            index.add((name, copy) for copy in copies)
        assert sorted(index.copies("t")) == [("t", copy) for copy in given["t"]]
        everything = [(name, copy) for name, copies in given.items() for copy in copies]
        assert sorted(index.copies()) == everything

    def test_copies_of_a_content(self, index: Index) -> None:
        """All copies of one content, of one tenant or of all tenants."""
        index.record("t", [a_copy("other", proved("b"))])
        for name in ("t", "u"):
            index.add((name, copy) for copy in copies_of("a", MANY))
        for digest in (sha256_of("a"), md5_of("a")):
            assert list(index.copies("t", digest=digest)) == [
                ("t", copy) for copy in copies_of("a", MANY)
            ]
            assert len(list(index.copies(digest=digest))) == 2 * MANY

    def test_copies_while_writing(self, index: Index) -> None:
        """Copies that stay are seen exactly once, whatever else is written meanwhile."""
        stay = copies_of("stays", MANY)
        index.add(("t", copy) for copy in stay)
        index.add(("t", copy) for copy in copies_of("goes", 100))
        seen = []
        for number, (_, copy) in enumerate(index.copies()):
            seen.append(copy)
            if number % 100 == 0:
                index.record("t", [a_copy(f"comes {number}", proved("new"))])
                index.forget("t", [copies_of("goes", 100)[number // 100]])
        assert [copy for copy in sorted(seen) if copy.key.startswith("stays")] == stay

    def test_copies_while_proving(self, index: Index) -> None:
        """Whoever goes through the copies and records what some hold meets each exactly once."""
        bare = [copy._replace(digests=Digests()) for copy in copies_of("a", MANY)]
        index.add(("t", copy) for copy in bare)
        index.record("t", [a_copy("first", proved("a"))])
        seen = []
        for _, copy in index.copies("t"):
            seen.append(copy.key)
            if len(seen) % 25 == 0 and copy.key != "first":
                index.add([("t", copy._replace(digests=proved("a")))])
        assert sorted(seen) == sorted([*(copy.key for copy in bare), "first"])

    # Forgetting

    def test_forget(self, index: Index) -> None:
        """A forgotten copy is found by nothing any more; forgetting it again does nothing."""
        copy, other = a_copy("a", proved("a")), a_copy("b", proved("b"))
        index.record("t", [copy, other])
        assert index.forget("t", [copy]) == [True]
        assert index.lookup("t", [sha256_of("a"), md5_of("a")]) == [None, None]
        assert index.at("t", ["a", "b"]) == [None, other]
        assert list(index.copies()) == [("t", other)]
        assert index.forget("t", [copy, other, copy, other]) == [False, True, False, False]

    def test_forget_is_conditional(self, index: Index) -> None:
        """A record of a newer object stays; one of the same object goes, whatever was learnt."""
        old = a_copy("k", Digests())
        new = a_copy("k", proved("b"), identity="v2")
        index.add([("t", old)])
        index.record("t", [new])
        assert index.forget("t", [old]) == [False]
        assert index.at("t", ["k"]) == [new]
        assert index.forget("t", [new._replace(digests=Digests(), stored_at=1)]) == [True]

    def test_record_passes_on(self, index: Index) -> None:
        """When the copy of record is forgotten, the next one in order is it."""
        copies = copies_of("a", 3)
        index.record("t", copies)
        index.forget("t", copies[:1])
        assert index.record("t", copies[2:]) == [copies[1]]
        assert index.record("t", copies[:1]) == [copies[1]]
        assert list(index.copies("t", digest=sha256_of("a"))) == [
            ("t", copies[number]) for number in (1, 2, 0)
        ]

    # Tenants

    def test_tenants_are_apart(self, index: Index) -> None:
        """Whatever one tenant has, another neither sees nor changes (P5)."""
        own, others = a_copy("k", proved("a")), a_copy("k", proved("a"), identity="v2")
        index.record("t", [own])
        assert index.lookup("u", [sha256_of("a")]) == [None]
        assert index.at("u", ["k"]) == [None]
        assert index.schemes("u", [1000]) == [frozenset()]
        assert list(index.copies("u")) == []
        assert list(index.copies("u", digest=sha256_of("a"))) == []
        assert index.forget("u", [own]) == [False]
        assert index.record("u", [others]) == [others]
        assert index.lookup("t", [sha256_of("a")]) == [own]
        assert index.forget("u", [others]) == [True]
        assert index.lookup("t", [sha256_of("a")]) == [own]

    # Closing

    def test_close(self, index: Index) -> None:
        """After `close` all is Unavailable, but `close` itself, which then does nothing."""
        copy = a_copy("k", proved("a"))
        index.record("t", [copy])
        index.close()
        index.close()
        calls: list[Callable[[], object]] = [
            lambda: index.schemes("t", [1000]),
            lambda: index.lookup("t", [sha256_of("a")]),
            lambda: index.at("t", ["k"]),
            lambda: list(index.copies()),
            lambda: index.record("t", [copy]),
            lambda: index.add([("t", copy)]),
            lambda: index.forget("t", [copy]),
        ]
        for call in calls:
            with pytest.raises(Unavailable):
                call()


class LazyIndex(Index, Unread, Protocol):
    """An index that keeps copies known by size alone."""


class UnreadContract:
    """What every index does that keeps copies known by size alone."""

    @pytest.fixture
    def index(self) -> LazyIndex | Iterator[LazyIndex]:
        """Return or yield an empty index."""
        raise NotImplementedError

    def test_unread(self, index: LazyIndex) -> None:
        """Copies without any digest are found by their size, those of one tenant alone."""
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
        """Of many sizes those are told that a copy without any digest has."""
        index.add([("t", a_copy("k", Digests())), ("t", a_copy("l", Digests(), size=7))])
        index.add([("t", a_copy("read", proved("a"), size=8))])
        index.add([("u", a_copy("another's", Digests(), size=9))])
        assert index.unread_sizes("t", [9, 1000, 8, 7, 1000, 6]) == {7, 1000}
        assert index.unread_sizes("t", []) == set()
        assert index.unread_sizes("v", [7]) == set()

    def test_limit(self, index: LazyIndex) -> None:
        """No more are answered than asked for; a larger limit gives the same ones and more."""
        index.add(("t", a_copy(f"k{number}", Digests())) for number in range(10))
        some = index.unread("t", 1000, 4)
        assert len(some) == 4
        assert set(some) < set(index.unread("t", 1000, 8))
        assert index.unread("t", 1000, 0) == []

    def test_read(self, index: LazyIndex) -> None:
        """A copy of which a digest becomes known is not unread any more."""
        copy = a_copy("k", Digests())
        index.add([("t", copy), ("t", a_copy("l", Digests()))])
        index.record("t", [copy._replace(digests=proved("a"))])
        index.add([("t", a_copy("l", claimed(md5_of("a"))))])
        assert index.unread("t", 1000, 10) == []

    def test_unread_closed(self, index: LazyIndex) -> None:
        """After `close` it is Unavailable."""
        index.close()
        with pytest.raises(Unavailable):
            index.unread("t", 1000, 1)


class ListingIndex(Index, Lists, Protocol):
    """An index that also keeps lists of digests."""


class ListsContract:
    """What every index does that also keeps lists of digests without a location."""

    @pytest.fixture
    def index(self) -> ListingIndex | Iterator[ListingIndex]:
        """Return or yield an empty index."""
        raise NotImplementedError

    def test_listed(self, index: ListingIndex) -> None:
        """What is on a list is found by its digest, with the size that the list says."""
        given = [
            Listed(md5_of("a")),
            Listed(sha256_of("b"), 7),
            Listed(Digest(MD5_PARTS, b"c" * 16)),
        ]
        assert index.listed("t", [given[0].digest]) == [None]
        assert index.enlist(("t", listed) for listed in given) == 3
        for listed in given:
            assert index.listed("t", [listed.digest]) == [listed]
        digests = [md5_of("none"), *(listed.digest for listed in given), md5_of("a")]
        assert index.listed("t", digests) == [None, *given, given[0]]
        assert index.listed("t", []) == []
        assert index.enlist([]) == 0

    def test_listed_is_no_copy(self, index: ListingIndex) -> None:
        """What a list says is neither looked up nor gone through, and hides no copy."""
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
        """A listed digest is its scheme and all of its value."""
        value = sha256_of("a").value
        alike = Digest(SHA256, value[:24] + bytes(8))
        index.enlist([("t", Listed(Digest(SHA256, value), 1)), ("t", Listed(alike, 2))])
        others = [Digest(SHA256_PARTS, value), Digest(MD5, value[:16])]
        answers = [Listed(Digest(SHA256, value), 1), Listed(alike, 2), None, None]
        asked = [Digest(SHA256, value), alike, *others]
        assert index.listed("t", asked) == answers
        assert [index.listed("t", [digest])[0] for digest in asked] == answers

    def test_enlisted_again(self, index: ListingIndex) -> None:
        """Of a digest that is given again, later or in the same call, the last size stays."""
        a, b = md5_of("a"), md5_of("b")
        given = [Listed(a, 1), Listed(b, 5), Listed(a, 2), Listed(b)]
        assert index.enlist(("t", listed) for listed in given) == 4
        assert index.listed("t", [a, b]) == [Listed(a, 2), Listed(b)]
        index.enlist([("t", Listed(a, 3))])
        assert index.listed("t", [a, b]) == [Listed(a, 3), Listed(b)]

    def test_enlist_many(self, index: ListingIndex) -> None:
        """Thousands are kept, and asked for at once, in order."""
        given = [Listed(md5_of(str(number)), number or None) for number in range(MANY)]
        assert index.enlist(("t", listed) for listed in given) == MANY
        asked = [number * 7919 % (2 * MANY) for number in range(3 * MANY)]
        answers = index.listed("t", [md5_of(str(number)) for number in asked])
        assert answers == [given[number] if number < MANY else None for number in asked]

    def test_schemes_of_lists(self, index: ListingIndex) -> None:
        """A list with sizes has its scheme asked for at these, one without at every size."""
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
        """Whatever is on one tenant's lists, another neither sees nor changes (P5)."""
        digest = md5_of("a")
        index.enlist(
            [("t", Listed(digest, 1)), ("u", Listed(digest, 2)), ("t", Listed(md5_of("b")))]
        )
        assert index.listed("t", [digest]) == [Listed(digest, 1)]
        assert index.listed("u", [digest, md5_of("b")]) == [Listed(digest, 2), None]
        assert index.listed("v", [digest, md5_of("b")]) == [None, None]
        assert index.schemes("v", [1]) == [frozenset()]

    def test_lists_closed(self, index: ListingIndex) -> None:
        """After `close` it is Unavailable."""
        index.close()
        calls: list[Callable[[], object]] = [
            lambda: index.listed("t", [md5_of("a")]),
            lambda: index.enlist([("t", Listed(md5_of("a")))]),
        ]
        for call in calls:
            with pytest.raises(Unavailable):
                call()


class MovableIndex(Index, Lists, Pages, Protocol):
    """An index that can be read from where somebody stopped."""


def moved(index: Pages, after: str | None = None) -> list[Entry]:
    """Return all entries behind a position, in order."""
    return [entry for _, entries in index.pages(after) for entry in entries]


def in_order(entries: list[Entry]) -> list[Entry]:
    """Return entries in an order of the tests' own."""
    return sorted(entries, key=repr)


class PagesContract:
    """What every index does that can be moved elsewhere, and interrupted while it is."""

    @pytest.fixture
    def index(self) -> MovableIndex | Iterator[MovableIndex]:
        """Return or yield an empty index."""
        raise NotImplementedError

    def fill(self, index: MovableIndex) -> list[Entry]:
        """Keep copies and lists of two tenants; return all of it."""
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
        """All copies and listed digests of all tenants come, whole, in pages of bounded size."""
        assert list(index.pages()) == []
        given = self.fill(index)
        pages = list(index.pages())
        assert in_order([entry for _, page in pages for entry in page]) == in_order(given)
        assert all(0 < len(page) <= 10_000 for _, page in pages)
        positions = [position for position, _ in pages]
        assert len(set(positions)) == len(positions)
        assert all(position.isascii() and len(position) <= 4096 for position in positions)

    def test_resumed(self, index: MovableIndex) -> None:
        """Behind any position there is what had not been seen when it was given."""
        self.fill(index)
        pages = list(index.pages())
        for at, (position, _) in enumerate(pages):
            rest = [entry for _, page in pages[at + 1 :] for entry in page]
            assert in_order(moved(index, position)) == in_order(rest)

    def test_what_stays_is_seen(self, index: MovableIndex) -> None:
        """What stays is seen, whatever comes, goes and becomes known meanwhile."""
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

    def test_count(self, index: MovableIndex) -> None:
        """It is said about how many there are."""
        assert index.count() == 0
        given = self.fill(index)
        assert 0.9 * len(given) < index.count() < 1.1 * len(given)

    def test_pages_closed(self, index: MovableIndex) -> None:
        """After `close` it is Unavailable."""
        index.close()
        calls: list[Callable[[], object]] = [index.count, lambda: list(index.pages())]
        for call in calls:
            with pytest.raises(Unavailable):
                call()


class ClosableState(State, Protocol):
    """A state that can be closed."""

    def close(self) -> None:
        """Give back what it holds."""
        ...


class StateContract:
    """What every engine does that keeps a state."""

    @pytest.fixture
    def index(self) -> ClosableState | Iterator[ClosableState]:
        """Return or yield an engine with an empty state."""
        raise NotImplementedError

    def test_value(self, index: ClosableState) -> None:
        """A value is put where there is none, changed and removed, and read in between."""
        assert index.get("name") is None
        assert index.put_if("name", None, b"one")
        assert index.get("name") == b"one"
        assert index.put_if("name", b"one", b"two")
        assert index.get("name") == b"two"
        assert index.put_if("name", b"two", None)
        assert index.get("name") is None
        assert index.get("another") is None

    def test_condition(self, index: ClosableState) -> None:
        """Nothing is put where something else is than was thought."""
        assert not index.put_if("name", b"one", b"two")
        assert index.get("name") is None
        assert index.put_if("name", None, None)
        assert index.put_if("name", None, b"one")
        assert not index.put_if("name", None, b"two")
        assert not index.put_if("name", b"two", None)
        assert not index.put_if("name", b"", b"two")
        assert index.get("name") == b"one"

    @pytest.mark.parametrize("value", [b"", b"\0", bytes(range(256)) * 256])
    def test_any_bytes(self, index: ClosableState, value: bytes) -> None:
        """Values are any bytes, from none to 64 KiB, under names of up to 200 characters."""
        name = "/".join(["n:_-.~"] * 40)[:200]
        assert index.put_if(name, None, value)
        assert index.get(name) == value
        assert index.put_if(name, value, b"new")

    def test_one_wins(self, index: ClosableState) -> None:
        """Of threads that put at the same time, one is told that it did."""
        value = b""
        index.put_if("name", None, value)
        for _ in range(5):
            won = at_once(partial(self._append, index, value))
            assert won.count(True) == 1
            value += b"%d" % won.index(True)
            assert index.get("name") == value

    @staticmethod
    def _append(index: ClosableState, old: bytes, number: int) -> bool:
        return index.put_if("name", old, old + b"%d" % number)

    def test_counter(self, index: ClosableState) -> None:
        """A counter starts at 0, and goes up and down."""
        steps: Sequence[tuple[int, int]] = [(0, 0), (5, 5), (2**40, 2**40 + 5), (-6, 2**40 - 1)]
        for by, value in steps:
            assert index.increase("name", by) == value
        assert index.increase("another", 1) == 1

    def test_no_count_is_lost(self, index: ClosableState) -> None:
        """Of threads that count at the same time each gets a number of its own."""
        numbers = at_once(lambda _: [index.increase("name", 1) for _ in range(20)])
        assert sorted(chain.from_iterable(numbers)) == list(range(1, 20 * THREADS + 1))

    def test_state_closed(self, index: ClosableState) -> None:
        """After `close` it is Unavailable."""
        index.close()
        calls: list[Callable[[], object]] = [
            lambda: index.get("name"),
            lambda: index.put_if("name", None, b""),
            lambda: index.increase("name", 1),
        ]
        for call in calls:
            with pytest.raises(Unavailable):
                call()
