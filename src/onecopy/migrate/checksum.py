"""Parser for checksums in the formats that people store them in."""

from onecopy.digest import MD5, SHA256, Digest, Scheme
from onecopy.errors import InvalidDigest

_BY_LENGTH: dict[int, Scheme] = {MD5.length: MD5, SHA256.length: SHA256}
_MAX_SHOWN = 200
"""Characters of a value that are shown in a message."""


def read_checksum(value: object) -> Digest:
    """Return the digest written as MD5 or SHA-256 hex (either case), `scheme:hex` or raw bytes.

    Raises InvalidDigest.
    """
    if isinstance(value, str):
        try:
            plain = bytes.fromhex(value)
        except ValueError:
            return _read_other(value)
        if 2 * len(plain) == len(value) and (scheme := _BY_LENGTH.get(len(plain))):
            return Digest(scheme, plain)  # the common case, kept fast
        return _read_other(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _read_bytes(bytes(value))
    if value is None:
        raise InvalidDigest("the checksum is missing")
    raise InvalidDigest(f"not a checksum: expected text or bytes, got {type(value).__name__}")


def _read_other(value: str) -> Digest:
    text = value.strip().lower()
    if not text:
        raise InvalidDigest("the checksum is missing")
    if ":" in text:
        return Digest.parse(text)
    if text != value:
        return read_checksum(text)
    raise InvalidDigest(
        "not a checksum: expected 32 (MD5) or 64 (SHA-256) hexadecimal digits, got "
        f"{len(text)} characters"
    )


def _read_bytes(value: bytes) -> Digest:
    scheme = _BY_LENGTH.get(len(value))
    if scheme is None:
        raise InvalidDigest(
            f"not a checksum: expected 16 (MD5) or 32 (SHA-256) bytes, got {len(value)}"
        )
    return Digest(scheme, value)


def shown(value: object) -> str:
    """Return a value as text for a message, cut to 200 characters; bytes are shown as hex."""
    if isinstance(value, bytes | bytearray | memoryview):
        value = "\\x" + bytes(value).hex()
    return "" if value is None else str(value)[:_MAX_SHOWN]
