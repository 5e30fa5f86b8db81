"""Opening an index file, backing it up, and what SQLite's errors mean."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

import apsw

from onecopy.errors import Failure, Forbidden, InvalidSettings, Unavailable
from onecopy.index.sqlite.schema import upgrade

_OLDEST_SQLITE = (3, 51, 3)
"""Older ones can corrupt a WAL file when two connections write or checkpoint at once."""
PATIENCE = 10.0
"""Seconds to wait for other processes that write."""
PAGE_SIZE = 8192
"""Bytes. With SQLite's 4096 the large trees are a level deeper between 2 and 20 million copies;
larger ones lengthen what a single commit writes."""
_CACHE = 16 * 1024
"""KiB for a connection: the inner pages of an index of 10 million copies."""
_WRITER_CACHE = 64 * 1024
"""KiB for the connection that writes: a bulk load sorts in them."""
_LARGEST_WAL = 256 * 1024**2
"""Bytes of disk that a WAL keeps when it begins anew, after a bulk load of which it held all."""
_NETWORKS = re.compile(
    r"9p|afs|beegfs|ceph|cifs|coda|gfs2|glusterfs|gpfs|lustre|ncpfs|nfs4?|ocfs2|smb[23]|smbfs|vboxsf"
    r"|fuse\.(ceph|davfs|gcsfuse|glusterfs|goofys|juicefs|mount(point)?-s3|rclone|s3fs|sshfs"
    r"|vmhgfs-fuse)"
)
"""File systems on which locks or shared memory don't hold between machines, as Linux names them."""


def open_file(path: str) -> apsw.Connection:
    """Open the index at `path` for writing; make it if it is not there, bring it to this version.

    Raises InvalidSettings if there can't be one, Forbidden and Unavailable.
    """
    _require_sqlite()
    file = Path(path).resolve()
    _require_local(file)
    _create(file)
    with translated():
        connection = connect(str(file))
        try:
            connection.pragma("cache_size", -_WRITER_CACHE)
            connection.pragma("page_size", PAGE_SIZE)  # of a new file
            _begin_wal(connection)
            upgrade(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def connect(path: str) -> apsw.Connection:
    """Open one more connection to an index that `open_file` has opened."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(int(PATIENCE * 1000))
    connection.wal_autocheckpoint(0)  # a thread does it: see Checkpointer
    # Else a statement is planned anew whenever something new is bound to it.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.pragma("synchronous", "FULL")
    connection.pragma("cache_size", -_CACHE)
    connection.pragma("journal_size_limit", _LARGEST_WAL)
    return connection


def connect_reader(path: str) -> apsw.Connection:
    """Open a connection that only reads, from memory that all processes share.

    Large batches take half the time so, as long as nobody writes. The file never shrinks while it
    is in use, so that only a disk that can't be read can make such memory fatal.
    """
    connection = connect(path)
    connection.pragma("query_only", value=True)
    connection.pragma("mmap_size", 2**40)
    return connection


def connect_draft() -> apsw.Connection:
    """Make an empty index without a name, where SQLite keeps temporary files, for us alone.

    It ends with the connection, and so with the process; an error leaves it unusable.
    """
    connection = connect("")
    connection.pragma("journal_mode", "OFF")
    connection.pragma("synchronous", "OFF")
    connection.pragma("cache_size", -_WRITER_CACHE)
    connection.pragma("page_size", PAGE_SIZE)
    upgrade(connection)
    return connection


def back_up(source: apsw.Connection, path: str) -> None:
    """Copy the index as it is now into a new file, durable when it returns; others may go on.

    Raises InvalidSettings if something is at `path` or nothing can be.
    """
    file = Path(path).resolve()
    try:
        with _unfinished(file) as unfinished:
            _copy(source, unfinished)
            file.hardlink_to(unfinished)  # a rename would overwrite
        _sync(file.parent)
    except FileExistsError as error:
        raise InvalidSettings(f"{file} is there already: a backup never overwrites") from error
    except OSError as error:
        raise InvalidSettings(f"no backup can be made at {file}: {error.strerror}") from error


@contextmanager
def _unfinished(file: Path) -> Iterator[Path]:
    """Lend an empty file beside `file`, for the time in which it is being made."""
    fd, name = mkstemp(prefix=f"{file.name}.", suffix=".unfinished", dir=file.parent)
    os.close(fd)
    try:
        yield Path(name)
    finally:
        Path(name).unlink()


def _copy(source: apsw.Connection, file: Path) -> None:
    with translated():
        target = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            target.pragma("synchronous", "OFF")  # once is enough: below
            target.pragma("journal_mode", "OFF")
            with target.backup("main", source, "main") as copying:
                copying.step()  # in one step: in several, each write would make it begin again
        finally:
            target.close()
    _sync(file)


def _require_sqlite() -> None:
    version = apsw.sqlite_lib_version()
    if tuple(map(int, version.split("."))) < _OLDEST_SQLITE:
        raise InvalidSettings(
            f"SQLite {version} can damage an index that several processes write to: "
            "install apsw 3.51.3 or newer"
        )
    if "ENABLE_CARRAY" not in apsw.compile_options:
        raise InvalidSettings("this apsw was built without carray: install the one from PyPI")


def _require_local(file: Path) -> None:
    with suppress(FileNotFoundError):  # not Linux
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
        kind = file_system(str(file), mounts)
        if _NETWORKS.fullmatch(kind):
            raise InvalidSettings(
                f"{file} lies on a network file system ({kind}), where SQLite can't keep an index "
                "sound: use a local disk"
            )


def file_system(path: str, mounts: str) -> str:
    """Return the type of an absolute path's file system, from /proc/self/mountinfo (proc(5))."""
    best, kind = "", ""
    for line in mounts.splitlines():
        mount, _, system = line.partition(" - ")
        point = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), mount.split(" ")[4]).rstrip("/")
        # Of two mounts at one point the later one is seen.
        if len(point) >= len(best) and (path + "/").startswith(point + "/"):
            best, kind = point, system.split(" ")[0]
    return kind


