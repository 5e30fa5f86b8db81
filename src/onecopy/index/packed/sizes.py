"""Listed copies by size: which block has a copy of a size, with a number of parts and a tag.

Each copy has an entry, and an opaque copy a second one by its time: size (6 bytes), kind (2), the
first 4 bytes of the tag or the inverted time, block (4); big-endian, so that the order of bytes is
that of numbers. An entry leads to a block only: rows are found by decoding it. So a block that is
rewritten changes the entries of changed copies alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from struct import Struct

from onecopy.digest import LARGEST_CONTENT
from onecopy.index.listings import MOST_COUNTED, SizeListing
from onecopy.index.packed.entries import Entry
from onecopy.listing import ListedCopy

Within = Callable[[Entry, Entry], Iterator[Entry]]
"""Yields the entries of a tenant from one up to another, which is excluded, in order."""

_HEAD = Struct(">Q")
_NUMBER = Struct(">I")
_ENTRY = Struct(">Q4sI")
"""Of a tag, the first 4 bytes are packed."""
_MOST_PARTS = 0x3FFF
"""A copy of more parts counts as one with this number. No ETag that matches a copy has as many."""
_OPAQUE = 0x4000
_BY_TIME = 0x8000
"""Kinds: the number of parts; the same and `_OPAQUE`; `_BY_TIME`, whose entries come last."""
_IN_PARTS = 2
"""The first kind over several parts; `_OPAQUE` comes behind the last one that is not opaque."""
_LATEST = 2**32 - 1


def entries(copies: Sequence[ListedCopy], block: int) -> list[Entry]:
    """Return the entries of copies in a block."""
    pack, number, cut, latest = _ENTRY.pack, _NUMBER.pack, _MOST_PARTS, _LATEST
    made = [
        pack(
            # A call of min() would take a quarter of the time.
            size << 16 | (parts if parts < cut else cut) | (_OPAQUE if is_opaque else 0),  # noqa: FURB136
            tag,
            block,
        )
        for _, size, tag, parts, is_opaque, _, _, _ in copies
    ]
    made += [
        pack(
            size << 16 | _BY_TIME,
            number(latest - modified if 0 <= modified <= latest else _age(modified)),
            block,
        )
        for _, size, _, _, is_opaque, modified, _, _ in copies
        if is_opaque
    ]
    return made


def _age(modified: int) -> int:
    return _LATEST - min(max(modified, 0), _LATEST)


def is_possible(size: int) -> bool:
    """Return whether a copy can have this size."""
    return 0 < size <= LARGEST_CONTENT


def range_of(size: int) -> tuple[Entry, Entry]:
    """Return the bounds of the entries of a size, but for those by time; the end is excluded."""
    return _HEAD.pack(size << 16), _HEAD.pack(size << 16 | _BY_TIME)


def ranges_of(size: int, tags: Iterable[tuple[int, bytes]]) -> list[tuple[Entry, Entry]]:
    """Return the bounds of the entries of a size with these (parts, tag)."""
    heads = {
        _HEAD.pack(size << 16 | min(parts, _MOST_PARTS) | opaque) + tag[:4]
        for parts, tag in tags
        for opaque in (0, _OPAQUE)
    }
    return [(head, head + b"\xff" * 5) for head in sorted(heads)]


def candidates(
    within: Within, size: int, tags: Iterable[tuple[int, bytes]] | None
) -> Iterator[int]:
    """Yield blocks that may have a copy with this size and one of these (parts, tag), or any."""
    if not is_possible(size):
        return
    if tags is None:
        yield from map(_block, within(*range_of(size)))
        return
    for low, high in ranges_of(size, tags):
        for entry in within(low, high):
            yield _block(entry)


def in_parts(within: Within, size: int) -> Iterator[int]:
    """Yield the block of each copy of a size that is not opaque, and over several parts."""
    if is_possible(size):
        low, high = _HEAD.pack(size << 16 | _IN_PARTS), _HEAD.pack(size << 16 | _OPAQUE)
        yield from map(_block, within(low, high))


def newest(within: Within, size: int) -> Iterator[int]:
    """Yield the block of each opaque copy of a size, the most recently modified first.

    Times before 1970 and after 2106 count as these.
    """
    if not is_possible(size):
        return
    low = _HEAD.pack(size << 16 | _BY_TIME)
    for entry in within(low, low + b"\xff" * 9):
        yield _block(entry)


def _block(entry: Entry) -> int:
    block: int = _NUMBER.unpack_from(entry, 12)[0]
    return block


def count(within: Within, size: int) -> SizeListing | None:
    """Count the listed copies of a size; None if there are none."""
    kinds: Counter[int] = Counter()
    first = 0 if is_possible(size) else None
    while first is not None:
        first = _count_kinds(within, size, first, kinds)
    if not kinds:
        return None
    opaque = sum(number for kind, number in kinds.items() if kind & _OPAQUE)
    in_parts = sum(number for kind, number in kinds.items() if _IN_PARTS <= kind < _OPAQUE)
    counts = (min(number, MOST_COUNTED) for number in (opaque, kinds.total(), in_parts))
    return SizeListing(frozenset(kind & _MOST_PARTS for kind in kinds), *counts)


def _count_kinds(within: Within, size: int, first: int, kinds: Counter[int]) -> int | None:
    """Count copies by kind, from a kind on; return where to continue behind a large kind."""
    low, high = _HEAD.pack(size << 16 | first), _HEAD.pack(size << 16 | _BY_TIME)
    for entry in within(low, high):
        kind = int.from_bytes(entry[6:8])
        kinds[kind] += 1
        if kinds[kind] == MOST_COUNTED:
            return kind + 1
    return None
