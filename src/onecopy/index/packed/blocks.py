"""Blocks of listed copies: some hundred with consecutive keys, packed by columns and compressed.

A block is `tags + zlib(head, columns, keys)`. Tags are random bytes, on which compression would
only waste time. Numbers are stored by planes (all lowest bytes, then the next ones and so on),
since the high bytes are nearly all the same.
"""

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, islice, pairwise, repeat
from operator import lt
from os.path import commonprefix
from struct import Struct
from typing import Any, NamedTuple

from onecopy.digest import LARGEST_CONTENT
from onecopy.index.stored import damaged, decoding
from onecopy.listing import ListedCopy, listed_copy

_LEVEL = 1
"""Compression. Level 6 would save 5 % and take three times as long."""
_HEAD = Struct("<HIHH")
"""The number of copies, the CRC-32 of the tags, the length of the traits in bytes, and that of the
prefix of all keys in characters."""
_TAG = 16


class Packed(NamedTuple):
    """A block before compression. Equal blocks have equal copies."""

    tags: bytes
    rest: bytes

    def compress(self) -> bytes:
        """Return the block as it is stored."""
        return self.tags + zlib.compress(self.rest, _LEVEL)

    @classmethod
    def decompress(cls, stored: bytes, count: int) -> "Packed":
        """Return a stored block of a number of copies; raises Damaged."""
        tags = stored[: count * _TAG]
        try:
            rest = zlib.decompress(stored[len(tags) :])
        except zlib.error as error:
            raise damaged(f"a block of listed copies: {error}") from error
        return cls(tags, rest)


class Block(NamedTuple):
    """A block as it is stored."""

    id: int
    first: str
    number: int
    stored: bytes

    def has_just(self, copies: Sequence[ListedCopy]) -> bool:
        """Return whether the block has these copies and no others."""
        if len(copies) != self.number:
            return False
        tags = b"".join([copy[2] for copy in copies])
        return self.stored.startswith(tags) and pack(copies) == self._packed

    @property
    def _packed(self) -> Packed:
        return Packed.decompress(self.stored, self.number)

    @property
    def copies(self) -> list[ListedCopy]:
        """The copies; raises Damaged."""
        copies = unpack(self._packed)
        if copies[0].key < self.first:
            raise damaged(f"a block of listed copies begins before {self.first[:100]!r}")
        return copies


def pack(copies: Sequence[ListedCopy]) -> Packed:
    """Pack copies, in the order of their keys; ValueError for values that are out of range."""
    keys, sizes, tags, parts, opaque, modified, classes, checksums = zip(*copies, strict=True)
    joined = b"".join(tags)
    traits = list(zip(parts, opaque, classes, checksums, strict=True))
    kinds = sorted(set(traits))
    places = {kind: place for place, kind in enumerate(kinds)}
    text = _dumped(tuple(kinds))
    common = len(commonprefix((keys[0], keys[-1])))  # noqa: RUF071 - no path
    endings = [key[common:] for key in keys]
    try:
        columns = (
            _HEAD.pack(len(copies), zlib.crc32(joined), len(text), common),
            text,
            _planes(array("H", map(places.__getitem__, traits))) if len(kinds) > 1 else b"",
            _planes(array("H", map(len, endings))),
            _planes(array("q", sizes)),
            _planes(array("q", modified)),
            keys[0][:common].encode(),
            "".join(endings).encode(),
        )
    except (OverflowError, struct.error) as error:
        raise ValueError(f"a copy cannot be listed: {error}") from error
    if not 0 < min(sizes) <= max(sizes) <= LARGEST_CONTENT:
        raise ValueError(f"a copy cannot be listed: its size is not 1 to {LARGEST_CONTENT} bytes")
    if len(joined) != len(copies) * _TAG:
        raise ValueError(f"a copy cannot be listed: its tag does not have {_TAG} bytes")
    return Packed(joined, b"".join(columns))


def unpack(packed: Packed) -> list[ListedCopy]:
    """Return the copies of a block; raises Damaged."""
    with decoding("a block of listed copies"):
        copies = list(_unpacked(packed))
        keys, sizes = [copy[0] for copy in copies], [copy[1] for copy in copies]
        if not 0 < min(sizes) <= max(sizes) <= LARGEST_CONTENT:
            raise ValueError("a size is out of range")
        if not all(map(lt, keys, islice(keys, 1, None))):
            raise ValueError("keys are out of order")
    return copies


def _unpacked(packed: Packed) -> Iterator[ListedCopy]:
    tags, rest = packed
    count, crc, length, common = _HEAD.unpack_from(rest)
    if zlib.crc32(tags) != crc or len(tags) != count * _TAG:
        raise ValueError("its tags were changed")
    columns = _Columns(rest, _HEAD.size)
    kinds = _loaded(columns.take(length))
    traits = columns.numbers("H", count) if len(kinds) > 1 else ()
    lengths = columns.numbers("H", count)
    sizes, modified = columns.numbers("q", count), columns.numbers("q", count)
    keys = _keys(columns.take(len(rest)).decode(), common, lengths)
    parts, opaque, classes, checksums = _by_copy(kinds, traits)
    cut = _cutter(count).unpack(tags)
    return map(listed_copy, zip(keys, sizes, cut, parts, opaque, modified, classes, checksums))  # noqa: B905 - some repeat


def _keys(text: str, common: int, lengths: Sequence[int]) -> list[str]:
    """Return keys from their common prefix, followed by their endings."""
    ends = list(accumulate(lengths, initial=common))
    if ends[-1] != len(text):
        raise ValueError(f"its keys have {len(text)} characters, not {ends[-1]}")
    prefix = text[:common]
    return [prefix + text[start:end] for start, end in pairwise(ends)]


def _by_copy(kinds: Sequence["_Traits"], numbers: Sequence[int]) -> Iterable[Iterable[Any]]:
    """Return a column for each trait."""
    if len(kinds) == 1:  # the common case
        return map(repeat, kinds[0])
    return zip(*map(kinds.__getitem__, numbers), strict=True)


@lru_cache(1024)
def _cutter(count: int) -> Struct:
    return Struct(f"{_TAG}s" * count)


class _Columns:
    """Columns one after another."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def take(self, length: int) -> bytes:
        self._at += length
        return self._data[self._at - length : self._at]

    def numbers(self, code: str, count: int) -> "array[int]":
        values = array(code)
        width = values.itemsize
        raw, planes = bytearray(count * width), self.take(count * width)
        for plane in range(width):
            raw[plane::width] = planes[plane * count : plane * count + count]
        values.frombytes(raw)
        if sys.byteorder == "big":
            values.byteswap()
        return values


def _planes(values: "array[int]") -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    raw, width = values.tobytes(), values.itemsize
    return b"".join([raw[plane::width] for plane in range(width)])


_Traits = tuple[int, bool, str, str]
"""Number of parts, whether opaque, storage class, checksums."""


@lru_cache(1024)
def _dumped(kinds: tuple[_Traits, ...]) -> bytes:
    return json.dumps(kinds, separators=(",", ":")).encode()


@lru_cache(1024)
def _loaded(text: bytes) -> list[_Traits]:
    kinds = [
        (parts, is_opaque, storage_class, checksums)
        for parts, is_opaque, storage_class, checksums in json.loads(text)
    ]
    for parts, is_opaque, *texts in kinds:
        if type(parts) is not int or parts < 0 or type(is_opaque) is not bool:
            raise ValueError("a number of parts is out of range")
        if not all(type(each) is str for each in texts):
            raise ValueError("a storage class is no text")
    return kinds