def _create(file: Path) -> None:
    """Make an empty file that only we can read, since it will hold secrets."""
    folder = file.parent
    try:
        with suppress(FileExistsError):
            folder.mkdir()
            _sync(folder.parent)
        # A file that is there must not be opened: closing it would drop all the locks that SQLite
        # holds on it in this process.
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            _sync(folder)
        if not file.is_file():
            raise InvalidSettings(f"there can't be an index at {file}: that is no file")
    except PermissionError as error:
        raise Forbidden(f"no permission to make an index at {file}") from error
    except OSError as error:
        raise InvalidSettings(f"there can't be an index at {file}: {error.strerror}") from error
    if not os.access(file, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise Forbidden(f"no permission to read and write the index at {file}")


def _begin_wal(connection: apsw.Connection) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            mode = connection.pragma("journal_mode", "wal")
            break
        except apsw.BusyError:  # another process does the same: SQLite does not wait here
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise InvalidSettings(
            f"the file system of {connection.filename} has no shared memory, which SQLite needs "
            "to serve several processes: use a local disk"
        )


def _sync(path: Path) -> None:
    """Make durable what is in a file, or which files are in a folder."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


_RESTORE = "stop all its users, check the disk, and restore a backup (docs/index.md)"
_MEANINGS: tuple[tuple[tuple[type[apsw.Error], ...], type[Failure], str], ...] = (
    (
        (apsw.BusyError, apsw.LockedError, apsw.ProtocolError),
        Unavailable,
        "others are writing to the index",
    ),
    ((apsw.ConnectionClosedError,), Unavailable, "the index is closed"),
    (
        (apsw.IOError, apsw.CantOpenError, apsw.InterruptError, apsw.NoMemError),
        Unavailable,
        "the index can't be read or written",
    ),
    (
        (apsw.ReadOnlyError, apsw.PermissionsError, apsw.AuthError),
        Forbidden,
        "no permission to write to the index",
    ),
    (
        (apsw.FullError,),
        Failure,
        "no room left on the disk of the index, or on that of temporary files: make room",
    ),
    ((apsw.CorruptError,), Failure, f"the index is damaged: {_RESTORE}"),
    ((apsw.NotADBError,), Failure, f"the index file is not a SQLite file: {_RESTORE}"),
)


def failure(error: apsw.Error) -> Failure:
    """Return what an error of SQLite means to those who use the index."""
    for errors, kind, meaning in _MEANINGS:
        if isinstance(error, errors):
            return kind(f"{meaning} ({error})")
    return Failure(f"the index failed: {type(error).__name__}: {error}")


@contextmanager
def translated() -> Iterator[None]:
    """Raise what an error of SQLite means, in its place."""
    try:
        yield
    except apsw.Error as error:
        raise failure(error) from error
