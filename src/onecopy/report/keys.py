"""Keys as fields of a text file: reversible, in the order of keys, and still in folders."""

import re

from onecopy.text import printable

_SHORT = r"\\[tnr]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}"
_ESCAPED = re.compile(rf"(?:\x01|.\x03)({_SHORT})|\x02\\x([0-9a-f]{{2}})")
_MARKS = re.compile(r"\x01|\x02|.\x03")
_FIRST_BYTE = 0xDC00
"""Python represents the byte 0x80 of a name that is not UTF-8 as U+DC80."""
_SURROGATES = "\ud800"
"""From here on, what is escaped can't be encoded."""


def encode(key: str) -> str:
    """Return a key without characters that would end a field or a line.

    What `printable` escapes is escaped after a mark that makes it reversible: U+0001 for control
    characters, which come first in any order; U+0002 for a byte that is not UTF-8; and for others
    the character itself and U+0003, so that encoded keys are in the order of keys. Only two
    different control characters may be in another order.
    """
    return key if key.isprintable() else "".join(map(_encode_character, key))


def _encode_character(character: str) -> str:
    escaped = printable(character)
    if escaped == character:
        return character
    if ord(character) > _FIRST_BYTE and len(escaped) == 4:
        return "\2" + escaped
    return (f"{character}\3" if " " < character < _SURROGATES else "\1") + escaped


def decode(text: str) -> str:
    """Return the key that was encoded."""
    return text if text.isprintable() else _ESCAPED.sub(_decode_character, text)


def _decode_character(match: re.Match[str]) -> str:
    if match[2]:
        return chr(_FIRST_BYTE + int(match[2], 16))
    return match[1].encode().decode("unicode_escape")


def shown(text: str) -> str:
    """Return an encoded key as people read it: `printable(decode(text))`."""
    return _MARKS.sub("", text)


def without_marks(text: str) -> str:
    """Return the SQL expression that does as `shown`."""
    return f"regexp_replace({text}, '{_MARKS.pattern}', '', 'g')"
