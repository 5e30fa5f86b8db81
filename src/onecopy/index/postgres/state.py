"""Small named values and counters."""

from onecopy.index.postgres.connections import Connection, execute, fetch
from onecopy.index.rules import name_after

_GET = "SELECT value FROM onecopy.state WHERE name = %b"
_INSERT = "INSERT INTO onecopy.state VALUES (%b, %b) ON CONFLICT (name) DO NOTHING"
_UPDATE = "UPDATE onecopy.state SET value = %b WHERE name = %b AND value = %b"
_DELETE = "DELETE FROM onecopy.state WHERE name = %b AND value = %b"
_VALUES = """
SELECT name, value FROM onecopy.state WHERE name > %b AND name < %b ORDER BY name LIMIT %b
"""
_INCREASE = """
INSERT INTO onecopy.counter VALUES (%b, %b)
ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value RETURNING value
"""


def get(connection: Connection, name: str) -> bytes | None:
    """Return a value, or None."""
    rows = fetch(connection, _GET, name)
    return rows[0][0] if rows else None


def put_if(connection: Connection, name: str, old: bytes | None, new: bytes | None) -> bool:
    """Set a value to `new` if it is `old`; return whether it was."""
    if old is None and new is None:
        return get(connection, name) is None
    if old is None:
        done = execute(connection, _INSERT, name, new)
    elif new is None:
        done = execute(connection, _DELETE, name, old)
    else:
        done = execute(connection, _UPDATE, new, name, old)
    return done.rowcount == 1


def increase(connection: Connection, name: str, by: int) -> int:
    """Add to a counter; return its new value."""
    ((value,),) = fetch(connection, _INCREASE, name, by)
    return int(value)


def values(connection: Connection, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
    """Return names and values that begin with a prefix, ordered by name."""
    rows = fetch(connection, _VALUES, max(prefix, after), name_after(prefix), limit)
    return [(name, value) for name, value in rows]
