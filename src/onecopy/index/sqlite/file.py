"""Opening, creating and backing up of an index file."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import TypeVar

import apsw

from onecopy.errors import Failure, Forbidden, InvalidSettings, unwritable
from onecopy.index.sqlite.errors import translated
from onecopy.index.sqlite.schema import upgrade
from onecopy.index.stored import damaged
from onecopy.platforms import has_access, sync_path

T = TypeVar("T")
_FindFaults = Callable[[apsw.Connection], list[str]]

_MIN_SQLITE = (3, 51, 3)
"""Older versions can corrupt a WAL file when two connections write or checkpoint concurrently."""
BUSY_TIMEOUT = 10.0
"""Seconds to wait for other processes that write."""
PAGE_SIZE = 8192
"""Bytes. With SQLite's default of 4096 the large trees are one level deeper between 2 and 20
million copies; with larger pages each commit writes more."""
_CACHE_KIB = 16 * 1024
"""For each connection: enough for the inner pages of an index of 10 million copies."""
_WRITER_CACHE_KIB = 64 * 1024
"""For the connection that writes: a bulk load sorts in it."""
_MAPPED = 2**40
"""Bytes of the file that readers map at most: all of it."""
_MAX_WAL_BYTES = 256 * 1024**2
"""Size to which a WAL is truncated when it starts over, after a bulk load that it held whole."""
_NETWORK_FILE_SYSTEMS = re.compile(
    r"9p|afs|beegfs|ceph|cifs|coda|gfs2|glusterfs|gpfs|lustre|ncpfs|nfs4?|ocfs2|smb[23]|smbfs|vboxsf"
    r"|fuse\.(ceph|davfs|gcsfuse|glusterfs|goofys|juicefs|mount(point)?-s3|rclone|s3fs|sshfs"
    r"|vmhgfs-fuse)"
)
"""Linux names of file systems whose locks or shared memory do not work between machines."""


def open_file(path: str) -> apsw.Connection:
    """Open the index at `path` for writing; create it, or upgrade it to this version.

    Raises InvalidSettings if that is impossible, Forbidden and Unavailable.
    """
    _require_sqlite()
    file = Path(path).resolve()
    _require_local(file)
    _create(file)
    with translated():
        connection = connect(str(file))
        try:
            connection.pragma("cache_size", -_WRITER_CACHE_KIB)
            connection.pragma("page_size", PAGE_SIZE)  # for a new file
            _enable_wal(connection)
            upgrade(connection)
            _require_writable(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _require_writable(connection: apsw.Connection) -> None:
    """Raise Damaged if the file itself says that it is read-only: we have access to it."""
    if connection.readonly("main"):
        raise damaged("its header makes it read-only")


def connect(path: str) -> apsw.Connection:
    """Open another connection to an index that `open_file` has opened."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(int(BUSY_TIMEOUT * 1000))
    connection.wal_autocheckpoint(0)  # a thread does that: see Checkpointer
    # Otherwise SQLite plans a statement again for every new value bound to it.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.pragma("synchronous", "FULL")
    connection.pragma("cache_size", -_CACHE_KIB)
    connection.pragma("journal_size_limit", _MAX_WAL_BYTES)
    return connection


