"""The values that every layer speaks of: evidence, the digests of a copy, the copy."""

import pickle
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onecopy.content import Copy, Digests, Evidence, Verdict
from onecopy.digest import (
    CLIENT_MD5,
    CRC64NVME,
    LARGEST_CONTENT,
    LARGEST_PART,
    MD5,
    SHA256,
    SMALLEST_PART,
    Digest,
    Scheme,
    content_scheme,
)

SCHEMES = st.sampled_from([CRC64NVME, CLIENT_MD5]) | st.builds(
    Scheme,
    st.sampled_from(["sha256", "md5"]),
    st.none() | st.sampled_from([1, SMALLEST_PART, LARGEST_PART]) | st.integers(1, LARGEST_PART),
)
EVIDENCE = st.sampled_from(Evidence)


@st.composite
def digests(draw: st.DrawFn) -> Digest:
    scheme = draw(SCHEMES)
    return Digest(scheme, draw(st.binary(min_size=scheme.length, max_size=scheme.length)))


PAIRS = st.lists(st.tuples(digests(), EVIDENCE), max_size=6)
DIGESTS = PAIRS.map(Digests.of)


def digest(scheme: Scheme, letter: str = "a") -> Digest:
    return Digest(scheme, letter.encode() * scheme.length)


def best(pairs: list[tuple[Digest, Evidence]]) -> dict[Digest, Evidence]:
    found: dict[Digest, Evidence] = {}
    for digest, evidence in pairs:
        found[digest] = max(evidence, found.get(digest, evidence))
    return found


class TestPacking:
    @given(PAIRS)
    @example([])
    def test_what_is_packed_is_read_again(self, pairs: list[tuple[Digest, Evidence]]) -> None:
        """Any digests come back with the better evidence of each, also from the bytes alone."""
        packed = Digests.of(pairs)
        assert dict(packed) == best(pairs)
        assert dict(Digests(packed.packed)) == best(pairs)
        assert dict(packed.pairs()) == best(pairs)
        assert len(packed) == len(best(pairs))
        assert Digests.of(dict(packed)) == packed

    @given(PAIRS, st.randoms(use_true_random=False))
    def test_equal_digests_are_equal_bytes(
        self, pairs: list[tuple[Digest, Evidence]], random: Random
    ) -> None:
        """The order in which digests were named makes no difference to the bytes."""
        shuffled = list(best(pairs).items())
        random.shuffle(shuffled)
        assert Digests.of(shuffled).packed == Digests.of(pairs).packed
        assert Digests.of(shuffled) == Digests.of(pairs)
        assert hash(Digests.of(shuffled)) == hash(Digests.of(pairs))

    @given(DIGESTS)
    def test_the_best_comes_first(self, packed: Digests) -> None:
        """Proved comes before claimed, SHA-256 before MD5 before CRC, whole before parts."""
        order = ["sha256", "md5", "client-md5", "crc64nvme"]
        ranks = [
            (
                -evidence,
                order.index(digest.scheme.algorithm),
                digest.scheme.part_size or 0,
                digest.value,
            )
            for digest, evidence in packed.pairs()
        ]
        assert ranks == sorted(ranks)

    @given(DIGESTS)
    def test_takes_few_bytes(self, packed: Digests) -> None:
        """A digest takes its own length and one byte, over parts five more."""
        assert len(packed.packed) == sum(
            1 + digest.scheme.length + (5 if digest.scheme.part_size else 0) for digest in packed
        )

    def test_of_most_objects_is_packed_alike(self) -> None:
        """The quick form for a SHA-256 and an MD5 is the usual one."""
        sha256, md5 = digest(SHA256), digest(MD5)
        assert Digests.of_small(sha256.value, md5.value) == Digests.proved(md5, sha256)

    def test_has_the_bytes_that_indexes_keep(self) -> None:
        """The packed form, which is stored in users' databases, does not change."""
        packed = Digests.of(
            [
                (digest(Scheme("md5", SMALLEST_PART)), Evidence.PROVED),
                (digest(CRC64NVME), Evidence.CLAIMED),
                (digest(CRC64NVME, "b"), Evidence.PROVED),
                (digest(MD5), Evidence.CLAIMED),
                (digest(Scheme("sha256", LARGEST_PART)), Evidence.CLAIMED),
                (digest(SHA256), Evidence.PROVED),
            ]
        )
        assert packed.packed.hex() == (
            "01" + "61" * 32
            + "07" + "0000800000" + "61" * 16
            + "11" + "62" * 8
            + "04" + "0140000000" + "61" * 32
            + "02" + "61" * 16
            + "10" + "61" * 8
        )  # fmt: skip

    @given(DIGESTS)
    def test_what_is_packed_is_valid(self, packed: Digests) -> None:
        """Every packed form is valid; without its last byte, or with another head, it is not."""
        assert Digests.is_valid(packed.packed)
        if packed:
            assert not Digests.is_valid(packed.packed[:-1])
            assert not Digests.is_valid(b"\x12" + packed.packed[1:])
            assert not Digests.is_valid(b"\x20" + packed.packed[1:])

    @given(DIGESTS)
    def test_survives_pickling(self, packed: Digests) -> None:
        """Spark and process pools may carry digests from one process to another."""
        assert pickle.loads(pickle.dumps(packed)) == packed


