"""Copies and listed copies for reports."""

from hashlib import sha256

from onecopy.content import Copy, Digests
from onecopy.digest import Digest, content_scheme
from onecopy.listing import ListedCopy


def copy(  # noqa: PLR0917 - fields of a copy
    key: str,
    size: int,
    content: int | None,
    stored: int = 0,
    identity: str = "",
    storage_class: str = "STANDARD",
) -> Copy:
    """Return a copy of the content with this number, stored at a second; None: unknown content."""
    value = sha256(b"%d %d" % (content or 0, size)).digest()
    digest = Digest(content_scheme(size), value)
    digests = Digests() if content is None else Digests.proved(digest)
    return Copy(key, size, digests, identity or key, stored * 1000, 0, storage_class)


def listed(
    key: str, size: int, tag: int, stored: int = 0, storage_class: str = "STANDARD"
) -> ListedCopy:
    """Return what a listing states about an object whose tag has this number."""
    return ListedCopy(key, size, bytes([tag]) * 16, 0, False, stored, storage_class)
