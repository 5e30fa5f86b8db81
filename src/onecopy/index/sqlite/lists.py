"""Lists of digests without a location: packed as copies are, kept, found and read again."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import apsw

from onecopy.content import Listed
from onecopy.digest import Digest, Scheme
from onecopy.index.interface import Entry
from onecopy.index.sqlite.rows import fingerprint, fingerprints

_SIZE = b"%15d"
# Of a digest that is given twice in one chunk the last row comes last.
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

# Asked first: a tenant without lists pays for no more. (P5: its own lists alone decide that.)
_OWNER = "SELECT id FROM tenant WHERE name = ? AND has_lists"
_FIND = """
SELECT scheme, digest, size FROM listed WHERE fingerprint = ?2 AND tenant = ?1
"""
_FIND_EACH = """
SELECT scheme, digest, size FROM carray(?2) CROSS JOIN listed
ON fingerprint = value AND tenant = ?1
"""
_NEXT = """
SELECT fingerprint, tenant, scheme, digest, size, name
FROM listed CROSS JOIN tenant ON id = tenant
WHERE (fingerprint, tenant, scheme, digest) > (?, ?, ?, ?)
ORDER BY fingerprint, tenant, scheme, digest LIMIT ?
"""


class _Column:
    """Digests of one tenant and scheme."""

    def __init__(self) -> None:
        self.values = bytearray()
        self.sizes = array("q")

    def insert(self, connection: apsw.Connection, tenant: int, scheme: Scheme) -> None:
        # Every so many eighths of a value the next one begins.
        heads = fingerprints(self.values)[:: scheme.length // 8]
        about = tenant, str(scheme), apsw.carray(heads)
        connection.execute(_MARK, (tenant,))
        if any(self.sizes):
            sizes = b"".join(_SIZE % size for size in self.sizes)
            connection.execute(_INSERT, (*about, self.values, scheme.length, sizes))
            connection.execute(_INSERT_SIZES, (*about, sizes))
        else:
            connection.execute(_INSERT, (*about, self.values, scheme.length, None))
            connection.execute(_INSERT_ANY_SIZE, about[:2])


class Lists:
    """Listed digests, packed."""

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
        """Keep them; of those that are kept already the size is replaced."""
        for (tenant, scheme), column in self._columns.items():
            column.insert(connection, tenant, scheme)


def find(
    connection: apsw.Connection, tenant: str, digests: Sequence[Digest]
) -> list[Listed | None]:
    """Return, for each digest in order, what a list says of it, or None."""
    owner = connection.execute(_OWNER, (tenant,)).get
    if owner is None or not digests:  # the common case, kept cheap
        return [None] * len(digests)
    if len(digests) == 1:  # spare a single one what only many are worth
        rows = connection.execute(_FIND, (owner, fingerprint(digests[0])))
    else:
        asked = fingerprints(b"".join([digest.value[:8] for digest in digests]))
        rows = connection.execute(_FIND_EACH, (owner, apsw.carray(array("q", sorted(asked)))))
    sizes: dict[Any, Any] = {(scheme, value): size for scheme, value, size in rows}
    found = (sizes.get((str(digest.scheme), digest.value)) for digest in digests)
    return [
        None if size is None else Listed(digest, size or None)
        for digest, size in zip(digests, found, strict=True)
    ]


class Place(NamedTuple):
    """Where a digest stands among all that are listed."""

    fingerprint: int
    tenant: int
    scheme: str
    digest: bytes

    @staticmethod
    def parse(words: Sequence[str]) -> "Place":
        """Read the words of what `str` gave."""
        head, tenant, scheme, digest = words
        return Place(int(head), int(tenant), scheme, bytes.fromhex(digest))

    def __str__(self) -> str:
        return f"{self.fingerprint} {self.tenant} {self.scheme} {self.digest.hex()}"


BEFORE_ALL = Place(-(2**63), 0, "", b"")


def after(connection: apsw.Connection, place: Place, most: int) -> tuple[Place, list[Entry]] | None:
    """Return the next digests of all tenants, so many at most, and the place of the last one."""
    rows: list[Any] = connection.execute(_NEXT, (*place, most)).fetchall()
    if not rows:
        return None
    schemes = {name: Scheme.parse(name) for name in {row[2] for row in rows}}
    entries: list[Entry] = [
        (tenant, Listed(Digest(schemes[scheme], value), size or None))
        for _, _, scheme, value, size, tenant in rows
    ]
    return Place(*rows[-1][:4]), entries


def count_misplaced(connection: apsw.Connection) -> int:
    """Return how many are not found by their digest."""
    rows: Any = connection.execute("SELECT fingerprint, digest FROM listed")
    return sum(int.from_bytes(digest[:8], "little", signed=True) != found for found, digest in rows)
