"""Digests: schemes, digests, and the content digest, which identifies a content.

A *digest* is written `scheme:hex`, as the OCI image specification writes them. A *scheme*
states how it is computed: `sha256` or `md5` over the whole content, or over the concatenated binary
digests of its parts: `sha256+8388608`, `md5+8388608` (part size in bytes). S3 keeps the latter
for multipart uploads: the composite SHA-256 checksum and the ETag
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
`crc64nvme` is always over the whole content.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import md5, sha256
from typing import Literal, NamedTuple, Protocol

from onecopy.crc64 import Crc64, is_available
from onecopy.errors import FileChanged, InvalidDigest
from onecopy.text import count_text

MiB = 1024 * 1024
SMALLEST_PART = 8 * MiB
"""Bytes; smaller contents are hashed as a whole and uploaded in one piece."""
LARGEST_PART = 5 * 1024 * MiB
"""Bytes; S3's limit for one part."""
MOST_PARTS = 10_000
"""S3's limit for one upload."""
LARGEST_CONTENT = LARGEST_PART * MOST_PARTS
"""Bytes (48.8 TiB): S3's largest object, and the largest content that has a content digest."""

Algorithm = Literal["sha256", "md5", "client-md5", "crc64nvme"]
_LENGTHS = {"sha256": 32, "md5": 16, "client-md5": 16, "crc64nvme": 8}
_SCHEME = re.compile(r"(sha256|md5)(?:\+([1-9][0-9]{0,12}))?")


class Scheme(NamedTuple):
    """How a digest is computed; `part_size` in bytes, None for the whole content."""

    algorithm: Algorithm
    part_size: int | None = None

    @property
    def strong(self) -> bool:
        """Whether equal digests mean equal contents: MD5s and CRCs are made equal in seconds."""
        return self.algorithm == "sha256"

    @property
    def length(self) -> int:
        """Bytes of a digest of this scheme."""
        return _LENGTHS[self.algorithm]

    @property
    def is_computable(self) -> bool:
        """Whether this installation can compute it: `crc64nvme` needs the package anycrc."""
        return self.algorithm != "crc64nvme" or is_available()

    def __str__(self) -> str:
        return self.algorithm if self.part_size is None else f"{self.algorithm}+{self.part_size}"

    @staticmethod
    def parse(text: str) -> "Scheme":
        """Read `sha256`, `md5+8388608` or `crc64nvme`; raises InvalidDigest."""
        if text == CRC64NVME.algorithm:
            return CRC64NVME
        match = _SCHEME.fullmatch(text)
        part_size = int(match[2]) if match and match[2] else None
        if match is None or (part_size is not None and part_size > LARGEST_PART):
            raise InvalidDigest(
                f"unknown scheme {text[:40]!r}: expected crc64nvme, sha256, md5, or one of the "
                f"last two with a part size of at most {LARGEST_PART} bytes, as in sha256+8388608"
            )
        return Scheme("sha256" if match[1] == "sha256" else "md5", part_size)


_interned = cache(Scheme)
SHA256 = _interned("sha256", None)
MD5 = _interned("md5", None)
CRC64NVME = _interned("crc64nvme", None)
CLIENT_MD5 = _interned("client-md5", None)
"""The scheme of an MD5 that a client states of its own upload, without proof. Only the checksum API
looks for it. No text is parsed as one, so that no request can ask for it or list it."""


class Digest(NamedTuple):
    """A digest of a content: `value` holds the binary digest, `scheme.length` bytes."""

    scheme: Scheme
    value: bytes

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value.hex()}"

    @staticmethod
    def parse(text: str) -> "Digest":
        """Read `scheme:hex` (lower case); raises InvalidDigest."""
        name, _, digits = text.partition(":")
        scheme = _KNOWN.get(name) or Scheme.parse(name)
        if len(digits) != 2 * scheme.length or _HEX.fullmatch(digits) is None:
            raise InvalidDigest(
                f"invalid digest {text[:100]!r}: expected {scheme}: and "
                f"{2 * scheme.length} lower-case hexadecimal digits"
            )
        return Digest(scheme, bytes.fromhex(digits))


_HEX = re.compile(r"[0-9a-f]+")
_KNOWN = {str(s): s for s in (SHA256, MD5, CRC64NVME, _interned("sha256", SMALLEST_PART))}


def part_size(size: int) -> int | None:
    """Return the part size in bytes for a content of `size` bytes; None below 8 MiB.

    8 MiB, doubled until there are at most 10,000 parts, but never over 5 GiB, like the defaults
    of the AWS CLI and boto3. Raises InvalidDigest above 48.8 TiB.
    """
    if size < SMALLEST_PART:
        return None
    if size > LARGEST_CONTENT:
        raise InvalidDigest(f"content too large: {size} bytes (limit {LARGEST_CONTENT} per object)")
    part = SMALLEST_PART
    while part * MOST_PARTS < size:
        part *= 2
    return min(part, LARGEST_PART)


