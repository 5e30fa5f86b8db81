"""Files of checksums as sources of a migration: CSV (plain or gzip) and Parquet."""

import csv
import gzip
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from urllib.parse import parse_qsl, urlencode

from onecopy.digest import MiB
from onecopy.errors import BadInput, InvalidDigest, InvalidSettings
from onecopy.index.extras import extra
from onecopy.migrate.checksum import read_checksum
from onecopy.migrate.interface import Batch, Reject
from onecopy.migrate.rows import Rows

_BATCH_ROWS = 10_000
_SAMPLE_BYTES = 256 * 1024
"""Bytes of a CSV file from which its number of lines is estimated."""

_Line = tuple[int, list[str] | Reject]
"""The number of a line of a CSV file, and its values or why they can't be read."""


class Columns(NamedTuple):
    """Names of the columns that hold the checksum and, optionally, size and key."""

    column: str | None
    size: str | None
    key: str | None

    @staticmethod
    def of(query: dict[str, str], address: str) -> "Columns":
        """Return the columns named in the query of an address; raises InvalidSettings."""
        names = Columns._fields
        if unknown := ", ".join(sorted(query.keys() - set(names))):
            raise InvalidSettings(f"{address}: unknown {unknown} (expected {', '.join(names)})")
        columns = Columns(*map(query.get, names))
        if columns.key is not None and columns.size is None:
            raise InvalidSettings(f"{address}: a key needs a size; add size=COLUMN")
        return columns

    def query(self) -> str:
        """Return the columns as the query of an address."""
        return urlencode({name: value for name, value in self._asdict().items() if value})

    def named(self) -> list[str]:
        """Return the names that are given, the checksum's first."""
        return [name for name in self if name is not None]


class _File:
    """A file of rows. A position is the number of rows before it."""

    def __init__(self, path: Path, columns: Columns, tenant: str) -> None:
        if not path.is_file():
            raise InvalidSettings(f"no such file: {path}")
        self._path = path
        self._columns = columns
        self._rows = Rows(tenant, max(1, len(columns.named())))

    @property
    def name(self) -> str:
        return f"{self._path.resolve()}?{self._columns.query()}"

    def version(self) -> str:
        status = self._path.stat()
        return f"{status.st_size} bytes of {status.st_mtime_ns}"

    def count(self) -> int | None:
        return None

    def values(self) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def close(self) -> None:
        """Do nothing: no file stays open between two calls."""


class CsvSource(_File):
    """A CSV file with a header line, or a text file with one checksum per line."""

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
        done = int(after or 0)
        with closing(_open_text(self._path)) as stream:
            selected = self._selected(_read_csv(stream))
            for _ in islice(selected, done):
                pass
            while batch := list(islice(selected, _BATCH_ROWS)):
                lines = [line for line, row in batch if isinstance(row, list)]
                rows = [row for _, row in batch if isinstance(row, list)]
                unreadable = [row for _, row in batch if isinstance(row, Reject)]
                entries, rejects = self._rows.read(rows, partial(_line, lines))
                done += len(batch)
                yield Batch(str(done), entries, sorted(rejects + unreadable, key=_number))

    def _selected(self, lines: Iterator[_Line]) -> Iterator[_Line]:
        """Yield the lines after the header with the values of the named columns only."""
        number, header = next(lines, (0, None))
        if header is None:
            return
        if isinstance(header, Reject):
            raise InvalidSettings(f"{self._path}: {header.reason}")
        if self._columns.column is None and _is_checksum(header):
            yield number, header
            places = [0]
        else:
            places = _places(header, self._columns, self._path)
        for number, row in lines:
            if isinstance(row, Reject):
                yield number, row
            elif len(row) <= max(places):
                yield number, Reject(f"line {number}", ",".join(row)[:200], "a column is missing")
            else:
                yield number, [row[place] for place in places]


def _count_lines(path: Path) -> int | None:
    try:
        with gzip.open(path) as stream:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(MiB), b""))
    except (OSError, EOFError):  # reported when the file is read
        return None


def _is_checksum(row: Sequence[str]) -> bool:
    if len(row) != 1:
        return False
    try:
        read_checksum(row[0])
    except InvalidDigest:
        return False
    return True


def _places(header: Sequence[str], columns: Columns, path: Path) -> list[int]:
    """Return the positions of the named columns in the header; raises InvalidSettings."""
    if columns.column is None and len(header) == 1:
        columns = columns._replace(column=header[0])
    if columns.column is None:
        raise InvalidSettings(
            f"{path} has {len(header)} columns; name the one with the checksum, as in "
            f"{path.name}?column={header[0]}"
        )
    if missing := [name for name in columns.named() if name not in header]:
        raise InvalidSettings(
            f"{path} has no column {', '.join(missing)}; its columns are {', '.join(header)[:500]}"
        )
    return [header.index(name) for name in columns.named()]


def _read_csv(stream: TextIO) -> Iterator[_Line]:
    """Yield the lines that are not empty."""
    reader = csv.reader(stream)
    row: list[str] | None = []
    while row is not None:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield line, Reject(f"line {line}", "", f"invalid CSV: {error}")
            continue
        except (OSError, EOFError) as error:  # a truncated gzip file, or not gzip
            raise BadInput(f"can't read the file after line {line - 1}: {error}") from error
        if row:
            yield line, row


def _open_text(path: Path) -> TextIO:
    """Open a file as text; bytes that are not UTF-8 are escaped, so that only their row fails."""
    if path.suffix == ".gz":
        binary: Any = gzip.open(path)  # noqa: SIM115 - closed with the TextIOWrapper
        return TextIOWrapper(binary, "utf-8-sig", "backslashreplace", newline="")
    return path.open(encoding="utf-8-sig", errors="backslashreplace", newline="")


class ParquetSource(_File):
    """A Parquet file."""

    def count(self) -> int | None:
        with self._opened() as parquet:
            rows: int = parquet.metadata.num_rows
            return rows

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        done = int(after or 0)
        with self._opened() as parquet:
            header = parquet.schema_arrow.names
            names = [header[place] for place in _places(header, self._columns, self._path)]
            groups, end = _remaining_groups(parquet, done)
            for record in parquet.iter_batches(_BATCH_ROWS, row_groups=groups, columns=names):
                begin, end = end, end + record.num_rows
                if end <= done:
                    continue
                unread = record.slice(max(0, done - begin))
                columns = [unread.column(name).to_pylist() for name in names]
                entries, rejects = self._rows.read(
                    zip(*columns, strict=True), partial(_row, max(begin, done) + 1)
                )
                done = end
                yield Batch(str(done), entries, rejects)

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
    """Open `list.csv?column=md5&size=bytes&key=path`, `list.csv.gz` or `list.parquet`.

    Raises InvalidSettings.
    """
    path, _, query = address.partition("?")
    columns = Columns.of(dict(parse_qsl(query)), path)
    file = Path(path.removeprefix("file://"))
    if file.name.lower().endswith(".parquet"):
        return ParquetSource(file, columns, tenant)
    if file.name.lower().endswith((".csv", ".csv.gz", ".txt", ".txt.gz")):
        return CsvSource(file, columns, tenant)
    raise InvalidSettings(
        f"unknown source: {address!r}; expected the URL of an index, "
        "postgresql://…?table=T&column=C, or a file whose name ends in .csv, .csv.gz, .txt, "
        ".txt.gz or .parquet"
    )
