"""Responses of S3, read by an XML parser: errors, and listings whose columns cannot be found."""

import re
import sys
from xml.parsers.expat import ExpatError, ParserCreate

from onecopy.errors import Failure

_ENTITY = re.compile("&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


_ITEMS = frozenset({"Contents", "DeleteMarker", "Part", "Version"})
Item = dict[str, list[str]]
"""Texts of the elements of one object or part, by their name."""


class Tree:
    """The elements of a response."""

    def __init__(self) -> None:
        self.root = ""
        """The name of the outermost element; all names are without a namespace."""
        self.fields: dict[str, str] = {}
        """Text of the elements directly in it."""
        self.items: dict[str, list[Item]] = {name: [] for name in _ITEMS}
        """What is listed, by the name of its element."""
        self.folders: list[str] = []
        """The prefix in each `CommonPrefixes`."""
        self._path: list[str] = []
        self._text: list[str] = []

    def start(self, name: str, _attributes: object) -> None:
        """Begin an element."""
        self._path.append(name.rpartition(":")[2])
        self._text.clear()
        self.root = self._path[0]
        if len(self._path) == 2 and self._path[1] in _ITEMS:
            self.items[self._path[1]].append({})

    def text(self, data: str) -> None:
        """Add text to an element."""
        self._text.append(data)

    def end(self, _name: str) -> None:
        """End an element."""
        below, value = self._path[1:], "".join(self._text)
        if len(below) == 2 and below[0] in _ITEMS:
            self.items[below[0]][-1].setdefault(below[1], []).append(value)
        elif below == ["CommonPrefixes", "Prefix"]:
            self.folders.append(value)
        elif len(below) == 1:
            self.fields[below[0]] = value
        self._path.pop()
        self._text.clear()


def read_tree(data: bytes | bytearray) -> Tree:
    """Read an XML document; raises Failure."""
    tree, parser = Tree(), ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = tree.start, tree.end
    parser.CharacterDataHandler = tree.text
    parser.StartDoctypeDeclHandler = _refuse_doctype  # entities can expand without limit
    try:
        # Some services send white space while they copy or complete, to keep the connection alive.
        parser.Parse(data.lstrip(), True)
    except ExpatError as error:
        raise Failure(f"the bucket's answer is not XML ({error}): {data[:80]!r}") from error
    return tree


def error_fields(data: bytes | bytearray) -> dict[str, str]:
    """Return the fields of an error response, such as `Code`; none if a gateway sent it."""
    try:
        return read_tree(data).fields
    except Failure:  # it answers in HTML, or without a body
        return {}


def _refuse_doctype(*_: object) -> None:
    raise Failure("the bucket's answer has a document type, which no S3 service sends")


def unescape(text: str) -> str:
    """Replace the entities of XML; those that HTML has beside them are none here."""
    return _ENTITY.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    hexadecimal, decimal, name = match.groups()
    if name:
        return _NAMED[name]
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    return chr(code) if code <= sys.maxunicode else match[0]
