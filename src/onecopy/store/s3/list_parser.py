"""Responses to ListObjectsV2, read by columns.

Most of the time of a listing is spent on its XML. Finding each element over the whole page is three
times as fast as a parser; a page of which that may not be true is parsed.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from html import unescape
from typing import NamedTuple
from urllib.parse import unquote_plus
from xml.parsers.expat import ExpatError, ParserCreate

from onecopy.errors import Failure


class Columns(NamedTuple):
    """The objects of a response, by column; all columns have one value for each object."""

    keys: list[str]
    """Full keys in the bucket."""
    sizes: list[int]
    etags: list[str]
    """Without quotes."""
    modified: list[int]
    """Seconds since 1970, UTC."""
    storage_classes: list[str]
    checksums: list[str]
    """Names of checksums, separated by spaces."""


class Response(NamedTuple):
    """A response to ListObjectsV2."""

    columns: Columns
    folders: list[str]
    """Common prefixes, with their delimiter at the end."""
    token: str | None
    """Continues the listing; None at its end."""


_TOKEN = re.compile(r"<NextContinuationToken>([^<]*)</NextContinuationToken>")
_FOLDER = re.compile(r"<CommonPrefixes>\s*<Prefix>([^<]*)</Prefix>\s*</CommonPrefixes>")
_KEY = re.compile(r"<Key>([^<]*)</Key>")
_SIZE = re.compile(r"<Size>([0-9]+)</Size>")
_ETAG = re.compile(r"<ETag>([^<]*)</ETag>")
_MODIFIED = re.compile(r"<LastModified>([^<]*)</LastModified>")
_CLASS = re.compile(r"<StorageClass>([^<]*)</StorageClass>")
_CHECKSUM = re.compile(r"<ChecksumAlgorithm>([^<]*)</ChecksumAlgorithm>")
_STANDARD = "STANDARD"


def parse(data: bytes) -> Response:
    """Parse a response; raises Failure if it is not a listing."""
    text = data.decode(errors="surrogateescape")
    count = text.count("<Contents>")
    columns = _find_columns(text, count)
    is_plain = "<ListBucketResult" in text and text.count("Contents>") == 2 * count
    folders = _FOLDER.findall(text)
    if columns is None or not is_plain or text.count("<CommonPrefixes") != len(folders):
        return _parse_tree(data)
    token = _TOKEN.search(text) if "<IsTruncated>true<" in text else None
    return _response(text, columns, _unescaped(folders), unescape(token[1]) if token else None)


def _find_columns(text: str, count: int) -> Columns | None:
    """Return the columns; None if an element is not there once for each object."""
    found = [each.findall(text) for each in (_KEY, _SIZE, _ETAG, _MODIFIED)]
    if any(len(column) != count for column in found) or "<![CDATA[" in text:
        return None
    keys, sizes, etags, times = found
    classes, checksums = _find_optional(text, count)
    return Columns(
        _unescaped(keys),
        list(map(int, sizes)),
        _unquoted(etags),
        _seconds(times),
        classes,
        checksums,
    )


def _find_optional(text: str, count: int) -> tuple[list[str], list[str]]:
    """Return storage classes and names of checksums, which an object need not have."""
    classes = _CLASS.findall(text)
    if len(classes) != count:
        blocks = text.split("<Contents>")[1:]
        classes = [(_CLASS.findall(block) or [_STANDARD])[0] for block in blocks]
    return classes, _find_checksums(text, count)


def _find_checksums(text: str, count: int) -> list[str]:
    """Return the names of the checksums of each object, of which there may be several."""
    if "<ChecksumAlgorithm>" not in text:
        return [""] * count
    blocks = text.split("<Contents>")[1:]
    if all(block.count("<ChecksumAlgorithm>") == 1 for block in blocks):
        return _CHECKSUM.findall(text)
    return [" ".join(_CHECKSUM.findall(block)) for block in blocks]


def _response(text: str, columns: Columns, folders: list[str], token: str | None) -> Response:
    """Return the response with decoded keys, if the service encoded them."""
    if "<EncodingType>url</EncodingType>" in text:
        columns = columns._replace(keys=_decoded(columns.keys))
        folders = _decoded(folders)
    return Response(columns, folders, token)


def _each(
    change: Callable[[str], str], marks: str, texts: Sequence[str], glue: str = "\n"
) -> list[str]:
    """Return the texts after a change, which concerns only texts with one of these marks.

    All texts are changed at once if the change brings forth none of what joins them.
    """
    joined = glue.join(texts)
    if not any(mark in joined for mark in marks):
        return list(texts)
    changed = change(joined).split(glue)
    return changed if len(changed) == len(texts) else [change(text) for text in texts]


_unescaped = partial(_each, unescape, "&")
_decoded = partial(_each, partial(unquote_plus, errors="surrogateescape"), "%+")


def _unquote(etags: str) -> str:
    return unescape(etags.replace("&#34;", "").replace("&quot;", "").replace('"', ""))


_unquoted = partial(_each, _unquote, '&"')


def _seconds(times: Sequence[str]) -> list[int]:
    """Return times in seconds since 1970; many objects of a page have the same."""
    known = {text: _second(text) for text in set(times)}
    return [known[text] for text in times]


def _second(text: str) -> int:
    time = datetime.fromisoformat(text)
    return int(time.replace(tzinfo=time.tzinfo or UTC).timestamp())


class _Tree:
    """The elements of a response, from a parser."""

    def __init__(self) -> None:
        self.root = ""
        self.objects: list[dict[str, list[str]]] = []
        self.folders: list[str] = []
        self.fields: dict[str, str] = {}
        """Elements of the response itself."""
        self._path: list[str] = []
        self._text: list[str] = []

    def start(self, name: str, _attributes: object) -> None:
        self._path.append(name.rpartition(":")[2])
        self._text.clear()
        self.root = self._path[0]
        if self._path[1:] == ["Contents"]:
            self.objects.append({})

    def text(self, data: str) -> None:
        self._text.append(data)

    def end(self, _name: str) -> None:
        below, value = self._path[1:], "".join(self._text)
        if below[:1] == ["Contents"] and len(below) == 2:
            self.objects[-1].setdefault(below[1], []).append(value)
        elif below == ["CommonPrefixes", "Prefix"]:
            self.folders.append(value)
        elif len(below) == 1:
            self.fields[below[0]] = value
        self._path.pop()
        self._text.clear()


def _parse_tree(data: bytes) -> Response:
    """Parse a response of which the columns cannot be found."""
    tree = read_tree(data)
    if tree.root != "ListBucketResult":
        raise Failure(f"the bucket's answer to ListObjectsV2 is not a listing: {data[:80]!r}")
    try:
        columns = _columns_of(tree.objects)
    except (KeyError, ValueError) as error:
        raise Failure(f"the bucket lists an object without its {error}") from error
    is_truncated = tree.fields.get("IsTruncated") == "true"
    token = tree.fields.get("NextContinuationToken") if is_truncated else None
    encoding = f"<EncodingType>{tree.fields.get('EncodingType')}</EncodingType>"
    return _response(encoding, columns, tree.folders, token)


def _columns_of(objects: Sequence[dict[str, list[str]]]) -> Columns:
    return Columns(
        keys=[each["Key"][0] for each in objects],
        sizes=[int(each["Size"][0]) for each in objects],
        etags=[each.get("ETag", [""])[0].strip('"') for each in objects],
        modified=_seconds([each["LastModified"][0] for each in objects]),
        storage_classes=[each.get("StorageClass", [_STANDARD])[0] for each in objects],
        checksums=[" ".join(each.get("ChecksumAlgorithm", [])) for each in objects],
    )


def read_tree(data: bytes) -> _Tree:
    """Read an XML document; raises Failure."""
    tree, parser = _Tree(), ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = tree.start, tree.end
    parser.CharacterDataHandler = tree.text
    parser.StartDoctypeDeclHandler = _refuse_doctype  # entities can expand without limit
    try:
        parser.Parse(data, True)
    except ExpatError as error:
        raise Failure(f"the bucket's answer is not XML ({error}): {data[:80]!r}") from error
    return tree


def _refuse_doctype(*_: object) -> None:
    raise Failure("the bucket's answer has a document type, which no S3 service sends")
