"""Connections to a database, and the ways to execute statements."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from time import monotonic
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8BinaryDumper

from onecopy.errors import InvalidSettings, NoIndex, Unavailable
from onecopy.index.postgres.errors import failure, refusal
from onecopy.monitor import Monitor

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[Any, ...]
Cursor = psycopg.Cursor[Row]

MAX_CONNECTIONS = 16
"""Of one process."""
WAIT_TIMEOUT = 10.0
"""Seconds to wait for a connection while all are in use."""
_UNCHECKED_SECONDS = 0.1
"""How long a connection may be idle and be used without a check: no server restarts faster."""
_DEFAULTS = {
    "application_name": "onecopy",
    "connect_timeout": "5",
    # A server that disappeared silently is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""Parameters of libpq, unless the URL sets them."""
_UNKNOWN_OPTION = re.compile(r"invalid URI query parameter: \"([^\"=]{1,50})\"")
# Timeouts, so that no process waits forever for another. All queries find their rows by an index,
# one by one, and are planned once: see reading.py.
_SESSION = """
SET default_transaction_isolation = 'read committed';
SET synchronous_commit = 'on';
SET statement_timeout = '30s';
SET lock_timeout = '10s';
SET idle_in_transaction_session_timeout = '30s';
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET plan_cache_mode = 'force_generic_plan';
SET enable_seqscan = 'off';
SET enable_bitmapscan = 'off';
SET enable_hashjoin = 'off';
SET enable_mergejoin = 'off';
SET enable_sort = 'off';
SET jit = 'off';
"""


class Connection(psycopg.Connection[Row]):
    """A connection that keeps a cursor: creating one takes half as long as a typical query."""

    kept: Cursor

    @classmethod
    def to(cls, conninfo: str) -> "Connection":
        """Connect; each statement is a separate transaction, except after BEGIN."""
        connection = cls.connect(conninfo, autocommit=True)
        connection.kept = connection.cursor(binary=True)
        return connection


def fetch(connection: Connection, statement: str, *values: object) -> list[Row]:
    """Execute a frequent statement; return its rows.

    The server parses and plans it once for each connection. Values are transferred in binary form.
    """
    return connection.kept.execute(statement, values, prepare=True).fetchall()


def execute(connection: Connection, statement: str, *values: object) -> Cursor:
    """Execute a statement as `fetch` does; return a cursor from which rows can be read later."""
    return connection.cursor(binary=True).execute(statement, values, prepare=True)


def execute_each(
    connection: Connection, statement: str, rows: Sequence[tuple[object, ...]]
) -> None:
    """Execute a statement for each of many rows of values, in a single round trip."""
    if rows:
        with connection.pipeline():
            for values in rows:
                execute(connection, statement, *values)


def run(connection: Connection, statements: str) -> None:
    """Execute several infrequent statements."""
    connection.execute(statements, prepare=False)


# Why not psycopg_pool (3.3): it connects in background threads and only logs why that fails, so a
# wrong database or password ends in a PoolTimeout without a reason, 10 seconds later. It hands out
# connections that the server has closed, unless each use costs another round trip. And it is
# slower: 118 µs instead of 100 µs for a SELECT 1, and half as many per second from 8 threads.
class Connections:
    """A pool of connections; the one that was returned last is used first.

    A connection is created in the thread that needs it, so that this thread gets the reason
    immediately if that fails. A connection is not used again after an error.
    """

    def __init__(self, url: str) -> None:
        self._conninfo = conninfo_of(url)
        self._idle: list[tuple[Connection, float]] = []
        """Each with the time at which it became idle."""
        self._count = 0
        self._waiting = 0
        self._change = Monitor()
        self._is_open = True

    def use(self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kw: P.kwargs) -> T:
        """Return the result of `do`; translate PostgreSQL's errors."""
        connection = self._take()
        try:
            result = do(connection, *args, **kw)
        except BaseException as error:
            self._drop(connection)
            if isinstance(error, psycopg.Error):
                raise failure(error) from error
            raise
        self._idle.append((connection, monotonic()))
        if self._waiting or not self._is_open:
            self._notify()
        return result

    def _take(self) -> Connection:
        while self._is_open:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                if self._may_connect():
                    return self._connect()
            else:
                if monotonic() - since < _UNCHECKED_SECONDS or _is_alive(connection):
                    return connection
                self._drop(connection)
        raise Unavailable("the index is closed")

    def _may_connect(self) -> bool:
        """Return whether another connection may be created; wait if the limit is reached."""
        is_new = False

        def is_possible() -> bool:
            nonlocal is_new
            is_new = self._count < MAX_CONNECTIONS
            self._count += is_new
            return is_new or bool(self._idle) or not self._is_open

        with self._change.lock:
            self._waiting += 1
        try:
            if not self._change.wait_for(is_possible, WAIT_TIMEOUT):
                raise Unavailable(
                    f"all {MAX_CONNECTIONS} connections to the database are in use: try again"
                )
        finally:
            with self._change.lock:
                self._waiting -= 1
        return is_new

    def _connect(self) -> Connection:
        try:
            return _connected(self._conninfo)
        except BaseException:
            self._decrease()
            raise

    def _drop(self, connection: Connection) -> None:
        connection.close()
        self._decrease()

    def _decrease(self) -> None:
        with self._change.lock:
            self._count -= 1
            self._change.notify()

    def _notify(self) -> None:
        with self._change.lock:
            self._change.notify()
        if not self._is_open:
            self.close()

    def close(self) -> None:
        """Close all connections; those in use are closed when they are returned."""
        self._is_open = False
        with suppress(IndexError):
            while True:
                self._idle.pop()[0].close()
        with self._change.lock:
            self._change.notify_all()


def _connected(conninfo: str) -> Connection:
    try:
        connection = Connection.to(conninfo)
    except psycopg.Error as error:
        raise refusal(error) from error
    try:
        run(connection, _SESSION)
    except psycopg.Error as error:
        connection.close()
        raise failure(error) from error
    # One type for all numbers, or a statement would have a plan for each combination of types.
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    return connection


def _is_alive(connection: Connection) -> bool:
    """Return whether the server sent nothing while the connection was idle: it would be its end."""
    if connection.closed:
        return False
    with DefaultSelector() as selector:
        selector.register(connection, EVENT_READ)
        return not selector.select(0)


def conninfo_of(url: str, subject: str = "the index") -> str:
    """Return a connection string for libpq; raises InvalidSettings, which names the subject."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error as error:
        # Without the URL and most of libpq's messages: they may contain a password.
        unknown = _UNKNOWN_OPTION.search(str(error))
        raise InvalidSettings(
            f"invalid URL of {subject}{f' (unknown option {unknown[1]})' if unknown else ''}: "
            "expected postgresql://user@host/database, percent-encoded where necessary, with "
            "options of libpq"
        ) from None
    if "password" in given or "sslpassword" in given:
        raise InvalidSettings(
            "the URL contains a password, which other users can read: set PGPASSWORD instead, or "
            "use a password file or a service file of PostgreSQL"
        )
    return make_conninfo("", **{**_DEFAULTS, **given})


def require_index(url: str) -> None:
    """Raise NoIndex if the database contains no index."""
    connections = Connections(url)
    try:
        ((found,),) = connections.use(fetch, "SELECT to_regclass('onecopy.copy') IS NOT NULL")
    finally:
        connections.close()
    if not found:
        raise NoIndex(
            "there is no index in this database; to read a table of checksums, use "
            "postgresql://…?table=T&column=C"
        )
