"""An index in a PostgreSQL database: for many servers at once, and a billion copies.

index.py        the engine: what it asks the database
reading.py      what is asked, statement by statement
writing.py      what changes the tables, and how those who write at once are kept apart
loading.py      a bulk load into an index that has no copies yet
lists.py        lists of digests without a location
pages.py        all of it, page by page
rows.py         copies as rows
connections.py  who is connected, and for how long anybody waits
failures.py     what PostgreSQL's errors mean
schema.py       the tables, and how older ones come to be like these
"""

from typing import TYPE_CHECKING

from onecopy.errors import InvalidSettings

if TYPE_CHECKING:
    from onecopy.index.postgres.index import PostgresIndex


def open_url(url: str) -> "PostgresIndex":
    """Open `postgresql://user@host/database?…`, as libpq reads it; the tables are made there.

    The password comes from PGPASSWORD, a password file or a service file, as for psql.
    """
    try:
        from onecopy.index.postgres.index import PostgresIndex
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"PostgreSQL needs {error.name}, which is not installed: "
            "pip install 'onecopy[postgres]'"
        ) from error
    return PostgresIndex(url)
