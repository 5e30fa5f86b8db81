"""Text from elsewhere: names and messages made safe for a terminal, and numbers of bytes."""

import math
import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, line separators, characters that change the direction of text, and bytes
that are not UTF-8."""
_UNITS = ("B", "kB", "MB", "GB", "TB")
_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(B|kB|MB|GB|TB)?")


def printable(text: str) -> str:
    """Return text from elsewhere as one line that is safe on a terminal.

    Escape sequences, line breaks, characters that change the direction of text, and bytes that are
    not UTF-8 are escaped. The result stays as it is if it is passed again.
    """
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def count_text(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun, such as `1 object`, `2,500 objects` or `0 copies`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    is_byte = 0xDC80 <= code <= 0xDCFF  # as Python represents a byte that is not UTF-8
    return f"\\x{code - 0xDC00:02x}" if is_byte else match[0].encode("unicode_escape").decode()


def printable_lines(text: str) -> str:
    """Return text from elsewhere; its lines after the first are indented, to look like no other."""
    return "\n  ".join(map(printable, text.split("\n")))


def parse_bytes(text: str) -> float:
    """Return the bytes in a text such as `20 MB` (10^6 bytes); infinity for `unlimited`.

    Raises ValueError.
    """
    if text == "unlimited":
        return math.inf
    match = _BYTES.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return float(match[1]) * 10.0 ** (3 * _UNITS.index(match[2] or "B"))


def percent(part: int, whole: int) -> str:
    """Return a part of a whole as text, such as `34%`."""
    return f"{100 * part // max(whole, 1)}%"
