"""What the errors of PostgreSQL mean to those who use the index."""

import psycopg

from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, Unavailable

# By SQLSTATE, the longest beginning that fits
# (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_MEANINGS: dict[str, tuple[type[OnecopyError], str]] = {
    "08": (Unavailable, "the connection to the database is lost"),
    "25006": (Unavailable, "this database can only be read: is it a standby? name the primary"),
    "25P": (Unavailable, "the database has ended the transaction"),
    "28": (Forbidden, "the database refuses us"),
    "3D": (InvalidSettings, "there is no such database: make it with createdb"),
    "40": (Unavailable, "others are writing to the same place of the index"),
    "42501": (Forbidden, "the database does not permit this to us"),
    "53": (Unavailable, "the database has no resources left for this"),
    "53100": (Failure, "no room left on the disk of the database: make room"),
    "55": (Unavailable, "others are using the index in a way that excludes us"),
    "57": (Unavailable, "the database has interrupted this"),
    "58": (Unavailable, "the database can't read or write its files"),
    "XX001": (Failure, "the database is damaged: restore a backup"),
    "XX002": (Failure, "the database is damaged: restore a backup, or rebuild its indexes"),
}
# A connection that is refused comes without a SQLSTATE. Where the server speaks another language it
# is taken for unavailable.
_REFUSALS: tuple[tuple[str, str], ...] = (
    ("password authentication failed", "28"),
    ("no password supplied", "28"),
    ("no pg_hba.conf entry", "28"),
    ("pg_hba.conf rejects connection", "28"),
    ("authentication failed", "28"),
    ("is not permitted to log in", "28"),
    ("permission denied for database", "42501"),
    ("database", "3D"),
    ("role", "28"),
)


def failure(error: psycopg.Error) -> OnecopyError:
    """Return what an error of PostgreSQL means to those who use the index."""
    state = error.sqlstate or ""
    for length in (5, 3, 2):
        if meaning := _MEANINGS.get(state[:length]):
            kind, message = meaning
            return kind(f"{message} ({_first_line(error)})")
    if isinstance(error, psycopg.OperationalError) and not state:
        return Unavailable(f"the connection to the database is lost ({_first_line(error)})")
    return Failure(f"the index failed: {type(error).__name__}: {_first_line(error)}")


def refusal(error: psycopg.Error) -> OnecopyError:
    """Return what it means that there is no connection."""
    said = str(error)
    for words, state in _REFUSALS:
        if words in said and (words not in ("database", "role") or "does not exist" in said):
            kind, message = _MEANINGS[state]
            return kind(f"{message} ({_first_line(error)})")
    return Unavailable(f"can't reach the database ({_first_line(error)})")


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
