"""Keys of objects in a store: one rule for folders, S3 and the browser.

A key consists of the names from the chosen file or folder downwards, joined by `/`, byte for byte.
Names that would be stored elsewhere, or could not be read back unchanged, are refused. `room` is
the number of bytes that a tenant's prefix leaves of the 1,024 that S3 accepts for a full key
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).

This is the rule for new objects. Objects of other programs may have keys such as `a//b` or `../x`:
they are recorded and found as well (`is_recordable`), but such a key never becomes a new object.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from unicodedata import is_normalized

from onecopy.errors import InvalidKey
from onecopy.text import printable

LONGEST_KEY = 1024
"""Bytes of UTF-8, including the tenant's prefix."""
RESERVED = ".onecopy"
"""The folder in which a folder store keeps its records."""

_TYPES = {
    ".avif": "image/avif",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
}
"""Types that a preview can show and no browser runs; other files are plain bytes."""

_PRINTABLE = bytes(range(0x20, 0x7F))
_UNRECORDABLE = re.compile("[\0\ud800-\udfff]")
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_REFUSED_CHARACTER = re.compile(f"{_NOT_UTF8.pattern}|{_CONTROL.pattern}")
_REFUSED_NAMES = frozenset({"", ".", "..", RESERVED})
_EXTENSION = re.compile(r"(?s:\.*[^.].*)(\.[A-Za-z0-9]{1,16})")
_LONGEST_CHARACTER = 4
"""Bytes of UTF-8."""
_MAX_NAME_BYTES = 255
"""The limit for one name in most file systems."""


def check_key(key: str, room: int = LONGEST_KEY) -> str:
    """Return the key; raises InvalidKey, which explains the danger, if it is invalid."""
    if _is_refused(key):
        raise _refusal(key)
    return _check_length(key, room)


def is_recordable(key: str) -> bool:
    """Return whether an object of any program can be recorded under this key.

    False if no index could hold the key (empty, not UTF-8, with NUL, or longer than S3's limit),
    and for records of onecopy itself.
    """
    if not key or _UNRECORDABLE.search(key) or is_reserved(key):
        return False
    return _bytes(key) <= LONGEST_KEY


def are_recordable(keys: Sequence[str]) -> bool:
    """Return whether all keys are certainly recordable; a quick look at all of them at once."""
    text = "/".join(keys)
    longest = max(map(len, keys), default=0) * (1 if text.isascii() else _LONGEST_CHARACTER)
    is_plain = _is_printable(text) and RESERVED not in text.lower()
    return is_plain and longest <= LONGEST_KEY and "" not in keys


def _is_printable(text: str) -> bool:
    """Return whether a long text is printable; of ASCII, in a sixth of the time."""
    if text.isascii():
        return not text.encode().translate(None, _PRINTABLE)
    return text.isprintable()


def check_recordable(key: str) -> str:
    """Return the key of an object of any program; raises InvalidKey if it cannot be recorded."""
    if not is_recordable(key):
        if not key or _UNRECORDABLE.search(key) or is_reserved(key):
            raise InvalidKey(f"the key {_shown(key)} cannot be recorded: {_danger(key)}")
        _check_length(key, LONGEST_KEY)
    return key


def is_reserved(key: str) -> bool:
    """Return whether a key is in, or is, a folder in which onecopy keeps records of a store."""
    return RESERVED in key.lower().split("/")


def resolves_dots(key: str) -> bool:
    """Return whether browsers would resolve `.` or `..` in the key, and so change the address."""
    return not {".", ".."}.isdisjoint(key.split("/"))


def download_name(key: str) -> str:
    """Return the name for saving an object; control characters become `_`."""
    name = _CONTROL.sub("_", key.rstrip("/").rpartition("/")[2])
    return "_" if name in _REFUSED_NAMES else name


def download_type(key: str) -> str:
    """Return the media type with which an object is served: one that browsers do not run."""
    return _TYPES.get(PurePosixPath(download_name(key)).suffix.lower(), "application/octet-stream")


def join(folder: str, name: str, room: int = LONGEST_KEY) -> str:
    """Return the key of `name` in `folder`, which is a valid key or ""; raises InvalidKey."""
    if "/" in name:
        raise InvalidKey(f"invalid name {_shown(name)}: a name must not contain /")
    key = f"{folder}/{name}" if folder else name
    if _is_refused(name):
        raise _refusal(key)
    return _check_length(key, room)


