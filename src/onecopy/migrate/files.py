"""Lists of checksums in files: CSV, gzip or not, and Parquet."""

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
from onecopy.migrate.checksum import read_checksum
from onecopy.migrate.interface import Batch, Reject
from onecopy.migrate.rows import Rows

_BATCH = 10_000
"""Rows that are read at one time."""
_COLUMNS = ("column", "size", "key")


class Columns(NamedTuple):
    """How the columns are named that hold the checksum, and perhaps size and key."""

    column: str | None
    size: str | None
    key: str | None

    @staticmethod
    def of(said: dict[str, str], where: str) -> "Columns":
        """Take them from what an address says; raises InvalidSettings."""
        if unknown := sorted(set(said) - set(_COLUMNS)):
            raise InvalidSettings(
                f"{where}: unknown {', '.join(unknown)}; it may say {', '.join(_COLUMNS)}"
            )
        found = Columns(said.get("column"), said.get("size"), said.get("key"))
        if found.key is not None and found.size is None:
            raise InvalidSettings(f"{where}: a key needs the size of what lies there: size=COLUMN")
        return found

    def query(self) -> str:
        """Return them as an address says them."""
        return urlencode({name: value for name, value in self._asdict().items() if value})

    def named(self) -> list[str]:
        """Return the names that are given, the checksum's first."""
        return [name for name in self if name is not None]


class _File:
    """A file of rows; positions are numbers of rows."""

    def __init__(self, path: Path, columns: Columns, tenant: str) -> None:
        if not path.is_file():
            raise InvalidSettings(f"there is no file {path}")
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
        """Nothing is held open between two calls."""


class CsvList(_File):
    """A CSV file whose first line names its columns; or one checksum a line, and nothing else."""

    def count(self) -> int | None:
        """Tell it by the length of the first lines; of a compressed file by all of them."""
        if self._path.suffix == ".gz":
            return _count_lines(self._path)
        with self._path.open("rb") as stream:
            some = stream.read(256 * 1024)
        lines = some.count(b"\n")
        size = self._path.stat().st_size
        return lines if size == len(some) else int(size * lines / len(some))

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        done = int(after or 0)
        with closing(_opened(self._path)) as stream:
            rows = _Lines(stream)
            picked = self._picked(rows)
            for _ in islice(picked, done):
                pass
            while batch := list(islice(picked, _BATCH)):
                good = [(line, row) for line, row in batch if isinstance(row, list)]
                entries, rejects = self._rows.read(
                    (row for _, row in good), partial(_line, [line for line, _ in good])
                )
                broken = [row for _, row in batch if isinstance(row, Reject)]
                done += len(batch)
                rejects = sorted(rejects + broken, key=_number)
                yield Batch(str(done), entries, rejects)

    def _picked(self, lines: "_Lines") -> Iterator[tuple[int, list[str] | Reject]]:
        """Yield (line, the columns that are asked for), or why a row can't be read."""
        first = next(lines, None)
        if first is None:
            return
        number, head = first
        if isinstance(head, Reject):
            raise InvalidSettings(f"{self._path}: {head.reason}")
        if self._columns.column is None and _is_checksum(head):
            yield number, head
            places = [0]
        else:
            places = _places(head, self._columns, self._path)
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
    except (OSError, EOFError):  # who reads it will tell
        return None


def _is_checksum(row: Sequence[str]) -> bool:
    if len(row) != 1:
        return False
    try:
        read_checksum(row[0])
    except InvalidDigest:
        return False
    return True


def _places(head: Sequence[str], columns: Columns, path: Path) -> list[int]:
    if columns.column is None and len(head) == 1:
        columns = columns._replace(column=head[0])
    if columns.column is None:
        raise InvalidSettings(
            f"{path} has {len(head)} columns: say which one holds the checksum, as in "
            f"{path.name}?column={head[0]}"
        )
    if missing := [name for name in columns.named() if name not in head]:
        raise InvalidSettings(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(head)[:500]}"
        )
    return [head.index(name) for name in columns.named()]


