"""What an index has stored, read back: anything that onecopy cannot have written is damage.

A disk may return other bytes than were written, and another program may change a row. Such a value
must not become an answer, nor an error that nobody understands.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

from onecopy.content import Copy, Digests, Listed
from onecopy.digest import LARGEST_CONTENT, Digest, Scheme
from onecopy.errors import Damaged, InvalidDigest
from onecopy.index.interface import State
from onecopy.listing import ListedCopy, listed_copy

RESTORE = "stop all processes that use it, check the disk, and restore a backup (docs/indexes.md)"

_copy = partial(tuple.__new__, Copy)
"""Makes a copy from its columns, in half the time of `Copy(*columns)`."""
_STANDARD = "STANDARD"
_TAG_LENGTH = 16
_SHA256 = 33
"""Bytes of the digests of most copies: one proved SHA-256."""
_WITH_MD5 = 50
"""Bytes of the digests of many others: a proved SHA-256, then a proved MD5."""


def damaged(detail: object) -> Damaged:
    """Return the error to raise for an index that holds what onecopy never wrote."""
    error = Damaged(f"the index is damaged: {RESTORE} ({detail})")
    error.detail = str(detail)
    return error


@contextmanager
def decoding(what: str) -> Iterator[None]:
    """Raise Damaged for a value that does not have the form in which it was written."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, InvalidDigest) as error:
        raise damaged(f"{what}: {error}") from error


def stored_copy(columns: Sequence[Any]) -> Copy:
    """Return a copy from its columns, in the order of `Copy`; raises Damaged.

    The storage class is as `class_column` returns it.
    """
    key, size, packed, identity, stored_at, recorded_at, kind = columns
    if (
        type(packed) is bytes
        and (
            (len(packed) == _SHA256 and packed[0] == 1)  # the common cases, kept cheap
            or (len(packed) == _WITH_MD5 and packed[0] == 1 and packed[_SHA256] == 3)
            or Digests.is_valid(packed)
        )
        and type(size) is int is type(stored_at) is type(recorded_at)
        and 0 < size <= LARGEST_CONTENT
        and type(key) is str is type(identity) is type(kind)
    ):
        digests = Digests(packed)
        return _copy((key, size, digests, identity, stored_at, recorded_at, kind or _STANDARD))
    raise damaged(f"no copy can be stored as the one at the key {str(key)[:100]!r}")


def class_column(storage_class: str) -> str:
    """Return the column for a storage class: nothing for STANDARD, which nearly all copies have."""
    return "" if storage_class == _STANDARD else storage_class


def stored_listed_copy(fields: Sequence[Any]) -> ListedCopy:
    """Return a listed copy from its fields, in the order of `ListedCopy`; raises Damaged."""
    key, size, tag, parts, is_opaque, modified, storage_class, checksums = fields
    if (
        type(size) is int is type(parts) is type(modified)
        and size > 0 <= parts
        and type(tag) is bytes
        and len(tag) == _TAG_LENGTH
        and type(is_opaque) is bool
        and type(key) is str is type(storage_class) is type(checksums)
    ):
        return listed_copy(fields)
    raise damaged(f"nothing can be listed as the entry at the key {str(key)[:100]!r}")


def require_progress(after: Any, last: Any) -> None:  # noqa: ANN401 - any position
    """Raise Damaged unless a page that was read after one position ends behind it.

    Reading the pages of a damaged index would otherwise never end.
    """
    if not last > after:
        raise damaged(f"after {str(after)[:100]!r} comes {str(last)[:100]!r}")


def stored_listed(scheme: Any, value: Any, size: Any) -> Listed:  # noqa: ANN401 - maybe damaged
    """Return a listed digest from its columns; size 0: unknown. Raises Damaged."""
    known = stored_scheme(scheme)
    has_length = type(value) is bytes and len(value) == known.length
    if has_length and type(size) is int and 0 <= size <= LARGEST_CONTENT:
        return Listed(Digest(known, value), size or None)
    raise damaged(f"no digest can be listed as {scheme} of {size} bytes")


@lru_cache(256)
def stored_scheme(name: Any) -> Scheme:  # noqa: ANN401 - maybe damaged
    """Return the scheme with a stored name; raises Damaged."""
    with decoding("the name of a scheme"):
        return Scheme.parse(name)


def values_of(state: State, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Yield all names and values of a group, or of longer names; memory use is constant."""
    after = ""
    while page := state.values(prefix, after):
        require_progress(after, page[-1][0])
        yield from page
        after = page[-1][0]
