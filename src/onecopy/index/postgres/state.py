"""Small named values and counters, and leases: values that name their end and their holder."""

from collections.abc import Sequence

from onecopy.index.interface import Lease
from onecopy.index.postgres.connections import Connection, execute, fetch
from onecopy.index.rules import name_after

_GET = "SELECT value FROM onecopy.state WHERE name = %b"
_INSERT = "INSERT INTO onecopy.state VALUES (%b, %b) ON CONFLICT (name) DO NOTHING"
_UPDATE = "UPDATE onecopy.state SET value = %b WHERE name = %b AND value = %b"
_DELETE = "DELETE FROM onecopy.state WHERE name = %b AND value = %b"
_VALUES = """
SELECT name, value FROM onecopy.state WHERE name > %b AND name < %b ORDER BY name LIMIT %b
"""
# A lease is `lease:NAME`: 8 bytes with the end in milliseconds since 1970, then the holder. So the
# greater of two values ends later. It need not survive the server: no commit waits for the disk.
_LEASE = "lease:"
_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
# No lease ends later, unless the clock was set back: a lease's time, and a second of slack.
_LATEST = f"int8send({_NOW} + 61000)"
_UNSYNCED = "(SELECT set_config('synchronous_commit', 'off', true) AS is_set) AS unsynced"
_TAKE_LEASES = f"""
INSERT INTO onecopy.state AS held (name, value)
SELECT wanted.name, int8send({_NOW} + wanted.ms) || wanted.holder
FROM {_UNSYNCED}
CROSS JOIN unnest(%b::text[], %b::bytea[], %b::bigint[]) AS wanted(name, holder, ms)
WHERE unsynced.is_set IS NOT NULL
ON CONFLICT (name) DO UPDATE SET value = CASE
    WHEN held.value > {_LATEST} THEN excluded.value ELSE greatest(held.value, excluded.value)
END
WHERE held.value < int8send({_NOW}) OR held.value > {_LATEST}
    OR substr(held.value, 9) = substr(excluded.value, 9)
RETURNING name
"""
_END_LEASES = f"""
DELETE FROM onecopy.state AS held
USING {_UNSYNCED}, unnest(%b::text[], %b::bytea[]) AS ended(name, holder)
WHERE held.name = ended.name AND substr(held.value, 9) = ended.holder
    AND unsynced.is_set IS NOT NULL
"""
_HOLDERS = f"""
SELECT name, substr(value, 9) FROM onecopy.state
WHERE name = ANY(%b::text[]) AND value BETWEEN int8send({_NOW}) AND {_LATEST}
"""
_SWEEP_LEASES = f"""
DELETE FROM onecopy.state WHERE name IN (
    SELECT name FROM onecopy.state
    WHERE name > 'lease:' AND name < 'lease;' AND value < int8send({_NOW})
    ORDER BY name LIMIT 1000 FOR UPDATE SKIP LOCKED
)
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


def take_leases(connection: Connection, leases: Sequence[Lease]) -> list[bool]:
    """Take or renew leases; return which are taken."""
    # In one order, so that no two transactions wait for each other.
    ordered = sorted(leases)
    names, holders = [_lease_name(each) for each in ordered], [_holder(each) for each in ordered]
    ends = [round(each.seconds * 1000) for each in ordered]
    taken = {name for (name,) in fetch(connection, _TAKE_LEASES, names, holders, ends)}
    return [_lease_name(each) in taken for each in leases]


def end_leases(connection: Connection, leases: Sequence[Lease]) -> None:
    """End leases of these holders."""
    ordered = sorted(leases)
    names, holders = [_lease_name(each) for each in ordered], [_holder(each) for each in ordered]
    execute(connection, _END_LEASES, names, holders)


def lease_holders(connection: Connection, names: Sequence[str]) -> list[str]:
    """Return the holder of each lease; "" if nobody has it."""
    wanted = [_LEASE + name for name in names]
    held = {name: holder.decode() for name, holder in fetch(connection, _HOLDERS, wanted)}
    return [held.get(name, "") for name in wanted]


def sweep_leases(connection: Connection) -> None:
    """Remove leases that have expired, and that nobody has wanted since."""
    execute(connection, _SWEEP_LEASES)


def _lease_name(lease: Lease) -> str:
    return _LEASE + lease.name


def _holder(lease: Lease) -> bytes:
    return lease.holder.encode()
