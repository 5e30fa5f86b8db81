"""What the files of checksums have in common, as sources of a migration."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from onecopy.errors import InvalidSettings
from onecopy.migrate.checksum import shown
from onecopy.migrate.columns import Columns
from onecopy.migrate.rows import Rows

BATCH_ROWS = 10_000
"""Rows that are read at a time."""


class FileSource:
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


def places_of(header: Sequence[str], columns: Columns, path: Path) -> list[int]:
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
