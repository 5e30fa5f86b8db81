"""Values that every layer uses: contents, digests with evidence, copies, verdicts."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import NamedTuple

from onecopy.digest import (
    CLIENT_MD5,
    CRC64NVME,
    LARGEST_PART,
    MD5,
    SHA256,
    SMALLEST_PART,
    Digest,
    Scheme,
    content_scheme,
)
from onecopy.timestamp import as_datetime


class Evidence(IntEnum):
    """How a digest of a copy is known; the greater value is the better evidence."""

    CLAIMED = 0
    """Imported from a list, or stated by a client."""
    PROVED = 1
    """The store computed or checked it, or the bytes were read."""


_EVIDENCE = tuple(Evidence)
_SCHEMES = {0: SHA256, 2: MD5, 10: CLIENT_MD5, 16: CRC64NVME}
"""Bits of a head byte -> the scheme, but for its part size; see Digests."""
_BITS = {scheme.algorithm: bits for bits, scheme in _SCHEMES.items()}
_SCHEME_BITS = 26
_HEADS = frozenset({*range(8), 10, 11, 16, 17})
VALUE_BYTES = tuple(8 if head & 16 else 16 if head & 2 else 32 for head in range(32))
"""Head byte of a digest -> the length of its value; see Digests."""


class Digests(Mapping[Digest, Evidence]):
    """The digests of one copy with their evidence, as one small immutable value.

    `packed` is the form that every index stores: per digest a head byte (bit 0: proved;
    bit 1: MD5; bit 2: over parts; bits 1 and 3: MD5 of a client; bit 4: CRC-64/NVME), for digests
    over parts the part size as 5 bytes big-endian, then the value. Best first: proved before
    claimed, SHA-256 before MD5 before CRC, whole before parts. So equal digests are equal bytes,
    and an index can pass them on without decoding them.
    """

    __slots__ = ("packed",)

    def __init__(self, packed: bytes = b"") -> None:
        self.packed = packed

    @staticmethod
    def of(digests: Mapping[Digest, Evidence] | Iterable[tuple[Digest, Evidence]]) -> "Digests":
        """Pack digests; a digest that occurs twice keeps the better evidence."""
        pairs = digests.items() if isinstance(digests, Mapping) else digests
        best: dict[Digest, Evidence] = {}
        for digest, evidence in pairs:
            best[digest] = max(evidence, best.get(digest, Evidence.CLAIMED))
        ordered = sorted(best.items(), key=_rank)
        return Digests(b"".join(_head(d.scheme, evidence) + d.value for d, evidence in ordered))

    @staticmethod
    def proved(*digests: Digest) -> "Digests":
        """Pack digests that are all proved."""
        return Digests.of([(digest, Evidence.PROVED) for digest in digests])

    @staticmethod
    def of_small(sha256: bytes, md5: bytes) -> "Digests":
        """Pack a SHA-256 and an MD5 of a whole content, both proved; most objects have these."""
        return Digests(b"\x01" + sha256 + b"\x03" + md5)

    @staticmethod
    def is_valid(packed: bytes) -> bool:
        """Return whether these bytes have the form of `packed`."""
        at, end = 0, len(packed)
        while at < end:
            head = packed[at]
            if head not in _HEADS or (head & 4 and not 0 < _part_size(packed, at) <= LARGEST_PART):
                return False
            at += (6 if head & 4 else 1) + VALUE_BYTES[head]
        return at == end

    def pairs(self) -> Iterator[tuple[Digest, Evidence]]:
        """Yield each digest with its evidence, best first."""
        packed, at = self.packed, 0
        while at < len(packed):
            head = packed[at]
            at += 1
            scheme = _SCHEMES[head & _SCHEME_BITS]
            if head & 4:
                scheme = Scheme(scheme.algorithm, int.from_bytes(packed[at : at + 5]))
                at += 5
            end = at + scheme.length
            yield Digest(scheme, packed[at:end]), _EVIDENCE[head & 1]
            at = end

    @property
    def schemes(self) -> frozenset[Scheme]:
        """The schemes that a client computes to find the copy; not that of a client's MD5.

        If a CRC is proved, no MD5 is among them: it finds no more, and takes three times as long
        as all others together.
        """
        known = {(digest.scheme, evidence) for digest, evidence in self.pairs()}
        needless = {"client-md5"}
        if (CRC64NVME, Evidence.PROVED) in known:
            needless.add("md5")
        return frozenset(scheme for scheme, _ in known if scheme.algorithm not in needless)

    def merged(self, other: "Digests") -> "Digests":
        """Return the digests of both; a digest that is in both keeps the better evidence."""
        if not other.packed or self.packed == other.packed:
            return self
        return Digests.of([*self.pairs(), *other.pairs()])

    def content_digest(self, size: int) -> Digest | None:
        """Return the content digest of `size` bytes, if it is among these and proved."""
        packed = self.packed
        if size < SMALLEST_PART and packed[:1] == b"\x01":  # the common case, kept cheap
            return Digest(content_scheme(size), packed[1:33])
        scheme = content_scheme(size)
        for digest, evidence in self.pairs():
            if digest.scheme == scheme and evidence is Evidence.PROVED:
                return digest
        return None

    def proves(self, digest: Digest) -> bool:
        """Return whether this digest is among these, and proved."""
        packed = self.packed
        if packed[1:33] == digest.value and packed[0] == 1 and digest.scheme is SHA256:
            return True  # the common case, kept cheap
        if packed.startswith(_head(digest.scheme, Evidence.PROVED) + digest.value):
            return True
        return self.get(digest) is Evidence.PROVED

    def __getitem__(self, digest: Digest) -> Evidence:
        for own, evidence in self.pairs():
            if own == digest:
                return evidence
        raise KeyError(str(digest))

    def __iter__(self) -> Iterator[Digest]:
        return (digest for digest, _ in self.pairs())

    def __len__(self) -> int:
        return sum(1 for _ in self.pairs())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digests) and self.packed == other.packed

    def __hash__(self) -> int:
        return hash(self.packed)

    def __repr__(self) -> str:
        inner = ", ".join(f"{digest} {evidence.name.lower()}" for digest, evidence in self.pairs())
        return f"Digests({inner})"


def _part_size(packed: bytes, at: int) -> int:
    return int.from_bytes(packed[at + 1 : at + 6])


def _rank(pair: tuple[Digest, Evidence]) -> tuple[int, int, int, bytes]:
    digest, evidence = pair
    scheme = digest.scheme
    return -evidence, _BITS[scheme.algorithm], scheme.part_size or 0, digest.value


@lru_cache(256)
def _head(scheme: Scheme, evidence: Evidence) -> bytes:
    size = scheme.part_size
    head = evidence | _BITS[scheme.algorithm] | (4 if size else 0)
    return bytes([head]) + (size.to_bytes(5) if size else b"")


class Copy(NamedTuple):
    """One stored object that holds a content. A tuple, since 100,000 a second are made."""

    key: str
    """The object's name in the store, relative to its tenant's prefix."""
    size: int
    """Bytes, at least 1: empty contents are not indexed."""
    digests: Digests
    """Digests of the content; empty if only its size is known."""
    identity: str
    """Changes whenever the object changes; only its store can interpret it."""
    stored_ms: int
    """`stored_at` in milliseconds since 1970."""
    recorded_ms: int
    """`recorded_at` in milliseconds since 1970."""
    storage_class: str = "STANDARD"
    """The name of S3's storage class; STANDARD for other stores."""

    @property
    def stored_at(self) -> datetime:
        """The object's time in the store, UTC."""
        return as_datetime(self.stored_ms)

    @property
    def recorded_at(self) -> datetime:
        """When the index recorded it, UTC."""
        return as_datetime(self.recorded_ms)

    @property
    def content_digest(self) -> Digest | None:
        """The content digest, if it is proved."""
        return self.digests.content_digest(self.size)


class Listed(NamedTuple):
    """A digest from an imported list of checksums: claimed, and without a known copy."""

    digest: Digest
    size: int | None = None
    """Bytes, if the list states them."""


class Content(NamedTuple):
    """A content of `size` bytes with these digests, as a client describes it."""

    size: int
    digests: tuple[Digest, ...]


class Verdict(StrEnum):
    """The gate's answer about a content."""

    NEW = "new"
    DUPLICATE = "duplicate"
    UNCONFIRMED = "unconfirmed"
