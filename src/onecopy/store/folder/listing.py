"""Pages of what a folder has, for a listing: the state of each file, without its content."""

import os
from collections.abc import Iterator
from hashlib import sha256

from onecopy.content import Copy
from onecopy.key import LONGEST_KEY, is_recordable
from onecopy.listing import ListedCopy, Span
from onecopy.store.folder.directories import identity_of, object_of
from onecopy.store.folder.survey import Found
from onecopy.store.interface import LeftOut, Object
from onecopy.store.listings import Page

_PAGE = 10_000
"""Copies in a page."""
_TAG_BYTES = 16
_SECOND_NS = 1_000_000_000


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
        page = _added(page, *found)
    yield page


def _added(page: Page, path: bytes, status: os.stat_result | str) -> Page:
    key = _key(path) if len(path) <= LONGEST_KEY else None
    if isinstance(status, str) or key is None:
        reason = status if isinstance(status, str) else "key-invalid"
        page.left_out.append(LeftOut(path.decode(errors="surrogateescape"), reason))
    elif size := status.st_size:
        seconds = status.st_mtime_ns // _SECOND_NS
        page.copies.append(ListedCopy(key, size, tag(identity_of(status)), 0, True, seconds))
    else:
        return page._replace(empty=page.empty + 1)
    return page


def _key(path: bytes) -> str | None:
    """Return a path as a key; None if it is not UTF-8. A survey leaves out what is reserved."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return None


def is_as_listed(copy: Copy, listed: ListedCopy) -> bool:
    """See Listable."""
    return (copy.size, tag(copy.identity)) == (listed.size, listed.tag)


def tag(identity: str) -> bytes:
    """Return the tag of a listed file: names of one file (hard links) have the same."""
    return sha256(identity.encode()).digest()[:_TAG_BYTES]
