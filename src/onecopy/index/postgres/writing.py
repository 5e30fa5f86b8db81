"""What changes a database: each act is one transaction, and locks before it looks.

Whoever writes about a key or a content digest locks its *stripe* first: one of a few thousand rows
that are there for nothing else. So of all who record one content, or write to one key, each sees
what the one before has committed, and the numbers that say who was first are drawn in that order.
Stripes are locked in the order of their ids, all by one statement, and only then anything else: so
nobody waits for each other. That takes two ways to the server: one to lock and to look, one to
write, to ask for the copies of record, and to commit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple
from zlib import crc32

from onecopy.content import Copy
from onecopy.digest import Digest
from onecopy.index.postgres.asking import Connection, Row, ask, ask_each, fetch
from onecopy.index.postgres.reading import ask_first, get
from onecopy.index.postgres.rows import CopyRow, Entry, entries_of, packed, row_of, to_copy
from onecopy.index.postgres.schema import STRIPES
from onecopy.index.rules import keeps_its_place, merge

ACT_BITS = 20
"""Bits of a number that tell copies of one act apart; those above tell the acts."""
_FEW = 1000
"""Rows up to which an INSERT is faster than a COPY, which takes two more ways to the server."""

_LOCK = "SELECT id FROM onecopy.stripe WHERE id = ANY(%b) ORDER BY id FOR UPDATE"
_ACT = "SELECT nextval('onecopy.act')"
_TENANTS = "SELECT name, id FROM onecopy.tenant WHERE name = ANY(%b)"
_NEW_TENANTS = """
INSERT INTO onecopy.tenant (name) SELECT unnest(%b::text[]) ON CONFLICT (name) DO NOTHING
"""
_TAKEN = """
SELECT asked.name, number, found.key, size, digests, identity, stored_at, recorded_at
FROM unnest(%b::text[], %b::text[]) AS asked(name, key)
CROSS JOIN LATERAL (
    SELECT id FROM onecopy.tenant WHERE name = asked.name LIMIT 1
) AS own
CROSS JOIN LATERAL (
    SELECT * FROM onecopy.copy WHERE tenant = own.id AND key = asked.key LIMIT 1
) AS found
"""
_DROP = "DELETE FROM onecopy.copy WHERE tenant = %b AND key = %b"
_DROP_DIGEST = """
DELETE FROM onecopy.digest WHERE number = %b AND tenant = %b AND rank = %b AND digest = %b
"""
_PUT_NEW = "INSERT INTO onecopy.state VALUES (%b, %b) ON CONFLICT (name) DO NOTHING"
_PUT_OTHER = "UPDATE onecopy.state SET value = %b WHERE name = %b AND value = %b"
_PUT_NONE = "DELETE FROM onecopy.state WHERE name = %b AND value = %b"
_INCREASE = """
INSERT INTO onecopy.counter VALUES (%b, %b)
ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value RETURNING value
"""


class Table(NamedTuple):
    """A table that rows are written to."""

    name: str
    columns: str
    types: tuple[str, ...]

    def put(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows that are not there."""
        if len(rows) > _FEW:
            self.load(connection, rows)
        elif rows:
            arrays = ", ".join(f"%b::{kind}[]" for kind in self.types)
            insert = f"INSERT INTO {self.name} ({self.columns}) SELECT * FROM unnest({arrays})"
            ask(connection, insert, *columns_of(rows))

    def load(self, connection: Connection, rows: Iterable[tuple[Any, ...]], how: str = "") -> None:
        """Insert many rows that are not there, by COPY."""
        statement = f"COPY {self.name} ({self.columns}) FROM STDIN (FORMAT BINARY{how})"
        with connection.cursor().copy(statement) as copying:
            copying.set_types(self.types)
            for row in rows:
                copying.write_row(row)


