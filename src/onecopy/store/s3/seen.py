"""What the answer to a HeadObject says of an object: its identity, and what proves its content.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

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

MARK = "onecopy-upload"
"""User metadata of what we upload: the upload's id, by which a lost answer is known as ours."""
Head = Mapping[str, Any]
"""The answer to a HeadObject, as boto3 gives it."""

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
        head["ContentLength"],
        identity(head),
        int(head["LastModified"].timestamp() * 1000),
        stated(head, compared=compared),
    )


def identity(head: Head) -> str:
    """Return what tells that it is still the same object.

    An overwritten one has another time, checksum or version, though an MD5 twin within the same
    second has the same ETag.
    """
    facts = (
        head["ETag"].strip('"'),
        f"{int(head['LastModified'].timestamp()):x}",
        head.get("ChecksumSHA256", ""),
        head.get("VersionId", ""),
    )
    text = " ".join(facts).rstrip()
    # A version's id may have 1,024 bytes.
    return text if len(text.encode()) <= _LONGEST_IDENTITY else sha256(text.encode()).hexdigest()


def is_of(head: Head, upload_id: str) -> bool:
    """Whether an object was made by this upload."""
    return metadata(head, MARK) == upload_id


def metadata(head: Head, name: str) -> str | None:
    """Return a value of the user metadata; the letters' case is lost on the way (rclone)."""
    return next(
        (value for key, value in head.get("Metadata", {}).items() if key.lower() == name), None
    )


def stated(head: Head, *, compared: bool) -> Digests:
    """Return the digests that the bucket states: what it computed or checked itself.

    A checksum over parts is taken only of what we uploaded: of others the parts may be uneven, and
    then it identifies nothing.
    """
    size, found = head["ContentLength"], list[Digest]()
    value, parts = checksum(head.get("ChecksumSHA256")) if compared else (b"", None)
    if value and parts is None:
        found.append(Digest(SHA256, value))
    elif value and metadata(head, MARK) and parts == len(part_lengths(size)):
        found.append(Digest(content_scheme(size), value))
    if (etag := _md5_in(head)) and etag[1] is None:
        found.append(Digest(MD5, bytes.fromhex(etag[0])))
    return Digests.proved(*found)


def stated_over(head: Head, lengths: Sequence[int], *, compared: bool) -> Digests:
    """Return the digests over parts that the bucket states of an object whose parts are these."""
    even, size = lengths[0], head["ContentLength"]
    if sum(lengths) != size or any(length != even for length in lengths[:-1]) or lengths[-1] > even:
        return Digests()
    found = []
    value, parts = checksum(head.get("ChecksumSHA256")) if compared else (b"", None)
    if value and parts == len(lengths):
        found.append(Digest(Scheme("sha256", even), value))
    if (etag := _md5_in(head)) and etag[1] == len(lengths):
        found.append(Digest(Scheme("md5", even), bytes.fromhex(etag[0])))
    return Digests.proved(*found)


def parts_in(head: Head) -> int | None:
    """Return of how many parts an object was made; None if that says nothing of its content."""
    etag = _md5_in(head)
    _, parts = checksum(head.get("ChecksumSHA256"))
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
    encrypted = head.get("ServerSideEncryption", "AES256") != "AES256"
    if encrypted or head.get("SSECustomerAlgorithm"):
        return None
    match = _ETAG.fullmatch(head["ETag"].strip('"'))
    if match is None:
        return None
    return match[1], int(match[2]) if match[2] else None


def is_expiring(head: Head) -> bool:
    """Whether the bucket's lifecycle is about to delete the object: nobody may count on it."""
    match = _EXPIRY.search(head.get("Expiration", ""))
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
