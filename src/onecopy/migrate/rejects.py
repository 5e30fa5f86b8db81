"""The file of what could not be moved."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from onecopy.errors import InvalidSettings
from onecopy.migrate.interface import Reject

_HEAD = "row,value,reason\r\n"


class Rejects:
    """A CSV file with a line for each row that was rejected; made when there is one."""

    def __init__(self, path: Path, length: int) -> None:
        """Go on with a file that had `length` bytes; what was written after that is done again."""
        self._path = path
        if path.exists():
            _require_ours(path)
            if length == 0:
                path.unlink()
            elif length < path.stat().st_size:
                os.truncate(path, length)

    def write(self, rejects: Sequence[Reject]) -> None:
        """Add lines."""
        if not rejects:
            return
        is_new = not self._path.exists() or self._path.stat().st_size == 0
        with self._path.open("a", encoding="utf-8", newline="") as stream:
            if is_new:
                stream.write(_HEAD)
            csv.writer(stream).writerows(rejects)

    def sync(self) -> int:
        """Make durable what was written, and return the file's length."""
        if not self._path.exists():
            return 0
        with self._path.open("rb+") as stream:
            os.fsync(stream.fileno())
            return stream.seek(0, os.SEEK_END)


def _require_ours(path: Path) -> None:
    with path.open("rb") as stream:
        begin = stream.read(len(_HEAD))
    if begin not in (_HEAD.encode(), b""):
        raise InvalidSettings(f"{path} is there already, and is no file of rejects")
