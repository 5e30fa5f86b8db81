"""Pages of what a folder has, for a listing: the state of each file, without its content."""

from collections.abc import Iterator
from hashlib import sha256

from onecopy.content import Copy
from onecopy.key import is_recordable
from onecopy.listing import ListedCopy, Span
from onecopy.store.folder.directories import object_of
from onecopy.store.folder.survey import Found
from onecopy.store.interface import LeftOut, Object
from onecopy.store.listings import Page

_PAGE = 10_000
"""Copies in a page."""
_TAG_BYTES = 16
_SECOND_MS = 1000


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
        page = _added(page, object_or_left_out(found))
    yield page


def _added(page: Page, found: Object | LeftOut) -> Page:
    if isinstance(found, LeftOut):
        page.left_out.append(found)
    elif found.size:
        page.copies.append(_listed(found))
    else:
        return page._replace(empty=page.empty + 1)
    return page


def _listed(found: Object) -> ListedCopy:
    seconds = found.stored_ms // _SECOND_MS
    return ListedCopy(found.key, found.size, _tag(found.identity), 0, True, seconds)


def is_as_listed(copy: Copy, listed: ListedCopy) -> bool:
    """See Listable."""
    return (copy.size, _tag(copy.identity)) == (listed.size, listed.tag)


def _tag(identity: str) -> bytes:
    return sha256(identity.encode()).digest()[:_TAG_BYTES]
