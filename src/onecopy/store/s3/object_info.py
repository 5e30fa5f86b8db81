"""Identity and digests of an object, from its HeadObject response."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256

from onecopy.content import Digests, Evidence
from onecopy.digest import (
    CRC64NVME,
    MD5,
    SHA256,
    SMALLEST_PART,
    Algorithm,
    Digest,
    Scheme,
    content_scheme,
    part_lengths,
)
from onecopy.store.interface import ARCHIVED, Object
from onecopy.store.s3.head_object import Head

MARK = "onecopy-upload"
"""User metadata of our objects: the upload's id, which recovers a lost answer."""
_EXPIRING_WITHIN = timedelta(days=2)
_MAX_IDENTITY_BYTES = 255
ETAG = re.compile(r"([0-9a-f]{32})(?:-([1-9][0-9]{0,4}))?")
"""An ETag that may be an MD5, and its number of parts."""
_ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_RESTORED = 'ongoing-request="false"'
"""In x-amz-restore, if there is a restored copy."""
_EXPIRY = re.compile(r'expiry-date="([^"]+)"')


def object_of(key: str, head: Head, *, compared: Container[Algorithm]) -> Object:
    """Return an object from its head; `key` is its full key.

    `compared` has the checksums that the bucket compares with the bytes before it states them; some
    services only repeat the client's (rclone).
    """
    digests = stated_digests(head, compared=compared)
    modified, kind = head.modified * 1000, head.storage_class or "STANDARD"
    return Object(key, head.size, identity(head), modified, digests, _storage(head), kind)


def _storage(head: Head) -> str:
    return ARCHIVED if is_archived(head) else head.storage_class


def is_archived(head: Head) -> bool:
    """Whether an object cannot be read before it is restored.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
    """
    is_in_archive = head.storage_class in _ARCHIVES or bool(head.archive)
    return is_in_archive and _RESTORED not in head.restore


def identity(head: Head) -> str:
    """Return the identity of an object, which changes when it is overwritten.

    Time, checksum or version then differ, even if the new bytes have the same MD5, and so the same
    ETag, and are written within the same second. The CRC is no part of it: bytes with the same MD5
    can be given the same CRC, too, and all recorded identities would change.
    """
    text = f"{head.etag} {head.modified:x} {head.checksum} {head.version}".rstrip()
    # A version id may have 1,024 bytes.
    return text if len(text.encode()) <= _MAX_IDENTITY_BYTES else sha256(text.encode()).hexdigest()


def etag_and_version(identity: str) -> tuple[str, str] | None:
    """Return the ETag and the version id in an identity, or None if it is a hash of them."""
    parts = identity.split(" ")
    if len(parts) == 1:
        return None
    return parts[0], parts[3] if len(parts) > 3 else ""


def is_kept(version: str) -> bool:
    """Return whether a version id names one version for good.

    `null` is the version of objects from times when none were kept: it is overwritten.
    """
    return version not in ("", "null")


def is_listed_so(key: str, identity: str, times: Mapping[tuple[str, str], int]) -> bool:
    """Return whether a listing has an object with the ETag and time of its identity."""
    etag, _, rest = identity.partition(" ")
    return f"{times.get((key, etag), -1):x}" == rest.partition(" ")[0]


def is_from_upload(head: Head, upload_id: str) -> bool:
    """Whether an object comes from this upload."""
    return head.metadata.get(MARK) == upload_id


def stated_digests(head: Head, *, compared: Container[Algorithm]) -> Digests:
    """Return the digests that the bucket computed or checked itself, and any CRC as a claim.

    A checksum over parts counts only for our own uploads: the parts of other objects may be of
    uneven sizes, and then it identifies nothing.
    """
    size, found = head.size, list[Digest]()
    value, parts = parse_checksum(head.checksum) if "sha256" in compared else (b"", None)
    etag = _parse_etag(head)
    if value and parts is None and etag and etag[1] is None and not head.crc64nvme:
        return Digests.of_small(value, bytes.fromhex(etag[0]))
    if value and parts is None:
        found.append(Digest(SHA256, value))
    elif value and MARK in head.metadata and parts == len(part_lengths(size)):
        found.append(Digest(content_scheme(size), value))
    if etag and etag[1] is None:
        found.append(Digest(MD5, bytes.fromhex(etag[0])))
    is_compared = "crc64nvme" in compared
    return Digests.of(
        [
            *((digest, Evidence.PROVED) for digest in found),
            *((crc, Evidence(is_compared)) for crc in _stated_crc(head)),
        ]
    )


def _stated_crc(head: Head) -> list[Digest]:
    """Return the CRC of the whole object, if there is one. A hint, even if nobody compared it."""
    value, parts = parse_checksum(head.crc64nvme, CRC64NVME.length)
    return [Digest(CRC64NVME, value)] if value and parts is None and head.size else []


def digests_over_parts(
    head: Head, lengths: Sequence[int], *, compared: Container[Algorithm]
) -> Digests:
    """Return the stated digests over parts; `lengths` are the sizes of the parts in bytes."""
    even, size = lengths[0], head.size
    if sum(lengths) != size or any(length != even for length in lengths[:-1]) or lengths[-1] > even:
        return Digests()
    found = []
    value, parts = parse_checksum(head.checksum) if "sha256" in compared else (b"", None)
    if value and parts == len(lengths):
        found.append(Digest(Scheme("sha256", even), value))
    if (etag := _parse_etag(head)) and etag[1] == len(lengths):
        found.append(Digest(Scheme("md5", even), bytes.fromhex(etag[0])))
    return Digests.proved(*found)


def part_count(head: Head) -> int | None:
    """Return the number of parts of an object; None if it has no digest over parts."""
    etag = _parse_etag(head)
    _, parts = parse_checksum(head.checksum)
    return parts or (etag[1] if etag else None)


def parse_checksum(text: str | None, length: int = SHA256.length) -> tuple[bytes, int | None]:
    """Parse a checksum of `length` bytes and its number of parts: `<base64>[-<parts>]`."""
    value, _, parts = (text or "").partition("-")
    try:
        binary = b64decode(value, validate=True)
    except Base64Error:
        return b"", None
    if len(binary) != length or (parts and not parts.isdecimal()):
        return b"", None
    return binary, int(parts) if parts else None


def _parse_etag(head: Head) -> tuple[str, int | None] | None:
    """Return the MD5 in an ETag and its number of parts; None with KMS and SSE-C.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
    """
    match = ETAG.fullmatch(head.etag)
    if match is None or head.encryption:
        return None
    return match[1], int(match[2]) if match[2] else None


def is_expiring(head: Head) -> bool:
    """Whether the bucket's lifecycle deletes the object soon, so that it cannot be relied on."""
    match = _EXPIRY.search(head.expiration)
    if match is None:
        return False
    try:
        expiry = parsedate_to_datetime(match[1])
    except ValueError:
        return False
    return expiry - datetime.now(UTC) < _EXPIRING_WITHIN


def is_small(size: int) -> bool:
    """Whether a content of `size` bytes is sent in one request, which creates the object."""
    return size < SMALLEST_PART
