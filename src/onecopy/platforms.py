"""Differences between Linux, macOS and Windows: the only module that depends on the system.

What a system lacks is replaced here, or refused with an error that says what to use instead. Every
module of onecopy can be imported on all three systems.
"""

import errno
import os
import select
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from onecopy.errors import InvalidSettings

if TYPE_CHECKING:
    import socket

# Flags for `os.open`; 0 where the system has no such flag.
NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
"""Refuse a symbolic link."""
NON_BLOCKING: int = getattr(os, "O_NONBLOCK", 0)
"""Do not wait for the other end of a pipe."""
BINARY: int = getattr(os, "O_BINARY", 0)
"""Do not translate line ends (Windows)."""
DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)
"""Open directories only."""
LOOKUP_ONLY: int = getattr(os, "O_PATH", 0)
"""Open a directory for looking up names, without permission to list it (Linux)."""

_MAX_DESCRIPTORS = 65_536
"""Open files that are enough for any process of ours."""


def cores() -> int:
    """Return the number of cores available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS and Windows


def raise_descriptor_limit() -> int | None:
    """Raise the limit of open files of this process; return what it is now, None on Windows."""
    if os.name == "nt":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MAX_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _MAX_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # macOS has another limit below its hard one
        return soft
    return wanted


def load() -> float | None:
    """Return the load average of the last minute; None on Windows, which has none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the user's folder for caches (XDG Base Directory Specification 0.8)."""
    folder = Path(environment.get("XDG_CACHE_HOME", ""))
    if folder.is_absolute():
        return folder
    if os.name == "nt" and (local := environment.get("LOCALAPPDATA")):
        return Path(local)
    return _home(environment) / ".cache"


def _home(environment: Mapping[str, str]) -> Path:
    """Return the user's home folder: HOME, or else as the system knows it; always absolute."""
    for name in ("HOME", "USERPROFILE"):
        if (home := Path(environment.get(name, ""))).is_absolute():
            return home
    with suppress(ImportError, KeyError):  # Windows, or a user whom the system does not know
        import pwd

        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    return Path(os.sep)


def config_folder(environment: Mapping[str, str]) -> Path | None:
    """Return the user's folder for configuration (XDG Base Directory Specification 0.8).

    None without an absolute path: a relative one would be in the working directory.
    """
    folder = Path(environment.get("XDG_CONFIG_HOME", ""))
    if folder.is_absolute():
        return folder
    folder = Path(environment.get("HOME", "")) / ".config"
    if os.name == "nt" and (roaming := environment.get("APPDATA")):
        folder = Path(roaming)
    return folder if folder.is_absolute() else None


def is_trusted(path: Path) -> bool:
    """Return whether this user or the administrator owns a file or folder that not all may change.

    Raises OSError. On Windows it is always true: the folder of a user is closed to others there.
    """
    if os.name == "nt":
        return True
    status = path.stat()
    return status.st_uid in {0, os.geteuid()} and not status.st_mode & stat.S_IWOTH


_IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})


def is_in_memory(device: int) -> bool:
    """Return whether a device number is that of a file system in memory, such as /dev/shm (Linux).

    https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:  # another system
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    parts = [mount.partition(" - ") for mount in mounts]
    return any(
        of_mount.split()[2] == number and of_system.split()[0] in _IN_MEMORY
        for of_mount, _, of_system in parts
    )


def has_access(path: str | os.PathLike[str], mode: int) -> bool:
    """Return whether this process may use a file in a mode of `os.access`."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


_FEW = 8
"""Entries from which on their folder is opened, to look at them there: their paths are long."""


def statuses(folder: str, names: Sequence[str]) -> list[os.stat_result]:
    """Return the status of each of these entries of a folder, whose path ends in a separator.

    Links are not followed. Raises OSError if one of them can't be looked at.
    """
    if len(names) < _FEW or os.stat not in os.supports_dir_fd:
        return [os.lstat(folder + name) for name in names]
    descriptor = os.open(folder, os.O_RDONLY | DIRECTORY)
    try:
        return [os.stat(name, dir_fd=descriptor, follow_symlinks=False) for name in names]
    finally:
        os.close(descriptor)


_seeking = Lock()


def _seek_and_read(fd: int, buffer: memoryview, offset: int) -> int:
    with _seeking:  # another thread must not seek before we read
        os.lseek(fd, offset, os.SEEK_SET)
        data = os.read(fd, len(buffer))
    buffer[: len(data)] = data
    return len(data)


def _preadv(fd: int, buffer: memoryview, offset: int) -> int:
    return os.preadv(fd, (buffer,), offset)


read_at = _preadv if hasattr(os, "preadv") else _seek_and_read
"""Read from a file at `offset` into a buffer; return the number of bytes read, 0 at the end."""


_NO_COPYING = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EXDEV})
"""Errors of file systems that cannot copy themselves."""
_MAX_COPIED = 1024 * 1024
"""Bytes that are copied at a time where this process has to read and write them."""


def copy_range(source: int, target: int, offset: int, length: int) -> int:
    """Copy up to `length` bytes to the same place of another file; return how many, 0 at the end.

    Linux lets the file system do it, which shares the blocks if it can (XFS, Btrfs: a reflink):
    https://man7.org/linux/man-pages/man2/copy_file_range.2.html
    """
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, target, length, offset, offset)
        except OSError as error:
            if error.errno not in _NO_COPYING:
                raise
    data = os.pread(source, min(length, _MAX_COPIED), offset)
    return os.pwrite(target, data, offset) if data else 0


def sync_path(path: Path) -> None:
    """Make the content of a file or the names in a directory durable."""
    if os.name == "nt" and path.is_dir():
        return  # NTFS keeps a journal of names, and a directory can't be opened
    fd = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def lock(fd: int) -> None:
    """Lock a file exclusively; waits for other processes and descriptors that hold the lock."""
    import fcntl  # missing on Windows

    fcntl.flock(fd, fcntl.LOCK_EX)


def unlock(fd: int) -> None:
    """Release the lock on a file."""
    import fcntl

    fcntl.flock(fd, fcntl.LOCK_UN)


def require_folder_store() -> None:
    """Raise InvalidSettings unless a folder can be a store on this system.

    A folder store opens files relative to directory descriptors, so that no symbolic link leads
    out of it; Windows has no such calls.
    """
    if os.link not in os.supports_dir_fd:
        raise InvalidSettings(
            "a folder store needs Linux or macOS: use a bucket (--store s3://…) or a service "
            "(--server URL)"
        )


def is_readable(connection: "socket.socket") -> bool:
    """Return whether a socket has data to read, or was closed by the peer."""
    if not hasattr(select, "poll"):  # Windows, where `select` has no limit of descriptors
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
