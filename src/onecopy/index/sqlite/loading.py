"""Bulk loads into an index without copies: built in a temporary file, then moved as a whole."""

from collections.abc import Iterator

import apsw

from onecopy.index.sqlite import reading, writing
from onecopy.index.sqlite.connections import Checkpointer, Writer
from onecopy.index.sqlite.errors import translated
from onecopy.index.sqlite.file import connect_temporary
from onecopy.index.sqlite.rows import Rows

# Between tables of the same shape, if the target is empty, SQLite copies rows unchanged and in the
# order of the tree: each page is written once.
_MOVE = """
INSERT INTO target.copy SELECT * FROM main.copy;
INSERT INTO target.digest SELECT * FROM main.digest;
INSERT INTO target.size SELECT * FROM main.size;
"""


class BulkLoad:
    """Copies in a temporary file with the tables of an index.

    In the index itself each chunk would rewrite nearly all pages of two trees: to the WAL, with
    checksums, and from there to the file. In the temporary file nothing must be durable, and no
    other process waits.
    """

    def __init__(self) -> None:
        with translated():
            self._connection = connect_temporary()
        self._writer = Writer(self._connection)

    def keep(self, rows: Rows) -> None:
        """Insert copies; at keys that are taken, replace the copy or merge its digests."""
        self._writer.write(writing.keep, rows)

    def move(self, path: str, checkpointer: Checkpointer) -> bool:
        """Move all copies into the index at `path`, durably; False if it has copies already."""
        with translated():
            self._connection.execute("ATTACH ? AS target", (path,))
            self._connection.pragma("synchronous", "FULL", schema="target")
        checkpointer.watch(self._connection)
        return self._writer.write(_move)

    def chunks(self, size: int) -> Iterator[Rows]:
        """Yield all copies in the order in which they were added, up to `size` at a time."""
        return reading.chunks(self._connection, size)

    def close(self) -> None:
        """Delete the temporary file."""
        self._writer.close()


def _move(connection: apsw.Connection) -> bool:
    is_empty: bool = connection.execute("SELECT max(id) IS NULL FROM target.copy").get
    if is_empty:
        connection.execute(_MOVE)
    return bool(is_empty)
