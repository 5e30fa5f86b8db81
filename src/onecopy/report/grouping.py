"""Grouping of any number of copies in bounded memory.

They are written to a temporary DuckDB database, which groups them on disk: by content digest, and
those without one by weak evidence. A copy with a content digest may have weak evidence as well; a
copy that shares only this belongs to the same likely group.

    copies ─▶ rows ─▶ loading ─▶ tables ─▶ groups ─▶ shares ─▶ figures
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from onecopy.content import Copy
from onecopy.digest import Digest, content_scheme
from onecopy.errors import InvalidSettings
from onecopy.index.interface import PlainPage
from onecopy.listing import ListedCopy
from onecopy.patterns import TRASH, Patterns
from onecopy.report import tables
from onecopy.report.figures import Group, LikelyGroup, Report
from onecopy.report.keys import decode
from onecopy.report.loading import Loader, no_room
from onecopy.report.rows import PARTS_BYTES, Rows
from onecopy.report.shares import Divisions

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MEMORY = "400MB"
"""What DuckDB may use, before it writes to disk; it exceeds this by a fourth."""
_MANY_ROWS = 200_000
"""Rows from which on several threads are faster than one."""
_MD5_BYTES = 16
_SHARES = 20
"""Types and storage classes that are listed on their own."""


def report(  # noqa: PLR0913 - the last are optional
    copies: Iterable[tuple[str, Copy]],
    *,
    price: float,
    listed: Iterable[tuple[str, ListedCopy]] = (),
    top: int = 20,
    keys: int = 5,
    depth: int = 1,
    hard_links: bool = False,
    trash: Patterns = Patterns(TRASH),
    price_of: Callable[[str], float] | None = None,
) -> Report:
    """Return the report on (tenant, copy) pairs, as `Index.copies` yields them.

    `listed` has those that are only listed; see `listed_only`. With `hard_links` (for folders),
    copies of one content with the same identity are one object, and listed copies are files that
    no scan had to read. Copies in the trash are only counted: they are no duplicates, and snapshots
    share their blocks. The report lists `top` groups of each kind with up to `keys` keys each, and
    the folders at a `depth`. `price_of` returns the price of a storage class, by default `price`.
    """
    with grouped(copies, listed, hard_links=hard_links, trash=trash) as grouping:
        divisions = grouping.divide(price_of or (lambda _: price))
        return grouping.report(divisions, price, top=top, keys=keys, depth=depth)


@contextmanager
def grouped(  # noqa: PLR0913 - all but the first are optional
    copies: Iterable[tuple[str, Copy]],
    listed: Iterable[tuple[str, ListedCopy]] = (),
    *,
    hard_links: bool = False,
    trash: Patterns = Patterns(TRASH),
    full_keys: bool = False,
    pages: Iterable[tuple[str, PlainPage]] = (),
) -> Iterator["Grouping"]:
    """Group copies as `report` does; the groups are in temporary files until the end.

    `pages` has more copies, of an index that is `Plain`: they are grouped several times as fast.
    With `full_keys`, keys begin with the prefix of their tenant.
    """
    duckdb = _duckdb()
    with (
        TemporaryDirectory(prefix="onecopy-report-") as folder,
        _failing(duckdb),
        duckdb.connect(":memory:") as database,
    ):
        _configure(database, folder)
        loader = Loader(database, Path(folder))
        rows = Rows(loader, trash, hard_links=hard_links, full_keys=full_keys)
        rows.add(copies)
        rows.add_pages(pages)
        rows.add_listed(listed)
        loader.finish()
        if rows.count > _MANY_ROWS:
            database.execute("RESET threads")
        for statement in (*(tables.LINKED if hard_links else tables.UNLINKED), *tables.GROUPS):
            database.execute(statement)
        yield Grouping(database, rows)


def _duckdb() -> Any:  # noqa: ANN401 - the module
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            "a report needs the package duckdb, which is not installed; run: pip install duckdb"
        ) from error
    return duckdb


def _configure(database: "DuckDBPyConnection", folder: str) -> None:
    for name, value in (
        ("memory_limit", _MEMORY),
        ("threads", "1"),
        ("temp_directory", folder),
        ("preserve_insertion_order", "false"),
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
    ):
        database.execute(f"SET {name} = '{value}'")


@contextmanager
def _failing(duckdb: Any) -> Iterator[None]:  # noqa: ANN401 - the module
    """Raise errors of the temporary database in the block as Failure, which says what to do."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise no_room(error) from error


