"""Checksums in the formats that people store them in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecopy.digest import MD5, SHA256, Digest
from onecopy.errors import InvalidDigest
from onecopy.migrate.checksum import read_checksum, shown

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
    ],
)
def test_accepted_formats(written: object) -> None:
    """Hex in either case, with or without a scheme, and raw bytes are accepted."""
    assert read_checksum(written) == Digest(MD5, VALUE)


def test_by_length() -> None:
    """A checksum of 32 bytes is a SHA-256."""
    assert read_checksum(bytes(32)) == Digest(SHA256, bytes(32))
    assert read_checksum("AB" * 32) == Digest(SHA256, b"\xab" * 32)


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
