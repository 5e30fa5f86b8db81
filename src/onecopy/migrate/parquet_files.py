"""Parquet files of checksums as sources of a migration."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from onecopy.errors import BadInput
from onecopy.index.extras import extra
from onecopy.migrate.files import BATCH_ROWS, FileSource, places_of
from onecopy.migrate.interface import Batch, numbers_in


class ParquetSource(FileSource):
    """A Parquet file."""

    def count(self) -> int | None:
        with self._opened() as parquet:
            rows: int = parquet.metadata.num_rows
            return rows

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        [done] = numbers_in(after or "0", 1)
        with self._opened() as parquet:
            header = parquet.schema_arrow.names
            names = [header[place] for place in places_of(header, self._columns, self._path)]
            groups, end = _remaining_groups(parquet, done)
            for record in parquet.iter_batches(BATCH_ROWS, row_groups=groups, columns=names):
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


def _row(first: int, number: int) -> str:
    return f"row {first + number}"


def _remaining_groups(parquet: Any, done: int) -> tuple[list[int], int]:  # noqa: ANN401 - pyarrow has no types
    """Return the row groups that contain rows after `done`, and the number of rows before them."""
    groups, skipped = list(range(parquet.num_row_groups)), 0
    while groups and skipped + parquet.metadata.row_group(groups[0]).num_rows <= done:
        skipped += parquet.metadata.row_group(groups.pop(0)).num_rows
    return groups, skipped
