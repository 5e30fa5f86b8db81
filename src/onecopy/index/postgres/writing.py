"""Changes: each is one transaction, which takes its locks before it reads.

A transaction that changes the records of a key or a content digest first locks its *stripe*: one of
a few thousand rows that exist only to be locked. So among all transactions for one content or key,
each sees what the previous one committed, and draws its numbers, which define the order of
recording, after it. All stripes are locked by one statement, ordered by id, before anything else:
so there are no deadlocks. A change takes two round trips: one to lock and read, and one to write,
query the copies of record, and commit.

This relies on READ COMMITTED, where each statement sees what was committed before it began. ON
CONFLICT on a row for each content would work for contents but not for keys, and would need another
table as large as the table of copies.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple
from zlib import crc32

from onecopy.content import Copy
from onecopy.digest import Digest
from onecopy.index.postgres.connections import Connection, Row, execute, execute_each, fetch
from onecopy.index.postgres.reading import start_lookup
from onecopy.index.postgres.rows import (
    COPIES,
    DIGESTS,
    MAX_INSERT,
    CopyRow,
    Entry,
    columns_of,
    entries_of,
    packed,
    row_of,
    to_copy,
)
from onecopy.index.postgres.schema import STRIPES
from onecopy.index.rules import keeps_its_place, merge
from onecopy.index.stored import class_column

ACT_BITS = 20
"""Low bits of a number, which count the copies of a transaction; the others count transactions."""

_LOCK = "SELECT id FROM onecopy.stripe WHERE id = ANY(%b) ORDER BY id FOR UPDATE"
_ACT = "SELECT nextval('onecopy.act')"
_TENANTS = "SELECT name, id FROM onecopy.tenant WHERE name = ANY(%b)"
_NEW_TENANTS = """
INSERT INTO onecopy.tenant (name) SELECT unnest(%b::text[]) ON CONFLICT (name) DO NOTHING
"""
_TAKEN = """
SELECT
    wanted.name, number, found.key, size, digests, identity, stored_at, recorded_at, storage_class
