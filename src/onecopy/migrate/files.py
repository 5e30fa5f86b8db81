"""Files of checksums as sources of a migration: text and CSV (plain or gzip), and Parquet."""

import csv
import gzip
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from onecopy.digest import MiB
from onecopy.errors import BadInput, InvalidSettings
from onecopy.index.extras import extra
from onecopy.migrate.checksum import is_heading, read_line, shown
from onecopy.migrate.columns import Columns, options_of
from onecopy.migrate.interface import Batch, numbers_in
from onecopy.migrate.rows import Rows
from onecopy.rejects import Reject

_BATCH_ROWS = 10_000
_SAMPLE_BYTES = 256 * 1024
"""Bytes of a CSV file from which its number of lines is estimated."""

_MAX_HEADING = 10_000
"""Characters of the heading of a list that are looked at."""
_TEXT_FILES = (".csv", ".txt", ".md5", ".sha256", "md5sums", "sha256sums")
"""How the names of text files end, in lower case; `.gz` may follow."""


class _Heading(NamedTuple):
    text: str


_Line = tuple[int, list[str] | Reject | _Heading | None]
"""The number of a line, and its values, why they can't be read, its heading, or None if it is
empty."""


class _File:
    """A file of rows. A position is the number of rows before it."""

    def __init__(self, path: Path, columns: Columns, tenant: str) -> None:
        _require_file(path)
        self._path = path
        self._columns = columns
        self._rows = Rows(tenant, max(1, len(columns.named())))

    @property
    def name(self) -> str:
        return f"{self._path.resolve()}?{self._columns.query()}"

    def notes(self) -> list[str]:
        return []

    def version(self) -> str:
        status = self._path.stat()
        return f"{status.st_size} bytes of {status.st_mtime_ns}"

    def count(self) -> int | None:
        return None

    def values(self) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def close(self) -> None:
        """Do nothing: no file stays open between two calls."""


def _require_file(path: Path) -> None:
    if path.is_file():
        return
    if not path.exists():
        raise InvalidSettings(f"no such file: {path}")
    kind = "a folder" if path.is_dir() else "a pipe or device, which can't be read twice"
    raise InvalidSettings(f"{path} is {kind}: name a file of checksums")


class CsvSource(_File):
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
            while batch := list(islice(selected, _BATCH_ROWS)):
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
                _places(header, self._columns, self._path)
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
                places = _places(row, self._columns, self._path)
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


def _places(header: Sequence[str], columns: Columns, path: Path) -> list[int]:
    """Return the positions of the named columns in the header; raises InvalidSettings."""
    if columns.column is None and len(header) == 1:
        columns = columns._replace(column=header[0])
    if columns.column is None:
        raise InvalidSettings(
            f"{path} has {len(header)} columns; name the one with the checksum, as in "
            f"{path.name}?column={shown(header[0])}"
        )
    if missing := [name for name in columns.named() if name not in header]:
        raise InvalidSettings(
            f"{path} has no column {', '.join(missing)}; its columns are {shown(', '.join(header))}"
        )
    if twice := [name for name in columns.named() if header.count(name) > 1]:
        raise InvalidSettings(
            f"{path} has more than one column {', '.join(twice)}; rename the others in its heading"
        )
    return [header.index(name) for name in columns.named()]


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


class ParquetSource(_File):
    """A Parquet file."""

    def count(self) -> int | None:
        with self._opened() as parquet:
            rows: int = parquet.metadata.num_rows
            return rows

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        [done] = numbers_in(after or "0", 1)
        with self._opened() as parquet:
            header = parquet.schema_arrow.names
            names = [header[place] for place in _places(header, self._columns, self._path)]
            groups, end = _remaining_groups(parquet, done)
            for record in parquet.iter_batches(_BATCH_ROWS, row_groups=groups, columns=names):
                begin, end = end, end + record.num_rows
                if end <= done:
                    continue
                unread = record.slice(max(0, done - begin))
                columns = [_parquet_values(unread.column(name)) for name in names]
                read = self._rows.read(
                    zip(*columns, strict=True), partial(_row, max(begin, done) + 1)
                )
                done = end
                yield Batch(str(done), read.entries, read.rejects, empty_files=read.empty_files)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        with extra("parquet"):
            from pyarrow import ArrowException
            from pyarrow.parquet import ParquetFile
        try:
            with ParquetFile(self._path) as parquet:
                yield parquet
        except (ArrowException, OSError) as error:
            raise BadInput(f"can't read {self._path}: {error}") from error


def _parquet_values(column: Any) -> list[Any]:  # noqa: ANN401 - pyarrow has no types
    """Return the values of a column; bytes that are not UTF-8 become surrogates, as in CSV."""
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        raw = column.cast("binary").to_pylist()
        values = [value and value.decode(errors="surrogateescape") for value in raw]
    return values


def _line(lines: Sequence[int], number: int) -> str:
    return f"line {lines[number]}"


def _number(reject: Reject) -> int:
    return int(reject.row.removeprefix("line "))


def _row(first: int, number: int) -> str:
    return f"row {first + number}"


def _remaining_groups(parquet: Any, done: int) -> tuple[list[int], int]:  # noqa: ANN401 - pyarrow has no types
    """Return the row groups that contain rows after `done`, and the number of rows before them."""
    groups, skipped = list(range(parquet.num_row_groups)), 0
    while groups and skipped + parquet.metadata.row_group(groups[0]).num_rows <= done:
        skipped += parquet.metadata.row_group(groups.pop(0)).num_rows
    return groups, skipped


def open_list(address: str, tenant: str) -> CsvSource | ParquetSource:
    """Open `list.csv?column=md5&size=bytes&key=path`, `SHA256SUMS`, `list.parquet` and the like.

    Raises InvalidSettings.
    """
    scheme, mark, rest = address.partition("://")
    if mark and scheme != "file":  # without the rest, which may contain a password
        raise InvalidSettings(
            f"unknown source: a URL that begins with {scheme}://; expected the URL of an index, a "
            "table (postgresql://…?table=T&column=C), or the name of a file"
        )
    path, query = _split(rest if mark else address)
    columns = Columns.of(options_of(query, path), path)
    file = Path(path)
    if file.name.lower().endswith(".parquet"):
        return ParquetSource(file, columns, tenant)
    if file.name.lower().removesuffix(".gz").endswith(_TEXT_FILES):
        return CsvSource(file, columns, tenant)
    raise InvalidSettings(
        f"unknown source: {address!r}; expected the URL of an index, "
        "postgresql://…?table=T&column=C, or a file whose name ends in .csv, .txt, .md5, .sha256, "
        "MD5SUMS or SHA256SUMS, each also with .gz, or .parquet"
    )


def _split(address: str) -> tuple[str, str]:
    """Return path and query; a `?` is part of the path if a file has that name.

    Without such a file, the path ends where the name of a list can end.
    """
    parts = address.split("?")
    pairs = [("?".join(parts[:end]), "?".join(parts[end:])) for end in range(1, len(parts) + 1)]
    for path, query in reversed(pairs):
        if Path(path).is_file():
            return path, query
    named = (pair for pair in pairs if _has_known_name(pair[0]))
    return next(named, pairs[0])


def _has_known_name(path: str) -> bool:
    name = path.lower()
    return name.endswith(".parquet") or name.removesuffix(".gz").endswith(_TEXT_FILES)
