"""Who reads, who writes, and who tidies up after them."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import apsw

from onecopy.errors import Unavailable
from onecopy.index.sqlite.file import PATIENCE, connect, connect_reader, failure, translated

P = ParamSpec("P")
T = TypeVar("T")

_CHECKPOINT_PAGES = 8 * 1024
"""Pages in the WAL (64 MiB) from which on it is copied in the background."""
_TOO_MANY_PAGES = 32 * 1024
"""Pages in the WAL (256 MiB), as of a bulk load, to which nobody is to add before it is copied."""
_LONGEST_STALL_MS = 50
"""How long to keep writers waiting for a slow reader."""


class Readers:
    """Connections for reading: as many as there are readers at one time.

    The last one given back is taken first, so a lone reader finds its pages in its own cache.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: list[apsw.Connection] = []
        self._is_open = True

    def read(
        self, do: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `do` returns; raises what SQLite's errors mean."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            return do(connection, *args, **kwargs)
        except apsw.Error as error:
            raise failure(error) from error
        finally:
            self._idle.append(connection)
            if not self._is_open:
                self.close()

    def _connect(self) -> apsw.Connection:
        if not self._is_open:
            raise Unavailable("the index is closed")
        with translated():
            return connect_reader(self._path)

    def close(self) -> None:
        """Close all connections, those in use as soon as they are given back."""
        self._is_open = False
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


class _Job(Generic[T]):
    """Something to write, and what came of it."""

    def __init__(self, do: Callable[[apsw.Connection], T]) -> None:
        self._do = do
        self._result: T
        self.error: Exception | None = None
        self.is_done = False

    def run(self, connection: apsw.Connection) -> None:
        try:
            self._result = self._do(connection)
        except Exception as error:
            self.error = error
            raise

    def result(self) -> T:
        if isinstance(self.error, apsw.Error):
            raise failure(self.error) from self.error
        if self.error is not None:
            raise self.error
        return self._result


class Writer:
    """The one connection of this process that writes: group commit.

    Callers queue their jobs; whoever gets the lock commits all that are queued, in one transaction
    and with one fsync. A lone caller hands nothing over to another thread.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._connection.set_busy_timeout(0)
        self._waiting: deque[_Job[Any]] = deque()
        self._lock = Lock()

    def write(
        self, do: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `do` returned, once it is durable; raises what SQLite's errors mean.

        If a job fails, all of its transaction do: jobs must be repeatable.
        """
        job = _Job(lambda connection: do(connection, *args, **kwargs))
        self._waiting.append(job)
        with self._lock:
            if not job.is_done:
                self._commit(self._take_all())
        return job.result()

    def _take_all(self) -> list[_Job[Any]]:
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def _commit(self, jobs: list[_Job[Any]]) -> None:
        try:
            self._run(jobs)
        except apsw.Error as error:
            _fail(jobs, error)
        except Exception:  # noqa: BLE001 - its caller raises it, in its own thread
            _fail(jobs, Unavailable("something else that was to be written with it failed"))
        except BaseException:
            _fail(jobs, Unavailable("the write was interrupted"))
            raise
        finally:
            for job in jobs:
                job.is_done = True

    def _run(self, jobs: list[_Job[Any]]) -> None:
        connection = self._connection
        self._begin()
        try:
            for job in jobs:
                job.run(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(apsw.Error):  # SQLite may have rolled back by itself
                connection.execute("ROLLBACK")
            raise

    def _begin(self) -> None:
        """Wait for other processes here. SQLite would wait as a reader that blocks checkpoints."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except apsw.BusyError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.001)
            else:
                return

    def close(self) -> None:
        """Close the connection, after the transaction that is on its way."""
        with self._lock:
            self._connection.close()


def _fail(jobs: list[_Job[Any]], error: Exception) -> None:
    for job in jobs:
        job.error = job.error or error


class Checkpointer:
    """Copies the WAL into the index file, in a thread of its own, so that commits need not.

    While others write, some of the WAL is always left, and it would grow for ever. So the commit
    after that copies the little that is left, with which the WAL begins anew.
    """

    def __init__(self, path: str) -> None:
        self._connection = connect(path)
        self._wake = Event()
        self._due = _CHECKPOINT_PAGES
        """Pages in the WAL from which on there is something to do."""
        self._is_copied = False
        self._is_open = True
        self._thread = Thread(target=self._work, name="onecopy-checkpointer", daemon=True)
        self._thread.start()

    def watch(self, connection: apsw.Connection) -> None:
        """Take care of the WAL that this connection writes."""
        connection.set_wal_hook(self._notice)

    def _notice(self, connection: apsw.Connection, _name: str, pages: int) -> int:
        """After a commit: have the WAL copied, or begin it anew."""
        if pages < self._due:
            return apsw.SQLITE_OK
        if self._is_copied or pages >= _TOO_MANY_PAGES:
            self._is_copied = False
            self._due = _CHECKPOINT_PAGES + (0 if _begin_anew(connection) else pages)
        else:
            self._wake.set()
        return apsw.SQLITE_OK

    def _work(self) -> None:
        while self._wake.wait() and self._is_open:
            self._wake.clear()
            with suppress(apsw.Error):  # what is amiss, the next one who writes will tell
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                self._is_copied = True

    def close(self) -> None:
        """End the thread, after the copying that is on its way."""
        self._is_open = False
        self._wake.set()
        self._thread.join()
        self._connection.close()


def _begin_anew(connection: apsw.Connection) -> bool:
    """Copy what is left of the WAL, most of it while others may write; then begin it anew.

    Return whether that was possible: other processes, or readers that take long, may hinder it.
    """
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        connection.set_busy_timeout(_LONGEST_STALL_MS)
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
    except apsw.Error:  # what is amiss, the next one who writes will tell
        return False
    finally:
        connection.set_busy_timeout(0)
    return True
