"""Keys as fields of a text file: reversible, and still in folders."""

import re
from functools import partial

from onecopy.text import printable

_ESCAPED = re.compile("\1(\\\\[tnr]|\\\\x[0-9a-f]{2}|\\\\u[0-9a-f]{4})|\2\\\\x([0-9a-f]{2})")
_FIRST_BYTE = 0xDC00
"""Python represents the byte 0x80 of a name that is not UTF-8 as U+DC80."""
_MARKS = {1: None, 2: None}


def encode(key: str) -> str:
    """Return a key without characters that would end a field or a line.

    Such characters are escaped as in `printable`, after a mark that makes them reversible: U+0001,
    or U+0002 for a byte that is not UTF-8.
    """
    return key if key.isprintable() else "".join(map(_encode_character, key))


def _encode_character(character: str) -> str:
    escaped = printable(character)
    if escaped == character:
        return character
    return ("\2" if ord(character) > _FIRST_BYTE and len(escaped) == 4 else "\1") + escaped


def decode(text: str) -> str:
    """Return the key that was encoded."""
    return text if text.isprintable() else _ESCAPED.sub(_decode_character, text)


def _decode_character(match: re.Match[str]) -> str:
    if match[2]:
        return chr(_FIRST_BYTE + int(match[2], 16))
    return match[1].encode().decode("unicode_escape")


def shown(text: str) -> str:
    """Return an encoded key as people read it: `printable(decode(text))`."""
    return text.translate(_MARKS)


without_marks = partial("replace(replace({0}, chr(1), ''), chr(2), '')".format)
"""Returns the SQL expression that does as `shown`."""
