"""Changes of an index file; the caller begins and ends the transaction."""

from collections.abc import Iterable, Sequence

import apsw

from onecopy.content import Copy
from onecopy.index.rules import keeps_its_place, merge
from onecopy.index.sqlite.rows import Rows
from onecopy.index.stored import class_column, damaged, stored_copy

_TAKEN = """
SELECT id, key, size, digests, identity, stored_at, recorded_at, storage_class
FROM carray(?2) CROSS JOIN copy ON tenant = ?1 AND key = value
"""
_CLASSIFY = "UPDATE copy SET storage_class = ? WHERE tenant = ? AND key = ? AND identity = ?"

_Place = tuple[int, str]
"""Tenant and key."""
_Kept = dict[_Place, tuple[int, Copy]]
"""Place -> id and copy."""


def intern(connection: apsw.Connection, tenant: str) -> int:
    """Return the permanent id of a tenant; create it if it is new."""
    connection.execute("INSERT OR IGNORE INTO tenant (name) VALUES (?)", (tenant,))
    number: int = connection.execute("SELECT id FROM tenant WHERE name = ?", (tenant,)).get
    return number


def keep(connection: apsw.Connection, rows: Rows) -> None:
    """Insert copies; at keys that are taken, replace the copy or merge its digests."""
    base: int = connection.execute("SELECT coalesce(max(id), 0) FROM copy").get
    left_out = rows.insert(connection, base)
    if left_out:
        _replace(connection, [rows.copy(index, base) for index in left_out])


def _replace(connection: apsw.Connection, given: Sequence[tuple[int, int, Copy]]) -> None:
    """Record (id, tenant, copy) at keys that are taken, in order."""
    before = _taken(connection, ((tenant, copy) for _, tenant, copy in given))
    now = dict(before)
    for number, tenant, copy in given:
        if (tenant, copy.key) not in now:
            raise damaged(f"the key {copy.key[:100]!r} is taken, but no copy is there")
        old_number, old = now[tenant, copy.key]
        new = merge(old, copy)
        now[tenant, copy.key] = old_number if keeps_its_place(old, new) else number, new
    changed = [place for place in before if now[place] != before[place]]
    _rows(changed, before).delete(connection)
    _rows(changed, now).insert(connection)


def _taken(connection: apsw.Connection, given: Iterable[tuple[int, Copy]]) -> _Kept:
    """Return the records at the places of these copies."""
    keys: dict[int, set[str]] = {}
    for tenant, copy in given:
        keys.setdefault(tenant, set()).add(copy.key)
    return {
        (tenant, row[0]): (number, stored_copy(row))
        for tenant, own in keys.items()
        for number, *row in connection.execute(_TAKEN, (tenant, apsw.carray(tuple(sorted(own)))))
    }


def _rows(places: Iterable[_Place], kept: _Kept) -> Rows:
    rows = Rows()
    for place in places:
        number, copy = kept[place]
        rows.append(number, place[0], copy)
    return rows


def forget(connection: apsw.Connection, tenant: int, copies: Sequence[Copy]) -> list[bool]:
    """Delete the records of copies whose identity is unchanged; return for each whether it was."""
    kept = _taken(connection, ((tenant, copy) for copy in copies))
    forgotten: _Kept = {}
    answers = []
    for copy in copies:
        place = tenant, copy.key
        is_recorded = place in kept and kept[place][1].identity == copy.identity
        if is_recorded:
            forgotten[place] = kept.pop(place)
        answers.append(is_recorded)
    _rows(forgotten, forgotten).delete(connection)
    return answers


def classify(connection: apsw.Connection, tenant: int, copies: Sequence[Copy]) -> list[bool]:
    """Set the storage class of records whose identity is unchanged; return for each if it was."""
    answers = []
    for copy in copies:
        values = class_column(copy.storage_class), tenant, copy.key, copy.identity
        connection.execute(_CLASSIFY, values)
        answers.append(connection.changes() > 0)
    return answers
