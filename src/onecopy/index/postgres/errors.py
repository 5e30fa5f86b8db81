"""What the errors of PostgreSQL mean to those who use the index."""

import re

import psycopg

from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, Unavailable

_Meaning = tuple[type[OnecopyError], str]

# By SQLSTATE, the longest beginning that fits
# (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_MEANINGS: dict[str, _Meaning] = {
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
_REFUSALS: dict[str, _Meaning] = {
    "authentication failed|no password supplied|pg_hba.conf": _MEANINGS["28"],
    "role .* does not exist|not permitted to log in": _MEANINGS["28"],
    "permission denied for database": _MEANINGS["42501"],
    "database .* does not exist": _MEANINGS["3D"],
    "bad value|invalid .* value": (InvalidSettings, "the URL of the index can't be used"),
}


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
    for words, (kind, message) in _REFUSALS.items():
        if re.search(words, str(error)):
            return kind(f"{message} ({_first_line(error)})")
    return Unavailable(f"can't reach the database ({_first_line(error)})")


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
