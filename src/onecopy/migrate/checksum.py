"""Checksums as other people keep them."""

from onecopy.digest import MD5, SHA256, Digest, Scheme
from onecopy.errors import InvalidDigest

_BY_LENGTH: dict[int, Scheme] = {MD5.length: MD5, SHA256.length: SHA256}


def read_checksum(value: object) -> Digest:
    """Read the hex of an MD5 or SHA-256 in either case, `scheme:hex`, or the bytes themselves.

    Raises InvalidDigest, which says what else it is.
    """
    if isinstance(value, str):
        try:
            plain = bytes.fromhex(value)
        except ValueError:
            return _read_other(value)
        if 2 * len(plain) == len(value) and (scheme := _BY_LENGTH.get(len(plain))):
            return Digest(scheme, plain)  # the common case, kept cheap
        return _read_other(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _read_bytes(bytes(value))
    if value is None:
        raise InvalidDigest("there is no checksum")
    raise InvalidDigest(f"no checksum: {type(value).__name__}")


def _read_other(value: str) -> Digest:
    text = value.strip().lower()
    if not text:
        raise InvalidDigest("there is no checksum")
    if ":" in text:
        return Digest.parse(text)
    if text != value:
        return read_checksum(text)
    raise InvalidDigest(
        f"no checksum: expected 32 (MD5) or 64 (SHA-256) hexadecimal digits, not {len(text)} "
        "characters"
    )


def _read_bytes(value: bytes) -> Digest:
    scheme = _BY_LENGTH.get(len(value))
    if scheme is None:
        raise InvalidDigest(
            f"no checksum: expected 16 (MD5) or 32 (SHA-256) bytes, not {len(value)}"
        )
    return Digest(scheme, value)


def shown(value: object) -> str:
    """Return a value as a line of text that may be shown, cut to a bearable length."""
    if isinstance(value, bytes | bytearray | memoryview):
        value = "\\x" + bytes(value).hex()
    return "" if value is None else str(value)[:200]
