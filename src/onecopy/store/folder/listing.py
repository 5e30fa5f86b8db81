"""Pages of what a folder has, for a listing: the state of each file, without its content."""

import os
from collections.abc import Iterator
from hashlib import sha256

from onecopy.content import Copy
from onecopy.key import LONGEST_KEY, is_recordable
from onecopy.listing import ListedCopy, Span, listed_copy
from onecopy.store.folder.directories import identity_of, object_of
from onecopy.store.folder.survey import Found
from onecopy.store.interface import LeftOut, Object
from onecopy.store.listings import Page

_PAGE = 10_000
"""Copies in a page."""
_TAG_BYTES = 16
_SECOND_NS = 1_000_000_000
_CLASS = "STANDARD"


def object_or_left_out(found: Found) -> Object | LeftOut:
    """Return what a survey found as the contract has it."""
    path, status = found
    key = path.decode(errors="surrogateescape")
    if isinstance(status, str):
        return LeftOut(key, status)
    return object_of(key, status) if is_recordable(key) else LeftOut(key, "key-invalid")


def pages_of(survey: Iterator[Found], span: Span) -> Iterator[Page]:
    """Yield the pages of a span from a survey that begins behind `span.after`."""
    through = None if span.through is None else span.through.encode()
    page = Page([], [], 0, span)
    for found in survey:
        if through is not None and found[0] > through:
            break
        if len(page.copies) == _PAGE:
            end = page.copies[-1].key
            yield page._replace(span=page.span._replace(through=end))
            page = Page([], [], 0, Span(end, span.through))
        listed = _listed(*found)
        if isinstance(listed, LeftOut):
            page.left_out.append(listed)
        elif listed[1]:
            page.copies.append(listed)
        else:
            page = page._replace(empty=page.empty + 1)
    yield page


def _listed(path: bytes, status: os.stat_result | str) -> ListedCopy | LeftOut:
    """Return what a survey found as it is listed. A survey leaves out what is reserved."""
    if isinstance(status, str):
        return LeftOut(path.decode(errors="surrogateescape"), status)
    try:
        key = path.decode()
    except UnicodeDecodeError:
        return LeftOut(path.decode(errors="surrogateescape"), "key-invalid")
    if len(path) > LONGEST_KEY:
        return LeftOut(key, "key-invalid")
    seconds = status.st_mtime_ns // _SECOND_NS
    return listed_copy(
        (key, status.st_size, tag(identity_of(status)), 0, True, seconds, _CLASS, "")
    )


def is_as_listed(copy: Copy, listed: ListedCopy) -> bool:
    """See Listable."""
    return (copy.size, tag(copy.identity)) == (listed.size, listed.tag)


def tag(identity: str) -> bytes:
    """Return the tag of a listed file: names of one file (hard links) have the same."""
    return sha256(identity.encode()).digest()[:_TAG_BYTES]
