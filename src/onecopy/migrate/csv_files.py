"""Text and CSV files of checksums, plain or compressed by gzip, as sources of a migration."""

import csv
import gzip
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from onecopy.digest import MiB
from onecopy.errors import BadInput, InvalidSettings
from onecopy.migrate.checksum import is_heading, read_line, shown
from onecopy.migrate.files import BATCH_ROWS, FileSource, places_of
from onecopy.migrate.interface import Batch, numbers_in
from onecopy.rejects import Reject

_SAMPLE_BYTES = 256 * 1024
"""Bytes of a CSV file from which its number of lines is estimated."""
_MAX_HEADING = 10_000
"""Characters of the heading of a list that are looked at."""


class _Heading(NamedTuple):
    text: str


_Line = tuple[int, list[str] | Reject | _Heading | None]
"""The number of a line, and its values, why they can't be read, its heading, or None if it is
empty."""


class CsvSource(FileSource):
    """A CSV file with a heading if columns are named, otherwise a list of checksums.

    Such a list has one checksum per line, which the name of a file may follow.
    """

    def count(self) -> int | None:
        """Estimate the number from the first lines; count them all if the file is compressed."""
        if self._path.suffix == ".gz":
            return _count_lines(self._path)
        with self._path.open("rb") as stream:
            start = stream.read(_SAMPLE_BYTES)
        lines = start.count(b"\n")
        size = self._path.stat().st_size
        return lines if size == len(start) else int(size * lines / len(start))

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        [done] = numbers_in(after or "0", 1)
        with closing(_open_text(self._path)) as stream:
            lines = _lines(stream, self._path)
            selected = self._selected(lines) if self._columns.named() else self._listed(lines)
            for _ in islice(selected, done):
                pass
            while batch := list(islice(selected, BATCH_ROWS)):
                numbers = [line for line, row in batch if isinstance(row, list)]
                rows = [row for _, row in batch if isinstance(row, list)]
                unreadable = [row for _, row in batch if isinstance(row, Reject)]
                read = self._rows.read(rows, partial(_line, numbers))
                done += len(batch)
                yield Batch(
                    str(done),
                    read.entries,
                    sorted(read.rejects + unreadable, key=_number),
                    headings=tuple(row.text for _, row in batch if isinstance(row, _Heading)),
                    empty=sum(row is None for _, row in batch),
                    names=sum(len(row) > len(self._columns.named() or "1") for row in rows),
                    empty_files=read.empty_files,
                )

    def _listed(self, lines: Iterator[str]) -> Iterator[_Line]:
        """Yield each line's checksum and, if there is one, the name of its file."""
        first = True
        for number, line in enumerate(lines, 1):
            text, named = read_line(line)
            if not text:
                yield number, None
                continue
            if first and not named and is_heading(text):
                header = next(csv.reader([line[:_MAX_HEADING]]))
                places_of(header, self._columns, self._path)
                yield number, _Heading(_shown(header))
            else:
                yield number, [text, ""] if named else [text]
            first = False
        if first:
            raise BadInput(f"{self._path} is empty: it has no checksum")

    def _selected(self, lines: Iterator[str]) -> Iterator[_Line]:
        """Yield the values of the named columns of each row."""
        places: list[int] = []
        for number, row in _read_csv(lines):
            if not isinstance(row, list):
                if isinstance(row, Reject) and not places:
                    raise InvalidSettings(f"{self._path}: {row.reason}")
                yield number, row
            elif not places:
                places = places_of(row, self._columns, self._path)
                yield number, _Heading(_shown(row))
            elif len(row) <= max(places):
                yield number, Reject(f"line {number}", _shown(row), "a column is missing")
            else:
                yield number, [row[place] for place in places]
        if not places:
            raise BadInput(f"{self._path} is empty: it has no line that names its columns")


def _count_lines(path: Path) -> int | None:
    try:
        with gzip.open(path) as stream:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(MiB), b""))
    except (OSError, EOFError, zlib.error):  # reported when the file is read
        return None


def _shown(row: Sequence[str]) -> str:
    return shown(",".join(row))


def _lines(stream: TextIO, path: Path) -> Iterator[str]:
    """Yield the lines of a file; raises BadInput where it can't be read."""
    number = 0
    try:
        for number, line in enumerate(stream, 1):
            if number == 1:
                _require_utf8(line, path)
            yield line
    except (OSError, EOFError, zlib.error) as error:  # a truncated gzip file, or not gzip
        raise BadInput(f"can't read {path} after line {number}: {error}") from error


def _read_csv(lines: Iterator[str]) -> Iterator[tuple[int, list[str] | Reject | None]]:
    """Yield the rows of a CSV file with the numbers of their first lines."""
    reader = csv.reader(lines, strict=True)  # otherwise a stray quote would swallow other rows
    while True:
        number = reader.line_num + 1
        try:
            yield number, next(reader) or None
        except StopIteration:
            return
        except csv.Error as error:
            place = f"line {number}"
            if reader.line_num > number:
                place = f"lines {number} to {reader.line_num}"
            yield number, Reject(f"line {number}", "", f"invalid CSV in {place}: {error}")


def _open_text(path: Path) -> TextIO:
    """Open a file as text; bytes that are not UTF-8 become surrogates, which no value may have."""
    if path.suffix == ".gz":
        binary: Any = gzip.open(path)  # noqa: SIM115 - closed with the TextIOWrapper
        return TextIOWrapper(binary, "utf-8-sig", "surrogateescape", newline="")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _require_utf8(line: str, path: Path) -> None:
    """Raise InvalidSettings if a file begins as UTF-16 does: every line of it would be rejected."""
    if line.encode(errors="surrogateescape").startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise InvalidSettings(f"{path} is encoded as UTF-16: save it as UTF-8")


def _line(lines: Sequence[int], number: int) -> str:
    return f"line {lines[number]}"


def _number(reject: Reject) -> int:
    return int(reject.row.removeprefix("line "))
