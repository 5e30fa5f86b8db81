"""Objects in a temporary SQLite database, which spills to files that SQLite deletes."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import apsw

from onecopy.listing import ListedCopy
from onecopy.temporary import spilling, temporary_database
from onecopy.timestamp import as_datetime

TYPE = r"[^/]\.([A-Za-z0-9]{1,10})"
"""What ends the key of an object whose type is known."""
_TYPE = re.compile(rf"{TYPE}\Z")
LAST = 253_402_300_799
"""The end of the year 9999; a later time is as good as none."""
_SCHEMA = """
CREATE TABLE listed (
    key TEXT, size INTEGER, tag BLOB, parts INTEGER, doubt INTEGER, modified INTEGER, class TEXT);
BEGIN;
"""
_GROUP = """
CREATE TABLE content AS
SELECT size, tag, parts, count(*) AS objects, min(doubt) AS doubt FROM listed
GROUP BY size, tag, parts HAVING count(*) > 1 OR min(doubt);
CREATE TABLE candidate (
    size INTEGER, tag BLOB, parts INTEGER, PRIMARY KEY (size, tag, parts)
) WITHOUT ROWID;
INSERT INTO candidate SELECT size, tag, parts FROM content WHERE objects > 1;
CREATE TABLE member AS
SELECT listed.* FROM listed CROSS JOIN candidate USING (size, tag, parts);
CREATE TABLE doubtful AS
SELECT size, count(*) AS contents FROM content WHERE doubt GROUP BY size;
CREATE INDEX doubtful_size ON doubtful (size);
"""
_INSERT = "INSERT INTO listed VALUES (?, ?, ?, ?, ?, ?, ?)"
Row = tuple[str, int, bytes, int, bool, int, str]
"""Key, size, tag, parts, doubt, modified, class."""


class Objects:
    """A temporary database of objects."""

    def __init__(self, database: apsw.Connection, depth: int) -> None:
        """Keep objects, whose folders are those of the first levels."""
        self._database = database
        folder = re.compile(rf"(?:[^/]*/){{0,{depth}}}")
        functions: dict[str, Callable[..., str]] = {
            "folder_of": lambda key: _found(folder.match(key)),
            "type_of": type_of,
            "month_of": month_of,
        }
        for name, function in functions.items():
            database.create_scalar_function(name, function, 1, deterministic=True)

    def add(self, copies: Sequence[ListedCopy]) -> None:
        """Add objects as they are listed."""
        # Of an object in parts, another ETag may be due to another size of its parts.
        self.add_rows([(k, s, tag, p, o or p > 0, m, c) for k, s, tag, p, o, m, c, _ in copies])

    def add_rows(self, rows: Sequence[Row]) -> None:
        """Add objects by their columns."""
        self._database.executemany(_INSERT, rows)

    def group(self) -> None:
        self.run(_GROUP)

    def run(self, statement: str) -> None:
        self._database.execute(statement).fetchall()  # apsw runs it only as rows are fetched

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._database.execute(query).fetchall()


@contextmanager
def objects(depth: int) -> Iterator[Objects]:
    """Yield an empty database, which is deleted at the end."""
    with spilling(), closing(temporary_database(_SCHEMA, cache_mib=256)) as database:
        yield Objects(database, depth)


def type_of(key: str) -> str:
    """Return the type of an object by its key, such as `jpg`; empty if there is none."""
    match = _TYPE.search(key)
    return match[1].lower() if match else ""


def month_of(seconds: int) -> str:
    """Return the month of a time in seconds since 1970 as `2026-01`; empty if it is none."""
    if not 0 < seconds <= LAST:
        return ""
    return as_datetime(seconds * 1000).strftime("%Y-%m")


def _found(match: re.Match[str] | None) -> str:
    return match.group() if match else ""
