"""The optional contract of a store that can list its objects without looking at each."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, runtime_checkable

from onecopy.content import Copy
from onecopy.listing import ListedCopy, Span
from onecopy.own_files import OwnFiles
from onecopy.store.interface import Absent, LeftOut, Object, Unknown


class Page(NamedTuple):
    """What a store lists within a span of keys: the next page of a listing."""

    copies: list[ListedCopy]
    """Objects with content, by the UTF-8 bytes of their full keys."""
    left_out: list[LeftOut]
    """Everything else but empty objects, as in `Surveyor.survey`.

    What is left out as `mounted` or with a code such as `store-forbidden` is not known to be gone:
    not the object at this key and, if the key ends in a slash, nothing below it. Such a folder
    may begin before the span; every span that has a part of it names it. A key listed outside of
    the store's prefix is named in full (`key-changed`).
    """
    empty: int
    """The number of empty objects, which are not recorded."""
    span: Span
    """What this page covers completely. It begins where the page before ended."""


@runtime_checkable
class Listable(Protocol):
    """A store that can list its objects, in the order of keys, without a request for each."""

    @property
    def list_requests(self) -> int:
        """The number of requests that this object has made so far in order to list."""

    def list_pages(self, span: Span, own: OwnFiles) -> Iterator[Page]:
        """Yield the pages of a listing that together cover the span without gap or overlap.

        Several threads may list at once. Objects that are added or removed concurrently may or may
        not be listed; all others are. Raises Unavailable and Forbidden; the listing can then be
        resumed behind the last page. Raises Failure if the store does not list in an order in which
        nothing is missed. `own` are files of onecopy itself, which may be in a folder.

        A bucket may be listed without its marker, so what is not listed is known to be gone only if
        `identify` returns the store's id before and afterwards.
        """

    def split(self, span: Span) -> str | None:
        """Return a key that divides the objects within a span, roughly in half if possible.

        Both halves may then be listed at once; the key need not be that of an object. None if there
        is probably nothing to gain. Costs a few requests to list.
        """

    def is_as_listed(self, copy: Copy, listed: ListedCopy) -> bool:
        """Return whether a copy was recorded in the state that a listing states.

        Compares the copy's identity with tag and time. An object that was replaced within the same
        second by one with the same tag is not noticed: a look notices it.
        """


@runtime_checkable
class Tagged(Protocol):
    """A store (S3) whose objects have an ETag, and a version id if it keeps versions."""

    def etag_and_version(self, seen: Object) -> tuple[str, str] | None:
        """Return the ETag of an object in the state that was seen, and its version id, or "".

        None if that is not known.
        """


@runtime_checkable
class Starts(Protocol):
    """A store (a folder) whose listing states no digests, and from which many objects are read.

    Listed objects with the same tag are one object with several names.
    """

    def starts(self, wanted: Iterable[tuple[str, int]]) -> Iterator[bytes | Absent | Unknown]:
        """Yield, for each (key, number of bytes) in order, that many of the object's first bytes.

        All bytes of an object that is not as long. Keys in sorted order are the fastest. An object
        that is changed or replaced is not noticed: look at it afterwards. Raises Unavailable and
        Forbidden.
        """

    def tag(self, identity: str) -> bytes:
        """Return the tag with which an object of this identity is listed."""


class Versions(NamedTuple):
    """What a store keeps beside its current objects."""

    noncurrent: int
    """Versions of objects that were replaced or deleted."""
    bytes: int
    """The size of these versions."""
    delete_markers: int


@runtime_checkable
class Versioned(Protocol):
    """A store that may keep versions of its objects (S3); only the current ones are listed."""

    def count_versions(self) -> Versions | None:
        """Count what is kept beside the current objects; None if the store keeps no versions.

        Costs as many requests to list as there are thousands of versions, the current ones
        included. Raises Unavailable, and Forbidden without permissions that a listing does not need
        (S3: `s3:GetBucketVersioning`, `s3:ListBucketVersions`).
        """
