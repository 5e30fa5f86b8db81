"""Files as they were listed, and reading them: a file that has changed since is noticed."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import NamedTuple

from onecopy.errors import FileChanged
from onecopy.platforms import BINARY, NO_FOLLOW, NON_BLOCKING
from onecopy.text import count_text, printable

Identity = tuple[int, int, int, int, int]
"""Device, inode, size, mtime and ctime in ns. If they are unchanged, so are the file's bytes."""

identity_of: Callable[[os.stat_result], Identity] = attrgetter(
    "st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"
)
"""Return the identity of the file with a status."""
_CHUNK = 256 * 1024
# Non-blocking: a pipe that has taken the file's place must not stop us.
_FLAGS = os.O_RDONLY | NO_FOLLOW | BINARY | NON_BLOCKING
_ENDLESS = "has content, but the system says that it is empty, as in /proc; save a copy of it first"


class File(NamedTuple):
    """A regular file as it was when it was listed. A named tuple, since millions are created."""

    path: str
    key: str
    """The key under which to store it, below the tenant's prefix."""
    size: int
    """Bytes; may be 0."""
    identity: Identity

    @contextmanager
    def open(self) -> Iterator[int]:
        """Open the file, and yield a descriptor to read from.

        Raises FileChanged, on entering and on leaving, if the file was replaced or changed since it
        was listed; OSError if it can't be opened.
        """
        descriptor = _open(self.path)
        try:
            self._check(descriptor)
            if not self.size and os.read(descriptor, 1):
                raise FileChanged(f"{printable(self.path)} {_ENDLESS}")
            yield descriptor
            self._check(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> bytes:
        """Return all bytes, with few system calls; raises as `open` does. For small files."""
        with self.open() as descriptor:
            content = os.read(descriptor, self.size + 1)
            while 0 < len(content) < self.size and (more := os.read(descriptor, self.size)):
                content += more
        if len(content) != self.size:
            raise FileChanged(
                f"{printable(self.path)} changed: it has {count_text(len(content), 'byte')} now"
            )
        return content

    def chunks(
        self, offset: int = 0, length: int | None = None, *, chunk_size: int = _CHUNK
    ) -> Iterator[bytes]:
        """Yield a range of the file in chunks, by default up to its end; raises as `open` does.

        The last chunk is yielded only if the file is still unchanged. So a request that states its
        length first is never completed with bytes of a changed file.
        """
        end = self.size if length is None else offset + length
        with self.open() as descriptor:
            os.lseek(descriptor, offset, os.SEEK_SET)
            while offset < end:
                chunk = os.read(descriptor, min(chunk_size, end - offset))
                offset += len(chunk)
                if not chunk or offset == end:
                    self._check(descriptor)
                if not chunk:
                    raise FileChanged(
                        f"{printable(self.path)} changed: it has only {count_text(offset, 'byte')}"
                    )
                yield chunk

    def _check(self, descriptor: int) -> None:
        if identity_of(os.fstat(descriptor)) != self.identity:
            raise FileChanged(f"{printable(self.path)} changed since it was listed")


def _open(path: str) -> int:
    try:
        return os.open(path, _FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileChanged(f"{printable(path)} was replaced by a symbolic link") from error
        raise
