"""What a response of ListObjectsV2 has below a store's prefix: copies, and what is left out."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import compress
from struct import Struct
from typing import NamedTuple, cast

from onecopy.content import Copy
from onecopy.key import RESERVED, are_recordable, is_recordable, is_reserved
from onecopy.listing import ListedCopy, listed_copy, tag_schemes
from onecopy.store.interface import LeftOut
from onecopy.store.s3.list_parser import Columns
from onecopy.store.s3.object_info import ETAG

MD5_DIGITS = 32
"""Characters of an ETag that is an MD5."""
NO_MD5 = "0" * MD5_DIGITS
_TAG_BYTES = 16
_OWN = f"{RESERVED}/"
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
    if 0 not in columns.sizes and are_recordable(keys):
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


def _copies(keys: Sequence[str], columns: Columns) -> list[ListedCopy]:
    fields = zip(
        keys,
        columns.sizes,
        *tags_of(columns.etags, columns.sizes),
        columns.modified,
        columns.storage_classes,
        columns.checksums,
        strict=True,
    )
    return cast(list[ListedCopy], list(map(listed_copy, fields)))


_TagColumns = tuple[list[bytes], list[int], list[bool]]
"""Tags, parts and opacity of several ETags."""


def tags_of(etags: Sequence[str], sizes: Sequence[int]) -> _TagColumns:
    """Return the tags of ETags; those of plain MD5s, which most are, at once."""
    odd = {at: etag for at, etag in enumerate(etags) if len(etag) != MD5_DIGITS}
    plain = list(etags)
    for at in odd:
        plain[at] = NO_MD5
    return joined_tags("".join(plain), odd, sizes)


def joined_tags(text: str, odd: Mapping[int, str], sizes: Sequence[int]) -> _TagColumns:
    """Do as `tags_of`, with the ETags joined: each has 32 digits.

    The places that are in `odd`, with their ETags, are filled with zeros.
    """
    count = len(sizes)
    if text.strip("0123456789abcdef"):  # some are no MD5s, such as those in upper case
        starts = range(0, len(text), MD5_DIGITS)
        odd = {at: text[start : start + MD5_DIGITS] for at, start in enumerate(starts)} | {**odd}
        text = NO_MD5 * count
    tags = list(_cutter(count).unpack(bytes.fromhex(text)))
    parts, opaque = [0] * count, [False] * count
    for at, etag in odd.items():
        tags[at], parts[at], opaque[at] = tag_of(etag, sizes[at])
    return tags, parts, opaque


@lru_cache(16)
def _cutter(count: int) -> Struct:
    return Struct(f"{_TAG_BYTES}s" * count)


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
