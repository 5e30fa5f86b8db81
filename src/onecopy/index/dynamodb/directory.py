"""Which blocks of listed copies there are, in the order of their keys.

A directory names the blocks whose keys are in its range, from its `first` up to its `end`. The
ranges of a tenant's directories are all keys, without gap or overlap. A directory that grows is
divided, and none is ever removed; so each alone states what belongs to it, and a change needs
no condition but that the directories it changes are still as they were read.
"""

import time
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from onecopy.index.dynamodb.connections import Item, Table
from onecopy.index.dynamodb.errors import contended
from onecopy.index.dynamodb.items import directory_key
from onecopy.index.stored import damaged, decoding
from onecopy.listing import Span

_LARGEST = 64
"""A directory of more blocks is divided."""
_LONGEST_FIRST = 512
"""Bytes of a key at which a directory can be divided: a sort key has at most 1024."""
_LONGEST_KEY = 1019
"""Bytes of a key that are compared with the first keys of directories, which are shorter."""

_ATTEMPTS = 100
_DELAY = 0.02
"""Seconds until a directory that was divided is to be seen completely."""


class Outdated(Exception):
    """Something that was read a moment ago has been replaced: read it again."""


class Missing(Outdated):
    """A block that a directory names: it was replaced since, or else the index is damaged."""


class Ref(NamedTuple):
    """A block, as its directory names it."""

    first: str
    """The first key that it may have."""
    number: int
    """Stays the same, whatever the block has."""
    version: str
    """Changes with the content."""
    length: int
    """Its copies."""
    mark: bytes
    """A hash of its copies."""


class Directory(NamedTuple):
    """The blocks in a range of keys."""

    first: str
    end: str | None
    """Excluded; None: without an end."""
    version: str | None
    """None: not stored yet."""
    refs: tuple[Ref, ...]

    def has(self, key: str) -> bool:
        """Return whether a key is in its range."""
        return self.first <= key and (self.end is None or key < self.end)

    def overlapping(self, span: Span) -> Sequence[Ref]:
        """Return the blocks that may have keys of a span."""
        firsts = [ref.first for ref in self.refs]
        stop = len(firsts) if span.through is None else bisect_right(firsts, span.through)
        return self.refs[max(0, bisect_right(firsts, span.after) - 1) : stop]

    def at(self, key: str) -> Ref | None:
        """Return the block that may have a key."""
        number = bisect_right(self.refs, key, key=lambda ref: ref.first)
        return self.refs[number - 1] if number else None

    def replaced(self, refs: Sequence[Ref], version: str) -> "Iterator[Directory]":
        """Yield the directories to be stored in the place of this one."""
        first, rest = self.first, refs
        while len(rest) > _LARGEST and (cut := _cut(rest)):
            yield Directory(first, rest[cut].first, version, tuple(rest[:cut]))
            first, rest = rest[cut].first, rest[cut:]
        yield Directory(first, self.end, version, tuple(rest))

    def item(self, tenant: str) -> Item:
        """Return the directory as an item."""
        columns = [self.end, *zip(*self.refs, strict=True)]
        packed = zlib.compress(msgspec.msgpack.encode(columns))
        key = directory_key(tenant, self.first).raw()
        return {**key, "version": {"S": self.version}, "refs": {"B": packed}}


def _cut(refs: Sequence[Ref]) -> int | None:
    """Return where a directory can be divided: its blocks from there on begin a new one."""
    half = _LARGEST // 2
    places = sorted(range(1, len(refs)), key=lambda place: abs(place - half))
    return next((at for at in places if len(refs[at].first.encode()) <= _LONGEST_FIRST), None)


def directory_at(table: Table, tenant: str, key: str) -> Directory:
    """Return the directory of the blocks that may have a key; raises Outdated."""
    pk, sk = directory_key(tenant, _shortened(key))
    pages = table.query(
        "pk = :pk AND sk <= :sk",
        {":pk": {"S": pk}, ":sk": {"S": sk}},
        ScanIndexForward=False,
        Limit=1,
        ConsistentRead=True,
    )
    found = next(pages)
    directory = _of(found[0]) if found else Directory("", None, None, ())
    if not directory.has(key):  # it was divided a moment ago, and the rest is not to be seen yet
        raise Outdated
    return directory


def patiently(table: Table, tenant: str, key: str) -> Directory:
    """Return the directory for a key, once it is to be seen."""
    for _ in range(_ATTEMPTS):
        try:
            return directory_at(table, tenant, key)
        except Outdated:
            time.sleep(_DELAY)
    raise contended("change what is listed")


def _shortened(key: str) -> str:
    raw = key.encode()
    return key if len(raw) <= _LONGEST_KEY else raw[:_LONGEST_KEY].decode(errors="ignore")


def _of(item: Item) -> Directory:
    with decoding("a directory of listed copies"):
        unpacked: Any = msgspec.msgpack.decode(_decompressed(bytes(item["refs"]["B"])))
        end, *columns = unpacked
        refs = tuple(Ref(*row) for row in zip(*columns, strict=True))
        return Directory(item["sk"]["S"][1:], end, item["version"]["S"], refs)


def _decompressed(packed: bytes) -> bytes:
    try:
        return zlib.decompress(packed)
    except zlib.error as error:
        raise damaged(f"a directory of listed copies: {error}") from error
