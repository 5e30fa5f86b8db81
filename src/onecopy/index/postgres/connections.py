"""Connections to a database: as many as are needed at one time, up to a limit."""

from collections.abc import Callable
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from threading import Condition
from time import monotonic
from typing import Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8BinaryDumper

from onecopy.errors import InvalidSettings, Unavailable
from onecopy.index.postgres.asking import Connection, run
from onecopy.index.postgres.errors import failure, refusal

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 16
"""Connections of one process, at most."""
PATIENCE = 10.0
"""Seconds to wait for a connection while all are in use."""
_A_WHILE = 0.1
"""Seconds after which an idle connection is looked at before it is used: no restart is faster."""
_DEFAULTS = {
    "application_name": "onecopy",
    "connect_timeout": "5",
    # A server that is gone without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""What libpq is told unless the URL says otherwise."""
# Nobody waits for ever, neither we for others nor others for us. All that we ask goes by an index,
# row by row, and is planned once: see reading.py.
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


class Connections:
    """Lends connections; the last one given back is taken first.

    They are made when they are needed, in the thread that needs them, so that it is told at once
    why there is none. One on which anything failed is not used again.
    """

    def __init__(self, url: str) -> None:
        self._conninfo = _conninfo(url)
        self._idle: list[tuple[Connection, float]] = []
        """Each with the time since when it is idle."""
        self._made = 0
        self._waiting = 0
        self._change = Condition()
        self._is_open = True

    def use(self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kw: P.kwargs) -> T:
        """Return what `do` returns; raises what PostgreSQL's errors mean."""
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
            self._tell()
        return result

    def _take(self) -> Connection:
        while self._is_open:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                if self._may_connect():
                    return self._connect()
            else:
                if monotonic() - since < _A_WHILE or _is_quiet(connection):
                    return connection
                self._drop(connection)
        raise Unavailable("the index is closed")

    def _may_connect(self) -> bool:
        """Return whether one more connection may be made, now that none is idle; may wait."""
        with self._change:
            if self._made < AT_ONCE:
                self._made += 1
                return True
            self._waiting += 1
            try:
                if not self._idle and not self._change.wait(PATIENCE):
                    raise Unavailable(f"all {AT_ONCE} connections to the database are in use")
            finally:
                self._waiting -= 1
            return False

    def _connect(self) -> Connection:
        try:
            return _connected(self._conninfo)
        except BaseException:
            self._forget_one()
            raise

    def _drop(self, connection: Connection) -> None:
        connection.close()
        self._forget_one()

    def _forget_one(self) -> None:
        with self._change:
            self._made -= 1
            self._change.notify()

    def _tell(self) -> None:
        with self._change:
            self._change.notify()
        if not self._is_open:
            self.close()

    def close(self) -> None:
        """Close all connections, those in use as soon as they are given back."""
        self._is_open = False
        with suppress(IndexError):
            while True:
                self._idle.pop()[0].close()
        with self._change:
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
    # One type for all numbers, or a statement would have a plan for each mixture.
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    return connection


def _is_quiet(connection: Connection) -> bool:
    """Return whether nothing came in while nothing was asked: else it has been ended."""
    if connection.closed:
        return False
    with DefaultSelector() as selector:
        selector.register(connection, EVENT_READ)
        return not selector.select(0)


def _conninfo(url: str) -> str:
    """Return what libpq is told; raises InvalidSettings."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        # Not the words of libpq, nor the URL: a password may stand in either.
        raise InvalidSettings(
            "the URL of the index can't be read: expected postgresql://user@host/database, "
            "percent-encoded where it must be, with libpq's options"
        ) from None
    if "password" in given:
        raise InvalidSettings(
            "a password doesn't belong in a URL, which others can read: set PGPASSWORD, or use a "
            "password file or a service file of PostgreSQL"
        )
    return make_conninfo("", **{**_DEFAULTS, **given})