def are_valid_names(folder: str, names: Sequence[str], room: int = LONGEST_KEY) -> bool:
    """Return whether `join` certainly accepts all names; a quick look at all of them at once."""
    text = "".join(names)
    longest = len(folder) + 1 + max(map(len, names), default=0)
    longest *= 1 if folder.isascii() and text.isascii() else _LONGEST_CHARACTER
    is_plain = _is_printable(text) and "/" not in text and RESERVED not in text.lower()
    return is_plain and longest <= room and _REFUSED_NAMES.isdisjoint(names)


def check_prefix(to: str, room: int = LONGEST_KEY) -> str:
    """Return the prefix of `upload --to` without a `/` at its end; raises InvalidKey."""
    return check_key(to.removesuffix("/") or to, room) if to else ""


def renamed(key: str, number: int, room: int = LONGEST_KEY) -> str:
    """Return the key to try when `key` is taken: `a/b.jpg` becomes `a/b (2).jpg`.

    If that is too long, the name is shortened, but not its extension. A name of at most 255 bytes
    does not exceed 255, the limit of folders. Raises InvalidKey if there is no room for it.
    """
    folder, slash, name = key.rpartition("/")
    match = _EXTENSION.fullmatch(name)
    extension = match[1] if match else ""
    tail = f" ({number}){extension}"
    max_bytes = room - _bytes(folder + slash)
    if _bytes(name) <= _MAX_NAME_BYTES:
        max_bytes = min(max_bytes, _MAX_NAME_BYTES)
    stem = _shorten(name.removesuffix(extension), max_bytes - len(tail))
    if not stem:
        raise InvalidKey(
            f"{_shown(key)} is too long to add {tail!r}: it has {_bytes(key)} bytes (limit "
            f"{_limit(room)}); shorten the names of its folders"
        )
    return folder + slash + stem + tail


def normalisation_differs(key: str) -> bool:
    """Return whether the key is not in Unicode's normal form C.

    Two names that look the same may then be two keys. This is reported, never corrected.
    """
    return not is_normalized("NFC", key)


def _is_refused(key: str) -> bool:
    # Nearly all keys are printable, which is checked ten times faster than the expression.
    if not key.isprintable() and _REFUSED_CHARACTER.search(key):
        return True
    return not _REFUSED_NAMES.isdisjoint(key.lower().split("/"))


def _check_length(key: str, room: int) -> str:
    if _bytes(key) > room:
        raise InvalidKey(
            f"key too long: {_shown(key)} has {_bytes(key)} bytes (limit {_limit(room)}); shorten "
            "the names of its folders or its own"
        )
    return key


def _limit(room: int) -> str:
    """Return the limit of a key in bytes, and what takes the rest of what S3 accepts."""
    taken = LONGEST_KEY - room
    return f"{room}: {LONGEST_KEY} less {taken} of the tenant's prefix" if taken else f"{room}"


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _shorten(text: str, max_bytes: int) -> str:
    """Shorten to at most `max_bytes` bytes, between code points."""
    return text.encode()[: max(max_bytes, 0)].decode(errors="ignore")


def _shown(text: str) -> str:
    """Return text in a form that is harmless in terminals and logs."""
    shown = printable(text if len(text) <= 100 else text[:100] + "…")
    return f"'{''.join(map(_escaped, shown))}'"


def _escaped(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode()


def _refusal(key: str) -> InvalidKey:
    return InvalidKey(f"invalid key {_shown(key)}: {_danger(key)}; use another name")


def _danger(key: str) -> str:
    if _NOT_UTF8.search(key):
        return "it is not UTF-8, so it could not be read back unchanged"
    if _CONTROL.search(key):
        return "it contains control characters, which forge lines in logs and are invalid in XML"
    if not key:
        return "it is empty"
    names = key.split("/")
    if "" in names:
        return "S3 keeps an empty name between slashes, a folder does not: two keys, one file"
    if "." in names or ".." in names:
        return "programs resolve . and .., so it would be stored elsewhere"
    return f"a folder store keeps its records in {RESERVED}"
