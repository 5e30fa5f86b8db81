"""Small named values and counters; the caller begins and ends the transaction."""

from typing import Any

import apsw

from onecopy.index.rules import name_after

_VALUES = "SELECT name, value FROM state WHERE name > ? AND name < ? ORDER BY name LIMIT ?"


def get(connection: apsw.Connection, name: str) -> bytes | None:
    """Return a value, or None."""
    value: bytes | None = connection.execute("SELECT value FROM state WHERE name = ?", (name,)).get
    return value


def put_if(connection: apsw.Connection, name: str, old: bytes | None, new: bytes | None) -> bool:
    """Set a value to `new` if it is `old`; return whether it was."""
    if get(connection, name) != old:
        return False
    if new is None:
        connection.execute("DELETE FROM state WHERE name = ?", (name,))
    else:
        connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, new))
    return True


def increase(connection: apsw.Connection, name: str, by: int) -> int:
    """Add to a counter; return its new value."""
    value: int = connection.execute(
        "INSERT INTO counter VALUES (?, ?)"
        " ON CONFLICT DO UPDATE SET value = value + excluded.value RETURNING value",
        (name, by),
    ).get
    return value


def values(
    connection: apsw.Connection, prefix: str, after: str, limit: int
) -> list[tuple[str, bytes]]:
    """Return names and values that begin with a prefix, ordered by name."""
    span = max(prefix, after), name_after(prefix), limit
    rows: list[Any] = connection.execute(_VALUES, span).fetchall()
    return rows
