"""Files opened by descriptor: regular ones only, following no link, waiting for nobody."""

import errno
import os
import stat

from onecopy.platforms import NO_FOLLOW, NON_BLOCKING

# Classes, because a generator would cost as much time as the system call that it wraps.


class opened:  # noqa: N801 - used as a function
    """Opens a descriptor, and closes it at the end; raises OSError."""

    __slots__ = ("_fd",)

    def __init__(
        self,
        path: str | bytes | os.PathLike[str],
        flags: int,
        mode: int = 0o666,
        *,
        dir_fd: int | None = None,
    ) -> None:
        self._fd = os.open(path, flags, mode, dir_fd=dir_fd)

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


class opened_file(opened):  # noqa: N801 - used as a function
    """Opens a regular file, following no link; raises OSError for anything else.

    Does not wait for the other end of a pipe that was put in the file's place.
    """

    __slots__ = ()

    def __init__(
        self,
        path: str | bytes | os.PathLike[str],
        flags: int,
        mode: int = 0o666,
        *,
        dir_fd: int | None = None,
    ) -> None:
        super().__init__(path, flags | NO_FOLLOW | NON_BLOCKING, mode, dir_fd=dir_fd)
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            os.close(self._fd)
            raise OSError(errno.EINVAL, "it is not a regular file; remove it", path)


def open_object(folder: int, name: bytes) -> int:
    """Open a stored file for reading; raises FileNotFoundError for anything but a regular file.

    Other errors are raised as OSError. Does not wait for the other end of a pipe.
    """
    try:
        fd = os.open(name, os.O_RDONLY | NO_FOLLOW | NON_BLOCKING, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        # A socket, or the device of the file system failed: only its status shows which.
        if stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise
        raise _not_regular(name) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _not_regular(name)
    return fd


def _not_regular(name: bytes) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "not a regular file", name)


def write_all(fd: int, data: bytes) -> None:
    """Write all bytes, in several calls if need be; raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
