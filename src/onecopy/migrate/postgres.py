"""Any table of PostgreSQL, read as it lies on the disk: needs no key, no sorting and no index.

A range of pages at a time (PostgreSQL 14 and newer find it by TID), all of one snapshot. So a
position is a page, and holds for another process as long as the table is not written anew.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from onecopy.errors import InvalidSettings
from onecopy.index.postgres.errors import failure, refusal
from onecopy.migrate.files import Columns
from onecopy.migrate.interface import Batch
from onecopy.migrate.rows import Rows

_OURS = ("table", "column", "size", "key")
_PAGES = 256
"""Pages that are read at one time: some ten thousand rows."""
_COUNTED = 100_000
"""Pages of a table up to which its rows are counted; above that the planner's estimate will do."""
# Pages in their order, each read once; and a destination may be slow.
_SESSION = """
SET enable_seqscan = 'off';
SET max_parallel_workers_per_gather = 0;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
"""
_LAST_PAGE = 2**32 - 2
_OLDEST = 140_000

# A table, its partitions and whatever inherits from it: each has pages of its own.
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
    """A table that has pages of its own."""

    oid: int
    schema: str
    table: str
    kind: str
    filenode: int | None
    pages: int
    rows_then: float
    """As the planner knows it, of so many pages."""
    pages_then: int


class TableSource:
    """The rows of a table, of which one column holds a checksum."""

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
        about = self._connection.info
        said = f"table={self._table}&{self._columns.query()}"
        return f"postgresql://{about.host}:{about.port}/{about.dbname}?{said}"

    @cached_property
    def _parts(self) -> list[Part]:
        with _translated():
            rows = self._connection.execute(_PARTS, (self._table,)).fetchall()
        parts = [Part(*row) for row in rows]
        if not parts:
            raise InvalidSettings(f"there is no table {self._table}, or we may not see it")
        for part in parts:
            if part.kind in _KINDS:
                raise InvalidSettings(
                    f"{part.table} is {_KINDS[part.kind]}, which has no pages to go by: make a "
                    "table or a materialized view of it"
                )
        return [part for part in parts if part.kind != "p"]

    def version(self) -> str:
        return " ".join(f"{part.oid}:{part.filenode}" for part in self._parts)

    def count(self) -> int | None:
        return sum(map(self._count, self._parts))

    def _count(self, part: Part) -> int:
        if part.pages > _COUNTED and part.pages_then:
            return int(part.rows_then / part.pages_then * part.pages)
        ((rows,),) = self._ask(part, sql.SQL("count(*)"))
        return int(rows)

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        oid, page = map(int, (after or "0 0").split())
        for part in self._parts:
            if part.oid >= oid:
                first = page if part.oid == oid else 0
                for begin in range(first, part.pages, _PAGES):
                    yield self._batch(part, begin)

    def _batch(self, part: Part, begin: int) -> Batch:
        end = begin + _PAGES
        columns = sql.SQL(", ").join(map(sql.Identifier, self._columns.named()))
        found = self._ask(part, columns, begin, end)
        entries, rejects = self._rows.read(found, str)
        if rejects:
            # The same range again comes in the same order: only who needs the places pays for them.
            places = self._ask(part, sql.SQL("ctid::text"), begin, end)
            rejects = [
                reject._replace(row=f"{part.schema}.{part.table} {places[int(reject.row)][0]}")
                for reject in rejects
            ]
        return Batch(f"{part.oid} {end}", entries, rejects)

    def _ask(
        self, part: Part, what: sql.Composable, begin: int = 0, end: int = _LAST_PAGE
    ) -> list[tuple[Any, ...]]:
        """Select something of each row of some pages, in the order of the pages."""
        query = sql.SQL("SELECT {} FROM ONLY {} WHERE ctid >= {}::tid AND ctid < {}::tid").format(
            what, sql.Identifier(part.schema, part.table), f"({begin},0)", f"({end},0)"
        )
        with _translated():
            return self._connection.execute(query, binary=True).fetchall()

    def values(self) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def close(self) -> None:
        self._connection.close()


def open_table(url: str, tenant: str) -> TableSource:
    """Open `postgresql://user@host/database?table=T&column=C&size=S&key=K`.

    What else the URL says is for libpq, which also knows where passwords are kept. Raises
    InvalidSettings, Forbidden and Unavailable.
    """
    parts = urlsplit(url)
    said = dict(parse_qsl(parts.query))
    ours = {name: said.pop(name) for name in _OURS if name in said}
    columns = Columns.of({k: v for k, v in ours.items() if k != "table"}, "postgresql:")
    if columns.column is None:
        raise InvalidSettings("say which column holds the checksum: …?table=T&column=C")
    connection = _connect(parts._replace(query=urlencode(said)).geturl())
    return TableSource(connection, ours["table"], columns, tenant)


def open_parameters(
    database: Mapping[str, str], table: str, column: str, tenant: str
) -> TableSource:
    """Open a table of a database that is named by libpq's parameters, the password included."""
    connection = connect(make_conninfo("", **database))
    return TableSource(connection, table, Columns(column, None, None), tenant)


def require_index(url: str) -> None:
    """Raise InvalidSettings if there is no index in this database."""
    with closing(_connect(url)) as connection, _translated():
        ((found,),) = connection.execute("SELECT to_regclass('onecopy.copy') IS NOT NULL")
    if not found:
        raise InvalidSettings(
            "there is no index in this database; for a table with checksums say "
            "postgresql://…?table=T&column=C"
        )


def _connect(url: str) -> "psycopg.Connection[tuple[Any, ...]]":
    if urlsplit(url).password:
        raise InvalidSettings(
            "a password doesn't belong in a URL, which others can read: set PGPASSWORD, or use a "
            "password file or a service file of PostgreSQL"
        )
    return connect(url)


def connect(conninfo: str) -> "psycopg.Connection[tuple[Any, ...]]":
    """Connect for reading, from one snapshot; raises InvalidSettings, Forbidden, Unavailable."""
    try:
        connection = psycopg.connect(conninfo, application_name="onecopy-migrate")
    except psycopg.Error as error:
        raise refusal(error) from error
    version = connection.info.server_version
    if version < _OLDEST:
        connection.close()
        raise InvalidSettings(
            f"PostgreSQL {version // 10_000} can't find rows by their page: 14 or newer can"
        )
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute(_SESSION)
    return connection


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what an error of PostgreSQL means, in its place."""
    try:
        yield
    except psycopg.errors.UndefinedColumn as error:
        raise InvalidSettings(f"there is no such column ({error.diag.message_primary})") from error
    except psycopg.Error as error:
        raise failure(error) from error
