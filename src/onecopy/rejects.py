"""Rows of a list that could not be used, and the file of them."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from onecopy.errors import InvalidSettings

_HEADER = "row,value,reason\r\n"


class Reject(NamedTuple):
    """A row that can't be used."""

    row: str
    """Its place in the source: a line, a row number, or the page and offset in a table."""
    value: str
    """What identifies it: the value found where a checksum was expected, or the key."""
    reason: str


class Rejects:
    """CSV file with one line for each rejected row; created with the first of them."""

    def __init__(self, path: Path, length: int) -> None:
        """Resume a file at `length` bytes: the rows after that are processed again.

        Raises InvalidSettings if `path` is another kind of file.
        """
        self._path = path
        if path.exists():
            _require_rejects(path)
            if length == 0:
                path.unlink()
            elif length < path.stat().st_size:
                os.truncate(path, length)

    def write(self, rejects: Sequence[Reject]) -> None:
        """Append a line for each reject."""
        if not rejects:
            return
        try:
            with self._path.open("a", encoding="utf-8", newline="") as stream:
                if stream.tell() == 0:
                    stream.write(_HEADER)
                csv.writer(stream).writerows(rejects)
        except OSError as error:
            raise InvalidSettings(
                f"cannot write the rejected rows to {self._path}: {error.strerror}; fix that, or "
                "choose another --rejects file"
            ) from error

    def sync(self) -> int:
        """Flush the file to disk, and return its length in bytes."""
        if not self._path.exists():
            return 0
        with self._path.open("rb+") as stream:
            os.fsync(stream.fileno())
            return stream.seek(0, os.SEEK_END)


def _require_rejects(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(len(_HEADER))
    if start not in (_HEADER.encode(), b""):
        raise InvalidSettings(
            f"{path} exists and is not a file of rejected rows; choose another --rejects file"
        )