FROM unnest(%b::text[], %b::text[]) AS wanted(name, key)
CROSS JOIN LATERAL (
    SELECT id FROM onecopy.tenant WHERE name = wanted.name LIMIT 1
) AS own
CROSS JOIN LATERAL (
    SELECT * FROM onecopy.copy WHERE tenant = own.id AND key = wanted.key LIMIT 1
) AS found
"""
_CLASSIFY = """
UPDATE onecopy.copy SET storage_class = %b
WHERE tenant = (SELECT id FROM onecopy.tenant WHERE name = %b) AND key = %b AND identity = %b
"""
_DELETE = "DELETE FROM onecopy.copy WHERE tenant = %b AND key = %b"
_DELETE_DIGEST = """
DELETE FROM onecopy.digest WHERE number = %b AND tenant = %b AND rank = %b AND digest = %b
"""


Place = tuple[str, str]
"""Tenant and key."""


class Kept(NamedTuple):
    """The record at a place."""

    number: int
    copy: Copy


class _Transaction(NamedTuple):
    """A transaction that has taken its locks and read the existing records."""

    act: int
    tenants: dict[str, int]
    taken: dict[Place, Kept]


class _Change(NamedTuple):
    """Rows to delete, and rows to insert."""

    old: list[tuple[int, str]]
    old_digests: list[Entry]
    new: list[CopyRow]
    new_digests: list[Entry]

    def pipeline(self, connection: Connection) -> AbstractContextManager[object]:
        """Return a context that sends its statements in one round trip; COPY needs none."""
        is_small = max(len(self.new), len(self.new_digests)) <= MAX_INSERT
        return connection.pipeline() if is_small else nullcontext()

    def write(self, connection: Connection) -> None:
        """Write the rows."""
        execute_each(connection, _DELETE, self.old)
        delete_digests(connection, self.old_digests)
        COPIES.put(connection, self.new)
        DIGESTS.put(connection, self.new_digests)


def record(
    connection: Connection, tenant: str, copies: Sequence[Copy], digests: Sequence[Digest]
) -> list[Copy]:
    """Record copies of one tenant; return for each the copy of record of its content."""
    given = [(tenant, copy) for copy in copies]
    transaction = _begin(connection, given)
    change = _change_to_record(transaction, given)
    with change.pipeline(connection):
        change.write(connection)
        first = start_lookup(connection, tenant, digests)
        execute(connection, "COMMIT")
    return [copy or own for copy, own in zip(first(), copies, strict=True)]


def keep(connection: Connection, given: Sequence[tuple[str, Copy]]) -> None:
    """Record (tenant, copy) pairs."""
    transaction = _begin(connection, given)
    change = _change_to_record(transaction, given)
    with change.pipeline(connection):
        change.write(connection)
        execute(connection, "COMMIT")


def keep_duplicate_keys(
    connection: Connection,
    tenants: Mapping[str, int],
    numbered: Sequence[tuple[int, tuple[str, Copy]]],
) -> None:
    """Record copies whose numbers were drawn earlier, in a transaction that holds all locks."""
    wanted = sorted({(tenant, copy.key) for _, (tenant, copy) in numbered})
    taken = _by_place(fetch(connection, _TAKEN, *columns_of(wanted)))
    _change(tenants, taken, _merged(taken, numbered)).write(connection)


def delete_digests(connection: Connection, entries: Sequence[Entry]) -> None:
    """Delete rows of digests."""
    execute_each(connection, _DELETE_DIGEST, entries)


def forget(connection: Connection, tenant: str, copies: Sequence[Copy]) -> list[bool]:
    """Delete the records of copies whose identity is unchanged; return for each whether it was."""
    transaction = _begin(connection, [(tenant, copy) for copy in copies])
    left = dict(transaction.taken)
    answers = []
    for copy in copies:
        kept = left.get((tenant, copy.key))
        is_recorded = kept is not None and kept.copy.identity == copy.identity
        if is_recorded:
            del left[tenant, copy.key]
        answers.append(is_recorded)
    change = _change(transaction.tenants, transaction.taken, left)
    with change.pipeline(connection):
        change.write(connection)
        execute(connection, "COMMIT")
    return answers


def classify(connection: Connection, tenant: str, copies: Sequence[Copy]) -> list[bool]:
    """Set the storage class of records whose identity is unchanged; return for each if it was."""
    rows = [(class_column(each.storage_class), tenant, each.key, each.identity) for each in copies]
    with connection.pipeline():
        execute(connection, "BEGIN")
        lock(connection, _stripes([(tenant, copy) for copy in copies]))
        done = [execute(connection, _CLASSIFY, *row) for row in rows]
        execute(connection, "COMMIT")
    return [cursor.rowcount > 0 for cursor in done]


def _begin(connection: Connection, given: Sequence[tuple[str, Copy]]) -> _Transaction:
    """Begin a transaction that may change the records of these copies, and read them."""
    names = {tenant for tenant, _ in given}
    with connection.pipeline():
        execute(connection, "BEGIN")
        lock(connection, _stripes(given))
        act = execute(connection, _ACT)
        tenants = execute(connection, _TENANTS, sorted(names))
        wanted = sorted({(tenant, copy.key) for tenant, copy in given})
        taken = execute(connection, _TAKEN, *columns_of(wanted))
    ids: dict[str, int] = dict(tenants.fetchall())
    if len(ids) < len(names):
        ids = tenant_ids(connection, names)
    ((number,),) = act
    return _Transaction(number, ids, _by_place(taken))


def lock(connection: Connection, stripes: Iterable[int]) -> None:
    """Lock stripes; wait for other transactions that hold them."""
    execute(connection, _LOCK, list(stripes))


def next_act(connection: Connection) -> int:
    """Return the number of this transaction. Call it only when all locks are held."""
    ((act,),) = fetch(connection, _ACT)
    return int(act)


def tenant_ids(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """Return the permanent ids of tenants; create those that are new."""
    ids: dict[str, int] = dict(fetch(connection, _TENANTS, sorted(names)))
    if len(ids) < len(names):
        execute(connection, _NEW_TENANTS, sorted(names))
        ids = dict(fetch(connection, _TENANTS, sorted(names)))
    return ids


def _by_place(taken: Iterable[Row]) -> dict[Place, Kept]:
    return {(name, row[0]): Kept(number, to_copy(row)) for name, number, *row in taken}


def _stripes(given: Sequence[tuple[str, Copy]]) -> list[int]:
    """Return the stripes of the copies' keys and contents."""
    if len(given) >= STRIPES:
        return list(range(STRIPES))
    stripes = set()
    for tenant, copy in given:
        own = crc32(tenant.encode())
        stripes.add(crc32(copy.key.encode(), own) % STRIPES)
        if digest := copy.content_digest:
            stripes.add(crc32(packed(digest), own) % STRIPES)
    return sorted(stripes)


def _change_to_record(transaction: _Transaction, given: Sequence[tuple[str, Copy]]) -> _Change:
    """Return the change that records copies."""
    now = _merged(transaction.taken, enumerate(given, transaction.act << ACT_BITS))
    return _change(transaction.tenants, transaction.taken, now)


def _merged(
    taken: Mapping[Place, Kept], numbered: Iterable[tuple[int, tuple[str, Copy]]]
) -> dict[Place, Kept]:
    """Return the records at the places of these copies after they are recorded."""
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
    """Return the change from the records `before` to those `now`."""
    change = _Change([], [], [], [])
    for (name, key), kept in before.items():
        if now.get((name, key)) != kept:
            change.old.append((tenants[name], key))
            change.old_digests.extend(entries_of(kept.number, tenants[name], kept.copy))
    for (name, key), kept in now.items():
        if before.get((name, key)) != kept:
            change.new.append(row_of(kept.number, tenants[name], kept.copy))
            change.new_digests.extend(entries_of(kept.number, tenants[name], kept.copy))
    return change
