"""Any table of PostgreSQL as the source of a migration.

A table is read by ranges of pages (PostgreSQL 14 and newer find them by TID) from one snapshot, so
it needs no key, index or sort. A position is a page; it stays valid for other processes until the
table is rewritten.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from psycopg import sql

from onecopy.migrate.interface import Batch, numbers_in
from onecopy.migrate.relations import Connection, Relation, hidden_rows, translated
from onecopy.migrate.rows import Rows

_PAGES_PER_QUERY = 256
"""About ten thousand rows."""
_MAX_COUNTED_PAGES = 100_000
"""Pages of a table up to which its rows are counted; above that, the planner's estimate is used."""
_LAST_PAGE = 2**32 - 2

# A table, its partitions and the tables that inherit from it: each has its own pages.
_PARTS = """
WITH RECURSIVE tree(oid) AS (
    SELECT %s::oid
    UNION ALL SELECT inhrelid FROM tree JOIN pg_inherits ON inhparent = tree.oid
)
SELECT tree.oid::bigint, nspname, relname, relkind::text,
    pg_relation_filenode(tree.oid)::bigint,
    pg_relation_size(tree.oid) / current_setting('block_size')::bigint,
    reltuples::float8, relpages
FROM tree JOIN pg_class USING (oid) JOIN pg_namespace ON pg_namespace.oid = relnamespace
ORDER BY tree.oid
"""


class Part(NamedTuple):
    """A table, or a partition of one, with its own pages."""

    oid: int
    schema: str
    table: str
    kind: str
    filenode: int | None
    pages: int
    estimated_rows: float
    """Number of rows when the table was last analyzed."""
    estimated_pages: int
    """Number of pages at that time."""


def parts_of(connection: Connection, relation: Relation) -> list[Part] | None:
    """Return the parts of a table; None if it is not stored in pages, as a view is not."""
    with translated(str(relation)):
        parts = [Part(*row) for row in connection.execute(_PARTS, (relation.oid,))]
    if any(part.kind in "vf" for part in parts):
        return None
    return [part for part in parts if part.kind != "p"]


class TableSource:
    """The rows of a table that has a column of checksums."""

    def __init__(
        self,
        connection: Connection,
        name: str,
        parts: Sequence[Part],
        columns: Sequence[str],
        rows: Rows,
    ) -> None:
        self.name = name
        self._connection = connection
        self._parts = parts
        self._columns = columns
        self._rows = rows

    def notes(self) -> list[str]:
        tables = [Relation(part.oid, part.schema, part.table, part.kind) for part in self._parts]
        return [note for table in tables for note in hidden_rows(self._connection, table)]

    def version(self) -> str:
        return " ".join(f"{part.oid}:{part.filenode}" for part in self._parts)

    def count(self) -> int | None:
        return sum(map(self._count, self._parts))

    def _count(self, part: Part) -> int:
        if part.pages > _MAX_COUNTED_PAGES and part.estimated_pages:
            return int(part.estimated_rows / part.estimated_pages * part.pages)
        ((rows,),) = self._select(part, sql.SQL("count(*)"))
        return int(rows)

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        oid, page = numbers_in(after or "0 0", 2)
        for part in self._parts:
            if part.oid >= oid:
                first = page if part.oid == oid else 0
                for begin in range(first, part.pages, _PAGES_PER_QUERY):
                    yield self._batch(part, begin)

    def _batch(self, part: Part, begin: int) -> Batch:
        end = begin + _PAGES_PER_QUERY
        columns = sql.SQL(", ").join(map(sql.Identifier, self._columns))
        read = self._rows.read(self._select(part, columns, begin, end), str)
        rejects = read.rejects
        if rejects:
            # The same range comes back in the same order, so only rejects pay for this query.
            places = self._select(part, sql.SQL("ctid::text"), begin, end)
            rejects = [
                reject._replace(row=f"{part.schema}.{part.table} {places[int(reject.row)][0]}")
                for reject in rejects
            ]
        return Batch(f"{part.oid} {end}", read.entries, rejects, empty_files=read.empty_files)

    def _select(
        self, part: Part, columns: sql.Composable, begin: int = 0, end: int = _LAST_PAGE
    ) -> list[tuple[Any, ...]]:
        """Select columns of the rows in a range of pages, in the order of the pages."""
        query = sql.SQL("SELECT {} FROM ONLY {} WHERE ctid >= {}::tid AND ctid < {}::tid").format(
            columns, sql.Identifier(part.schema, part.table), f"({begin},0)", f"({end},0)"
        )
        with translated(f"{part.schema}.{part.table}"):
            return self._connection.execute(query, binary=True).fetchall()

    def values(self) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def close(self) -> None:
        self._connection.close()
