"""A bulk load into an index without copies: built apart first, then moved over as a whole."""

from collections.abc import Iterator

import apsw

from onecopy.index.sqlite import reading, writing
from onecopy.index.sqlite.connections import Checkpointer, Writer
from onecopy.index.sqlite.file import connect_draft, translated
from onecopy.index.sqlite.rows import Rows

# Between tables of one shape, if the target is empty, SQLite takes rows over as they are and in the
# order of their trees: each page is written once.
_MOVE = """
INSERT INTO target.copy SELECT * FROM main.copy;
INSERT INTO target.digest SELECT * FROM main.digest;
INSERT INTO target.size SELECT * FROM main.size;
"""


class Draft:
    """Copies in tables like those of an index, in a file without a name that ends with us.

    In the index itself each chunk would write nearly all pages of two trees anew: into the WAL,
    with checksums, and from there into the file. Here nothing needs to be durable, and nobody
    waits.
    """

    def __init__(self) -> None:
        with translated():
            self._connection = connect_draft()
        self._writer = Writer(self._connection)

    def keep(self, rows: Rows) -> None:
        """Insert what comes to a new key; what comes to a taken one replaces or completes it."""
        self._writer.write(writing.keep, rows)

    def move(self, path: str, checkpointer: Checkpointer) -> bool:
        """Move all into the index at `path`, durable when it returns; False if that has copies."""
        with translated():
            self._connection.execute("ATTACH ? AS target", (path,))
            self._connection.pragma("synchronous", "FULL", schema="target")
        checkpointer.watch(self._connection)
        return self._writer.write(_move)

    def chunks(self, most: int) -> Iterator[Rows]:
        """Yield all copies in the order in which they came, so many at one time."""
        return reading.chunks(self._connection, most)

    def close(self) -> None:
        """End it, and its file."""
        self._writer.close()


def _move(connection: apsw.Connection) -> bool:
    is_empty: bool = connection.execute("SELECT max(id) IS NULL FROM target.copy").get
    if is_empty:
        connection.execute(_MOVE)
    return bool(is_empty)
