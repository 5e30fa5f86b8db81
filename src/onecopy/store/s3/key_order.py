"""The order in which a service lists keys.

S3 lists by the bytes of the keys. Services that keep objects in folders (SeaweedFS) list a folder
before its neighbours: `a/b` before `a-b` and `a.b`, though `-` and `.` come before `/`. Which order
a service has is seen only once such keys are listed, so until then both are possible.
"""

from collections.abc import Sequence
from enum import Flag
from itertools import pairwise

from onecopy.errors import Failure

SLASH = "/"
_LAST = "\U0010ffff"
_BEFORE_SURROGATES, _AFTER_SURROGATES = 0xD7FF, 0xE000


class Order(Flag):
    """The orders that a service may have, as far as is known."""

    NEITHER = 0
    BYTES = 1
    FOLDERS = 2
    EITHER = 3


def check_order(order: Order, keys: Sequence[str], after: str) -> Order:
    """Return which orders are possible after these keys were listed behind `after`.

    Raises Failure if neither is.
    """
    listed = [after, *keys] if after else keys
    if len(listed) <= 1:
        return order
    possible = Order.NEITHER
    if Order.BYTES in order and _is_ascending(listed):
        possible |= Order.BYTES
    if Order.FOLDERS in order and _is_ascending([_by_folders(key) for key in listed]):
        possible |= Order.FOLDERS
    if possible is Order.NEITHER:
        raise _disorder(listed)
    return possible


def _is_ascending(keys: Sequence[str]) -> bool:
    """Whether keys ascend strictly; Python compares text by code points, as UTF-8 does."""
    return all(map(str.__lt__, keys, keys[1:]))


def _by_folders(key: str) -> str:
    return key.replace(SLASH, "\0")


def _disorder(keys: Sequence[str]) -> Failure:
    first, second = next(
        (pair for pair in pairwise(keys) if pair[0] >= pair[1]), (keys[0], keys[-1])
    )
    return Failure(
        f"the bucket lists {second!r} after {first!r}, which is not the order of S3, so keys could "
        "be missed; its objects can be scanned one by one: `onecopy scan --describe`"
    )


def before(key: str) -> str:
    """Return a position before a key, and before what is below it as a folder, in either order."""
    code = ord(key[-1]) - 1
    code = _BEFORE_SURROGATES if code == _AFTER_SURROGATES - 1 else code
    return f"{key[:-1]}{chr(code)}{_LAST}"


def end_of(folder: str) -> str:
    """Return a position behind everything in a folder, which ends in a slash."""
    return folder + _LAST


def folders_above(key: str) -> list[str]:
    """Return the folders that a key is in, the topmost first, each with its slash."""
    return [key[: at + 1] for at, character in enumerate(key) if character == SLASH]


def folders_skipped(after: str) -> list[str]:
    """Return the folders whose keys come later than `after` by bytes, but not by folders.

    Listing by folders from `after` on would skip them, if there are any.
    """
    ends = [at for at, character in enumerate(after) if at and character < SLASH]
    return [after[:at] + SLASH for at in (*ends, len(after)) if after[at - 1] != SLASH]


def is_neighbour(key: str, folder: str) -> bool:
    """Return whether a key comes before a folder by bytes, and behind it by folders."""
    stem = folder[:-1]
    return key.startswith(stem) and key[len(stem) : len(stem) + 1] < SLASH and len(key) > len(stem)
