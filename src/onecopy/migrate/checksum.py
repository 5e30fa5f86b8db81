"""Parser for checksums in the formats that people store them in."""

import re
from decimal import Decimal
from hashlib import md5, sha256
from uuid import UUID

from onecopy.digest import MD5, SHA256, Digest, Scheme
from onecopy.errors import BadInput, InvalidDigest

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
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PREFIX = re.compile(r"(\\{1,2}|0)x(?=[0-9a-f])")
"""Before the hex of bytes: PostgreSQL's, which COPY escapes once more, or other databases' `0x`."""
_HEX = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
_SEPARATORS = {
    "\0": "the names end in NUL: make the list without --zero",
    ";": "the columns are separated by semicolons: save the file with commas, and name its columns",
    "\t": "the columns are separated by tabs: save the file with commas, and name its columns",
}
_PARTS_ETAG = re.compile(r"[0-9a-f]{32}-[0-9]+")
_SIZE = re.compile(r"-?[0-9]+(\.0*)?")
_EXACT_FLOAT = 2**53
"""Above it, a binary floating-point number may be a neighbour of the number that was meant."""
_MAX_DIGITS = 30
"""Digits of the largest decimal number that is read as a size."""
_OF_NOTHING = frozenset({md5(usedforsecurity=False).digest(), sha256().digest(), bytes(8)})
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
        return re.match(r"\\?[0-9A-Fa-f]+(-[0-9]+)?(\s|$)", text) is None
    return False


def read_checksum(value: object) -> Digest:
    r"""Return the digest written as MD5 or SHA-256 hex (either case), `scheme:hex` or raw bytes.

    The hex may be in quotes as an ETag of S3, begin with `\x` as PostgreSQL writes bytes, or be
    the bytes of a text; an MD5 may be a UUID. Raises InvalidDigest.
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
    if isinstance(value, UUID):
        return Digest(MD5, value.bytes)
    if value is None:
        raise InvalidDigest("the checksum is missing")
    raise InvalidDigest(f"not a checksum: expected text or bytes, got {type(value).__name__}")


def _read_other(value: str) -> Digest:
    text = _bare(value.strip().lower())
    if not text:
        raise InvalidDigest("the checksum is missing")
    if _PARTS_ETAG.fullmatch(text):
        raise InvalidDigest(
            "not a checksum of the content: the ETag of an upload in parts hashes the parts' "
            "checksums, and the size of the parts is not known"
        )
    if ":" in text:
        return Digest.parse(text)
    if text != value:
        return read_checksum(text)
    raise InvalidDigest(
        "not a checksum: expected 32 (MD5) or 64 (SHA-256) hexadecimal digits, got "
        f"{len(text)} characters{_separator_hint(text)}"
    )


def _separator_hint(text: str) -> str:
    """Return what to do about text that has a checksum between other separators than expected."""
    for separator, advice in _SEPARATORS.items():
        fields = (field.split(" ", 1)[0].strip('"') for field in text.split(separator))
        if separator in text and any(_HEX.fullmatch(field) for field in fields):
            return f"; {advice}"
    return ""


def _bare(text: str) -> str:
    """Return the hex in a quoted ETag, in PostgreSQL's text for bytes, or in a UUID."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    if _UUID.fullmatch(text):
        return text.replace("-", "")
    return _PREFIX.sub("", text, count=1)


def _read_bytes(value: bytes) -> Digest:
    scheme = _BY_LENGTH.get(len(value))
    if len(value) != MD5.length and value.isascii():  # hex or another text, as bytes
        try:
            return read_checksum(value.decode())
        except InvalidDigest:
            pass
    if scheme is None:
        raise InvalidDigest(
            f"not a checksum: expected 16 (MD5) or 32 (SHA-256) bytes, got {len(value)}"
        )
    return Digest(scheme, value)


def is_of_nothing(digest: Digest) -> bool:
    """Return whether a digest is that of an empty file."""
    return digest.value in _OF_NOTHING


def read_size(value: object) -> int:
    """Return a size in bytes: a whole number, also one such as `6.0`; raises BadInput."""
    text = str(value).strip()
    if text.isascii() and text.isdigit() and not isinstance(value, float):
        return int(text)  # the common case, kept fast
    if _SIZE.fullmatch(text):
        number = int(text.partition(".")[0])
        if not isinstance(value, float) or abs(number) <= _EXACT_FLOAT:
            return number
    if isinstance(value, Decimal):
        is_whole = value.is_finite() and value.adjusted() < _MAX_DIGITS and value % 1 == 0
        if is_whole:
            return int(value)
    raise BadInput(f"not a size in bytes: {shown(value)!r} (expected a whole number)")


def shown(value: object) -> str:
    """Return a value as text for a message, cut to 200 characters.

    Bytes are shown as hex; bytes in text that are not UTF-8 are escaped.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        value = "\\x" + bytes(value).hex()
    text = "" if value is None else str(value)[:_MAX_SHOWN]
    return text.encode(errors="backslashreplace").decode()[:_MAX_SHOWN]
