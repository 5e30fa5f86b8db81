"""The meaning of PostgreSQL's errors for users of the index."""

import re

import psycopg

from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, Unavailable

_Meaning = tuple[type[OnecopyError], str]

# By SQLSTATE; the longest matching prefix applies
# (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_MEANINGS: dict[str, _Meaning] = {
    "08": (Unavailable, "the connection to the database is lost"),
    "25006": (Unavailable, "the database is read-only, perhaps a standby: use the primary"),
    "25P": (Unavailable, "the database ended the transaction"),
    "28": (Forbidden, "the database refused the login"),
    "3D": (
        InvalidSettings,
        "there is no such database: check its name, or create it with createdb",
    ),
    "40": (Unavailable, "other processes are writing to the same records: try again"),
    "42501": (Forbidden, "the database user lacks a permission"),
    "53": (Unavailable, "the database is out of resources"),
    "53100": (Failure, "the disk of the database is full: free some space"),
    "55006": (Unavailable, "other processes hold a lock that this needs: try again"),
    "55P": (Unavailable, "other processes hold a lock that this needs: try again"),
    "57": (Unavailable, "the database interrupted the request"),
    "58": (Unavailable, "the database cannot read or write its files"),
    "XX001": (Failure, "the database is damaged: restore a backup"),
    "XX002": (Failure, "the database is damaged: restore a backup, or run REINDEX"),
}
# A refused connection has no SQLSTATE. If the server's messages are in another language, it counts
# as unavailable.
_REFUSALS: dict[str, _Meaning] = {
    "authentication failed|no password supplied|pg_hba.conf": _MEANINGS["28"],
    "role .* does not exist|not permitted to log in": _MEANINGS["28"],
    "permission denied for database": _MEANINGS["42501"],
    "database .* does not exist": _MEANINGS["3D"],
    "bad value|invalid .* value|invalid port|Servname not supported": (
        InvalidSettings,
        "the database's address cannot be used",
    ),
}


def failure(error: psycopg.Error, subject: str = "the index") -> OnecopyError:
    """Return the error to raise in place of one of PostgreSQL's; `subject` was in use."""
    state = error.sqlstate or ""
    for length in (5, 3, 2):
        if meaning := _MEANINGS.get(state[:length]):
            kind, message = meaning
            return kind(f"{message} ({_first_line(error)})")
    if isinstance(error, psycopg.OperationalError) and not state:
        return Unavailable(f"the connection to the database is lost ({_first_line(error)})")
    return Failure(f"{subject} failed: {type(error).__name__}: {_first_line(error)}")


def refusal(error: psycopg.Error) -> OnecopyError:
    """Return the error to raise in place of one that happened while connecting."""
    for words, (kind, message) in _REFUSALS.items():
        if re.search(words, str(error)):
            return kind(f"{message} ({_first_line(error)})")
    return Unavailable(f"cannot reach the database ({_first_line(error)})")


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