def content_scheme(size: int) -> Scheme:
    """Return the scheme of the content digest of a content of `size` bytes."""
    return _interned("sha256", part_size(size))


def part_lengths(size: int) -> list[int]:
    """Return the lengths in bytes of the parts of an upload; one part below 8 MiB."""
    part = part_size(size)
    if part is None:
        return [size]
    whole, rest = divmod(size, part)
    return [part] * whole + ([rest] if rest else [])


def compose(scheme: Scheme, parts: Sequence[bytes]) -> Digest:
    """Return the digest over parts, given the binary digests of the parts in order."""
    return Digest(scheme, new_hash(scheme, b"".join(parts)).digest())


class Hashed(NamedTuple):
    """Digests computed by reading a content once."""

    digests: tuple[Digest, ...]
    """In the order of the requested schemes, each once."""
    parts: tuple[bytes, ...]
    """Binary SHA-256 of the parts of `part_lengths`; empty unless its scheme was requested."""


Chunk = bytes | bytearray | memoryview


class Hasher:
    """Computes several digests of a stream of `size` bytes in one pass."""

    def __init__(self, size: int, schemes: Iterable[Scheme]) -> None:
        self._size = size
        self._left = size
        self._content_scheme = content_scheme(size)
        self._runs = {scheme: _Run(scheme) for scheme in schemes}

    def update(self, chunk: Chunk) -> None:
        """Hash the next bytes, of any length; raises FileChanged if there are too many."""
        with memoryview(chunk) as view:
            self._left -= len(view)
            if self._left < 0:
                raise too_long(self._size)
            for run in self._runs.values():
                run.update(view)

    def finish(self) -> Hashed:
        """Return the digests; raises FileChanged if there were too few bytes."""
        if self._left:
            raise too_short(self._size)
        values = {scheme: run.finish() for scheme, run in self._runs.items()}
        return assemble(self._content_scheme, values)


class _Run:
    """One digest being computed, part by part; a whole content is one unlimited part."""

    __slots__ = ("_hash", "_parts", "_room", "_scheme")

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._parts: list[bytes] = []
        self._begin()

    def _begin(self) -> None:
        self._hash = new_hash(self._scheme)
        self._room = self._scheme.part_size or LARGEST_CONTENT

    def update(self, chunk: memoryview) -> None:
        while len(chunk) > self._room:
            self._hash.update(chunk[: self._room])
            chunk = chunk[self._room :]
            self._parts.append(self._hash.digest())
            self._begin()
        self._hash.update(chunk)
        self._room -= len(chunk)

    def finish(self) -> list[bytes]:
        return [*self._parts, self._hash.digest()]


def hash_stream(chunks: Iterable[Chunk], size: int, schemes: Iterable[Scheme]) -> Hashed:
    """Return the digests of a stream; raises FileChanged if it has not exactly `size` bytes."""
    hasher = Hasher(size, schemes)
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.finish()


def assemble(content_scheme: Scheme, values: Mapping[Scheme, Sequence[bytes]]) -> Hashed:
    """Return the digests composed of `values`: for each scheme, the binary digests of its parts.

    Those of `content_scheme` become `parts`.
    """
    digests = tuple(
        Digest(scheme, parts[0]) if scheme.part_size is None else compose(scheme, parts)
        for scheme, parts in values.items()
    )
    return Hashed(digests, tuple(values.get(content_scheme, ())))


def new_hash(scheme: Scheme, data: bytes = b"") -> "_Hash":
    """Return a hash object for a digest, or for that of a part; see `Scheme.is_computable`."""
    if scheme.algorithm == "sha256":
        return sha256(data)
    if scheme.algorithm == "crc64nvme":
        return Crc64(data)
    return md5(data, usedforsecurity=False)


class _Hash(Protocol):
    """A hash object of hashlib, or like one."""

    def update(self, data: Chunk, /) -> None: ...

    def digest(self) -> bytes: ...


def too_short(size: int) -> FileChanged:
    """Return the error for a content that ended before its `size` in bytes."""
    return FileChanged(
        f"changed while it was read: fewer than the expected {count_text(size, 'byte')}"
    )


def too_long(size: int) -> FileChanged:
    """Return the error for a content that continues after its `size` in bytes."""
    return FileChanged(
        f"changed while it was read: more than the expected {count_text(size, 'byte')}"
    )
