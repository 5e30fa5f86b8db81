"""Connections for reading and writing, and checkpoints of the write-ahead log."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import apsw

from onecopy.errors import Failure, Unavailable
from onecopy.index.sqlite.errors import ERRORS, failure, translated
from onecopy.index.sqlite.file import connect, connect_reader, retry_while_busy
from onecopy.index.sqlite.presence import Presence
from onecopy.monitor import Monitor

P = ParamSpec("P")
T = TypeVar("T")

_CHECKPOINT_PAGES = 8 * 1024
"""Size of the WAL (64 MiB) at which it is copied in the background."""
_MAX_WAL_PAGES = 32 * 1024
"""Size of the WAL (256 MiB), reached by bulk loads, at which the writer itself copies it."""
_MAX_STALL_MS = 50
"""How long writers wait for a slow reader when the WAL is restarted."""


class Readers:
    """Connections for reading, one for each concurrent reader.

    The connection that was returned last is used first, so a single reader finds its pages cached.
    """

    def __init__(self, path: str, presence: Presence) -> None:
        self._path = path
        self._presence = presence
        self._idle: list[apsw.Connection] = []
        self._is_open = True

    def read(
        self, do: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return the result of `do`; translate SQLite's errors."""
        self._presence.require_lately()
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            return do(connection, *args, **kwargs)
        except ERRORS as error:
            raise failure(error) from error
        finally:
            self._idle.append(connection)
            if not self._is_open:
                self.close()

    def _connect(self) -> apsw.Connection:
        if not self._is_open:
            raise Unavailable("the index is closed")
        with translated():
            connection = connect_reader(self._path)
        try:
            self._presence.require()  # it may have opened another file
        except Unavailable:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close all connections; those in use are closed when they are returned."""
        self._is_open = False
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


class Watcher:
    """Notices commits, through one connection that never writes itself."""

    def __init__(self, path: str, presence: Presence) -> None:
        self._readers = Readers(path, presence)
        self._lock = Lock()

    def version(self) -> object:
        """Return a number that changes with each commit of any other connection."""
        with self._lock:  # the numbers of two connections have nothing in common
            return self._readers.read(lambda connection: connection.pragma("data_version"))

    def close(self) -> None:
        """Close the connection."""
        self._readers.close()


class _Job(Generic[T]):
    """A write that waits for its transaction, and its result."""

    def __init__(self, do: Callable[[apsw.Connection], T], *, is_synced: bool = True) -> None:
        self._do = do
        self.is_synced = is_synced
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
        if isinstance(self.error, ERRORS):
            raise failure(self.error) from self.error
        if self.error is not None:
            raise self.error
        return self._result


class Writer:
    """The only connection of this process that writes, with group commit.

    Callers queue their jobs. The caller that gets the lock commits all queued jobs in one
    transaction, with one fsync. A single caller hands nothing over to another thread.
    """

    def __init__(self, connection: apsw.Connection, presence: Presence | None = None) -> None:
        self._connection = connection
        self._presence = presence
        self._connection.set_busy_timeout(0)
        self._waiting: deque[_Job[Any]] = deque()
        self._lock = Lock()
        self._is_synced = True

    def write(
        self, do: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return the result of `do` once it is durable; translate SQLite's errors.

        If one job fails, all jobs of its transaction fail: jobs must be repeatable.
        """
        return self._queue(_Job(lambda connection: do(connection, *args, **kwargs)))

    def write_unsynced(
        self, do: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do as `write` for what a power failure may lose: it does not wait for the disk."""
        job = _Job(lambda connection: do(connection, *args, **kwargs), is_synced=False)
        return self._queue(job)

    def _queue(self, job: _Job[T]) -> T:
        self._waiting.append(job)
        with self._lock:
            if not job.is_done:
                self._commit([self._waiting.popleft() for _ in range(len(self._waiting))])
        return job.result()

    def _commit(self, jobs: list[_Job[Any]]) -> None:
        try:
            self._run(jobs)
        except (*ERRORS, Failure) as error:
            _fail(jobs, error)
        except Exception:  # noqa: BLE001 - its caller raises it, in its own thread
            _fail(jobs, Unavailable("another write of the same transaction failed: try again"))
        except BaseException:
            _fail(jobs, Unavailable("the write was interrupted: try again"))
            raise
        finally:
            for job in jobs:
                job.is_done = True

    def _run(self, jobs: list[_Job[Any]]) -> None:
        connection = self._connection
        self._sync(is_wanted=any(job.is_synced for job in jobs))
        # Wait for other writers here: SQLite would block checkpoints while it waits.
        retry_while_busy(lambda: connection.execute("BEGIN IMMEDIATE"), 0.001)
        try:
            for job in jobs:
                job.run(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(apsw.Error):  # SQLite may have rolled back already
                connection.execute("ROLLBACK")
            raise
        if self._presence:
            self._presence.require()  # nothing is acknowledged that went into a removed file (P6)

    def _sync(self, *, is_wanted: bool) -> None:
        """Have commits wait for the disk, or not; a later one that does syncs those before."""
        if is_wanted != self._is_synced:
            self._connection.pragma("synchronous", "FULL" if is_wanted else "NORMAL")
            self._is_synced = is_wanted

    def close(self) -> None:
        """Close the connection after the current transaction."""
        with self._lock:
            self._connection.close()


def _fail(jobs: list[_Job[Any]], error: Exception) -> None:
    for job in jobs:
        job.error = job.error or error


class Checkpointer:
    """A thread that copies the WAL into the index file, so that commits need not do it.

    While others write, the thread never reaches the end of the WAL, which would grow without limit.
    So the next commit copies the small remainder, after which the WAL starts over.
    """

    def __init__(self, path: str) -> None:
        self._connection = connect(path)
        self._changed = Monitor()
        self._is_wanted = False
        self._due = _CHECKPOINT_PAGES
        """Size of the WAL at which it must be copied."""
        self._is_copied = False
        self._is_open = True
        self._thread = Thread(target=self._work, name="onecopy-checkpointer", daemon=True)
        self._thread.start()

    def watch(self, connection: apsw.Connection) -> None:
        """Checkpoint the WAL after commits of this connection."""
        connection.set_wal_hook(self._after_commit)

    def _after_commit(self, connection: apsw.Connection, _name: str, pages: int) -> int:
        """Wake the thread to copy the WAL, or restart the WAL if that has been done."""
        if pages < self._due:
            return apsw.SQLITE_OK
        if self._is_copied or pages >= _MAX_WAL_PAGES:
            self._is_copied = False
            self._due = _CHECKPOINT_PAGES + (0 if _restart_wal(connection) else pages)
        else:
            self._wake()
        return apsw.SQLITE_OK

    def _work(self) -> None:
        while self._changed.wait_for(lambda: self._is_wanted) and self._is_open:
            self._is_wanted = False
            with suppress(apsw.Error):  # the next write will raise it
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                self._is_copied = True

    def _wake(self) -> None:
        self._is_wanted = True
        with self._changed.lock:
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread after the current copy."""
        self._is_open = False
        self._wake()
        self._thread.join()
        self._connection.close()


def _restart_wal(connection: apsw.Connection) -> bool:
    """Copy the rest of the WAL, most of it while others may write, and start it over.

    Return whether that succeeded: other processes and slow readers can prevent it.
    """
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        connection.set_busy_timeout(_MAX_STALL_MS)
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
    except apsw.Error:  # the next write will raise it
        return False
    finally:
        connection.set_busy_timeout(0)
    return True
