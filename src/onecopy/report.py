"""Report on stored duplicates and their cost.

Memory stays flat for any number of copies: they are written to a temporary SQLite database, which
groups them by content on disk.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import apsw

from onecopy.content import Copy
from onecopy.digest import Digest, content_scheme
from onecopy.patterns import TRASH, Patterns
from onecopy.temporary import spilling

_COPIES_PER_WRITE = 10_000
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536;
PRAGMA temp_store = FILE;
CREATE TABLE copies (tenant TEXT, digest BLOB, size INTEGER, object INTEGER, key TEXT);
BEGIN;
"""
_GROUPS = """
CREATE TABLE groups AS
SELECT tenant, digest, size, count(DISTINCT object) AS objects, count(*) AS names
FROM copies WHERE digest IS NOT NULL GROUP BY tenant, digest, size;
"""
_SUMS = """
SELECT count(*), coalesce(sum(objects), 0), coalesce(sum(names), 0),
       coalesce(sum(size * objects), 0), coalesce(sum(objects > 1), 0),
       coalesce(sum(objects - 1), 0), coalesce(sum(size * (objects - 1)), 0)
FROM groups;
"""
_UNIDENTIFIED = """
SELECT count(*), coalesce(sum(size), 0)
FROM (SELECT DISTINCT tenant, size, object FROM copies WHERE digest IS NULL);
"""
_TOP = """
CREATE TABLE top AS SELECT *, row_number() OVER () AS place FROM (
    SELECT tenant, digest, size, objects FROM groups WHERE objects > 1
    ORDER BY size * (objects - 1) DESC, tenant, digest LIMIT ?
);
"""
_KEYS = """
SELECT place, key FROM copies CROSS JOIN top USING (tenant, digest, size) ORDER BY place, key;
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Stored objects of one tenant with the same content."""

    tenant: str
    digest: Digest
    """The content digest."""
    size: int
    """Bytes of one object."""
    objects: int
    keys: tuple[str, ...]
    """The first keys, sorted."""

    @property
    def wasted(self) -> int:
        """Bytes that would be saved if only one of them were stored."""
        return self.size * (self.objects - 1)


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of duplicates in an index. Hard links of a file are one object with many names."""

    names: int
    """Recorded keys."""
    objects: int
    """Stored objects with known content; hard links count once."""
    contents: int
    bytes: int
    """Size of all objects."""
    groups: int
    """Contents that are stored in several objects."""
    duplicates: int
    """Objects beyond the first one of each content."""
    wasted: int
    """Size of the duplicates in bytes."""
    in_trash: int
    """Recorded keys in trash and snapshots; no other figure includes them."""
    unidentified: int
    """Objects without a known content digest; other figures except `bytes` exclude them."""
    price: float
    """US dollars per GB (10^9 bytes) and month."""
    top: tuple[Group, ...]
    """The groups that waste most, in descending order."""

    @property
    def cost(self) -> float:
        """US dollars per month for all objects."""
        return self.bytes / 1e9 * self.price

    @property
    def wasted_cost(self) -> float:
        """US dollars per month for the duplicates."""
        return self.wasted / 1e9 * self.price


def report(  # noqa: PLR0913 - the last four are optional
    copies: Iterable[tuple[str, Copy]],
    *,
    price: float,
    top: int = 20,
    keys: int = 5,
    hard_links: bool = False,
    trash: Patterns = Patterns(TRASH),
) -> Report:
    """Return the report on (tenant, copy) pairs, as `Index.copies` yields them.

    With `hard_links` (for folders), copies of one content with the same identity are one object.
    Copies in the trash are only counted: they are no duplicates, and snapshots share their blocks.
    The report lists `top` groups with up to `keys` keys each.
    """
    # A temporary file, deleted when closed.
    with spilling(), closing(apsw.Connection("")) as database:
        database.execute(_SCHEMA).fetchall()  # apsw runs statements only as rows are fetched
        in_trash = Counter[str]()
        outside = _outside(copies, trash, in_trash)
        _write(database, outside, hard_links=hard_links)
        database.execute(_GROUPS).fetchall()
        contents, objects, names, size, groups, duplicates, wasted = _row(database, _SUMS)
        unidentified, unidentified_bytes = _row(database, _UNIDENTIFIED)
        return Report(
            names=names,
            objects=objects,
            contents=contents,
            bytes=size + unidentified_bytes,
            groups=groups,
            duplicates=duplicates,
            wasted=wasted,
            in_trash=in_trash.total(),
            unidentified=unidentified,
            price=price,
            top=tuple(_top(database, top, keys)),
        )


def _outside(
    copies: Iterable[tuple[str, Copy]], trash: Patterns, in_trash: Counter[str]
) -> Iterator[tuple[str, Copy]]:
    """Yield the copies outside the trash; count the others by tenant."""
    for tenant, copy in copies:
        if trash.match(copy.key):
            in_trash[tenant] += 1
        else:
            yield tenant, copy


def _write(
    database: apsw.Connection, copies: Iterable[tuple[str, Copy]], *, hard_links: bool
) -> None:
    rows = (
        (
            tenant,
            digest.value if (digest := copy.content_digest) else None,
            copy.size,
            # Python's hash is salted and has 64 bits: good enough to distinguish objects with the
            # same content, and much smaller to sort than the identity itself.
            hash(copy.identity) if hard_links else number,
            copy.key,
        )
        for number, (tenant, copy) in enumerate(copies)
    )
    while batch := list(islice(rows, _COPIES_PER_WRITE)):
        database.executemany("INSERT INTO copies VALUES (?, ?, ?, ?, ?)", batch)


def _row(database: apsw.Connection, query: str) -> tuple[int, ...]:
    (row,) = database.execute(query)
    return tuple(int(str(value)) for value in row)


def _top(database: apsw.Connection, top: int, keys: int) -> Iterator[Group]:
    database.execute(_TOP, (top,)).fetchall()
    named: dict[int, list[str]] = {}
    for place, key in database.execute(_KEYS):
        first = named.setdefault(place, [])
        if len(first) < keys:
            first.append(key)
    rows = database.execute("SELECT place, tenant, digest, size, objects FROM top ORDER BY place")
    for place, tenant, value, size, objects in rows:
        digest = Digest(content_scheme(size), value)
        yield Group(tenant, digest, size, objects, tuple(named[place]))
