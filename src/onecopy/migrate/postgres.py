"""Any table of PostgreSQL as the source of a migration.

A table is read by ranges of pages (PostgreSQL 14 and newer find them by TID) from one snapshot, so
it needs no key, index or sort. A position is a page; it stays valid for other processes until the
table is rewritten.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg
from psycopg import sql

from onecopy.errors import InvalidSettings
from onecopy.index.postgres.errors import failure, refusal
from onecopy.migrate.files import Columns
from onecopy.migrate.interface import Batch
from onecopy.migrate.rows import Rows

_PAGES_PER_QUERY = 256
"""About ten thousand rows."""
_MAX_COUNTED_PAGES = 100_000
"""Pages of a table up to which its rows are counted; above that, the planner's estimate is used."""
# Read each page once, in order; and don't time out when the destination is slow.
_SESSION = """
SET enable_seqscan = 'off';
SET max_parallel_workers_per_gather = 0;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
"""
_LAST_PAGE = 2**32 - 2
_MIN_VERSION = 140_000

# A table, its partitions and the tables that inherit from it: each has its own pages.
_PARTS = """
WITH RECURSIVE tree(oid) AS (
    SELECT to_regclass(%s)::oid
    UNION ALL SELECT inhrelid FROM tree JOIN pg_inherits ON inhparent = tree.oid
)
SELECT tree.oid::bigint, nspname, relname, relkind::text,
    pg_relation_filenode(tree.oid)::bigint,
    pg_relation_size(tree.oid) / current_setting('block_size')::bigint,
    reltuples::float8, relpages
FROM tree JOIN pg_class USING (oid) JOIN pg_namespace ON pg_namespace.oid = relnamespace
ORDER BY tree.oid
"""
_KINDS = {"v": "a view", "f": "a foreign table", "S": "a sequence", "i": "an index"}


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


class TableSource:
    """The rows of a table that has a column of checksums."""

    def __init__(
        self,
        connection: "psycopg.Connection[tuple[Any, ...]]",
        table: str,
        columns: Columns,
        tenant: str,
    ) -> None:
        self._table = table
        self._columns = columns
        self._rows = Rows(tenant, len(columns.named()))
        self._connection = connection

    @property
    def name(self) -> str:
        info = self._connection.info
        query = f"table={self._table}&{self._columns.query()}"
        return f"postgresql://{info.host}:{info.port}/{info.dbname}?{query}"

    @cached_property
    def _parts(self) -> list[Part]:
        with _translated():
            rows = self._connection.execute(_PARTS, (self._table,)).fetchall()
        parts = [Part(*row) for row in rows]
        if not parts:
            raise InvalidSettings(
                f"no such table: {self._table}; check its name and your privileges"
            )
        for part in parts:
            if part.kind in _KINDS:
                raise InvalidSettings(
                    f"{part.table} is {_KINDS[part.kind]}, which can't be read by pages; copy it "
                    "into a table or a materialized view"
                )
        return [part for part in parts if part.kind != "p"]

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
        oid, page = map(int, (after or "0 0").split())
        for part in self._parts:
            if part.oid >= oid:
                first = page if part.oid == oid else 0
                for begin in range(first, part.pages, _PAGES_PER_QUERY):
                    yield self._batch(part, begin)

    def _batch(self, part: Part, begin: int) -> Batch:
        end = begin + _PAGES_PER_QUERY
        columns = sql.SQL(", ").join(map(sql.Identifier, self._columns.named()))
        rows = self._select(part, columns, begin, end)
        entries, rejects = self._rows.read(rows, str)
        if rejects:
            # The same range comes back in the same order, so only rejects pay for this query.
            places = self._select(part, sql.SQL("ctid::text"), begin, end)
            rejects = [
                reject._replace(row=f"{part.schema}.{part.table} {places[int(reject.row)][0]}")
                for reject in rejects
            ]
        return Batch(f"{part.oid} {end}", entries, rejects)

    def _select(
        self, part: Part, columns: sql.Composable, begin: int = 0, end: int = _LAST_PAGE
    ) -> list[tuple[Any, ...]]:
        """Select columns of the rows in a range of pages, in the order of the pages."""
        query = sql.SQL("SELECT {} FROM ONLY {} WHERE ctid >= {}::tid AND ctid < {}::tid").format(
            columns, sql.Identifier(part.schema, part.table), f"({begin},0)", f"({end},0)"
        )
        with _translated():
            return self._connection.execute(query, binary=True).fetchall()

    def values(self) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def close(self) -> None:
        self._connection.close()


def open_source(url: str, tenant: str) -> TableSource | None:
    """Open `postgresql://user@host/database?table=T&column=C&size=S&key=K`.

    Returns None if the URL has no `table`: then it is the URL of an index. libpq interprets the
    rest of the URL, and finds the password in its usual places. Raises InvalidSettings, Forbidden
    and Unavailable.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    table = query.pop("table", None)
    if table is None:
        return None
    named = {name: query.pop(name) for name in Columns._fields if name in query}
    columns = Columns.of(named, "postgresql:")
    if columns.column is None:
        raise InvalidSettings("name the column with the checksum: …?table=T&column=C")
    if parts.password:
        raise InvalidSettings(
            "the URL contains a password, which other users can read; set PGPASSWORD instead, or "
            "use a password file or a service file of PostgreSQL"
        )
    connection = connect(parts._replace(query=urlencode(query)).geturl())
    return TableSource(connection, table, columns, tenant)


def connect(conninfo: str) -> "psycopg.Connection[tuple[Any, ...]]":
    """Connect for reading one snapshot; raises InvalidSettings, Forbidden and Unavailable."""
    try:
        connection = psycopg.connect(conninfo, application_name="onecopy-migrate")
    except psycopg.Error as error:
        raise refusal(error) from error
    version = connection.info.server_version
    if version < _MIN_VERSION:
        connection.close()
        raise InvalidSettings(
            f"PostgreSQL {version // 10_000} is too old: reading a table by pages needs 14 or newer"
        )
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute(_SESSION)
    return connection


@contextmanager
def _translated() -> Iterator[None]:
    """Translate errors of psycopg into ours."""
    try:
        yield
    except psycopg.errors.UndefinedColumn as error:
        raise InvalidSettings(f"no such column: {error.diag.message_primary}") from error
    except psycopg.Error as error:
        raise failure(error) from error
