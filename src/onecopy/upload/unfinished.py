"""The large uploads in progress, in small files, so that a later run can resume them."""

import json
import os
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from onecopy.files import File

_MAX_AGE_SECONDS = 8 * 24 * 3600
"""Older uploads cannot be resumed: a ticket is valid for seven days."""


class Unfinished:
    """Remembers the tickets of large uploads to one target, in a folder of the user's cache.

    A ticket lets its holder write to one upload of one tenant, so only the user may read the
    files. Errors are ignored: without its ticket an upload starts over, and nothing else is lost.
    """

    def __init__(self, folder: Path, target: str) -> None:
        self._folder = folder
        self._target = target
        self._pruned = False

    def find(self, file: File, key: str) -> str | None:
        """Return the ticket of an earlier upload of this file, unchanged, to this key."""
        try:
            ticket = json.loads(self._path(file, key).read_bytes())["ticket"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return ticket if isinstance(ticket, str) else None

    def keep(self, file: File, key: str, ticket: str) -> None:
        """Save a ticket; it replaces an older one."""
        path = self._path(file, key)
        draft = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            for folder in (self._folder.parent, self._folder):  # the mode is that of the last one
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._prune()
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as out:
                json.dump({"ticket": ticket, "key": key, "size": file.size}, out)
            draft.replace(path)

    def drop(self, file: File, key: str) -> None:
        """Remove the ticket of an upload that has ended."""
        with suppress(OSError):
            self._path(file, key).unlink(missing_ok=True)

    def _path(self, file: File, key: str) -> Path:
        path, modified = Path(file.path).absolute(), file.identity[3]
        upload = "\0".join((self._target, str(path), str(file.size), str(modified), key))
        name = sha256(upload.encode(errors="surrogateescape")).hexdigest()
        return self._folder / f"{name}.json"

    def _prune(self) -> None:
        """Remove tickets that are too old, once in a run."""
        if self._pruned:
            return
        self._pruned = True
        oldest = time.time() - _MAX_AGE_SECONDS
        for path in self._folder.glob("*.json"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
