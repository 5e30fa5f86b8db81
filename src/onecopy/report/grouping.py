"""Grouping of any number of copies in flat memory.

They are written to a temporary SQLite database, which groups them on disk: by content digest, and
those without one by weak evidence. A copy with a content digest may have weak evidence as well; a
copy that shares only this belongs to the same likely group.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import count

import apsw

from onecopy.content import Copy
from onecopy.digest import Digest, content_scheme
from onecopy.listing import ListedCopy
from onecopy.patterns import TRASH, Patterns
from onecopy.report import tables
from onecopy.report.figures import Group, LikelyGroup, Report
from onecopy.temporary import spilling

_ROWS_PER_WRITE = 10_000
_MD5_BYTES = 16
_PARTS_BYTES = 4
"""Bytes of the number of parts, which follows an MD5; other evidence is text, and longer."""
_ONLY_SHA256 = 33
"""Length of packed digests that are no more than the content digest: the common case."""


def report(  # noqa: PLR0913 - the last five are optional
    copies: Iterable[tuple[str, Copy]],
    *,
    price: float,
    listed: Iterable[tuple[str, ListedCopy]] = (),
    top: int = 20,
    keys: int = 5,
    hard_links: bool = False,
    trash: Patterns = Patterns(TRASH),
) -> Report:
    """Return the report on (tenant, copy) pairs, as `Index.copies` yields them.

    `listed` has those that are only listed; see `listed_only`. With `hard_links` (for folders),
    copies of one content with the same identity are one object, and listed copies are files that
    no scan had to read. Copies in the trash are only counted: they are no duplicates, and snapshots
    share their blocks. The report lists `top` groups of each kind with up to `keys` keys each.
    """
    # A temporary file, deleted when closed.
    with spilling(), closing(apsw.Connection("")) as database:
        database.execute(tables.SCHEMA).fetchall()  # apsw runs statements only as rows are fetched
        rows = _Rows(database, trash, hard_links=hard_links)
        for tenant, copy in copies:
            rows.add(tenant, copy)
        for tenant, listed_copy in listed:
            rows.add_listed(tenant, listed_copy)
        rows.write()
        return _report(database, price, top, keys, rows.in_trash)


class _Rows:
    """Writes copies to the tables."""

    def __init__(self, database: apsw.Connection, trash: Patterns, *, hard_links: bool) -> None:
        self._database = database
        self._trash = trash
        self._hard_links = hard_links
        self._numbers = count()
        self._rows: dict[str, list[tuple[object, ...]]] = defaultdict(list)
        self.in_trash = 0

    def add(self, tenant: str, copy: Copy) -> None:
        key, size, digests, identity = copy[:4]
        if self._trash.match(key):
            self.in_trash += 1
            return
        # Python's hash is salted and has 64 bits: good enough to distinguish objects with the
        # same content, and much smaller to sort than the identity itself.
        number = hash(identity) if self._hard_links else next(self._numbers)
        content = copy.content_digest
        if content and len(digests.packed) == _ONLY_SHA256:
            self._add("copies", (tenant, content.value, size, number, key))
            return
        first, *others = [*([content.value] if content else ()), *_evidence(copy)] or [None]
        table = "copies" if content or first is None else "weak"
        self._add(table, (tenant, first, size, number, key))
        for other in others:
            self._add("aliases", (tenant, other, size, first))

    def add_listed(self, tenant: str, copy: ListedCopy) -> None:
        key, size, tag, parts, is_opaque = copy[:5]
        if self._trash.match(key):
            self.in_trash += 1
        elif not is_opaque:
            evidence = tag + parts.to_bytes(_PARTS_BYTES)
            self._add("weak", (tenant, evidence, size, next(self._numbers), key))
        elif self._hard_links:
            self._add("unread", (tenant, size, hash(tag)))
        else:
            self._add("copies", (tenant, None, size, next(self._numbers), key))

    def _add(self, table: str, row: tuple[object, ...]) -> None:
        rows = self._rows[table]
        rows.append(row)
        if len(rows) == _ROWS_PER_WRITE:
            self._write(table)

    def write(self) -> None:
        """Write what is left."""
        for table in self._rows:
            self._write(table)

    def _write(self, table: str) -> None:
        if rows := self._rows[table]:
            self._database.executemany(tables.INSERTS[table], rows)
            rows.clear()


def _evidence(copy: Copy) -> Iterator[bytes]:
    """Yield the evidence besides the content digest, in a form that a listed ETag has, too."""
    content = copy.content_digest
    for digest, _ in copy.digests.pairs():
        scheme = digest.scheme
        if scheme.algorithm == "md5":
            parts = -(-copy.size // scheme.part_size) if scheme.part_size else 0
            yield digest.value + parts.to_bytes(_PARTS_BYTES)
        elif scheme.algorithm != "client-md5" and digest != content:
            yield str(digest).encode()


def _report(database: apsw.Connection, price: float, top: int, keys: int, in_trash: int) -> Report:
    for statements in (tables.GROUPS, tables.LIKELY_GROUPS):
        database.execute(statements).fetchall()
    contents, objects, names, size, groups, duplicates, wasted = _row(database, tables.SUMS)
    unidentified, unidentified_bytes = _row(database, tables.UNIDENTIFIED)
    unread, unread_bytes = _row(database, tables.UNREAD)
    weak, weak_bytes = _row(database, tables.WEAK)
    likely_groups, likely_duplicates, likely_wasted = _row(database, tables.LIKELY_SUMS)
    return Report(
        names=names,
        objects=objects,
        contents=contents,
        bytes=size,
        groups=groups,
        duplicates=duplicates,
        wasted=wasted,
        in_trash=in_trash,
        unidentified=unidentified,
        price=price,
        top=tuple(_top(database, top, keys)),
        weak=weak,
        weak_bytes=weak_bytes,
        unidentified_bytes=unidentified_bytes,
        unread=unread,
        unread_bytes=unread_bytes,
        likely_groups=likely_groups,
        likely_duplicates=likely_duplicates,
        likely_wasted=likely_wasted,
        likely_top=tuple(_likely_top(database, top, keys)),
    )


def _row(database: apsw.Connection, query: str) -> tuple[int, ...]:
    (row,) = database.execute(query)
    return tuple(int(str(value)) for value in row)


def _top(database: apsw.Connection, top: int, keys: int) -> Iterator[Group]:
    database.execute(tables.TOP, (top,)).fetchall()
    named = _first_keys(database, tables.TOP_KEYS, keys)
    for place, tenant, value, size, objects in database.execute(tables.TOP_ROWS):
        digest = Digest(content_scheme(size), value)
        yield Group(tenant, digest, size, objects, tuple(named[place]))


def _likely_top(database: apsw.Connection, top: int, keys: int) -> Iterator[LikelyGroup]:
    database.execute(tables.LIKELY_TOP, (top,)).fetchall()
    named = _first_keys(database, tables.LIKELY_KEYS, keys)
    for place, tenant, value, size, likely, objects in database.execute(tables.LIKELY_ROWS):
        shared = _evidence_text(value, size)
        yield LikelyGroup(tenant, shared, size, objects, likely, tuple(named[place]))


def _first_keys(database: apsw.Connection, query: str, keys: int) -> dict[int, list[str]]:
    named: dict[int, list[str]] = {}
    for place, key in database.execute(query):
        first = named.setdefault(place, [])
        if len(first) < keys:
            first.append(key)
    return named


def _evidence_text(value: bytes, size: int) -> str:
    scheme = content_scheme(size)
    if len(value) == scheme.length:
        return str(Digest(scheme, value))
    if len(value) != _MD5_BYTES + _PARTS_BYTES:
        return value.decode()
    parts = int.from_bytes(value[_MD5_BYTES:])
    return f"etag:{value[:_MD5_BYTES].hex()}{f'-{parts}' if parts else ''}"
