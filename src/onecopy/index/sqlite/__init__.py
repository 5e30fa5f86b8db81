"""An index in one SQLite file: for one machine, any number of its processes, 100 million copies.

index.py        the engine: what it asks the file, statement by statement
rows.py         copies as rows, packed so that SQLite takes a million without calling Python
connections.py  who reads, who writes, who tidies up: pool, group commit, checkpointer
draft.py        a bulk load into an index that has no copies yet
file.py         opening, backing up, and what SQLite's errors mean
schema.py       the tables, and how older files come to have them
"""

from onecopy.errors import InvalidSettings
from onecopy.index.sqlite.index import SqliteIndex

__all__ = ["SqliteIndex", "open_url"]


def open_url(url: str) -> SqliteIndex:
    """Open `sqlite:relative.db` or `sqlite:/absolute.db`; the file is made if it is not there."""
    _, _, path = url.partition(":")
    if not path or path.startswith(":"):
        raise InvalidSettings(
            f"{url!r} names no file: expected sqlite:index.db or sqlite:/index.db"
        )
    return SqliteIndex(path)
