"""Parquet files whose columns DuckDB can use as they are."""

from collections.abc import Sequence
from pathlib import Path

from onecopy.audit.tables import Database
from onecopy.scan.sources.columns import Columns
from onecopy.scan.sources.facts import UNENCRYPTED

_TIMES = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_TYPES = {
    "bucket": ("VARCHAR",),
    "key": ("VARCHAR",),
    "etag": ("VARCHAR",),
    "storage_class": ("VARCHAR",),
    "checksums": ("VARCHAR",),
    "encryption": ("VARCHAR",),
    "size": ("BIGINT", "INTEGER"),
    "modified": _TIMES,
    "expires": _TIMES,
    "is_latest": ("BOOLEAN",),
    "is_marker": ("BOOLEAN",),
}
"""The types of columns whose values need no conversion."""


class NotPlain(Exception):
    """A table has to be read row by row."""


class Files:
    """Parquet files whose columns need no conversion."""

    def __init__(self, found: Database, paths: Sequence[Path], shown: str) -> None:
        """Raise NotPlain unless they have the same columns of known types."""
        if any(set("*?[") & set(str(path)) for path in paths):
            raise NotPlain("DuckDB would take the name of a file for a pattern")
        each = ", ".join(text(str(path)) for path in paths)
        self._table = f"read_parquet([{each}], hive_partitioning = false)"
        schemas = [self._schema(found, path, shown) for path in paths]
        if not schemas or any(schema != schemas[0] for schema in schemas):
            raise NotPlain("the files have different columns")
        self._schema_of = schemas[0]

    def has(self, meaning: str) -> bool:
        """Return whether there is a column."""
        return meaning in self._schema_of

    @staticmethod
    def _schema(found: Database, path: Path, shown: str) -> dict[str, tuple[str, str]]:
        """Return the name and type of each column with a meaning."""
        described = found.rows(
            f"DESCRIBE SELECT * FROM read_parquet({text(str(path))}, hive_partitioning = false)"  # noqa: S608 - quoted
        )
        types = {name: kind for name, kind, *_ in described}
        columns = Columns(list(types), shown)
        named = {meaning: columns.name(meaning) or "" for meaning in _TYPES}
        schema = {meaning: (name, types[name]) for meaning, name in named.items() if name}
        if columns.has_versions or any(kind not in _TYPES[m] for m, (_, kind) in schema.items()):
            raise NotPlain("some columns need conversion")
        return schema

    @property
    def query(self) -> str:
        """The query of all rows, in columns by their meaning."""
        etag, storage, encryption = map(self._column, ("etag", "storage_class", "encryption"))
        unencrypted = ", ".join(map(text, sorted(UNENCRYPTED)))
        return f"""
        SELECT coalesce({self._column("key")}, '') AS key,
            CASE WHEN {self._column("size")} >= 0 THEN CAST({self._column("size")} AS BIGINT) END
            AS size,
            trim(coalesce({etag}, ''), '"') AS etag, {self._seconds("modified", "0")} AS modified,
            coalesce(nullif(trim({storage}), ''), 'STANDARD') AS class,
            trim(coalesce({encryption}, '')) NOT IN ({unencrypted}) AS is_opaque,
            {self._column("bucket")} AS bucket, {self._column("is_latest")} AS is_latest,
            {self._column("is_marker")} AS is_marker, {self._seconds("expires", "NULL")} AS expires
        FROM {self._table}
        """  # noqa: S608 - quoted

    def _column(self, meaning: str) -> str:
        name, _ = self._schema_of.get(meaning, ("", ""))
        return '"' + name.replace('"', '""') + '"' if name else "NULL"

    def _seconds(self, meaning: str, default: str) -> str:
        """Return a time in seconds since 1970."""
        return f"epoch_us({self._column(meaning)}) // 1000000" if self.has(meaning) else default


def text(value: str) -> str:
    """Return a text as SQL has it."""
    return "'" + value.replace("'", "''") + "'"
