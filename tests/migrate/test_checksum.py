"""Checksums in the formats that people store them in."""

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecopy.digest import MD5, SHA256, Digest
from onecopy.errors import BadInput, InvalidDigest
from onecopy.migrate.checksum import is_of_nothing, read_checksum, read_size, shown

VALUE = bytes(range(16))


@pytest.mark.parametrize(
    "written",
    [
        VALUE.hex(),
        VALUE.hex().upper(),
        f"  {VALUE.hex()}\n",
        f"md5:{VALUE.hex()}",
        f"MD5:{VALUE.hex().upper()}",
        VALUE,
        bytearray(VALUE),
        memoryview(VALUE),
        UUID(bytes=VALUE),
        str(UUID(bytes=VALUE)).upper(),
        f"\\x{VALUE.hex()}",
        f"\\\\x{VALUE.hex()}",
        f"0x{VALUE.hex().upper()}",
        f'"{VALUE.hex()}"',
        f'  "{VALUE.hex()}" ',
        VALUE.hex().encode(),
        f'"{VALUE.hex().upper()}"\n'.encode(),
        f"\\x{VALUE.hex()}".encode(),
    ],
)
def test_accepted_formats(written: object) -> None:
    """Hex in either case, with or without what other programs write around it, and raw bytes."""
    assert read_checksum(written) == Digest(MD5, VALUE)


@pytest.mark.parametrize("value", [6, "6", " 6 ", "6.0", "6.", 6.0, Decimal("6.000"), "006"])
def test_sizes(value: object) -> None:
    """A size is a whole number, however it is written."""
    assert read_size(value) == 6


@pytest.mark.parametrize(
    "value", [6.5, "6.5", "1e3", "6_0", "", "x", True, Decimal("NaN"), Decimal("Infinity"), 2.0**70]
)
def test_no_sizes(value: object) -> None:
    """What is no whole number is no size."""
    with pytest.raises(BadInput, match="not a size in bytes"):
        read_size(value)


def test_exponents() -> None:
    """A decimal number may have an exponent, if it is not absurdly large."""
    assert read_size(Decimal("1E+3")) == 1000
    with pytest.raises(BadInput):
        read_size(Decimal("1E+999999"))


def test_by_length() -> None:
    """A checksum of 32 bytes is a SHA-256."""
    assert read_checksum(b"AB" * 32) == Digest(SHA256, b"\xab" * 32)
    assert read_checksum(bytes(32)) == Digest(SHA256, bytes(32))
    assert read_checksum("AB" * 32) == Digest(SHA256, b"\xab" * 32)


def test_crc() -> None:
    """A CRC is written with its scheme; that of an empty file is recognized."""
    assert str(read_checksum("crc64nvme:ae8b14860a799888")) == "crc64nvme:ae8b14860a799888"
    assert is_of_nothing(read_checksum("crc64nvme:0000000000000000"))
    with pytest.raises(InvalidDigest):
        read_checksum("ae8b14860a799888")


def test_over_parts() -> None:
    """A checksum written with its scheme may be over parts."""
    text = f"sha256+8388608:{bytes(32).hex()}"
    assert str(read_checksum(text)) == text


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (None, "the checksum is missing"),
        ("", "the checksum is missing"),
        ("  ", "the checksum is missing"),
        ("abc", "got 3 characters"),
        (40 * "a", "got 40 characters"),
        (31 * "a" + "g", "32 characters"),
        (16 * "a ", "hexadecimal"),
        ("sha1:" + 40 * "a", "sha1"),
        ("md5:" + 31 * "a", "md5: and 32"),
        (bytes(20), "got 20"),
        (5, "got int"),
        (f'"{VALUE.hex()}-3"', "the ETag of an upload in parts"),
        (f'W/"{VALUE.hex()}"', "not a checksum"),
        (f"{VALUE.hex()}  a\0{VALUE.hex()}  b\0", "without --zero$"),
        (f"a;{VALUE.hex()}", "separated by semicolons"),
        (f'"{VALUE.hex()}";6', "separated by semicolons"),
        (f"a\t{VALUE.hex()}\t6", "separated by tabs"),
        ("a;b", "got 3 characters$"),
        ("0x" + 40 * "a", "not a checksum"),
        (f'"{VALUE.hex()}', "not a checksum"),
        (b"x" * 20, "got 20"),
    ],
)
def test_no_checksum(written: object, why: str) -> None:
    """Everything else is rejected with the reason."""
    with pytest.raises(InvalidDigest, match=why):
        read_checksum(written)


@given(st.text() | st.binary() | st.none() | st.text("0123456789abcdefABCDEF: +", max_size=70))
def test_any_value(value: str | bytes | None) -> None:
    """Any value is either a digest of the right length or rejected, and can be shown."""
    assert len(shown(value)) <= 200
    try:
        digest = read_checksum(value)
    except InvalidDigest:
        return
    assert len(digest.value) == digest.scheme.length
