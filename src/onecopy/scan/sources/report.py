"""The completion report of *Compute checksum*, an operation of S3 Batch Operations.

A row states a checksum that S3 computed of an object, and the ETag that the object had; there is no
size. Reports are seen with and without a heading, with two of their columns in either order, with
JSON that is escaped twice, and with keys whose `+` may stand for a space or for itself.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-compute-checksums.html
"""

import csv
import hashlib
import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

from onecopy.digest import CRC64NVME, MD5, SHA256, Digest
from onecopy.errors import BadInput, InvalidSettings
from onecopy.rejects import Reject
from onecopy.scan.sources.files import File, Place
from onecopy.scan.sources.interface import Position, Selection
from onecopy.scan.sources.manifests import split_columns
from onecopy.text import printable

_ROWS = 1000
"""Rows that are read at a time: as many as are looked at in one call."""
_SCHEMA = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"
_STATUSES = ("succeeded", "failed")
_SCHEMES = {"SHA256": SHA256, "MD5": MD5, "CRC64NVME": CRC64NVME}
_SHOWN = 300
"""Characters of a key in the file of rejects."""


class Statement(NamedTuple):
    """What a row states of an object."""

    row: str
    """Its place in the report."""
    keys: tuple[str, ...]
    """The full keys that it may mean."""
    raw: tuple[str, ...]
    """The key as it is written, if it is another one: it means that only if no other exists."""
    version: str
    """Empty if the bucket keeps no versions."""
    etag: str
    """Empty if the report states none."""
    digest: Digest


class Statements(NamedTuple):
    """Consecutive rows of a report; see `Batch`."""

    position: Position
    stated: list[Statement]
    left_out: Mapping[str, int]
    rejects: list[Reject]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.stated) + sum(self.left_out.values()) + len(self.rejects)


class _Unusable(Exception):
    """A row that can't be used; the message is the reason."""


class ReportSource:
    """A completion report, of one or several files."""

    def __init__(
        self, place: Place, name: str, files: Sequence[File], columns: Sequence[str] | None
    ) -> None:
        """Read files whose columns a manifest names, or a heading, or neither (None)."""
        self.name = place.shown(name)
        self._place = place
        self._files = files
        self._columns = _normal(columns or split_columns(_SCHEMA))

    def version(self) -> str:
        lines = [f"{file} {self._place.version(file.name)}" for file in self._files]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def batches(self, after: Position, selection: Selection) -> Iterator[Statements]:
        """Yield the rows after a position, always in the same order."""
        for number in range(after.file, len(self._files)):
            done = after.row if number == after.file else 0
            yield from self._read(number, done, selection)

    def _read(self, number: int, done: int, selection: Selection) -> Iterator[Statements]:
        file = self._files[number]
        shown = printable(self._place.shown(file.name))
        with (
            self._place.opened(file) as path,
            path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream,
        ):
            columns, rows = self._columns, csv.reader(stream)
            first = next(rows, None)
            if first is not None and "key" in _normal(first):
                columns, first = _normal(first), next(rows, None)
            numbered = enumerate(_chained(first, rows), 1)
            unread, reader = islice(numbered, done, None), _Reader(shown, columns, selection)
            while batch := _next(unread, shown):
                yield reader.read(number, batch)


