"""What the head of an object proves: identity, digests, parts, and whether it will be deleted."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256

import pytest

from onecopy.content import Digests, Evidence
from onecopy.digest import CRC64NVME, MD5, SHA256, Algorithm, Digest, MiB, Scheme, content_scheme
from onecopy.store.interface import ARCHIVED, Object
from onecopy.store.s3.head_object import Head
from onecopy.store.s3.object_info import (
    digests_over_parts,
    identity,
    is_expiring,
    is_from_upload,
    is_listed_so,
    is_small,
    object_of,
    parse_checksum,
    part_count,
    stated_digests,
)
from tests.s3.scripted import HEAD, HELLO

SUM, CRC = bytes(range(32)), bytes(range(8))
SHA, CRC64 = b64encode(SUM).decode(), b64encode(CRC).decode()
MARK = {"onecopy-upload": "ab" * 16}
WEAK = Digest(MD5, bytes.fromhex(HELLO))
EVERY: frozenset[Algorithm] = frozenset({"sha256", "crc64nvme"})


def test_an_object_is_what_its_head_states() -> None:
    """Its time is in milliseconds, and its identity begins with the ETag."""
    found = object_of("a", HEAD._replace(storage_class="GLACIER_IR"), compared=())
    expected = Object("a", 5, f"{HELLO} 6553f100", 0x6553F100 * 1000, Digests.proved(WEAK))
    assert found == expected._replace(storage="GLACIER_IR", storage_class="GLACIER_IR")
    found = object_of("a", HEAD._replace(storage_class="GLACIER"), compared=())
    assert found == expected._replace(storage=ARCHIVED, storage_class="GLACIER")
    assert object_of("a", HEAD, compared=()).storage_class == "STANDARD"
    assert object_of("a", HEAD._replace(checksum=SHA), compared=("sha256",)).digests.schemes == {
        SHA256,
        MD5,
    }


class TestIdentity:
    """What changes when an object is overwritten."""

    def test_has_all_that_changes(self) -> None:
        """ETag, time, checksum and version; not the CRC."""
        head = HEAD._replace(checksum="sum", version="v", crc64nvme=CRC64)
        assert identity(head) == f"{HELLO} 6553f100 sum v"
        assert identity(HEAD._replace(version="v")) == f"{HELLO} 6553f100  v"

    def test_is_recognized_by_tag_and_time(self) -> None:
        """A listing has no more; an identity that is a hash does not show them."""
        head = HEAD._replace(checksum="sum", version="v")
        listed, own = {("a", HELLO): head.modified}, identity(head)
        assert is_listed_so("a", own, listed)
        assert is_listed_so("a", identity(HEAD), listed)
        assert not is_listed_so("b", own, listed)
        assert not is_listed_so("a", f"0{own}", listed)
        assert not is_listed_so("a", own, {("a", HELLO): head.modified + 1})
        assert not is_listed_so("a", own, {})
        assert not is_listed_so("a", identity(head._replace(version="v" * 1000)), listed)

    @pytest.mark.parametrize("letter", ["v", "é"])
    def test_has_at_most_255_bytes(self, letter: str) -> None:
        """A longer one is replaced by its SHA-256; the limit counts bytes."""
        start = f"{HELLO} 6553f100  "
        room = (255 - len(start)) // len(letter.encode())
        fitting = start + letter * room
        assert identity(HEAD._replace(version=letter * room)) == fitting
        assert identity(HEAD._replace(version=letter * room + "vv")) == (
            sha256(f"{fitting}vv".encode()).hexdigest()
        )


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (HEAD, [WEAK]),
        (HEAD._replace(checksum=SHA), [Digest(SHA256, SUM), WEAK]),
        (HEAD._replace(checksum=f"{SHA}-1"), [WEAK]),
        (HEAD._replace(checksum=f"{SHA}-1", metadata=MARK), [Digest(SHA256, SUM), WEAK]),
        (HEAD._replace(etag=f"{HELLO}-2"), []),
        (HEAD._replace(etag="opaque"), []),
        (HEAD._replace(etag=HELLO.upper()), []),
        (HEAD._replace(encryption="aws:kms", checksum=SHA), [Digest(SHA256, SUM)]),
        (HEAD._replace(crc64nvme=CRC64), [WEAK, Digest(CRC64NVME, CRC)]),
        (HEAD._replace(crc64nvme=f"{CRC64}-1"), [WEAK]),
        (HEAD._replace(crc64nvme=SHA), [WEAK]),
        (HEAD._replace(crc64nvme=CRC64, size=0), [WEAK]),
    ],
)
def test_stated_digests(head: Head, expected: list[Digest]) -> None:
    """A whole checksum, our own over parts, and a whole MD5 are proved if they are compared."""
    assert stated_digests(head, compared=EVERY) == Digests.proved(*expected)


def test_a_checksum_over_parts_counts_for_our_parts_only() -> None:
    """It is the content digest if an upload of ours has this number of parts."""
    size = 9 * MiB
    ours = HEAD._replace(size=size, checksum=f"{SHA}-2", metadata=MARK, etag=f"{HELLO}-2")
    expected = Digests.proved(Digest(content_scheme(size), SUM))
    assert stated_digests(ours, compared=EVERY) == expected
    for other in (
        ours._replace(metadata={}),
        ours._replace(checksum=f"{SHA}-3"),
        ours._replace(size=8 * MiB),
    ):
        assert stated_digests(other, compared=EVERY) == Digests()


def test_what_is_not_compared_proves_nothing() -> None:
    """P2: a SHA-256 that may only be repeated is left out; a CRC is a claim."""
    head = HEAD._replace(checksum=SHA, crc64nvme=CRC64)
    found = stated_digests(head, compared={"crc64nvme"})
    assert dict(found) == {WEAK: Evidence.PROVED, Digest(CRC64NVME, CRC): Evidence.PROVED}
    found = stated_digests(head, compared={"sha256"})
    assert found[Digest(CRC64NVME, CRC)] is Evidence.CLAIMED
    assert found[Digest(SHA256, SUM)] is Evidence.PROVED


IN_PARTS = HEAD._replace(size=13, etag=f"{HELLO}-3", checksum=f"{SHA}-3")
OVER_SHA, OVER_MD5 = (
    Digest(Scheme("sha256", 5), SUM),
    Digest(Scheme("md5", 5), bytes.fromhex(HELLO)),
)


@pytest.mark.parametrize(
    ("head", "lengths", "expected"),
    [
        (IN_PARTS, [5, 5, 3], [OVER_SHA, OVER_MD5]),
        (IN_PARTS._replace(size=15), [5, 5, 5], [OVER_SHA, OVER_MD5]),
        (IN_PARTS._replace(size=14), [5, 5, 3], []),
        (IN_PARTS, [5, 4, 4], []),
        (IN_PARTS, [4, 4, 5], []),
        (IN_PARTS, [5, 8], []),
        (IN_PARTS, [0], []),
        (IN_PARTS._replace(checksum=f"{SHA}-2"), [5, 5, 3], [OVER_MD5]),
        (IN_PARTS._replace(checksum=SHA), [5, 5, 3], [OVER_MD5]),
        (IN_PARTS._replace(etag=f"{HELLO}-4"), [5, 5, 3], [OVER_SHA]),
        (IN_PARTS._replace(etag="opaque"), [5, 5, 3], [OVER_SHA]),
        (IN_PARTS._replace(encryption="aws:kms"), [5, 5, 3], [OVER_SHA]),
    ],
)
def test_digests_over_parts(head: Head, lengths: list[int], expected: list[Digest]) -> None:
    """Only parts of one size, of which the last may be smaller, make up a digest."""
    assert digests_over_parts(head, lengths, compared=EVERY) == Digests.proved(*expected)


def test_over_parts_nothing_counts_that_is_not_compared() -> None:
    """P2: the MD5 is the bucket's own; a SHA-256 may be the client's."""
    found = digests_over_parts(IN_PARTS, [5, 5, 3], compared={"crc64nvme"})
    assert found == Digests.proved(OVER_MD5)


@pytest.mark.parametrize(
    ("head", "count"),
    [
        (HEAD, None),
        (HEAD._replace(checksum=SHA), None),
        (HEAD._replace(etag=f"{HELLO}-2"), 2),
        (HEAD._replace(etag=f"{HELLO}-2", checksum=SHA), 2),
        (HEAD._replace(etag="opaque", checksum=f"{SHA}-3"), 3),
        (HEAD._replace(etag=f"{HELLO}-2", encryption="aws:kms"), None),
        (HEAD._replace(etag="opaque"), None),
    ],
)
def test_part_count(head: Head, count: int | None) -> None:
    """It is in the checksum or the ETag."""
    assert part_count(head) == count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SHA, (SUM, None)),
        (f"{SHA}-12", (SUM, 12)),
        (None, (b"", None)),
        ("", (b"", None)),
        (f"{SHA}-x", (b"", None)),
        (SHA[:-4], (b"", None)),
        (CRC64, (b"", None)),
        (f"{SHA[:8]} {SHA[8:]}", (b"", None)),
        (SHA.rstrip("="), (b"", None)),
    ],
)
def test_parse_checksum(text: str | None, expected: tuple[bytes, int | None]) -> None:
    """What is no checksum of the length is none at all."""
    assert parse_checksum(text) == expected


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (timedelta(hours=47), True),
        (timedelta(hours=49), False),
        (timedelta(hours=-1), True),
    ],
)
def test_is_expiring(until: timedelta, expected: bool) -> None:
    """An object that a rule deletes within two days cannot be relied on."""
    date = format_datetime(datetime.now(UTC) + until, usegmt=True)
    head = HEAD._replace(expiration=f'expiry-date="{date}", rule-id="r"')
    assert is_expiring(head) is expected


@pytest.mark.parametrize("expiration", ["", 'rule-id="r"', 'expiry-date="soon", rule-id="r"'])
def test_is_not_expiring(expiration: str) -> None:
    """A header that names no date says nothing."""
    assert is_expiring(HEAD._replace(expiration=expiration)) is False


def test_small_uploads_are_below_8_mib() -> None:
    """From there on an upload has parts."""
    assert (is_small(8 * MiB - 1), is_small(8 * MiB)) == (True, False)


def test_an_upload_is_known_by_its_id() -> None:
    """The id in the metadata is that of one upload."""
    head = HEAD._replace(metadata=MARK)
    assert is_from_upload(head, "ab" * 16)
    assert not is_from_upload(head, "cd" * 16)
    assert not is_from_upload(HEAD, "ab" * 16)
