"""The first bytes of many files, without a look at the marker for each."""

import os
from collections.abc import Iterable, Iterator

from onecopy.store.folder.descriptors import open_object
from onecopy.store.folder.directories import Descent, folder_names, look_error
from onecopy.store.interface import Absent, Unknown


def starts(root: int, wanted: Iterable[tuple[str, int]]) -> Iterator[bytes | Absent | Unknown]:
    """See Starts. If the keys are sorted, every folder is opened only once."""
    last: str | None = None
    fd = root
    with Descent(root) as descent:
        for key, length in wanted:
            folder, slash, name = key.rpartition("/")
            try:
                if folder != last:
                    last = None
                    fd = descent.open(folder_names(folder + slash))
                    last = folder
                yield _start(fd, name, length)
            except (OSError, ValueError) as error:
                yield look_error(error)


def _start(folder: int, name: str, length: int) -> bytes:
    fd = open_object(folder, name.encode())
    try:
        data = os.read(fd, length)
        return data if len(data) == length else _rest(fd, data, length)
    finally:
        os.close(fd)


def _rest(fd: int, data: bytes, length: int) -> bytes:
    """Return what was read, and what more there is up to a length."""
    while len(data) < length and (more := os.read(fd, length - len(data))):
        data += more
    return data
