"""What an index has stored, read back by the engines whose tables others can change."""

from typing import Any

import pytest

from onecopy.content import Digests
from onecopy.digest import LARGEST_CONTENT
from onecopy.errors import Damaged
from onecopy.index.dynamodb import items
from onecopy.index.postgres import rows
from onecopy.index.stored import stored_copy
from onecopy.testing.index.values import a_copy, claimed, md5_of, proved, sha256_of

_GOOD = a_copy("k", Digests.of([*proved("a").pairs(), *claimed(md5_of("a")).pairs()]))


def test_good_copies() -> None:
    """A copy that was stored is read as it was, with any digests and the largest size."""
    large = a_copy("ü" * 500, Digests(), size=LARGEST_CONTENT)
    for copy in (_GOOD, a_copy("k", proved("a")), large):
        assert stored_copy([*copy[:2], copy.digests.packed, *copy[3:]]) == copy


@pytest.mark.parametrize("length", [16, 32, 33, 34, 50, 51])
@pytest.mark.parametrize("second", [0, 1, 3, 8, 255])
def test_common_forms_of_digests(length: int, second: int) -> None:
    """What is checked quickly, one SHA-256 with or without an MD5, passes only if it is valid."""
    rest = (bytes(32) + bytes([second]) + bytes(32))[: length - 1]
    for head in range(256):
        packed = bytes([head]) + rest
        row = [*(_GOOD._asdict() | {"digests": packed}).values()]
        if Digests.is_valid(packed):
            assert stored_copy(row).digests.packed == packed
        else:
            with pytest.raises(Damaged):
                stored_copy(row)


@pytest.mark.parametrize(
    "change",
    [
        {"key": None},
        {"key": b"k"},
        {"size": 0},
        {"size": 2**60},
        {"size": "1"},
        {"digests": None},
        {"digests": b"\x01"},
        {"digests": b"\x01" + bytes(33)},
        {"digests": b"\x08" + bytes(32)},
        {"digests": b"\x05" + bytes(37)},
        {"identity": 1},
        {"stored_ms": None},
        {"recorded_ms": 1.5},
    ],
    ids=str,
)
def test_impossible_rows(change: dict[str, Any]) -> None:
    """A row that no copy can have is damage, and not an answer."""
    row = [*(_GOOD._asdict() | {"digests": _GOOD.digests.packed} | change).values()]
    with pytest.raises(Damaged, match="the index is damaged"):
        rows.to_copy(row)


@pytest.mark.parametrize("packed", [b"", b"\x01", proved("a").packed * 2])
def test_impossible_digest(packed: bytes) -> None:
    """A listed digest that cannot be one is damage."""
    with pytest.raises(Damaged, match="no digest is stored"):
        rows.unpacked(packed)


@pytest.mark.parametrize(
    "change",
    [
        {"key": {"N": "1"}},
        {"size": {"N": "-1"}},
        {"size": {"S": "many"}},
        {"digests": {"B": b"\xff"}},
        {"identity": {}},
        {"stored_at": {"N": "1.5"}},
        {"version": {"NULL": True}},
        {"place": "here"},
    ],
    ids=str,
)
def test_impossible_items(change: dict[str, Any]) -> None:
    """An item that no copy can have is damage, also if an attribute has another type."""
    item = items.Kept("t", _GOOD, "1", "1").attributes()
    assert items.Kept.of("t", item).copy == _GOOD
    with pytest.raises(Damaged, match="the index is damaged"):
        items.Kept.of("t", item | change)
    for name in set(item):
        with pytest.raises(Damaged, match="the index is damaged"):
            items.Kept.of("t", {own: value for own, value in item.items() if own != name})


def test_impossible_hint_and_listed_digest() -> None:
    """A hint with other than three words, and a listed digest that is none, are damage."""
    listed = {"sk": {"S": str(sha256_of("a"))}, "size": {"N": "5"}}
    assert items.to_listed(listed).size == 5
    bad = [listed | {"size": {"N": "-5"}}, listed | {"sk": {"S": "md5:1"}}, {}]
    for each in bad:
        with pytest.raises(Damaged, match="listed"):
            items.to_listed(each)
    with pytest.raises(Damaged, match="hint"):
        items.Hint.parse("one")
