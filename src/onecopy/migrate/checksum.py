"""Parser for checksums in the formats that people store them in."""

import re

from onecopy.digest import MD5, SHA256, Digest, Scheme
from onecopy.errors import InvalidDigest

_BY_LENGTH: dict[int, Scheme] = {MD5.length: MD5, SHA256.length: SHA256}
_MAX_SHOWN = 200
"""Characters of a value that are shown in a message."""
_NAMED = re.compile(
    r"\\?(?:(?P<hex>[0-9A-Fa-f]{32,}) (?:[ *]|(?![?^])).+"
    r"|(?P<tag>[\w/-]+) ?\(.+\) ?= (?P<tagged>[0-9A-Fa-f]+))",
    re.DOTALL,
)
"""A checksum with the name of its file. A backslash before it says that the name is escaped; `?`
and `^` before the name say that not the bytes of the file were hashed, but a text or bits in it
(https://www.gnu.org/software/coreutils/manual/html_node/cksum-output-modes.html, shasum(1))."""
_TAGS = {"MD5": "md5", "SHA256": "sha256", "SHA2-256": "sha256"}
"""Names of algorithms in lines such as `MD5 (name) = …`. Others may have digests as long."""


def read_line(line: str) -> tuple[str, bool]:
    """Return the checksum in a line of a list, and whether the line names a file.

    The line is a checksum and nothing else, or one that `md5sum`, `sha256sum`, `shasum`, BSD's
    `md5` and `sha256` or `openssl` have written.
    """
    text = line.strip()
    match = _NAMED.fullmatch(text)
    if match is None:
        return text.strip('"'), False
    if "\0" in text:  # `md5sum --zero`: many checksums in one line
        return text, True
    tag = match["tag"]
    return (f"{_TAGS.get(tag, tag)}:{match['tagged']}" if tag else match["hex"]), True


def is_heading(text: str) -> bool:
    """Return whether the first line of a list is a heading: no checksum, nor a part of one."""
    try:
        read_checksum(text)
    except InvalidDigest:
        return re.match(r"\\?[0-9A-Fa-f]+(\s|$)", text) is None
    return False


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
    """Return a value as text for a message, cut to 200 characters.

    Bytes are shown as hex; bytes in text that are not UTF-8 are escaped.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        value = "\\x" + bytes(value).hex()
    text = "" if value is None else str(value)[:_MAX_SHOWN]
    return text.encode(errors="backslashreplace").decode()[:_MAX_SHOWN]
