"""Bulk loads into an index without copies: its keys are dropped, and built again at the end."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from psycopg import errors

from onecopy.content import Copy
from onecopy.index.postgres import writing
from onecopy.index.postgres.connections import Connection, execute, fetch, run
from onecopy.index.postgres.rows import COPIES, DIGESTS, entries_of, row_of, to_copy
from onecopy.index.postgres.schema import STRIPES

_CHUNK = 100_000
"""Copies that are held in memory at a time."""

_IS_EMPTY = "SELECT NOT EXISTS (SELECT 1 FROM onecopy.copy)"
_BULK_SESSION = """
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL enable_seqscan TO DEFAULT;
SET LOCAL enable_sort TO DEFAULT;
SET LOCAL enable_hashjoin TO DEFAULT;
SET LOCAL enable_mergejoin TO DEFAULT;
"""
_DROP_KEYS = """
TRUNCATE onecopy.copy, onecopy.digest;
ALTER TABLE onecopy.copy DROP CONSTRAINT copy_key;
ALTER TABLE onecopy.digest DROP CONSTRAINT digest_place;
DROP INDEX onecopy.copy_number;
DROP INDEX onecopy.copy_size;
"""
_BUILD_OTHERS = """
ALTER TABLE onecopy.digest
    ADD CONSTRAINT digest_place PRIMARY KEY (tenant, digest, rank, number);
CREATE UNIQUE INDEX copy_number ON onecopy.copy (tenant, number);
CREATE INDEX copy_size ON onecopy.copy (tenant, size, need, number);
"""
_BUILD_KEY = "ALTER TABLE onecopy.copy ADD CONSTRAINT copy_key PRIMARY KEY (tenant, key)"
_ANALYZE = "ANALYZE onecopy.copy, onecopy.digest"


def load(connection: Connection, copies: Iterable[tuple[str, Copy]]) -> int | None:
    """Load all copies; return their number, or None if the index has copies already.

    All of it is one transaction, during which no other process can use the tables of copies; an
    interruption leaves them empty. Also returns None if the tables cannot be locked or altered. If
    it returns None, nothing has been consumed.
    """
    execute(connection, "BEGIN")
    if not _prepare(connection):
        execute(connection, "ROLLBACK")
        return None
    run(connection, _BULK_SESSION)
    count, tenants = 0, dict[str, int]()
    pairs = iter(copies)
    while chunk := list(islice(pairs, _CHUNK)):
        _load(connection, chunk, tenants)
        count += len(chunk)
    _build_keys(connection, tenants)
    execute(connection, _ANALYZE)
    execute(connection, "COMMIT")
    return count


def _prepare(connection: Connection) -> bool:
    """Lock the tables and drop their keys, if there are no copies; return whether that is done."""
    writing.lock(connection, range(STRIPES))
    ((is_empty,),) = fetch(connection, _IS_EMPTY)
    if not is_empty:
        return False
    try:
        with connection.transaction():
            run(connection, _DROP_KEYS)
    except (errors.InsufficientPrivilege, errors.LockNotAvailable):
        return False  # not the owner, or others read for longer than the lock timeout
    return True


def _load(
    connection: Connection, chunk: Sequence[tuple[str, Copy]], tenants: dict[str, int]
) -> None:
    rows, entries = [], []
    for number, (name, copy) in enumerate(chunk, writing.next_act(connection) << writing.ACT_BITS):
        tenant = tenants.get(name)
        if tenant is None:
            tenants |= writing.tenant_ids(connection, [name])
            tenant = tenants[name]
        rows.append(row_of(number, tenant, copy))
        entries += entries_of(number, tenant, copy)
    COPIES.load(connection, rows)
    DIGESTS.load(connection, entries)


def _build_keys(connection: Connection, tenants: dict[str, int]) -> None:
    run(connection, _BUILD_OTHERS)
    try:
        with connection.transaction():
            run(connection, _BUILD_KEY)
    except errors.UniqueViolation:
        run(connection, _SET_LATE_ASIDE)
        run(connection, _BUILD_KEY)
        for late in _late(connection):
            own = (entries_of(number, tenants[name], copy) for number, (name, copy) in late)
            writing.delete_digests(connection, list(chain.from_iterable(own)))
            writing.keep_duplicate_keys(connection, tenants, late)


# Copies at a key that an earlier one has are moved to a temporary table, and recorded when the
# primary key, by which the earlier one is found, has been built.
_SET_LATE_ASIDE = """
CREATE TEMPORARY TABLE late ON COMMIT DROP AS
SELECT * FROM (
    SELECT name, number, key, size, digests, identity, stored_at, recorded_at, storage_class,
        tenant, row_number() OVER (PARTITION BY tenant, key ORDER BY number) AS nth
    FROM onecopy.copy JOIN onecopy.tenant ON id = tenant
) AS numbered WHERE nth > 1;
DELETE FROM onecopy.copy USING late
WHERE copy.tenant = late.tenant AND copy.number = late.number;
"""
_LATE = """
SELECT name, number, key, size, digests, identity, stored_at, recorded_at, storage_class
FROM late ORDER BY number
"""


def _late(connection: Connection) -> Iterator[list[tuple[int, tuple[str, Copy]]]]:
    with connection.cursor("late", binary=True) as cursor:
        cursor.execute(_LATE)
        while rows := cursor.fetchmany(_CHUNK):
            yield [(number, (name, to_copy(row))) for name, number, *row in rows]
