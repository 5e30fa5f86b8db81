"""The files of one tenant by size, and by their first bytes: which have to be read.

Kept in a temporary database, so that memory stays flat for any number of files.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from typing import NamedTuple

import apsw

from onecopy.temporary import spilling, temporary_database

HEAD = 4096
"""First bytes that are compared."""
_ROWS_PER_WRITE = 10_000
_SCHEMA = """
CREATE TABLE member (
    id INTEGER PRIMARY KEY, key TEXT, size INTEGER, tag BLOB, modified INTEGER, is_read INTEGER);
CREATE TABLE head (id INTEGER PRIMARY KEY, size INTEGER, hash INTEGER);
BEGIN;
"""
_INSERT = """
INSERT INTO member (key, size, tag, modified, is_read) VALUES (?, ?, ?, ?, ?)
"""
_FILES = """
CREATE INDEX member_file ON member (size, tag, is_read);
CREATE TABLE file AS
SELECT min(id) AS id, size, max(is_read) AS is_read FROM member GROUP BY size, tag;
"""
_SHARING = """
CREATE TABLE sharing AS SELECT id, size, is_read FROM file WHERE size IN (
    SELECT size FROM file GROUP BY size HAVING count(*) > 1 AND NOT min(is_read)
) ORDER BY id;
"""
_ALIKE = """
CREATE TABLE wanted AS SELECT id, size FROM head JOIN (
    SELECT size, hash FROM head JOIN sharing USING (id, size)
    GROUP BY size, hash HAVING count(*) > 1 AND NOT min(is_read)
) USING (size, hash) WHERE id IN (SELECT id FROM sharing WHERE NOT is_read) ORDER BY id;
"""
_ALL = "CREATE TABLE wanted AS SELECT id, size FROM file WHERE NOT is_read ORDER BY id"
_NAMES = "SELECT key, modified FROM member WHERE size = ? AND tag = ? AND NOT is_read"


class Member(NamedTuple):
    """A name of a file."""

    key: str
    size: int
    tag: bytes
    """All names of one file have the same."""
    modified: int | None
    """As it is listed; None if it is not listed, but recorded."""
    is_read: bool
    """Whether its content digest is known."""


class File(NamedTuple):
    """A file to read, by one of its names."""

    id: int
    key: str
    size: int
    tag: bytes


member = partial(tuple.__new__, Member)
_file = partial(tuple.__new__, File)
"""These make one from a tuple of its columns, in half the time of `File(*columns)`."""


class Groups:
    """The files of a tenant."""

    def __init__(self, database: apsw.Connection, members: Iterable[Member]) -> None:
        self._database = database
        rows = iter(members)
        while batch := list(islice(rows, _ROWS_PER_WRITE)):
            database.executemany(_INSERT, batch)
        self._run(_FILES)

    def files(self) -> Iterator[File]:
        """Yield all files, each by its first name, in the order in which they were added."""
        return self._files("file", order="id")

    def sharing(self) -> Iterator[File]:
        """Yield the files that share their size, unless all of that size have been read."""
        self._run(_SHARING)
        return self._files("sharing")

    def note(self, heads: Iterable[tuple[int, int, int]]) -> None:
        """Note the (id, size, hash of the first bytes) of files."""
        self._database.executemany("INSERT INTO head VALUES (?, ?, ?)", heads)

    def choose(self, *, everything: bool) -> None:
        """Choose the files to read: those that share size and first bytes, or all."""
        self._run(_ALL if everything else _ALIKE)

    def chosen(self, smallest: int, largest: int) -> Iterator[File]:
        """Yield the chosen files between these sizes."""
        return self._files("wanted", smallest, largest)

    def bytes(self, table: str, most: int | None = None) -> int:
        """Return the number of bytes of the files in a table, or of the first bytes of each."""
        each = "size" if most is None else f"min(size, {most})"
        query = f"SELECT coalesce(sum({each}), 0) FROM {table}"  # noqa: S608 - as below
        return int(self._database.execute(query).get)

    def names(self, file: File) -> list[tuple[str, int | None]]:
        """Return the names of a file that are not recorded as read, and their listed times."""
        return list(self._database.execute(_NAMES, (file.size, file.tag)))

    def _files(
        self, table: str, smallest: int = 0, largest: int = 1 << 62, order: str = "rowid"
    ) -> Iterator[File]:
        """Yield files in the order in which they were added, which is that of their keys."""
        query = f"""
        SELECT id, key, member.size, tag FROM {table} CROSS JOIN member USING (id)
        WHERE member.size BETWEEN ? AND ? ORDER BY {table}.{order}
        """  # noqa: S608 - the name of one of our tables
        return map(_file, self._database.execute(query, (smallest, largest)))

    def _run(self, statements: str) -> None:
        self._database.execute(statements).fetchall()  # apsw runs them only as rows are fetched


@contextmanager
def grouped(members: Iterable[Member]) -> Iterator[Groups]:
    """Yield the groups of some members, which are deleted at the end."""
    with spilling(), closing(temporary_database(_SCHEMA, cache_mib=64)) as database:
        yield Groups(database, members)
