"""Tables and views of PostgreSQL as sources of a migration."""

from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg

from onecopy.errors import InvalidSettings
from onecopy.index.postgres.connections import conninfo_of
from onecopy.index.postgres.errors import refusal
from onecopy.migrate.columns import Columns, options_of
from onecopy.migrate.interface import Source
from onecopy.migrate.queries import QuerySource
from onecopy.migrate.relations import Connection, find_columns, find_relation
from onecopy.migrate.rows import Rows
from onecopy.migrate.tables import TableSource, parts_of

# Read each page once, in order; don't time out when the destination is slow; and write times, which
# are positions of a migration, in one way.
_SESSION = """
SET enable_seqscan = 'off';
SET max_parallel_workers_per_gather = 0;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';
SET TimeZone = 'UTC';
"""
_MIN_VERSION = 140_000
_OPTIONS = ("table", *Columns._fields, "order")


def open_source(url: str, tenant: str, since: str | None = None) -> Source | None:
    """Open `postgresql://user@host/database?table=T&column=C&size=S&key=K&order=O`.

    Returns None if the URL has no `table`: then it is the URL of an index. libpq interprets the
    rest of the URL, and finds the password in its usual places. `since` is a column by which rows
    are read, as `order` is. Raises InvalidSettings, Forbidden and Unavailable.
    """
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    query = options_of(parts.query, address)
    own = {name: query.pop(name) for name in _OPTIONS if name in query}
    # Whatever is wrong: the whole URL may contain a password, and is never shown.
    conninfo = conninfo_of(parts._replace(query=urlencode(query)).geturl(), "the source")
    if not own and since is None:
        return None
    table, order = own.pop("table", ""), own.pop("order", since)
    if not table:
        raise InvalidSettings(f"{address}: name the table, as in …?table=T&column=C")
    columns = Columns.of(own, address)
    if columns.column is None:
        raise InvalidSettings(f"{address}: name the column with the checksum: …?table=T&column=C")
    if since not in (None, order):
        raise InvalidSettings(f"{address}: rows are read by {since}; remove order={order}")
    return open_table(connect(conninfo), table, columns, order, tenant)


def open_table(
    connection: Connection, table: str, columns: Columns, order: str | None, tenant: str
) -> Source:
    """Open a table or view; the connection is closed if that fails. Raises InvalidSettings."""
    try:
        relation = find_relation(connection, table)
        named = find_columns(connection, relation, columns.named())
        by = None if order is None else find_columns(connection, relation, [order])[0]
        info = connection.info
        query = f"table={table}&{columns.query()}{f'&order={order}' if order else ''}"
        name = f"postgresql://{info.host}:{info.port}/{info.dbname}?{query}"
        names, rows = [column.name for column in named], Rows(tenant, len(named))
        parts = parts_of(connection, relation)
        if by is None and parts is not None:
            return TableSource(connection, name, parts, names, rows)
        return QuerySource(connection, name, relation, names, rows, order=by)
    except BaseException:
        connection.close()
        raise


def connect(conninfo: str) -> Connection:
    """Connect for reading one snapshot; raises InvalidSettings, Forbidden and Unavailable."""
    try:
        connection: psycopg.Connection[Any] = psycopg.connect(
            conninfo, application_name="onecopy-migrate"
        )
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
