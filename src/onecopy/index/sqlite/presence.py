"""Whether the files that are open are still the ones at their paths.

A file that is removed or replaced stays usable for the processes that have it open, and nobody else
ever sees what they write to it. The same applies to its WAL.
"""

import time
from pathlib import Path

from onecopy.errors import Unavailable

_SECONDS = 1.0
"""Time between two looks of readers: one takes about a microsecond per file."""


class Presence:
    """The files of an open index."""

    def __init__(self, path: str) -> None:
        self._files = {each: _identity(each) for each in (Path(path), Path(f"{path}-wal"))}
        self._due = 0.0

    def require(self) -> None:
        """Raise Unavailable unless all files are still at their paths."""
        for path, identity in self._files.items():
            now = _identity(path)
            if identity is None:  # SQLite has created the WAL since
                self._files[path] = now
            elif now != identity:
                raise Unavailable(
                    f"{path} was removed or replaced while the index is in use: stop all processes "
                    "that use it, put the file back or restore a backup (docs/indexes.md), and "
                    "start them again",
                    reason="index-unavailable",
                )

    def require_lately(self) -> None:
        """Do as `require`, at most once a second."""
        now = time.monotonic()
        if now >= self._due:
            self.require()
            self._due = now + _SECONDS


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"cannot look at {path}: {error.strerror}"
        raise Unavailable(message, reason="index-unavailable") from error
    return found.st_dev, found.st_ino
