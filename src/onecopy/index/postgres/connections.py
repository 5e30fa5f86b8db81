"""Connections to a database: as many as are needed at one time, up to a limit."""

import select
from collections.abc import Callable
from contextlib import suppress
from threading import BoundedSemaphore
from typing import Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8BinaryDumper

from onecopy.errors import InvalidSettings, Unavailable
from onecopy.index.postgres.asking import Connection, run
from onecopy.index.postgres.failures import failure, refusal

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 16
"""Connections of one process, at most."""
PATIENCE = 10.0
"""Seconds to wait for a connection while all are in use."""
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
# Plans are made once for a statement, perhaps while the tables are empty, and have to stay good
# when they hold a billion rows: all that we ask goes by an index, row by row. Nobody waits for ever,
# neither we for others nor others for us.
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
        self._idle: list[Connection] = []
        self._room = BoundedSemaphore(AT_ONCE)
        self._is_open = True

    def use(
        self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `do` returns; raises what PostgreSQL's errors mean."""
        if not self._room.acquire(timeout=PATIENCE):
            raise Unavailable(f"all {AT_ONCE} connections to the database are in use")
        try:
            connection = self._take()
            try:
                result = do(connection, *args, **kwargs)
            except BaseException as error:
                connection.close()
                if isinstance(error, psycopg.Error):
                    raise failure(error) from error
                raise
            self._give_back(connection)
            return result
        finally:
            self._room.release()

    def _take(self) -> Connection:
        while self._is_open:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._connect()
            if _is_quiet(connection):
                return connection
            connection.close()
        raise Unavailable("the index is closed")

    def _connect(self) -> Connection:
        try:
            connection: Connection = psycopg.connect(self._conninfo, autocommit=True)
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

    def _give_back(self, connection: Connection) -> None:
        self._idle.append(connection)
        if not self._is_open:
            self.close()

    def close(self) -> None:
        """Close all connections, those in use as soon as they are given back."""
        self._is_open = False
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


def _is_quiet(connection: Connection) -> bool:
    """Return whether nothing came in while nothing was asked: else it has been ended."""
    if connection.closed:
        return False
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return not waiting.poll(0)


def _conninfo(url: str) -> str:
    """Return what libpq is told; raises InvalidSettings."""
    try:
        return make_conninfo(**{**_DEFAULTS, **conninfo_to_dict(url)})
    except psycopg.Error:
        # Not the words of libpq, nor the URL: a password may stand in either.
        raise InvalidSettings(
            "the URL of the index can't be read: expected postgresql://user@host/database, "
            "percent-encoded where it must be"
        ) from None
