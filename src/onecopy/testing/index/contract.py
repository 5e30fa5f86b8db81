"""The contract of `Index`, as tests."""
# ruff: noqa: S101 - a contract is made of assertions

from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import (
    CLIENT_MD5,
    CRC64NVME,
    MD5,
    SHA256,
    SMALLEST_PART,
    Digest,
    content_scheme,
)
from onecopy.errors import Unavailable
from onecopy.index.interface import MAX_IDENTITY_BYTES, Index
from onecopy.testing.index.values import (
    FOREIGN_KEYS,
    MANY,
    MD5_PARTS,
    SHA256_PARTS,
    THREADS,
    a_copy,
    at_once,
    claimed,
    copies_of,
    crc_of,
    md5_of,
    proved,
    sha256_of,
)


class IndexContract:
    """What every index does: the contract of `Index`."""

    @pytest.fixture
    def index(self) -> Index | Iterator[Index]:
        """Return or yield an empty index."""
        raise NotImplementedError

    # Lookup

    def test_empty(self, index: Index) -> None:
        """A new index is empty."""
        assert index.lookup("t", [sha256_of("a"), md5_of("a")]) == [None, None]
        assert index.at("t", ["a"]) == [None]
        assert index.schemes("t", [1000]) == [frozenset()]
        assert list(index.copies()) == []
        assert list(index.copies("t")) == []
        assert list(index.copies("t", digest=sha256_of("a"))) == []

    def test_nothing_asked(self, index: Index) -> None:
        """Calls without arguments return empty results."""
        index.record("t", [a_copy("a", proved("a"))])
        assert index.lookup("t", []) == []
        assert index.at("t", []) == []
        assert index.schemes("t", []) == []
        assert index.record("t", []) == []
        assert index.add([]) == 0
        assert index.forget("t", []) == []

    def test_found_by_each_digest(self, index: Index) -> None:
        """Each digest of a copy finds it, with all its digests."""
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
        """Results are in the order of the arguments, including repeated and unknown digests."""
        copies = [a_copy(f"k{number}", proved(f"c{number}")) for number in range(MANY)]
        index.add(("t", copy) for copy in copies)
        wanted = [number * 7919 % (2 * MANY) for number in range(3 * MANY)]
        answers = index.lookup("t", [sha256_of(f"c{number}") for number in wanted])
        assert answers == [copies[number] if number < MANY else None for number in wanted]

    def test_scheme_is_part_of_a_digest(self, index: Index) -> None:
        """The same value with another scheme is another digest."""
        index.record("t", [a_copy("a", proved("a"))])
        value = sha256_of("a").value
        assert index.lookup("t", [Digest(SHA256_PARTS, value)]) == [None]
        assert index.lookup("t", [Digest(MD5, value[:16])]) == [None]

    def test_alike_digests(self, index: Index) -> None:
        """Digests with the same prefix, which anybody can construct, are distinguished."""
        start = sha256_of("a").value[:24]
        digests = [Digest(SHA256, start + bytes([number]) * 8) for number in range(10)]
        copies = [a_copy(f"k{d.value[-1]}", Digests.proved(d)) for d in digests[:9]]
        assert index.record("t", copies) == copies
        assert index.lookup("t", digests) == [*copies, None]
        assert [index.lookup("t", [digest])[0] for digest in digests] == [*copies, None]
        assert [list(index.copies("t", digest=d)) for d in digests[8:]] == [[("t", copies[8])], []]

    def test_alike_digests_of_one_copy(self, index: Index) -> None:
        """A copy that proves a digest and claims a similar one is not first for both."""
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
        """Order: copies with a proved content digest, with a proved digest, claims."""
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
        """Results are in the order of the keys, including repeated and unknown ones."""
        a, b = a_copy("a", proved("a")), a_copy("b", claimed(md5_of("b")))
        index.add([("t", a), ("t", b)])
        assert index.at("t", ["b", "x", "a", "b"]) == [b, None, a, b]

    def test_odd_names(self, index: Index) -> None:
        """Unusual names are kept unchanged, up to the longest."""
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
            *FOREIGN_KEYS,
        ]
        copies = [a_copy(key, proved(key), identity='"x" \\ \u00a0 \U0001f600') for key in keys]
        copies.append(a_copy("i", proved("i"), identity=MAX_IDENTITY_BYTES * "i"))
        index.record("t", copies)
        assert index.at("t", [copy.key for copy in copies]) == copies
        assert sorted(copy for _, copy in index.copies("t")) == sorted(copies)

    def test_large_numbers(self, index: Index) -> None:
        """The largest size and distant times are kept exactly."""
        digest = Digest(content_scheme(5 * 10**13), bytes(32))
        copy = Copy("a", 5 * 10**13, Digests.proved(digest), "i", 253_402_300_799_999, -1)
        index.record("t", [copy])
        assert index.lookup("t", [digest]) == [copy]
        assert index.schemes("t", [copy.size, copy.size - 1]) == [{digest.scheme}, set()]

    # Recording

    def test_first_wins(self, index: Index) -> None:
        """The first of equal contents is the copy of record; the others are extra copies."""
        first, second = copies_of("a", 2)
        assert index.record("t", [first]) == [first]
        assert index.record("t", [second]) == [first]
        assert index.lookup("t", [sha256_of("a")]) == [first]
        assert list(index.copies("t", digest=sha256_of("a"))) == [("t", first), ("t", second)]
        assert index.at("t", [second.key]) == [second]

    def test_first_wins_within_a_call(self, index: Index) -> None:
        """Equal contents in one call also have one copy of record."""
        first, second = copies_of("a", 2)
        other = a_copy("other", proved("b"))
        assert index.record("t", [first, other, second]) == [first, other, first]

    def test_race(self, index: Index) -> None:
        """If threads record the same contents, one wins for each content, and all get its copy."""
        contents = [f"content {number}" for number in range(20)]

        def record(thread: int) -> list[Copy]:
            own = [a_copy(f"{content} of {thread}", proved(content)) for content in contents]
            return [copy for each in own for copy in index.record("t", [each])]

        answers = at_once(record)
        assert answers == [answers[0]] * THREADS
        assert index.lookup("t", [sha256_of(content) for content in contents]) == answers[0]
        assert len(list(index.copies("t"))) == THREADS * len(contents)

    def test_record_again(self, index: Index) -> None:
        """Recording again changes nothing, whichever copy was first."""
        first, second = copies_of("a", 2)
        for _ in range(2):
            assert index.record("t", [first, second]) == [first, first]
        later = second._replace(recorded_ms=second.recorded_ms + 5)
        assert index.record("t", [later]) == [first]
        assert list(index.copies("t", digest=sha256_of("a"))) == [("t", first), ("t", second)]

    @pytest.mark.parametrize(
        "digests", [Digests(), claimed(sha256_of("a")), Digests.proved(md5_of("a"))]
    )
    def test_record_needs_proof(self, index: Index, digests: Digests) -> None:
        """A copy without a proved content digest is refused, together with the whole call."""
        with pytest.raises(ValueError, match="content digest"):
            index.record("t", [a_copy("good", proved("good")), a_copy("bad", digests)])
        assert list(index.copies()) == []

    def test_whole_digest_of_a_large_content(self, index: Index) -> None:
        """The whole SHA-256 of a large content is not its content digest, so it is refused."""
        copy = a_copy("a", proved("a"), size=SMALLEST_PART)
        with pytest.raises(ValueError, match="content digest"):
            index.record("t", [copy])
        index.add([("t", copy)])
        assert index.lookup("t", [sha256_of("a")]) == [copy]

    def test_replaced(self, index: Index) -> None:
        """Another object at a key replaces the previous one completely."""
        old, new = a_copy("k", proved("a")), a_copy("k", proved("b"), size=2000, identity="v2")
        index.record("t", [old])
        assert index.record("t", [new]) == [new]
        assert index.at("t", ["k"]) == [new]
        assert index.lookup("t", [sha256_of("a"), md5_of("a"), sha256_of("b")]) == [None, None, new]
        assert index.schemes("t", [1000, 2000]) == [frozenset(), {SHA256}]
        assert list(index.copies()) == [("t", new)]

    def test_replaced_by_an_equal_one(self, index: Index) -> None:
        """A copy of record that is stored again becomes an extra copy, after the older ones."""
        first, second = copies_of("a", 2)
        index.record("t", [first, second])
        anew = first._replace(identity="v2", recorded_ms=first.recorded_ms + 1)
        assert index.record("t", [anew]) == [second]
        assert list(index.copies("t", digest=sha256_of("a"))) == [("t", second), ("t", anew)]

    def test_merged(self, index: Index) -> None:
        """New digests of the same object are merged, and its first time of recording stays."""
        old = a_copy(
            "k", Digests.of({md5_of("a"): Evidence.PROVED, sha256_of("a"): Evidence.CLAIMED})
        )
        index.add([("t", old)])
        new = old._replace(digests=Digests.proved(sha256_of("a")), recorded_ms=9, stored_ms=8)
        both = new._replace(digests=proved("a"), recorded_ms=old.recorded_ms)
        assert index.record("t", [new]) == [both]
        assert index.lookup("t", [md5_of("a"), sha256_of("a")]) == [both, both]
        assert list(index.copies()) == [("t", both)]

    def test_proof_stays(self, index: Index) -> None:
        """A proved digest stays proved when it is claimed later."""
        copy = a_copy("k", proved("a"))
        index.record("t", [copy])
        index.add([("t", copy._replace(digests=claimed(md5_of("a"))))])
        assert index.at("t", ["k"]) == [copy]

    def test_contradiction(self, index: Index) -> None:
        """A digest that contradicts a later proof no longer finds the object."""
        index.record("t", [a_copy("k", proved("a"))])
        new = a_copy("k", Digests.proved(sha256_of("b")))
        merged = new._replace(digests=Digests.proved(sha256_of("b"), md5_of("a")))
        assert index.record("t", [new]) == [merged]
        assert index.lookup("t", [sha256_of("a"), sha256_of("b")]) == [None, merged]

    def test_proved_late(self, index: Index) -> None:
        """A copy whose content digest is proved later does not become the copy of record."""
        early, first = copies_of("a", 2)
        index.add([("t", early._replace(digests=Digests.proved(md5_of("a"))))])
        assert index.record("t", [first]) == [first]
        assert index.record("t", [early]) == [first]
        assert index.record("t", [first]) == [first]
        assert list(index.copies("t", digest=sha256_of("a"))) == [("t", first), ("t", early)]

    # Adding

    def test_add(self, index: Index) -> None:
        """Many copies of several tenants are recorded, proved or not."""
        kinds = [proved("a"), claimed(sha256_of("b")), Digests.proved(md5_of("c")), Digests()]
        given = [
            (f"t{number % 3}", a_copy(f"k{number}", kinds[number % 4])) for number in range(MANY)
        ]
        assert index.add(pair for pair in given) == MANY
        assert sorted(index.copies()) == sorted(given)

    def test_add_again(self, index: Index) -> None:
        """Adding again changes nothing; the result counts known copies, too."""
        given = [("t", copy) for copy in copies_of("a", MANY)]
        index.add(given[: MANY // 2])
        before = list(index.copies("t", digest=sha256_of("a")))
        assert index.add(given[: MANY // 2]) == MANY // 2
        assert list(index.copies("t", digest=sha256_of("a"))) == before
        assert index.add(given) == MANY
        assert list(index.copies("t", digest=sha256_of("a"))) == given

    def test_add_in_order(self, index: Index) -> None:
        """The first of several equal contents becomes the copy of record."""
        copies = copies_of("a", 50)
        given = [("t", copies[number * 7 % 50]) for number in range(50)]
        index.add(given)
        assert list(index.copies("t", digest=sha256_of("a"))) == given

    def test_key_twice_in_add(self, index: Index) -> None:
        """A key that occurs several times has the last object, with all its digests."""
        old = a_copy("k", proved("old"))
        new = a_copy("k", claimed(md5_of("new")), identity="v2")
        more = new._replace(digests=Digests.proved(sha256_of("new")), recorded_ms=1)
        assert index.add([("t", old), ("t", new), ("u", old), ("t", more)]) == 4
        digests = Digests.of({sha256_of("new"): Evidence.PROVED, md5_of("new"): Evidence.CLAIMED})
        merged = new._replace(digests=digests)
        assert sorted(index.copies()) == [("t", merged), ("u", old)]
        assert index.lookup("t", [md5_of("old"), md5_of("new")]) == [None, merged]

    def test_add_is_interrupted(self, index: Index) -> None:
        """An error of the iterable is raised; what was recorded is a prefix of complete copies."""
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
        """Each size yields exactly the schemes that find its copies."""
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

    def test_crc(self, index: Index) -> None:
        """A CRC finds its copies, and neither does a SHA-256 that begins with the same bytes."""
        proved_crc = a_copy("a", Digests.proved(crc_of("c"), md5_of("c")))
        claimed_crc = a_copy("b", claimed(crc_of("c"), md5_of("c")), size=2000)
        read = a_copy("c", Digests.proved(sha256_of("c"), crc_of("d")), size=3000)
        index.add([("t", copy) for copy in (claimed_crc, proved_crc, read)])
        wanted = [crc_of("c"), sha256_of("c"), crc_of("d"), sha256_of("d"), crc_of("e")]
        assert index.lookup("t", wanted) == [proved_crc, read, read, None, None]
        assert [index.lookup("t", [digest])[0] for digest in wanted] == [
            proved_crc,
            read,
            read,
            None,
            None,
        ]
        pairs = [("t", proved_crc), ("t", claimed_crc)]
        assert list(index.copies("t", digest=crc_of("c"))) == pairs
        expected = [{SHA256, CRC64NVME}, {SHA256, CRC64NVME, MD5}, {SHA256}]
        assert index.schemes("t", [1000, 2000, 3000]) == expected
        assert sorted(index.copies()) == sorted([*pairs, ("t", read)])
        index.forget("t", [proved_crc, claimed_crc])
        assert index.lookup("t", [crc_of("c")]) == [None]
        assert index.schemes("t", [1000, 2000]) == [frozenset(), frozenset()]

    def test_schemes_follow(self, index: Index) -> None:
        """Schemes disappear when copies are proved, replaced or forgotten."""
        copy = a_copy("a", Digests.proved(md5_of("a")))
        index.add([("t", copy)])
        assert index.schemes("t", [1000]) == [{SHA256, MD5}]
        index.record("t", [copy._replace(digests=proved("a"))])
        assert index.schemes("t", [1000]) == [{SHA256}]
        index.forget("t", [copy])
        assert index.schemes("t", [1000]) == [frozenset()]

    def test_schemes_of_many_sizes(self, index: Index) -> None:
        """Results for thousands of sizes are in order."""
        index.add(
            ("t", a_copy(f"k{size}", proved("a"), size=size)) for size in range(1, MANY + 1, 2)
        )
        answers = index.schemes("t", range(MANY))
        assert answers == [{SHA256} if size % 2 else set() for size in range(MANY)]

    # Iteration

    def test_copies_of_a_tenant(self, index: Index) -> None:
        """All copies of one tenant, or of all tenants, are yielded exactly once."""
        given = {name: copies_of(name, MANY) for name in ("t", "u")}
        for name, copies in given.items():
            index.add((name, copy) for copy in copies)
        assert sorted(index.copies("t")) == [("t", copy) for copy in given["t"]]
        everything = [(name, copy) for name, copies in given.items() for copy in copies]
        assert sorted(index.copies()) == everything

    def test_copies_of_a_content(self, index: Index) -> None:
        """All copies of one content are yielded, of one tenant or of all tenants."""
        index.record("t", [a_copy("other", proved("b"))])
        for name in ("t", "u"):
            index.add((name, copy) for copy in copies_of("a", MANY))
        for digest in (sha256_of("a"), md5_of("a")):
            assert list(index.copies("t", digest=digest)) == [
                ("t", copy) for copy in copies_of("a", MANY)
            ]
            assert len(list(index.copies(digest=digest))) == 2 * MANY

    def test_copies_while_writing(self, index: Index) -> None:
        """Copies that stay are yielded exactly once, whatever is written during the iteration."""
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
        """Proving copies during the iteration does not repeat or skip any."""
        bare = [copy._replace(digests=Digests()) for copy in copies_of("a", MANY)]
        index.add(("t", copy) for copy in bare)
        index.record("t", [a_copy("first", proved("a"))])
        seen = []
        for _, copy in index.copies("t"):
            seen.append(copy.key)
            if len(seen) % 25 == 0 and copy.key != "first":
                index.add([("t", copy._replace(digests=proved("a")))])
        assert sorted(seen) == sorted([*(copy.key for copy in bare), "first"])

    # MD5s of clients

    def test_md5_of_a_client(self, index: Index) -> None:
        """It is a digest of its own kind: no lookup by MD5 finds it, and no probe names it."""
        stated = Digest(CLIENT_MD5, md5_of("b").value)
        copy = a_copy("a", proved("a").merged(claimed(stated)))
        index.record("t", [copy])
        assert index.lookup("t", [md5_of("b"), stated]) == [None, copy]
        assert list(index.copies("t", digest=md5_of("b"))) == []
        assert list(index.copies("t", digest=stated)) == [("t", copy)]
        assert index.schemes("t", [copy.size]) == [frozenset({SHA256})]
        second = a_copy("second", proved("b"))
        index.record("t", [second])
        assert index.lookup("t", [md5_of("b")]) == [second]

    def test_md5s_of_clients_do_not_add_up(self, index: Index) -> None:
        """The first is kept, until the MD5 is proved."""
        stated = [Digest(CLIENT_MD5, md5_of(content).value) for content in "bc"]
        content = Digests.proved(sha256_of("a"))
        for digest in stated:
            index.record("t", [a_copy("a", content.merged(claimed(digest)))])
        assert index.at("t", ["a"]) == [a_copy("a", content.merged(claimed(stated[0])))]
        index.record("t", [a_copy("a", proved("a"))])
        assert index.at("t", ["a"]) == [a_copy("a", proved("a"))]

    # Forgetting

    def test_forget(self, index: Index) -> None:
        """Nothing finds a forgotten copy; forgetting it again does nothing."""
        copy, other = a_copy("a", proved("a")), a_copy("b", proved("b"))
        index.record("t", [copy, other])
        assert index.forget("t", [copy]) == [True]
        assert index.lookup("t", [sha256_of("a"), md5_of("a")]) == [None, None]
        assert index.at("t", ["a", "b"]) == [None, other]
        assert list(index.copies()) == [("t", other)]
        assert index.forget("t", [copy, other, copy, other]) == [False, True, False, False]

    def test_forget_is_conditional(self, index: Index) -> None:
        """The record of a newer object is kept; that of the same object is deleted."""
        old = a_copy("k", Digests())
        new = a_copy("k", proved("b"), identity="v2")
        index.add([("t", old)])
        index.record("t", [new])
        assert index.forget("t", [old]) == [False]
        assert index.at("t", ["k"]) == [new]
        assert index.forget("t", [new._replace(digests=Digests(), stored_ms=1)]) == [True]

    def test_record_passes_on(self, index: Index) -> None:
        """When the copy of record is forgotten, the next one becomes the copy of record."""
        copies = copies_of("a", 3)
        index.record("t", copies)
        index.forget("t", copies[:1])
        assert index.record("t", copies[2:]) == [copies[1]]
        assert index.record("t", copies[:1]) == [copies[1]]
        assert list(index.copies("t", digest=sha256_of("a"))) == [
            ("t", copies[number]) for number in (1, 2, 0)
        ]

    # Storage classes

    @pytest.mark.parametrize("storage_class", ["STANDARD", "STANDARD_IA", "É \u20ac"])
    def test_storage_class(self, index: Index, storage_class: str) -> None:
        """A copy has its storage class however it is found."""
        copies = [a_copy(key, proved("a"))._replace(storage_class=storage_class) for key in "ab"]
        index.record("t", copies)
        found = [index.at("t", ["a"])[0], *index.lookup("t", [sha256_of("a")])]
        found += [copy for _, copy in index.copies("t")]
        assert [copy and copy.storage_class for copy in found] == [storage_class] * 4

    def test_another_storage_class(self, index: Index) -> None:
        """An object that is recorded again has the class of now, and keeps its place."""
        first, second = copies_of("a", 2)
        index.record("t", [first, second])
        for storage_class in ("DEEP_ARCHIVE", "STANDARD"):
            moved = first._replace(storage_class=storage_class, recorded_ms=10**13)
            wanted = moved._replace(recorded_ms=first.recorded_ms)
            assert index.record("t", [moved]) == [wanted]
            assert index.lookup("t", [sha256_of("a")]) == [wanted]
            assert index.at("t", [first.key]) == [wanted]
        new = a_copy(first.key, proved("a"), identity="v2")._replace(storage_class="GLACIER")
        index.record("t", [new])
        assert index.at("t", [first.key]) == [new]

    # Tenants

    def test_tenants_are_apart(self, index: Index) -> None:
        """A tenant neither sees nor changes another tenant's copies (P5)."""
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
        """After `close` all methods raise Unavailable, except `close`, which does nothing."""
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
