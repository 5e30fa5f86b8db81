"""What a response of ListObjectsV2 has below a store's prefix: copies, and what is left out."""

from collections.abc import Iterable, Sequence
from functools import partial
from hashlib import sha256
from itertools import compress
from typing import NamedTuple, cast

from onecopy.content import Copy
from onecopy.key import LONGEST_KEY, RESERVED, is_recordable, is_reserved
from onecopy.listing import ListedCopy, tag_schemes
from onecopy.store.interface import LeftOut
from onecopy.store.s3.list_parser import Columns
from onecopy.store.s3.object_info import ETAG

_MD5_DIGITS = 32
_TAG_BYTES = 16
_LONGEST_CHARACTER = 4
"""Bytes of UTF-8."""
_OWN = f"{RESERVED}/"
_make = partial(tuple.__new__, ListedCopy)
"""Twice as fast as calling the class."""
Tag = tuple[bytes, int, bool]
"""Tag, parts and opacity of a ListedCopy."""


class Entries(NamedTuple):
    """The objects of a response, or several."""

    keys: list[str]
    """Of all objects below the store's prefix, without it, in the response's order."""
    copies: list[ListedCopy]
    left_out: list[LeftOut]
    empty: list[str]
    """Keys of empty objects."""
    strayed: list[LeftOut]
    """Objects whose listed keys are not below the prefix: full keys in the bucket."""


def entries_of(columns: Columns, prefix: str) -> Entries:
    """Return the objects of a response; our own records are not mentioned."""
    is_below = [key.startswith(prefix) for key in columns.keys]
    strayed: list[LeftOut] = []
    if not all(is_below):
        beside = [not each for each in is_below]
        strayed = [LeftOut(key, "key-changed") for key in compress(columns.keys, beside)]
        columns = Columns._make(list(compress(column, is_below)) for column in columns)
    keys = [key[len(prefix) :] for key in columns.keys] if prefix else columns.keys
    copies = _copies(keys, columns)
    if 0 not in columns.sizes and _are_recordable(keys):
        return Entries(keys, copies, [], [], strayed)
    return _sorted_out(keys, copies, strayed)


def _sorted_out(keys: list[str], listed: Iterable[ListedCopy], strayed: list[LeftOut]) -> Entries:
    """Return the copies apart from what is empty or cannot be recorded."""
    found = Entries(keys, [], [], [], strayed)
    for copy in listed:
        key, size = copy.key, copy.size
        if key.startswith(_OWN):
            continue
        if not is_recordable(key) and (key or size):  # the prefix may be there as an empty folder
            found.left_out.append(LeftOut(key, "reserved" if is_reserved(key) else "key-invalid"))
        elif size:
            found.copies.append(copy)
        else:
            found.empty.append(key)
    return found


def _are_recordable(keys: Sequence[str]) -> bool:
    """Return whether all keys are certainly recordable; a quick look at all of them at once."""
    text = "/".join(keys)
    longest = max(map(len, keys), default=0) * (1 if text.isascii() else _LONGEST_CHARACTER)
    is_plain = text.isprintable() and RESERVED not in text.lower()
    return is_plain and longest <= LONGEST_KEY and "" not in keys


def _copies(keys: Sequence[str], columns: Columns) -> list[ListedCopy]:
    fields = zip(
        keys,
        columns.sizes,
        *_tags(columns),
        columns.modified,
        columns.storage_classes,
        columns.checksums,
        strict=True,
    )
    return cast(list[ListedCopy], list(map(_make, fields)))


def _tags(columns: Columns) -> Iterable[Sequence[object]]:
    """Return tags, parts and opacity as columns; ETags that are all plain MD5s are fast."""
    etags = columns.etags
    text = "".join(etags)
    if set(map(len, etags)) != {_MD5_DIGITS} or text.strip("0123456789abcdef"):
        return list(zip(*map(tag_of, etags, columns.sizes), strict=True)) or [(), (), ()]
    data, count = bytes.fromhex(text), len(etags)
    tags = [data[at : at + _TAG_BYTES] for at in range(0, len(data), _TAG_BYTES)]
    return tags, [0] * count, [False] * count


def tag_of(etag: str, size: int) -> Tag:
    """Return the tag of an ETag, the number of its parts, and whether it is opaque."""
    match = ETAG.fullmatch(etag)
    if match is None:
        text = etag.encode(errors="surrogateescape")
        return sha256(text).digest()[:_TAG_BYTES], 0, True
    parts = int(match[2] or 0)
    return bytes.fromhex(match[1]), parts, not tag_schemes(size, parts)


def is_as_listed(copy: Copy, listed: ListedCopy) -> bool:
    """See Listable. The identity of a copy begins with its ETag and its time."""
    etag, _, rest = copy.identity.partition(" ")
    state = (copy.size, *tag_of(etag, copy.size)[:2], rest.partition(" ")[0])
    return state == (listed.size, listed.tag, listed.parts, f"{listed.modified:x}")
