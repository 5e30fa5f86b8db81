"""What a listing of a store states about its objects, without a request for each.

A copy is *listed*, then *described* (by a look, such as a HeadObject), then *read*, each only when
somebody's file meets it. A listed copy is evidence too weak for any verdict but `new`: it proposes
copies to look at.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from onecopy.digest import LARGEST_PART, MD5, MOST_PARTS, Digest, MiB, Scheme

_MIB = (5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 200, 256, 500, 512, 1024, 2048, 4096, 5120)
_PART_SIZES = tuple(number * MiB for number in _MIB)
"""The part sizes of common tools: 5 of rclone, 8 of the AWS CLI and boto3, 15 of s3cmd."""


_COOLER = (
    *("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA"),
    *("GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"),
)
"""Storage classes; lifecycle rules move an object only to those behind its own. See
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
"""


class ListedCopy(NamedTuple):
    """One object, as a listing states it. A tuple, since 300,000 a second are made."""

    key: str
    size: int
    """Bytes, at least 1."""
    tag: bytes
    """16 bytes that change with the content. If not `is_opaque`: the MD5 in the ETag. Otherwise
    this may be the MD5, or a hash of what the store states instead."""
    parts: int
    """The number of parts over which the ETag was computed; 0 if over the whole content."""
    is_opaque: bool
    """Whether another tag does not mean another content: the ETag of an encrypted object, or none
    at all (a folder)."""
    modified: int
    """Seconds since 1970, UTC."""
    storage_class: str = "STANDARD"
    """The name of S3's storage class; STANDARD for other stores."""
    checksums: str = ""
    """Names of the checksums that the store keeps, separated by spaces: `SHA256`, `CRC64NVME`."""

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """The schemes under which the tag may be a digest of the content."""
        return tag_schemes(self.size, self.parts)

    @property
    def digests(self) -> Iterator[Digest]:
        """The digests that the content may have, if its tag is a digest."""
        return (Digest(scheme, self.tag) for scheme in self.schemes)


listed_copy = partial(tuple.__new__, ListedCopy)
"""Makes a copy from the values of all its fields, in half the time of `ListedCopy(*values)`."""


class Span(NamedTuple):
    """A range of keys, in the order of their UTF-8 bytes: those after one, up to another."""

    after: str = ""
    """Excluded."""
    through: str | None = None
    """Included; None: without an end."""

    def has(self, key: str) -> bool:
        """Return whether a key is in this range."""
        return self.after < key and (self.through is None or key <= self.through)


EVERYTHING = Span()
"""All keys."""


def is_later_class(storage_class: str, other: str) -> bool:
    """Return whether an object that had one storage class may have been moved to this one since.

    No rule moves an object to STANDARD, which is also what is recorded of an unknown class.
    """
    if other == _COOLER[0]:
        return storage_class != other
    known = storage_class in _COOLER and other in _COOLER
    return known and _COOLER.index(storage_class) > _COOLER.index(other)


def tag_schemes(size: int, parts: int) -> tuple[Scheme, ...]:
    """Return the schemes of an ETag over a number of parts (0: over the whole content).

    The part size is not stated; it is one that tools use and that results in this number of parts.
    Empty if none does: then nothing can be concluded from the ETag.
    """
    if parts == 0:
        return (MD5,)
    if parts == 1:  # the digest is the same for every part size that is not smaller
        return (Scheme("md5", next((p for p in _PART_SIZES if p >= size), LARGEST_PART)),)
    if not 1 < parts <= MOST_PARTS:
        return ()
    return tuple(
        Scheme("md5", part) for part in _PART_SIZES if part * (parts - 1) < size <= part * parts
    )
