"""Plain copies as lines of text, which SQLite itself makes: Python sees no row."""

from collections.abc import Iterator

import apsw

from onecopy.content import Copy
from onecopy.digest import SMALLEST_PART
from onecopy.index.interface import PlainPage
from onecopy.index.sqlite.file import unmapped
from onecopy.index.stored import stored_copy

_PAGE_SIZE = 5000
# The byte before a value says what it is: a proved SHA-256 of the whole (1), a proved MD5 of the
# whole (3); see Digests.
_NEXT = """
SELECT group_concat(line, ''), group_concat(iif(line IS NULL, id, NULL), ' '), max({place}) FROM (
    SELECT id, key, CASE
        WHEN substr(digests, 1, 1) = x'01' AND size BETWEEN 1 AND {most}
            AND (length(digests) = 33 OR (length(digests) = 50 AND substr(digests, 34, 1) = x'03'))
            AND key NOT GLOB '*[^ -~]*' AND identity NOT GLOB '*[^ -~]*'
            AND storage_class NOT GLOB '*[^ -~]*'
        THEN id || char(9) || size || char(9) || stored_at || char(9)
            || hex(substr(digests, 2, 32)) || char(9) || hex(substr(digests, 35)) || char(9)
            || storage_class || char(9) || identity || char(9) || '/' || key || char(10)
        END AS line
    FROM copy
    WHERE tenant {own} (SELECT id FROM tenant WHERE name = ?1) AND {place} > ?2
    ORDER BY {place} LIMIT ?3
)
"""
_BY_KEY = _NEXT.format(place="key", own="=", most=SMALLEST_PART - 1)
# `+` keeps SQLite from using the index by tenant and key: rows are read one after another, which is
# six times as fast as one by one. Only where no other tenant has rows (P5).
_BY_ID = _NEXT.format(place="id", own="+ 0 =", most=SMALLEST_PART - 1)
_OTHERS = "SELECT count(*) FROM tenant WHERE name <> ?"
_AT = """
SELECT key, size, digests, identity, stored_at, recorded_at, storage_class FROM copy WHERE id = ?
"""

Place = str | int
"""The last key or, for the only tenant of an index, the last id."""


def first(connection: apsw.Connection, tenant: str) -> Place:
    """Return the place before all copies."""
    return "" if connection.execute(_OTHERS, (tenant,)).get else 0


def after(connection: apsw.Connection, tenant: str, place: Place) -> tuple[PlainPage, Place] | None:
    """Return the next copies after a place, and the last place among them; None at the end."""
    statement = _BY_KEY if isinstance(place, str) else _BY_ID
    with unmapped(connection):
        lines, others, last = connection.execute(statement, (tenant, place, _PAGE_SIZE)).get
    if last is None:
        return None
    return PlainPage(lines or "", list(_at(connection, str(others or "")))), last


def _at(connection: apsw.Connection, ids: str) -> Iterator[Copy]:
    for number in map(int, ids.split()):
        for row in connection.execute(_AT, (number,)):
            yield stored_copy(row)
