"""Removal of uploads that nobody continues."""

import os
import re
import time
from contextlib import suppress

from onecopy.store.folder.journal import read_journal

_FILE = re.compile(r"([0-9a-f]{32}\.[0-9]+)(?:\.parts)?")


def abort_stale(uploads: int, seconds: float, unsent_seconds: float | None = None) -> int:
    """Remove stale uploads; see Sweeper. Raises OSError."""
    unsent = seconds if unsent_seconds is None else unsent_seconds
    stale = [
        name
        for name, idle in _idle_seconds(uploads).items()
        if idle > seconds or (idle > unsent and not _has_part(uploads, name))
    ]
    for name in stale:
        for each in (f"{name}.parts", name):
            with suppress(FileNotFoundError):
                os.unlink(each, dir_fd=uploads)
    return len(stale)


def _idle_seconds(uploads: int) -> dict[str, float]:
    """Return for how long nothing was written to each upload."""
    now = time.time()
    idle: dict[str, float] = {}
    with os.scandir(uploads) as entries:
        for entry in entries:
            if match := _FILE.fullmatch(entry.name):
                with suppress(FileNotFoundError):
                    age = now - entry.stat(follow_symlinks=False).st_mtime
                    idle[match[1]] = min(age, idle.get(match[1], age))
    return idle


def _has_part(uploads: int, name: str) -> bool:
    """Return whether an upload has a part that was received, or may have one."""
    try:
        return any(line.sha256 for line in read_journal(uploads, f"{name}.parts").values())
    except FileNotFoundError:
        return False
    except OSError:
        return True