class Grouping:
    """Copies in groups, in a temporary database."""

    def __init__(self, database: "DuckDBPyConnection", rows: Rows) -> None:
        self.database = database
        self.tenants = rows.tenants
        self._in_trash = rows.in_trash

    def divide(self, price_of: Callable[[str], float], now: float | None = None) -> Divisions:
        """Find where the duplicates are; `now` is in seconds since 1970."""
        now = time.time() if now is None else now
        return Divisions(self.database, self.tenants, price_of, now)

    def report(
        self, divisions: Divisions, price: float, *, top: int, keys: int, depth: int
    ) -> Report:
        """Return the figures; for the last three see the function `report`."""
        objects, names, size, unidentified, unidentified_bytes = self._row(tables.COUNTS)
        groups, duplicates, wasted = self._row(tables.SUMS)
        unread, unread_bytes = self._row(tables.UNREAD)
        weak, weak_bytes = self._row(tables.WEAK)
        (all_names,) = self._row(tables.NAMES)
        likely_groups, likely_duplicates, likely_wasted = self._row(tables.LIKELY_SUMS)
        return Report(
            names=names,
            objects=objects,
            contents=objects - duplicates,
            bytes=size,
            groups=groups,
            duplicates=duplicates,
            wasted=wasted,
            in_trash=self._in_trash,
            unidentified=unidentified,
            price=price,
            top=tuple(self.top(top, keys)),
            weak=weak,
            weak_bytes=weak_bytes,
            unidentified_bytes=unidentified_bytes,
            hard_links=all_names - objects - weak - unidentified - unread,
            unread=unread,
            unread_bytes=unread_bytes,
            likely_groups=likely_groups,
            likely_duplicates=likely_duplicates,
            likely_wasted=likely_wasted,
            likely_top=tuple(self.likely_top(top, keys)),
            classes=divisions.classes,
            by_folder=divisions.by_folder(depth, _SHARES),
            by_type=divisions.by_type(_SHARES),
            by_age=divisions.by_age(),
            by_class=divisions.by_class(_SHARES),
            by_tenant=divisions.by_tenant(_SHARES),
        )

    def top(self, top: int, keys: int) -> Iterator[Group]:
        """Yield the groups that waste most."""
        self.database.execute(tables.TOP, [top])
        members = self._members(tables.TOP_KEYS, keys)
        for place, tenant, value, size, objects in self._rows(tables.TOP_ROWS):
            digest = Digest(content_scheme(size), value)
            yield Group(self.tenants[tenant], digest, size, objects, *members[place])

    def likely_top(self, top: int, keys: int) -> Iterator[LikelyGroup]:
        """Yield the likely groups that waste most."""
        self.database.execute(tables.LIKELY_TOP, [top])
        self.database.execute(tables.LIKELY_MEMBERS)
        members = self._members(tables.LIKELY_KEYS, keys)
        classes: dict[int, dict[str, int]] = defaultdict(dict)
        for place, name, count in self._rows(tables.LIKELY_CLASSES):
            classes[place][decode(name)] = count
        for place, tenant, value, size, likely, objects in self._rows(tables.LIKELY_ROWS):
            evidence, owner = evidence_text(value, size), self.tenants[tenant]
            found = owner, evidence, size, objects, likely, *members[place]
            yield LikelyGroup(*found, classes[place])

    def _members(self, query: str, keys: int) -> dict[int, tuple[tuple[str, ...], int, int]]:
        """Return the first keys, the oldest and the newest time of each group."""
        return {
            place: (tuple(map(decode, first[:keys])), oldest, newest)
            for place, first, oldest, newest in self._rows(query.format(keys=max(keys, 1)))
        }

    def _row(self, query: str) -> tuple[int, ...]:
        (row,) = self._rows(query)
        return tuple(int(value) for value in row)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.database.execute(query).fetchall()


def evidence_text(value: bytes, size: int) -> str:
    """Return weak evidence as text: a digest, or the MD5 in an ETag."""
    scheme = content_scheme(size)
    if len(value) == scheme.length:
        return str(Digest(scheme, value))
    if len(value) != _MD5_BYTES + PARTS_BYTES:
        return value.decode()
    parts = int.from_bytes(value[_MD5_BYTES:])
    return f"etag:{value[:_MD5_BYTES].hex()}{f'-{parts}' if parts else ''}"
