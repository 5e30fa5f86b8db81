"""An index in one SQLite file, for any number of processes on one machine and 100 million copies.

index.py        the engine
connections.py  connections for reading, group commit for writing, checkpoints
file.py         opening, creating and backing up of the file
presence.py     files that are removed or replaced while they are in use
errors.py       the meaning of SQLite's errors
reading.py      queries
writing.py      changes
loading.py      bulk loads into an index without copies
repeats.py      contents that have several copies
lists.py        lists of digests without a location
listings.py     what listings of a store state: the methods
lookups.py      queries of listings
merging.py      changes of listings
runs.py         sorted runs: which block has copies of a size
joins.py        joining of runs
pages.py        all entries, page by page
plain.py        copies as text
state.py        small named values
leases.py       leases, as values that expire
rows.py         copies as rows, packed for SQLite
schema.py       the tables, and upgrades from older versions
checking.py     search for faults

Listed copies and their sizes are packed by onecopy.index.packed.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from onecopy.errors import InvalidSettings, NoIndex
from onecopy.index.interface import Mean, WriteCost
from onecopy.index.sqlite.index import SqliteIndex

__all__ = [
    "SqliteIndex",
    "files",
    "name_of",
    "names_server",
    "open_url",
    "require_exists",
    "write_cost",
]


def open_url(url: str) -> SqliteIndex:
    """Open `sqlite:relative.db` or `sqlite:/absolute.db`; the file is created if it is missing."""
    return SqliteIndex(_path(url))


def require_exists(url: str) -> None:
    """Raise NoIndex if there is no file, or one without content, which SQLite would fill."""
    path = Path(_path(url))
    if not path.exists():
        raise NoIndex(f"there is no index {path}: check its name")
    if path.is_file() and path.stat().st_size == 0:
        raise NoIndex(f"there is no index {path}: the file has 0 bytes; if it had more, restore it")


def name_of(url: str) -> str:
    """Return the URL with the absolute path."""
    return f"sqlite:{Path(_path(url)).resolve()}"


def files(url: str) -> Sequence[Path]:
    """Return the file, and those that SQLite adds beside it while it is in use."""
    file = _path(url)
    # SQLite resolves links before it appends to the name.
    return [Path(os.path.realpath(file) + suffix) for suffix in ("", "-wal", "-shm", "-journal")]


def names_server(url: str) -> bool:  # noqa: ARG001
    """Return False: the index is a file."""
    return False


def write_cost(url: str, mean: Mean) -> WriteCost:  # noqa: ARG001
    """Return the assumed rate."""
    return WriteCost(150_000.0)


def _path(url: str) -> str:
    path = url.partition(":")[2]
    if not path or path.startswith(":"):
        raise InvalidSettings(
            f"{url!r} names no file: expected sqlite:index.db or sqlite:/index.db"
        )
    return path
