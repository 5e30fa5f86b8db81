"""What a head says of an object: its identity, and what proves its content."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256

from onecopy.content import Digests
from onecopy.digest import (
    MD5,
    SHA256,
    SMALLEST_PART,
    Digest,
    Scheme,
    content_scheme,
    part_lengths,
)
from onecopy.store.interface import Object
from onecopy.store.s3.head_object import Head

MARK = "onecopy-upload"
"""User metadata of what we upload: the upload's id, by which a lost answer is known as ours."""
_NEAR = timedelta(days=2)
_LONGEST_IDENTITY = 255
_ETAG = re.compile(r"([0-9a-f]{32})(?:-([1-9][0-9]{0,4}))?")
_EXPIRY = re.compile(r'expiry-date="([^"]+)"')


def described(key: str, head: Head, *, compared: bool) -> Object:
    """Return the object that a head describes; `key` is its full key.

    `compared` is whether the bucket compared the SHA-256 that it states with the bytes: some repeat
    what they were told (rclone).
    """
    return Object(
        key,
        head.size,
        identity(head),
        head.modified * 1000,
        stated(head, compared=compared),
    )


def identity(head: Head) -> str:
    """Return what tells that it is still the same object.

    An overwritten one has another time, checksum or version, though an MD5 twin within the same
    second has the same ETag.
    """
    text = f"{head.etag} {head.modified:x} {head.checksum} {head.version}".rstrip()
    # A version's id may have 1,024 bytes.
    return text if len(text.encode()) <= _LONGEST_IDENTITY else sha256(text.encode()).hexdigest()


def is_of(head: Head, upload_id: str) -> bool:
    """Whether an object was made by this upload."""
    return head.metadata.get(MARK) == upload_id


def stated(head: Head, *, compared: bool) -> Digests:
    """Return the digests that the bucket states: what it computed or checked itself.

    A checksum over parts is taken only of what we uploaded: of others the parts may be uneven, and
    then it identifies nothing.
    """
    size, found = head.size, list[Digest]()
    value, parts = checksum(head.checksum) if compared else (b"", None)
    if value and parts is None:
        found.append(Digest(SHA256, value))
    elif value and MARK in head.metadata and parts == len(part_lengths(size)):
        found.append(Digest(content_scheme(size), value))
    if (etag := _md5_in(head)) and etag[1] is None:
        found.append(Digest(MD5, bytes.fromhex(etag[0])))
    return Digests.proved(*found)


def stated_over(head: Head, lengths: Sequence[int], *, compared: bool) -> Digests:
    """Return the digests over parts that the bucket states of an object whose parts are these."""
    even, size = lengths[0], head.size
    if sum(lengths) != size or any(length != even for length in lengths[:-1]) or lengths[-1] > even:
        return Digests()
    found = []
    value, parts = checksum(head.checksum) if compared else (b"", None)
    if value and parts == len(lengths):
        found.append(Digest(Scheme("sha256", even), value))
    if (etag := _md5_in(head)) and etag[1] == len(lengths):
        found.append(Digest(Scheme("md5", even), bytes.fromhex(etag[0])))
    return Digests.proved(*found)


def parts_in(head: Head) -> int | None:
    """Return of how many parts an object was made; None if that says nothing of its content."""
    etag = _md5_in(head)
    _, parts = checksum(head.checksum)
    return parts or (etag[1] if etag else None)


def checksum(text: str | None) -> tuple[bytes, int | None]:
    """Read a checksum and of how many parts it is: `<base64>` or `<base64>-<parts>`."""
    value, _, parts = (text or "").partition("-")
    try:
        binary = b64decode(value, validate=True)
    except Base64Error:
        return b"", None
    if len(binary) != SHA256.length or (parts and not parts.isdecimal()):
        return b"", None
    return binary, int(parts) if parts else None


def _md5_in(head: Head) -> tuple[str, int | None] | None:
    """Return the MD5 in an ETag, and of how many parts; None if it is none, as with KMS and SSE-C.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
    """
    match = _ETAG.fullmatch(head.etag)
    if match is None or head.encryption:
        return None
    return match[1], int(match[2]) if match[2] else None


def is_expiring(head: Head) -> bool:
    """Whether the bucket's lifecycle is about to delete the object: nobody may count on it."""
    match = _EXPIRY.search(head.expiration)
    if match is None:
        return False
    try:
        expiry = parsedate_to_datetime(match[1])
    except ValueError:
        return False
    return expiry - datetime.now(UTC) < _NEAR


def is_small(size: int) -> bool:
    """Whether a content of so many bytes is sent in one request, which makes the object at once."""
    return size < SMALLEST_PART