class TestDigests:
    @given(DIGESTS, digests(), EVIDENCE)
    def test_is_a_mapping(self, packed: Digests, other: Digest, evidence: Evidence) -> None:
        """It returns the evidence of a digest, and raises KeyError for other digests."""
        assert isinstance(packed, Mapping)
        more = packed.merged(Digests.of([(other, evidence)]))
        assert more[other] >= evidence
        assert (other in packed) is (packed.get(other) is not None)
        if other not in packed:
            with pytest.raises(KeyError, match=str(other.scheme).replace("+", r"\+")):
                packed[other]

    @given(DIGESTS, DIGESTS)
    def test_merging_keeps_the_better_evidence(self, one: Digests, other: Digests) -> None:
        """Merging loses no digest, keeps the better evidence, and goes either way."""
        merged = one.merged(other)
        assert dict(merged) == best([*one.pairs(), *other.pairs()])
        assert merged == other.merged(one)
        assert merged.merged(one) == merged

    def test_merging_nothing_is_free(self) -> None:
        """What adds nothing gives the very same value back."""
        packed = Digests.proved(digest(SHA256))
        assert packed.merged(Digests()) is packed
        assert packed.merged(Digests.proved(digest(SHA256))) is packed
        assert Digests().merged(packed) == packed

    def test_differs_from_other_values(self) -> None:
        """It equals nothing but digests with the same evidence."""
        claimed = Digests.of([(digest(SHA256), Evidence.CLAIMED)])
        assert claimed != Digests.proved(digest(SHA256))
        assert claimed != dict(claimed)
        assert claimed != claimed.packed

    def test_shows_what_it_holds(self) -> None:
        """Its representation names digests and evidence."""
        packed = Digests.of([(digest(MD5), Evidence.CLAIMED)])
        assert repr(packed) == f"Digests(md5:{'61' * 16} claimed)"
        assert repr(Digests()) == "Digests()"


class TestSchemes:
    def test_without_the_md5_of_a_client(self) -> None:
        """A probe never names the scheme of a digest that another client only stated."""
        packed = Digests.proved(digest(SHA256), digest(MD5), digest(CLIENT_MD5))
        assert packed.schemes == {SHA256, MD5}

    def test_a_proved_crc_saves_the_md5(self) -> None:
        """A CRC finds the copy as an MD5 does, and costs almost nothing beside SHA-256."""
        md5s = [(digest(MD5), Evidence.PROVED), (digest(Scheme("md5", 5)), Evidence.PROVED)]
        proved = (digest(CRC64NVME), Evidence.PROVED)
        assert Digests.of([proved, *md5s]).schemes == {CRC64NVME}
        assert Digests.of([proved, *md5s, (digest(SHA256), Evidence.CLAIMED)]).schemes == {
            CRC64NVME,
            SHA256,
        }

    def test_a_claimed_crc_saves_nothing(self) -> None:
        """A wrong claim must not hide the copy."""
        claimed = (digest(CRC64NVME), Evidence.CLAIMED)
        assert Digests.of([claimed, (digest(MD5), Evidence.CLAIMED)]).schemes == {CRC64NVME, MD5}


class TestContentDigest:
    @given(st.integers(1, LARGEST_CONTENT), DIGESTS, st.binary(min_size=32, max_size=32))
    @example(1, Digests.proved(digest(MD5)), b"b" * 32)
    @example(SMALLEST_PART - 1, Digests(), b"b" * 32)
    @example(SMALLEST_PART, Digests.proved(digest(SHA256)), b"b" * 32)
    def test_is_found_among_others(self, size: int, others: Digests, value: bytes) -> None:
        """The proved digest of the scheme for the size is found, whatever else there is."""
        scheme = content_scheme(size)
        rest = Digests.of([pair for pair in others.pairs() if pair[0].scheme != scheme])
        own = Digest(scheme, value)
        assert rest.content_digest(size) is None
        assert rest.merged(Digests.proved(own)).content_digest(size) == own
        claimed = rest.merged(Digests.of([(own, Evidence.CLAIMED)]))
        assert claimed.content_digest(size) is None

    def test_of_a_proved_and_a_claimed_is_the_proved(self) -> None:
        """A claimed digest of the same scheme never hides the proved one."""
        pairs = [(digest(SHA256, "a"), Evidence.CLAIMED), (digest(SHA256, "b"), Evidence.PROVED)]
        assert Digests.of(pairs).content_digest(1) == digest(SHA256, "b")

    @pytest.mark.parametrize(
        ("size", "own"),
        [
            (SMALLEST_PART - 1, SHA256),
            (SMALLEST_PART, Scheme("sha256", SMALLEST_PART)),
            (SMALLEST_PART * 10_000 + 1, Scheme("sha256", 2 * SMALLEST_PART)),
        ],
    )
    def test_of_a_copy_depends_on_its_size(self, size: int, own: Scheme) -> None:
        """A copy that has digests of several schemes is known by the one for its size."""
        schemes = [MD5, SHA256, *(Scheme("sha256", n * SMALLEST_PART) for n in (1, 2))]
        copy = Copy("key", size, Digests.proved(*map(digest, schemes)), "identity", 1, 2)
        assert copy.content_digest == digest(own)
        assert copy._replace(digests=Digests.proved(digest(MD5))).content_digest is None


def test_words_stay() -> None:
    """The words and numbers that databases and clients hold do not change."""
    assert [(evidence.name, int(evidence)) for evidence in Evidence] == [
        ("CLAIMED", 0),
        ("PROVED", 1),
    ]
    assert list(Verdict) == ["new", "duplicate", "unconfirmed"]
