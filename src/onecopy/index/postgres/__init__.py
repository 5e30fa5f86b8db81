"""An index in a PostgreSQL database, for many servers at once and a billion copies.

index.py        the engine
connections.py  a pool of connections, and the ways to execute statements
errors.py       the meaning of PostgreSQL's errors
reading.py      queries
writing.py      changes, and the locks that order concurrent ones
loading.py      bulk loads into an index without copies
repeats.py      contents that have several copies
lists.py        lists of digests without a location
pages.py        all entries, page by page
listings.py     what listings state: queries
merging.py      what listings state: changes
state.py        small named values
rows.py         copies as rows, and the tables that they are written to
schema.py       the tables, and upgrades from older versions
"""

from collections.abc import Sequence
from pathlib import Path

from onecopy.index.extras import extra
from onecopy.index.interface import Engine, Mean, WriteCost


def open_url(url: str) -> Engine:
    """Open `postgresql://user@host/database?…`, a URL of libpq; creates the tables.

    The password comes from PGPASSWORD, a password file or a service file, as for psql.
    """
    with extra("postgres"):
        from onecopy.index.postgres.index import PostgresIndex
    return PostgresIndex(url)


def require_exists(url: str) -> None:
    """Raise NoIndex if there is no index in the database."""
    with extra("postgres"):
        from onecopy.index.postgres.connections import require_index
    require_index(url)


def name_of(url: str) -> str:
    """Return the URL, which names the same database everywhere."""
    return url


def files(url: str) -> Sequence[Path]:  # noqa: ARG001
    """Return nothing: the index is in a database."""
    return ()


def names_server(url: str) -> bool:  # noqa: ARG001
    """Return True: libpq sends passwords, as PGPASSWORD, to any server or socket that it names."""
    return True


def write_cost(url: str, mean: Mean) -> WriteCost:  # noqa: ARG001
    """Return the assumed rate; raises InvalidSettings for a URL that cannot be used."""
    with extra("postgres"):
        from onecopy.index.postgres.connections import conninfo_of
    conninfo_of(url)
    return WriteCost(40_000.0)