def retry_while_busy(do: Callable[[], T], delay: float) -> T:
    """Return the result of `do`; while other processes write, call it again after `delay` seconds.

    Raises apsw.BusyError after BUSY_TIMEOUT.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            return do()
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(delay)


def connect_reader(path: str) -> apsw.Connection:
    """Open a read-only connection that maps the file into memory.

    This halves the time of large batches while nothing is written. A mapped file must not shrink,
    and this one never does while it is in use; so only an unreadable disk can crash the process.
    """
    connection = connect(path)
    connection.pragma("query_only", value=True)
    connection.pragma("mmap_size", _MAPPED)
    return connection


@contextmanager
def unmapped(connection: apsw.Connection) -> Iterator[None]:
    """Read without mapping in the block: what is mapped counts as memory of the process."""
    connection.pragma("mmap_size", 0)
    try:
        yield
    finally:
        connection.pragma("mmap_size", _MAPPED)


def connect_temporary() -> apsw.Connection:
    """Create an empty index in a temporary file of SQLite, which only this connection can use.

    The file is deleted with the connection, so also when the process ends. An error leaves it
    unusable.
    """
    connection = connect("")
    connection.pragma("journal_mode", "OFF")
    connection.pragma("synchronous", "OFF")
    connection.pragma("cache_size", -_WRITER_CACHE_KIB)
    connection.pragma("page_size", PAGE_SIZE)
    upgrade(connection)
    return connection


def back_up(source: apsw.Connection, path: str, find_faults: _FindFaults) -> None:
    """Copy the index as it is now into a new file, while other processes use it.

    Durable when it returns. Raises InvalidSettings if `path` exists or cannot be created, and
    Damaged, without leaving a file, if the copy has faults.
    """
    file = Path(path).resolve()
    try:
        with _unfinished(file) as unfinished:
            _copy(source, unfinished, find_faults)
            file.hardlink_to(unfinished)  # a rename would overwrite
        sync_path(file.parent)
    except FileExistsError as error:
        raise InvalidSettings(f"{file} exists already: name a new file for the backup") from error
    except OSError as error:
        raise unwritable(f"the backup {file}", error.strerror) from error


@contextmanager
def _unfinished(file: Path) -> Iterator[Path]:
    """Create an empty temporary file beside `file`; delete it at the end of the block."""
    fd, name = mkstemp(prefix=f"{file.name}.", suffix=".unfinished", dir=file.parent)
    os.close(fd)
    try:
        yield Path(name)
    finally:
        Path(name).unlink()


def _copy(source: apsw.Connection, file: Path, find_faults: _FindFaults) -> None:
    with translated():
        target = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            target.pragma("synchronous", "OFF")  # it is synced once, below
            target.pragma("journal_mode", "OFF")
            with target.backup("main", source, "main") as copying:
                copying.step()  # in one step: between several, each write would restart the backup
            if faults := find_faults(target):
                raise damaged(f"so it was not backed up: {faults[0]}")
        except apsw.FullError as error:
            raise Failure(
                f"the disk of {file.parent} is full: free some space, or write the backup to "
                "another disk"
            ) from error
        finally:
            target.close()
    sync_path(file)


def _require_sqlite() -> None:
    version = apsw.sqlite_lib_version()
    if tuple(map(int, version.split("."))) < _MIN_SQLITE:
        raise InvalidSettings(
            f"SQLite {version} can corrupt an index that several processes write to: install apsw "
            f"{'.'.join(map(str, _MIN_SQLITE))} or newer"
        )
    if "ENABLE_CARRAY" not in apsw.compile_options:
        raise InvalidSettings("this build of apsw has no carray: install apsw from PyPI")


def _require_local(file: Path) -> None:
    with suppress(FileNotFoundError):  # not Linux
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
        kind = file_system(str(file), mounts)
        if _NETWORK_FILE_SYSTEMS.fullmatch(kind):
            raise InvalidSettings(
                f"{file} is on a network file system ({kind}), where SQLite can corrupt an index: "
                "use a local disk"
            )


def file_system(path: str, mounts: str) -> str:
    """Return the type of an absolute path's file system, from /proc/self/mountinfo (proc(5))."""
    best, kind = "", ""
    for line in mounts.splitlines():
        mount, _, system = line.partition(" - ")
        point = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), mount.split(" ")[4]).rstrip("/")
        # If two file systems are mounted at one point, the later one is visible.
        if len(point) >= len(best) and (path + "/").startswith(point + "/"):
            best, kind = point, system.split(" ")[0]
    return kind


def _create(file: Path) -> None:
    """Create an empty file, readable only by its owner, since it will hold secrets."""
    folder = file.parent
    try:
        with suppress(FileExistsError):
            folder.mkdir()
            sync_path(folder.parent)
        # An existing file must not be opened: closing it would release all locks that SQLite holds
        # on it in this process.
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            sync_path(folder)
        if not file.is_file():
            raise InvalidSettings(f"cannot create an index at {file}: it is not a file")
    except PermissionError as error:
        raise Forbidden(f"no permission to create an index at {file}") from error
    except FileNotFoundError as error:
        raise InvalidSettings(
            f"cannot create an index at {file}: {folder.parent} does not exist; create it, or name "
            "another place"
        ) from error
    except OSError as error:
        raise InvalidSettings(f"cannot create an index at {file}: {error.strerror}") from error
    if not has_access(file, os.R_OK | os.W_OK):
        raise Forbidden(f"no permission to read and write the index at {file}")


def _enable_wal(connection: apsw.Connection) -> None:
    # If another process does the same, SQLite does not wait.
    mode = retry_while_busy(lambda: connection.pragma("journal_mode", "wal"), 0.01)
    if mode != "wal":
        raise InvalidSettings(
            f"the file system of {connection.filename} has no shared memory, which SQLite needs "
            "for several processes: use a local disk"
        )
