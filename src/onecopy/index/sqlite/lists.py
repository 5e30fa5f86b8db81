"""Lists of digests without a location: insertion and lookup."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import apsw

from onecopy.content import Listed
from onecopy.digest import Digest, Scheme
from onecopy.index.sqlite.rows import fingerprint, fingerprints
from onecopy.index.stored import stored_listed

_SIZE = b"%15d"
# If a chunk holds a digest twice, the later row replaces the earlier one.
_INSERT = """
INSERT OR REPLACE INTO listed
SELECT
    value, ?1, ?2, substr(?4, rowid * ?5 - ?5 + 1, ?5),
    coalesce(CAST(substr(?6, rowid * 15 - 14, 15) AS INTEGER), 0)
FROM carray(?3) ORDER BY value, rowid
"""
_INSERT_SIZES = """
INSERT OR IGNORE INTO size
SELECT DISTINCT CAST(substr(?4, rowid * 15 - 14, 15) AS INTEGER), ?1, ?2, 0
FROM carray(?3) ORDER BY 1
"""
_INSERT_ANY_SIZE = "INSERT OR IGNORE INTO size VALUES (0, ?, ?, 0)"
_MARK = "UPDATE tenant SET has_lists = 1 WHERE id = ? AND NOT has_lists"

# Comes first: for a tenant without lists it is the only query. (P5: no other tenant matters.)
_OWNER = "SELECT id FROM tenant WHERE name = ? AND has_lists"
_FIND = """
SELECT scheme, digest, size FROM listed WHERE fingerprint = ?2 AND tenant = ?1
"""
_FIND_EACH = """
SELECT scheme, digest, size FROM carray(?2) CROSS JOIN listed
ON fingerprint = value AND tenant = ?1
"""


class _Column:
    """Digests of one tenant and scheme."""

    def __init__(self) -> None:
        self.values = bytearray()
        self.sizes = array("q")

    def insert(self, connection: apsw.Connection, tenant: int, scheme: Scheme) -> None:
        # The first 8 bytes of each value; a value is a multiple of 8 bytes long.
        heads = fingerprints(self.values)[:: scheme.length // 8]
        column = tenant, str(scheme), apsw.carray(heads)
        connection.execute(_MARK, (tenant,))
        sizes = b"".join(_SIZE % size for size in self.sizes) if any(self.sizes) else None
        connection.execute(_INSERT, (*column, self.values, scheme.length, sizes))
        if sizes:
            connection.execute(_INSERT_SIZES, (*column, sizes))
        else:
            connection.execute(_INSERT_ANY_SIZE, (tenant, str(scheme)))


class PackedDigests:
    """Listed digests, packed for SQLite."""

    def __init__(
        self, digests: Iterable[tuple[str, Listed]], tenant_id: Callable[[str], int]
    ) -> None:
        self._columns: dict[tuple[int, Scheme], _Column] = {}
        name, scheme, column = None, None, _Column()
        for tenant, (digest, size) in digests:
            if tenant is not name or digest.scheme is not scheme:
                name, scheme = tenant, digest.scheme
                column = self._columns.setdefault((tenant_id(tenant), scheme), _Column())
            column.values += digest.value
            column.sizes.append(size or 0)

    def __len__(self) -> int:
        return sum(len(column.sizes) for column in self._columns.values())

    def insert(self, connection: apsw.Connection) -> None:
        """Insert the digests; if one is listed already, its size is replaced."""
        for (tenant, scheme), column in self._columns.items():
            column.insert(connection, tenant, scheme)


def find(
    connection: apsw.Connection, tenant: str, digests: Sequence[Digest]
) -> list[Listed | None]:
    """Return, for each digest in order, its entry in the lists, or None."""
    owner = connection.execute(_OWNER, (tenant,)).get
    if owner is None or not digests:  # the common case, kept cheap
        return [None] * len(digests)
    if len(digests) == 1:  # a single digest needs no packing
        rows = connection.execute(_FIND, (owner, fingerprint(digests[0])))
    else:
        wanted = fingerprints(b"".join([digest.value[:8] for digest in digests]))
        rows = connection.execute(_FIND_EACH, (owner, apsw.carray(array("q", sorted(wanted)))))
    entries = (stored_listed(*row) for row in cast("Iterable[Any]", rows))
    found = {entry.digest: entry for entry in entries}
    return [found.get(digest) for digest in digests]


def count_misplaced(connection: apsw.Connection) -> int:
    """Return the number of listed digests whose fingerprint does not match."""
    rows: Any = connection.execute("SELECT fingerprint, digest FROM listed")
    return sum(int.from_bytes(digest[:8], "little", signed=True) != found for found, digest in rows)