def columns_of(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Return what unnest makes rows of again."""
    return [list(column) for column in zip(*rows, strict=True)]


COPIES = Table(
    "onecopy.copy",
    "number, size, stored_at, recorded_at, tenant, key, need, digests, identity",
    ("int8", "int8", "int8", "int8", "int4", "text", "text", "bytea", "text"),
)
DIGESTS = Table("onecopy.digest", "number, tenant, rank, digest", ("int8", "int4", "int2", "bytea"))

Place = tuple[str, str]
"""Tenant and key."""


class Kept(NamedTuple):
    """What stands at a place."""

    number: int
    copy: Copy


class _Begun(NamedTuple):
    """A transaction that has locked, and has looked."""

    act: int
    tenants: dict[str, int]
    taken: dict[Place, Kept]


class _Change(NamedTuple):
    """Rows that go, and rows that come."""

    gone: list[tuple[int, str]]
    gone_digests: list[Entry]
    come: list[CopyRow]
    come_digests: list[Entry]

    def ways(self, connection: Connection) -> AbstractContextManager[object]:
        """Return a block in which all goes to the server in one way, if it is little enough."""
        is_little = len(self.come_digests) <= _FEW and len(self.come) <= _FEW
        return connection.pipeline() if is_little else nullcontext()

    def write(self, connection: Connection) -> None:
        """Write it."""
        ask_each(connection, _DROP, self.gone)
        drop_digests(connection, self.gone_digests)
        COPIES.put(connection, self.come)
        DIGESTS.put(connection, self.come_digests)


def record(
    connection: Connection, tenant: str, copies: Sequence[Copy], digests: Sequence[Digest]
) -> list[Copy]:
    """Keep copies of one tenant; return for each the copy of record of its content."""
    given = [(tenant, copy) for copy in copies]
    begun = _begin(connection, given)
    change = _kept(begun, given)
    with change.ways(connection):
        change.write(connection)
        first = ask_first(connection, tenant, digests)
        ask(connection, "COMMIT")
    return [copy or own for copy, own in zip(first(), copies, strict=True)]


def keep(connection: Connection, given: Sequence[tuple[str, Copy]]) -> None:
    """Keep (tenant, copy) pairs."""
    begun = _begin(connection, given)
    change = _kept(begun, given)
    with change.ways(connection):
        change.write(connection)
        ask(connection, "COMMIT")


def keep_late(
    connection: Connection,
    tenants: Mapping[str, int],
    numbered: Sequence[tuple[int, tuple[str, Copy]]],
) -> None:
    """Keep copies whose numbers were drawn before, in a transaction that has locked all."""
    asked = sorted({(tenant, copy.key) for _, (tenant, copy) in numbered})
    taken = _places(fetch(connection, _TAKEN, *columns_of(asked)))
    _change(tenants, taken, _merged(taken, numbered)).write(connection)


def drop_digests(connection: Connection, entries: Sequence[Entry]) -> None:
    """Delete rows of digests."""
    ask_each(connection, _DROP_DIGEST, entries)


def forget(connection: Connection, tenant: str, copies: Sequence[Copy]) -> list[bool]:
    """Drop those copies that are still the same objects; return for each whether it was there."""
    begun = _begin(connection, [(tenant, copy) for copy in copies])
    left = dict(begun.taken)
    answers = []
    for copy in copies:
        there = left.get((tenant, copy.key))
        is_there = there is not None and there.copy.identity == copy.identity
        if is_there:
            del left[tenant, copy.key]
        answers.append(is_there)
    change = _change(begun.tenants, begun.taken, left)
    with change.ways(connection):
        change.write(connection)
        ask(connection, "COMMIT")
    return answers


def _begin(connection: Connection, given: Sequence[tuple[str, Copy]]) -> _Begun:
    """Begin a transaction that may change these copies, and look at what there is."""
    names = {tenant for tenant, _ in given}
    with connection.pipeline():
        ask(connection, "BEGIN")
        lock(connection, _stripes(given))
        act = ask(connection, _ACT)
        tenants = ask(connection, _TENANTS, sorted(names))
        asked = sorted({(tenant, copy.key) for tenant, copy in given})
        taken = ask(connection, _TAKEN, *columns_of(asked))
    ids: dict[str, int] = dict(tenants.fetchall())
    if len(ids) < len(names):
        ids = tenant_ids(connection, names)
    ((number,),) = act
    return _Begun(number, ids, _places(taken))


def lock(connection: Connection, stripes: Iterable[int]) -> None:
    """Wait until nobody else writes about these."""
    ask(connection, _LOCK, list(stripes))


def next_act(connection: Connection) -> int:
    """Return the number of an act, to be asked for when all is locked."""
    ((act,),) = fetch(connection, _ACT)
    return int(act)


def tenant_ids(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """Return the ids of tenants, which stay their own for ever."""
    ids: dict[str, int] = dict(fetch(connection, _TENANTS, sorted(names)))
    if len(ids) < len(names):
        ask(connection, _NEW_TENANTS, sorted(names))
        ids = dict(fetch(connection, _TENANTS, sorted(names)))
    return ids


def _places(taken: Iterable[Row]) -> dict[Place, Kept]:
    return {(name, row[0]): Kept(number, to_copy(row)) for name, number, *row in taken}


def _stripes(given: Sequence[tuple[str, Copy]]) -> list[int]:
    """Return the stripes of the keys and of the contents."""
    if len(given) >= STRIPES:
        return list(range(STRIPES))
    stripes = set()
    for tenant, copy in given:
        own = crc32(tenant.encode())
        stripes.add(crc32(copy.key.encode(), own) % STRIPES)
        if digest := copy.content_digest:
            stripes.add(crc32(packed(digest), own) % STRIPES)
    return sorted(stripes)


def _kept(begun: _Begun, given: Sequence[tuple[str, Copy]]) -> _Change:
    """Return what has to be written to keep copies."""
    now = _merged(begun.taken, enumerate(given, begun.act << ACT_BITS))
    return _change(begun.tenants, begun.taken, now)


def _merged(
    taken: Mapping[Place, Kept], numbered: Iterable[tuple[int, tuple[str, Copy]]]
) -> dict[Place, Kept]:
    """Return what is to stand at the places of these copies."""
    now = dict(taken)
    for number, (tenant, copy) in numbered:
        place = tenant, copy.key
        old = now.get(place)
        now[place] = Kept(number, copy) if old is None else _replaced(old, number, copy)
    return now


def _replaced(old: Kept, number: int, copy: Copy) -> Kept:
    new = merge(old.copy, copy)
    return Kept(old.number if keeps_its_place(old.copy, new) else number, new)


def _change(
    tenants: Mapping[str, int], before: Mapping[Place, Kept], now: Mapping[Place, Kept]
) -> _Change:
    """Return what has to be written for the ones to stand where the others were."""
    change = _Change([], [], [], [])
    for (name, key), kept in before.items():
        if now.get((name, key)) != kept:
            change.gone.append((tenants[name], key))
            change.gone_digests.extend(entries_of(kept.number, tenants[name], kept.copy))
    for (name, key), kept in now.items():
        if before.get((name, key)) != kept:
            change.come.append(row_of(kept.number, tenants[name], kept.copy))
            change.come_digests.extend(entries_of(kept.number, tenants[name], kept.copy))
    return change


def put_if(connection: Connection, name: str, old: bytes | None, new: bytes | None) -> bool:
    """Set a value of the state if it is `old`, and return whether it was."""
    if old is None and new is None:
        return get(connection, name) is None
    if old is None:
        done = ask(connection, _PUT_NEW, name, new)
    elif new is None:
        done = ask(connection, _PUT_NONE, name, old)
    else:
        done = ask(connection, _PUT_OTHER, new, name, old)
    return done.rowcount == 1


def increase(connection: Connection, name: str, by: int) -> int:
    """Add to a counter, and return its new value."""
    ((value,),) = fetch(connection, _INCREASE, name, by)
    return int(value)
