"""Leases: values of `state` that name their end and their holder; see the contract of Leases.

A lease is `lease:NAME`: 8 bytes with the end in milliseconds since 1970, then the holder. So the
greater of two values ends later. The caller begins and ends the transaction.
"""

import time
from collections.abc import Sequence

import apsw

from onecopy.index.interface import Lease

_NAME = "lease:"
_MOST_SECONDS = 61
"""No lease ends later than that, unless the clock was set back: a lease's time, and some slack."""
_TAKE = """
INSERT INTO state VALUES (?1, ?2)
ON CONFLICT DO UPDATE SET value = iif(value > ?4, excluded.value, max(value, excluded.value))
WHERE value < ?3 OR value > ?4 OR substr(value, 9) = substr(excluded.value, 9)
RETURNING 1
"""
_HOLDER = """
SELECT CAST(substr(value, 9) AS BLOB) FROM state WHERE name = ? AND value BETWEEN ? AND ?
"""
_END = "DELETE FROM state WHERE name = ? AND substr(value, 9) = ?"
_REMOVE_EXPIRED = """
DELETE FROM state WHERE name IN (
    SELECT name FROM state WHERE name > 'lease:' AND name < 'lease;' AND value < ? LIMIT 1000
)
"""


def take_leases(connection: apsw.Connection, leases: Sequence[Lease]) -> list[bool]:
    """Take or renew leases; return which are taken."""
    now = time.time()
    return [_take(connection, lease, now) for lease in leases]


def _take(connection: apsw.Connection, lease: Lease, now: float) -> bool:
    value = _ms(now + lease.seconds) + lease.holder.encode()
    return connection.execute(_TAKE, (_name(lease), value, *_ends(now))).get is not None


def end_leases(connection: apsw.Connection, leases: Sequence[Lease]) -> None:
    """End leases of these holders."""
    connection.executemany(_END, [(_name(lease), lease.holder.encode()) for lease in leases])


def lease_holders(connection: apsw.Connection, names: Sequence[str]) -> list[str]:
    """Return the holder of each lease; "" if nobody has it."""
    ends = _ends(time.time())
    held = [connection.execute(_HOLDER, (_NAME + name, *ends)).get for name in names]
    return [holder.decode("ascii", "replace") if holder else "" for holder in held]


def remove_expired_leases(connection: apsw.Connection) -> None:
    """Remove leases that have expired, and that nobody has wanted since."""
    connection.execute(_REMOVE_EXPIRED, (_ms(time.time()),))


def _name(lease: Lease) -> str:
    return _NAME + lease.name


def _ends(now: float) -> tuple[bytes, bytes]:
    """Return between which values a lease has not expired."""
    return _ms(now), _ms(now + _MOST_SECONDS)


def _ms(seconds: float) -> bytes:
    return round(seconds * 1000).to_bytes(8)
