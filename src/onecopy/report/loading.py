"""Loading of rows into the tables of a report.

They are written to files of tab-separated values, which DuckDB reads in a thread of its own: it
inserts rows one by one only slowly, and arrays would need another package.
"""

from collections import Counter, defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from onecopy.errors import Failure
from onecopy.report.tables import COLUMNS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHARACTERS_PER_FILE = 8_000_000
_PLAIN = {
    "number": "BIGINT",
    "size": "BIGINT",
    "stored": "BIGINT",
    "digest": "VARCHAR",
    "md5": "VARCHAR",
    "class": "VARCHAR",
    "identity": "VARCHAR",
    "key": "VARCHAR",
}
_FROM_PLAIN = """
INSERT INTO copies SELECT {owner}, unhex(digest), unhex(md5), size, (hash(identity) >> 1)::BIGINT,
    number, least(greatest(stored // 1000, 0), {last}), class, key[2:] FROM {lines};
"""
LAST_SECOND = 2**32 - 1


def no_room(error: Exception) -> Failure:
    """Return the error for temporary files that can't be written."""
    return Failure(
        f"cannot write temporary files ({error}): free some space on the disk for them, or set "
        "TMPDIR to a folder on another disk"
    )


class Loader:
    """Loads lines into tables, through files in a folder."""

    def __init__(self, database: "DuckDBPyConnection", folder: Path) -> None:
        self._database = database
        self._file = folder / "rows.tsv"
        self._lines: dict[str, list[str]] = defaultdict(list)
        self._lengths: Counter[str] = Counter()
        self._thread = ThreadPoolExecutor(1)
        self._loading: Future[None] | None = None
        for table, columns in COLUMNS.items():
            fields = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            database.execute(f"CREATE TABLE {table} ({fields})")

    def add(self, table: str, line: str) -> None:
        """Add a line of a table: its fields, separated by tabs.

        Blobs are hexadecimal, and an object is any text, equal for equal objects.
        """
        lines, lengths = self._lines[table], self._lengths
        lines.append(line)
        lengths[table] += len(line)
        if lengths[table] > _CHARACTERS_PER_FILE:
            self._load(table)

    def add_plain(self, owner: int, lines: str) -> None:
        """Add lines of plain copies; see PlainPage."""
        self.add(f"{owner}", lines.removesuffix("\n"))

    def finish(self) -> None:
        """Load what is left."""
        for table, lines in self._lines.items():
            if lines:
                self._load(table)
        self._wait()
        self._thread.shutdown()

    def _load(self, table: str) -> None:
        text = "\n".join([*self._lines[table], ""])
        self._lines[table].clear()
        self._lengths[table] = 0
        self._wait()
        try:
            self._file.write_text(text, "utf-8", newline="\n")
        except OSError as error:
            raise no_room(error) from error
        self._loading = self._thread.submit(self._read, table)

    def _wait(self) -> None:
        if self._loading:
            self._loading.result()

    def _read(self, table: str) -> None:
        columns = COLUMNS.get(table, _PLAIN)
        kinds = {
            name: "VARCHAR" if kind == "BLOB" or name == "object" else kind
            for name, kind in columns.items()
        }
        lines = (
            f"read_csv(?, columns = {kinds}, auto_detect = false, header = false, "
            "delim = '\t', quote = '', escape = '')"
        )
        if table in COLUMNS:
            values = ", ".join(_value(name, kind) for name, kind in columns.items())
            statement = f"INSERT INTO {table} SELECT {values} FROM {lines}"
        else:
            statement = _FROM_PLAIN.format(owner=table, last=LAST_SECOND, lines=lines)
        self._database.cursor().execute(statement, [str(self._file)])


def _value(name: str, kind: str) -> str:
    if name == "object":
        return "(hash(object) >> 1)::BIGINT"
    return f"unhex({name})" if kind == "BLOB" else name