class _Lines:
    """The rows of a CSV file with their line numbers, those that can't be read included."""

    def __init__(self, stream: TextIO) -> None:
        self._reader = csv.reader(stream)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> tuple[int, list[str] | Reject]:
        while True:
            line = self._reader.line_num + 1
            try:
                row = next(self._reader)
            except csv.Error as error:
                return line, Reject(f"line {line}", "", f"no CSV: {error}")
            except (OSError, EOFError) as error:  # a gzip file that ends too early, or is none
                raise BadInput(f"can't be read on from line {line}: {error}") from error
            if row:
                return line, row


def _opened(path: Path) -> TextIO:
    """Open a file as text; bytes that are no UTF-8 come through, to be rejected by their row."""
    if path.suffix == ".gz":
        binary: Any = gzip.open(path)  # noqa: SIM115 - closed with what reads it
        return TextIOWrapper(binary, "utf-8-sig", "backslashreplace", newline="")
    return path.open(encoding="utf-8-sig", errors="backslashreplace", newline="")


class ParquetList(_File):
    """A Parquet file."""

    def count(self) -> int | None:
        with self._opened() as parquet:
            rows: int = parquet.metadata.num_rows
            return rows

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        done = int(after or 0)
        with self._opened() as parquet:
            head = parquet.schema_arrow.names
            names = [head[place] for place in _places(head, self._columns, self._path)]
            groups, skipped = _groups(parquet, done)
            at = skipped
            for record in parquet.iter_batches(_BATCH, row_groups=groups, columns=names):
                begin, end = at, at + record.num_rows
                at = end
                if end <= done:
                    continue
                fresh = record.slice(max(0, done - begin))
                columns = [fresh.column(name).to_pylist() for name in names]
                entries, rejects = self._rows.read(
                    zip(*columns, strict=True), partial(_row, max(begin, done) + 1)
                )
                done = end
                yield Batch(str(done), entries, rejects)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            from pyarrow import ArrowException
            from pyarrow.parquet import ParquetFile
        except ModuleNotFoundError as error:
            raise InvalidSettings(
                "Parquet needs pyarrow, which is not installed: pip install 'onecopy[parquet]'"
            ) from error
        try:
            with ParquetFile(self._path) as parquet:
                yield parquet
        except (ArrowException, OSError) as error:
            raise BadInput(f"{self._path} can't be read: {error}") from error


def _line(lines: Sequence[int], number: int) -> str:
    return f"line {lines[number]}"


def _number(reject: Reject) -> int:
    return int(reject.row.removeprefix("line "))


def _row(first: int, number: int) -> str:
    return f"row {first + number}"


def _groups(parquet: Any, done: int) -> tuple[list[int], int]:  # noqa: ANN401 - pyarrow has no types
    """Return the row groups that are not behind us, and how many rows those before them have."""
    groups, skipped = list(range(parquet.num_row_groups)), 0
    while groups and skipped + parquet.metadata.row_group(groups[0]).num_rows <= done:
        skipped += parquet.metadata.row_group(groups.pop(0)).num_rows
    return groups, skipped


def open_list(address: str, tenant: str) -> CsvList | ParquetList:
    """Open `list.csv?column=md5&size=bytes&key=path`, `list.csv.gz` or `list.parquet`.

    Raises InvalidSettings.
    """
    path, _, query = address.partition("?")
    columns = Columns.of(dict(parse_qsl(query)), path)
    file = Path(path.removeprefix("file://"))
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes[-1:] == [".parquet"]:
        return ParquetList(file, columns, tenant)
    if suffixes[-1:] in ([".csv"], [".txt"]) or suffixes[-2:] in ([".csv", ".gz"], [".txt", ".gz"]):
        return CsvList(file, columns, tenant)
    raise InvalidSettings(
        f"{address!r} is no source: expected the URL of an index, postgresql://…?table=T&column=C, "
        "or a file that ends in .csv, .csv.gz, .txt, .txt.gz or .parquet"
    )