def _chained(first: list[str] | None, rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield the rows that are not empty lines."""
    if first:
        yield first
    yield from filter(None, rows)


def _next(rows: Iterator[tuple[int, list[str]]], file: str) -> list[tuple[int, list[str]]]:
    try:
        return list(islice(rows, _ROWS))
    except csv.Error as error:
        raise BadInput(f"can't read {file}: invalid CSV: {error}") from error


def _normal(names: Sequence[str]) -> list[str]:
    return [name.strip().lower().replace("_", "").replace(" ", "") for name in names]


def is_report(start: bytes) -> bool:
    """Return whether the first line of a CSV file is that of a report, with or without heading."""
    line = start.decode("utf-8-sig", errors="replace").partition("\n")[0]
    row = next(csv.reader([line]), [])
    return "taskstatus" in _normal(row) or (
        len(row) == len(split_columns(_SCHEMA)) and row[3] in _STATUSES
    )


class _Reader:
    """Reads the rows of one file."""

    def __init__(self, file: str, columns: Sequence[str], selection: Selection) -> None:
        if missing := {"key", "taskstatus", "resultmessage"} - set(columns):
            raise InvalidSettings(
                f"{file} has no column {', '.join(sorted(missing))}: expected the completion "
                f"report of a job, with the columns {_SCHEMA}"
            )
        self._file = file
        self._columns = columns
        self._selection = selection

    def read(self, file: int, rows: Sequence[tuple[int, list[str]]]) -> Statements:
        """Sort rows into what they are."""
        stated, rejects, left_out = list[Statement](), list[Reject](), Counter[str]()
        for number, row in rows:
            place = f"{self._file} row {number}"
            values = dict(zip(self._columns, row, strict=False))
            try:
                statement = self._statement(place, row, values)
            except _Unusable as error:
                key = values.get("key", "")[:_SHOWN]
                rejects.append(Reject(place, printable(key), str(error)))
                continue
            if statement is None:
                left_out["outside"] += 1
            else:
                stated.append(statement)
        return Statements(Position(file, rows[-1][0]), stated, left_out, rejects)

    def _statement(
        self, place: str, row: Sequence[str], values: Mapping[str, str]
    ) -> Statement | None:
        """Return what a row states; None if it is not below the store's prefix."""
        if len(row) != len(self._columns):
            raise _Unusable("columns-invalid")
        if values.get("bucket", self._selection.bucket) != self._selection.bucket:
            raise _Unusable("bucket-other")
        encoded, prefix = values["key"], self._selection.prefix
        decoded = dict.fromkeys((_decoded(encoded), unquote(encoded)))
        keys = tuple(key for key in decoded if key.startswith(prefix))
        raw = (encoded,) if encoded not in decoded and encoded.startswith(prefix) else ()
        if not keys and not raw:
            return None
        if values["taskstatus"].strip().lower() != "succeeded":
            raise _Unusable("task-failed")
        etag, digest = _result(values["resultmessage"])
        return Statement(place, keys, raw, _version(values.get("versionid", "")), etag, digest)


def _decoded(key: str) -> str:
    return unquote_plus(key, errors="surrogateescape")


def _version(text: str) -> str:
    """Return a version id; empty for `null`, which stands for whatever replaces an object."""
    return "" if text.strip() in ("", "null") else text.strip()


def _result(message: str) -> tuple[str, Digest]:
    """Return the ETag and the digest that a result states."""
    result = _parsed(message)
    scheme = _SCHEMES.get(result.get("checksumalgorithm", "").upper())
    if scheme is None:
        raise _Unusable("result-invalid" if not result else "algorithm-unused")
    if result.get("checksumtype", "").upper() != "FULL_OBJECT":
        raise _Unusable("checksum-composite")  # of parts of which nothing is known
    values = {_hex(result), _base64(result)} - {b""}
    if len(values) != 1 or len(value := values.pop()) != scheme.length:
        raise _Unusable("result-invalid")
    return result.get("etag", "").strip('"'), Digest(scheme, value)


def _parsed(message: str) -> dict[str, str]:
    """Return the fields of a result by their names in lower case; empty if it is no JSON."""
    found: object = message
    for _ in range(2):  # it may be a text in JSON that contains JSON
        if isinstance(found, str):
            try:
                found = json.loads(found)
            except ValueError:
                return {}
    if not isinstance(found, dict):
        return {}
    texts = {name: value for name, value in found.items() if isinstance(value, str)}
    return dict(zip(_normal(list(texts)), texts.values(), strict=True))


def _hex(result: Mapping[str, str]) -> bytes:
    try:
        return bytes.fromhex(result.get("checksumhex", ""))
    except ValueError as error:
        raise _Unusable("result-invalid") from error


def _base64(result: Mapping[str, str]) -> bytes:
    try:
        return b64decode(result.get("checksumbase64", ""), validate=True)
    except Base64Error as error:
        raise _Unusable("result-invalid") from error
