"""Small named values and counters; the caller begins and ends the transaction."""

import apsw


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
