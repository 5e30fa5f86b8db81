"""Parquet, ORC and CSV files, read by columns: some ten thousand rows at a time.

pyarrow reads all of them. It has no types, so its values are `Any` here.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from onecopy.errors import BadInput
from onecopy.index.extras import extra
from onecopy.text import printable

_ROWS = 20_000
"""Rows that are read at a time: as many as an index merges in one transaction."""
_CSV_BYTES = 4 * 1024 * 1024
"""Bytes of CSV that are read at a time."""


class Rows(NamedTuple):
    """Consecutive rows of a file."""

    record: Any
    """A RecordBatch."""
    numbers: Sequence[int]
    """The number of each row, from 1."""
    broken: Sequence[tuple[int, str]] = ()
    """The numbers of the rows, among these, that have too few or too many columns, and what is
    there instead. They are not in `record`."""

    @property
    def last(self) -> int:
        """The number of the last row."""
        return max([0, *self.numbers[-1:], *(number for number, _ in self.broken[-1:])])


class Table(Protocol):
    """A file of rows."""

    @property
    def names(self) -> list[str]:
        """The names of the columns."""

    def read(self, columns: Sequence[str], after: int) -> Iterator[Rows]:
        """Yield these columns of the rows after the first `after` ones."""


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Raise errors of pyarrow in the block as BadInput, which names a file."""
    with extra("parquet"):
        from pyarrow import ArrowException
    try:
        yield
    except (ArrowException, OSError, EOFError) as error:
        raise BadInput(f"can't read {printable(name)}: {printable(str(error))}") from error


class _Parquet:
    def __init__(self, path: Path) -> None:
        from pyarrow.parquet import ParquetFile

        # Without a buffer for whole row groups, memory stays flat.
        self._file = ParquetFile(path, pre_buffer=False)
        self.names: list[str] = self._file.schema_arrow.names

    def read(self, columns: Sequence[str], after: int) -> Iterator[Rows]:
        groups, start = list(range(self._file.num_row_groups)), 0
        rows_of = self._file.metadata.row_group
        while groups and start + rows_of(groups[0]).num_rows <= after:
            start += rows_of(groups.pop(0)).num_rows
        records = self._file.iter_batches(_ROWS, row_groups=groups, columns=list(columns))
        return _numbered(records, start, after)


class _Orc:
    def __init__(self, path: Path) -> None:
        from pyarrow.orc import ORCFile

        self._file = ORCFile(path)
        self.names: list[str] = self._file.schema.names

    def read(self, columns: Sequence[str], after: int) -> Iterator[Rows]:
        stripes = (self._file.read_stripe(at, columns) for at in range(self._file.nstripes))
        records = (
            stripe.slice(at, _ROWS) for stripe in stripes for at in range(0, len(stripe), _ROWS)
        )
        return _numbered(records, 0, after)


def _numbered(records: Iterator[Any], start: int, after: int) -> Iterator[Rows]:
    """Yield records, of which the first follows `start` rows, without the first `after` rows."""
    for record in records:
        done = max(0, after - start)
        if done < len(record):
            yield Rows(record.slice(done), range(start + done + 1, start + len(record) + 1))
        start += len(record)


class _Csv:
    """A CSV file whose columns have these names, or are named by its first line."""

    def __init__(self, path: Path, names: Sequence[str] | None) -> None:
        self._path = path
        self._given = names
        self._broken: list[tuple[int, str]] = []
        self.names = list(names) if names else self._open(None).schema.names

    def _open(self, columns: Sequence[str] | None) -> Any:  # noqa: ANN401
        """Open the file for reading some columns as bytes, or to look at their names."""
        import pyarrow as pa
        from pyarrow import csv

        given = list(self._given) if self._given else None
        types = {name: pa.binary() for name in columns or ()}
        return csv.open_csv(
            pa.input_stream(str(self._path), compression=_compression(self._path)),
            read_options=csv.ReadOptions(
                use_threads=False, block_size=_CSV_BYTES, column_names=given
            ),
            parse_options=csv.ParseOptions(
                # An inventory encodes line breaks in keys.
                newlines_in_values=given is None,
                invalid_row_handler=self._skip,
            ),
            convert_options=csv.ConvertOptions(
                check_utf8=False, column_types=types, include_columns=list(columns or ())
            ),
        )

    def _skip(self, row: Any) -> str:  # noqa: ANN401
        self._broken.append((row.number - (self._given is None), row.text))
        return "skip"

    def read(self, columns: Sequence[str], after: int) -> Iterator[Rows]:
        self._broken, number = [], 0
        if not _is_empty(self._path):
            for record in self._open(columns):
                numbers = self._numbers(number, len(record))
                number = numbers[-1] if numbers else number
                yield from _after(Rows(record, numbers, self._broken_until(number)), after)
        if self._broken:
            yield from _after(Rows(_nothing(columns), (), self._broken), after)

    def _numbers(self, number: int, count: int) -> Sequence[int]:
        """Return the numbers of the next rows behind one, without those that are broken."""
        if not self._broken:
            return range(number + 1, number + count + 1)
        broken = {at for at, _ in self._broken}
        found = (at for at in range(number + 1, number + count + len(broken) + 1))
        return list(islice((at for at in found if at not in broken), count))

    def _broken_until(self, number: int) -> list[tuple[int, str]]:
        """Take the broken rows up to a number."""
        taken = [row for row in self._broken if row[0] <= number]
        self._broken = self._broken[len(taken) :]
        return taken


def _after(rows: Rows, after: int) -> Iterator[Rows]:
    """Yield what remains of some rows without the first `after` rows of their file."""
    if rows.last <= after:
        return
    done = bisect_right(rows.numbers, after)
    broken = [row for row in rows.broken if row[0] > after]
    yield Rows(rows.record.slice(done), rows.numbers[done:], broken)


def _nothing(columns: Sequence[str]) -> Any:  # noqa: ANN401
    import pyarrow as pa

    return pa.RecordBatch.from_pydict({name: pa.array([], pa.binary()) for name in columns})


def _compression(path: Path) -> str | None:
    return "gzip" if path.suffix == ".gz" else None


def _is_empty(path: Path) -> bool:
    import pyarrow as pa

    with pa.input_stream(str(path), compression=_compression(path)) as stream:
        return not stream.read(1)


def _open_csv(path: Path, names: Sequence[str] | None) -> Table:
    if names is None and _is_empty(path):
        raise BadInput(f"{printable(path.name)} is empty: it has no line that names its columns")
    return _Csv(path, names)


_FORMATS: dict[str, Callable[[Path, Sequence[str] | None], Table]] = {
    "csv": _open_csv,
    "orc": lambda path, _names: _Orc(path),
    "parquet": lambda path, _names: _Parquet(path),
}
FORMATS = frozenset(_FORMATS)
"""Names of formats, in lower case, which are also the endings of files."""


def format_of(name: str) -> str | None:
    """Return the format of a file by its name; None if it has none that is known."""
    ending = name.lower().removesuffix(".gz").rpartition(".")[2]
    is_known = ending in FORMATS and (ending == "csv" or not name.lower().endswith(".gz"))
    return ending if is_known else None


def format_by_start(start: bytes) -> str | None:
    """Return the format of a file by its first four bytes: Athena's exports have no endings."""
    if start == b"PAR1":
        return "parquet"
    return "orc" if start[:3] == b"ORC" else None


def open_table(path: Path, form: str, names: Sequence[str] | None = None) -> Table:
    """Open a file of a format; `names` are those of the columns of a CSV file without a heading.

    To be called, as `Table.read` is used, within `reading`.
    """
    return _FORMATS[form](path, names)
