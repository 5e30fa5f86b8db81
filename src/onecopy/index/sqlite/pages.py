"""All entries of an index, page by page."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import apsw

from onecopy.content import Listed
from onecopy.digest import Digest, Scheme
from onecopy.index.interface import Entry
from onecopy.index.sqlite.reading import to_copy

_PAGE_SIZE = 5_000
"""Entries in one page."""

_COPIES = """
SELECT copy.id, name, key, size, digests, identity, stored_at, recorded_at
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


class _Place(NamedTuple):
    """The key of a listed digest."""

    fingerprint: int
    tenant: int
    scheme: str
    digest: bytes

    @staticmethod
    def parse(words: Sequence[str]) -> "_Place":
        """Parse the words of the result of `str`."""
        fingerprint, tenant, scheme, digest = words
        return _Place(int(fingerprint), int(tenant), scheme, bytes.fromhex(digest))

    def __str__(self) -> str:
        return f"{self.fingerprint} {self.tenant} {self.scheme} {self.digest.hex()}"


_FIRST_PLACE = _Place(-(2**63), 0, "", b"")


def page(connection: apsw.Connection, after: str | None) -> Page | None:
    """Return the next page after a position, or None.

    Copies come first, in the order of recording, then listed digests, ordered by fingerprint.
    """
    kind, *place = (after or "copy 0").split()
    if kind == "copy" and (found := _copies(connection, int(place[0]))):
        return found
    return _listed(connection, _FIRST_PLACE if kind == "copy" else _Place.parse(place))


def _copies(connection: apsw.Connection, last: int) -> Page | None:
    rows: list[Any] = connection.execute(_COPIES, (last, _PAGE_SIZE)).fetchall()
    entries: list[Entry] = [(tenant, to_copy(row)) for _, tenant, *row in rows]
    return (f"copy {rows[-1][0]}", entries) if rows else None


def _listed(connection: apsw.Connection, place: _Place) -> Page | None:
    rows: list[Any] = connection.execute(_LISTED, (*place, _PAGE_SIZE)).fetchall()
    schemes = {name: Scheme.parse(name) for name in {row[2] for row in rows}}
    entries: list[Entry] = [
        (tenant, Listed(Digest(schemes[scheme], value), size or None))
        for _, _, scheme, value, size, tenant in rows
    ]
    return (f"listed {_Place(*rows[-1][:4])}", entries) if rows else None


def count(connection: apsw.Connection) -> int:
    """Return the number of copies and listed digests."""
    total: int = connection.execute(_COUNT).get
    return total
