"""Path to key: under which name a file lies in the store. One rule for folders, S3 and the browser.

A key is what `/` makes of the names from the chosen file or folder downwards, byte for byte. What
could lie elsewhere than it says, or not come back as it was, is refused. `room` is what a tenant's
prefix leaves of the 1,024 bytes that S3 takes for the full key
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).
"""

import re
from collections.abc import Iterable
from unicodedata import is_normalized

from onecopy.errors import InvalidKey

LONGEST_KEY = 1024
"""Bytes of UTF-8, the tenant's prefix included."""
RESERVED = ".onecopy"
"""Where a folder store keeps its own records."""

_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_HARMFUL = re.compile(f"{_NOT_UTF8.pattern}|{_CONTROL.pattern}")
_NO_NAMES = frozenset({"", ".", "..", RESERVED})
_EXTENSION = re.compile(r"(?s:\.*[^.].*)(\.[A-Za-z0-9]{1,16})")
_LONGEST_NAME = 255
"""Bytes of one name that most file systems take."""


def check_key(key: str, room: int = LONGEST_KEY) -> str:
    """Return the key; raises InvalidKey, saying what would go wrong with it."""
    if _faulty(key):
        raise _refusal(key)
    return _fitting(key, room)


def join(folder: str, name: str, room: int = LONGEST_KEY) -> str:
    """Return the key of `name` in `folder`, a checked key or "" for none; raises InvalidKey."""
    if "/" in name:
        raise InvalidKey(f"{_shown(name)} is one name, and / would make two of it")
    key = f"{folder}/{name}" if folder else name
    if _faulty(name):
        raise _refusal(key)
    return _fitting(key, room)


def key_of(names: Iterable[str], *, to: str = "", room: int = LONGEST_KEY) -> str:
    """Return the key of a file from its path's names, below the prefix `to`; raises InvalidKey.

    The names begin with that of the file or folder that somebody chose. `to` may end in `/`.
    """
    folder = check_prefix(to, room)
    key = folder
    for name in names:
        key = join(key, name, room)
    if key == folder:
        raise _refusal("")
    return key


def check_prefix(to: str, room: int = LONGEST_KEY) -> str:
    """Return what `upload --to` was given as `join` takes it: no `/` at its end, "" for none."""
    return check_key(to.removesuffix("/") or to, room) if to else ""


def renamed(key: str, number: int, room: int = LONGEST_KEY) -> str:
    """Return the key to try when `key` is taken: `a/b.jpg` becomes `a/b (2).jpg`.

    If that is too long the name is cut, but not the extension; a name of at most 255 bytes stays
    so, for folders take no longer ones. Raises InvalidKey if there is no room for it.
    """
    folder, slash, name = key.rpartition("/")
    match = _EXTENSION.fullmatch(name)
    extension = match[1] if match else ""
    tail = f" ({number}){extension}"
    longest = room - _bytes(folder + slash)
    if _bytes(name) <= _LONGEST_NAME:
        longest = min(longest, _LONGEST_NAME)
    stem = _cut(name.removesuffix(extension), longest - len(tail))
    if not stem:
        raise InvalidKey(f"{_shown(key)} has no room for {tail!r}: it may have {room} bytes")
    return folder + slash + stem + tail


def normalisation_differs(key: str) -> bool:
    """Whether the key is not in Unicode's normal form C.

    Two names that look the same may then be two keys: reported to people, never repaired.
    """
    return not is_normalized("NFC", key)


def _faulty(key: str) -> bool:
    # Nearly all keys are printable, and that is told ten times faster than by an expression.
    if not key.isprintable() and _HARMFUL.search(key):
        return True
    return not _NO_NAMES.isdisjoint(key.lower().split("/"))


def _fitting(key: str, room: int) -> str:
    if _bytes(key) > room:
        raise InvalidKey(
            f"{_shown(key)} has {_bytes(key)} bytes, and there is room for {room}: "
            f"S3 takes no key of more than {LONGEST_KEY}"
        )
    return key


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _cut(text: str, longest: int) -> str:
    """Cut to at most `longest` bytes, between code points."""
    return text.encode()[: max(longest, 0)].decode(errors="ignore")


def _shown(text: str) -> str:
    """Return text that can't harm a terminal or a log, whatever it holds."""
    return repr(text if len(text) <= 100 else text[:100] + "…")


def _refusal(key: str) -> InvalidKey:
    return InvalidKey(f"{_shown(key)} can't be a key: {_danger(key)}")


def _danger(key: str) -> str:
    if _NOT_UTF8.search(key):
        return "it is not UTF-8, and would not come back as it was; rename the file"
    if _CONTROL.search(key):
        return "control characters forge lines in lists and logs, and XML can't hold them"
    if not key:
        return "it is empty"
    names = key.split("/")
    if "" in names:
        return "an empty name between slashes is lost in folders and kept in S3: two keys, one file"
    if "." in names or ".." in names:
        return "programs resolve . and .. on the way, so that it would lie elsewhere"
    return f"a folder store keeps its own records in {RESERVED}"
