"""The orders in which services list keys, and positions that hold in either of them."""

import pytest

from onecopy.errors import Failure
from onecopy.store.s3.key_order import (
    Order,
    before,
    check_order,
    end_of,
    folders_above,
    folders_skipped,
    is_neighbour,
)

LAST = "\U0010ffff"


@pytest.mark.parametrize(
    ("order", "keys", "after", "expected"),
    [
        (Order.EITHER, [], "", Order.EITHER),
        (Order.EITHER, [], "z", Order.EITHER),
        (Order.EITHER, ["a"], "", Order.EITHER),
        (Order.EITHER, ["a", "b"], "", Order.EITHER),
        (Order.EITHER, ["a-", "a/b"], "", Order.BYTES),
        (Order.EITHER, ["a/b"], "a-", Order.BYTES),
        (Order.EITHER, ["a/b", "a-"], "", Order.FOLDERS),
        (Order.EITHER, ["a-"], "a/b", Order.FOLDERS),
        (Order.BYTES, ["a", "b"], "", Order.BYTES),
        (Order.FOLDERS, ["a", "b"], "", Order.FOLDERS),
        (Order.EITHER, ["\uffee", "\U0001f600"], "", Order.EITHER),
    ],
)
def test_what_is_listed_shows_the_order(
    order: Order, keys: list[str], after: str, expected: Order
) -> None:
    """Nothing, or a single key, shows none."""
    assert check_order(order, keys, after) is expected


@pytest.mark.parametrize(
    ("order", "keys", "after", "text"),
    [
        (Order.BYTES, ["a/b", "a-"], "", "lists 'a-' after 'a/b'"),
        (Order.FOLDERS, ["a-", "a", "a/b"], "", "lists 'a' after 'a-'"),
        (Order.FOLDERS, ["a-", "a/a", "a/b"], "", "lists 'a/b' after 'a-'"),
        (Order.EITHER, ["a", "a"], "", "lists 'a' after 'a'"),
        (Order.EITHER, ["a"], "b", "lists 'a' after 'b'"),
        (Order.EITHER, ["a", "b", "b", "c"], "", "lists 'b' after 'b'"),
        (Order.EITHER, ["a", "c", "b", "a"], "", "lists 'b' after 'c'"),
    ],
)
def test_another_order(order: Order, keys: list[str], after: str, text: str) -> None:
    """Keys could be missed in it; the message names the first two that show it."""
    with pytest.raises(Failure, match=f"the bucket {text}, which is not the order of S3"):
        check_order(order, keys, after)


def test_positions() -> None:
    """They are not in the middle of surrogates, which no request can name."""
    assert before("a/b") == f"a/a{LAST}"
    assert before("a\ue000") == f"a\ud7ff{LAST}"
    assert before("a\ue001") == f"a\ue000{LAST}"
    assert before("\ud7ff") == f"\ud7fe{LAST}"
    assert end_of("a/") == f"a/{LAST}"


def test_folders() -> None:
    """Those above a key, and those that a listing from there on would skip."""
    assert folders_above("a/b/c") == ["a/", "a/b/"]
    assert folders_above("a") == []
    assert folders_skipped("a-b") == ["a/", "a-b/"]
    assert folders_skipped("a/b") == ["a/b/"]
    assert folders_skipped("a/-b") == ["a/-b/"]
    assert folders_skipped("-a") == ["-a/"]
    assert folders_skipped("a/") == []
    assert folders_skipped("a.b!c") == ["a/", "a.b/", "a.b!c/"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a-b", True),
        ("a-", True),
        ("a.b/c", True),
        ("a", False),
        ("a/b", False),
        ("a0", False),
        ("b-", False),
        ("", False),
    ],
)
def test_neighbours(key: str, expected: bool) -> None:
    """What comes before a folder by bytes only."""
    assert is_neighbour(key, "a/") is expected
    assert is_neighbour("ab-", "ab/")
    assert not is_neighbour("a-", "ab/")
