"""All entries of an index, page by page."""

from typing import Any

import apsw

from onecopy.index.interface import Entry
from onecopy.index.stored import require_progress, stored_copy, stored_listed

_PAGE_SIZE = 5_000
"""Entries in one page."""

_COPIES = """
SELECT copy.id, name, key, size, digests, identity, stored_at, recorded_at, storage_class
FROM copy CROSS JOIN tenant ON tenant.id = tenant
WHERE copy.id > ? ORDER BY copy.id LIMIT ?
"""
_LISTED = """
SELECT fingerprint, tenant, scheme, digest, size, name
FROM listed CROSS JOIN tenant ON id = tenant
WHERE (fingerprint, tenant, scheme, digest) > (?, ?, ?, ?)
ORDER BY fingerprint, tenant, scheme, digest LIMIT ?
"""
_COUNT = "SELECT (SELECT count(*) FROM copy) + (SELECT count(*) FROM listed)"

Page = tuple[str, list[Entry]]
"""A position, and the entries before it."""


_Place = tuple[int, int, str, bytes]
"""The key of a listed digest: fingerprint, tenant, scheme, digest."""
_BEFORE_ALL: _Place = (-(2**63), 0, "", b"")


def page(connection: apsw.Connection, after: str | None) -> Page | None:
    """Return the next page after a position, or None.

    Copies come first, in the order of recording, then listed digests, ordered by fingerprint.
    """
    kind, *place = (after or "copy 0").split()
    if kind == "copy":
        return _copies(connection, int(place[0])) or _listed(connection, _BEFORE_ALL)
    fingerprint, tenant, scheme, digest = place
    last = int(fingerprint), int(tenant), scheme, bytes.fromhex(digest)
    return _listed(connection, last)


def _copies(connection: apsw.Connection, last: int) -> Page | None:
    rows: list[Any] = connection.execute(_COPIES, (last, _PAGE_SIZE)).fetchall()
    entries: list[Entry] = [(tenant, stored_copy(row)) for _, tenant, *row in rows]
    if rows:
        require_progress(last, rows[-1][0])
    return (f"copy {rows[-1][0]}", entries) if rows else None


def _listed(connection: apsw.Connection, last: _Place) -> Page | None:
    rows: list[Any] = connection.execute(_LISTED, (*last, _PAGE_SIZE)).fetchall()
    if not rows:
        return None
    entries: list[Entry] = [
        (tenant, stored_listed(scheme, value, size)) for _, _, scheme, value, size, tenant in rows
    ]
    require_progress(last, rows[-1][:4])
    fingerprint, tenant, scheme, value, *_ = rows[-1]
    return f"listed {fingerprint} {tenant} {scheme} {value.hex()}", entries


def count(connection: apsw.Connection) -> int:
    """Return the number of copies and listed digests."""
    total: int = connection.execute(_COUNT).get
    return total
