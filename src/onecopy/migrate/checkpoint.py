"""Progress of a migration, stored in the destination or in a file so that it can be resumed."""

import hashlib
import os
from pathlib import Path
from typing import Protocol

import msgspec

from onecopy.errors import InvalidSettings, Unavailable
from onecopy.index.interface import State
from onecopy.migrate.interface import Sampled

_MAX_MARK_BYTES = 60_000
"""Limit for an encoded mark; a value in `State` has at most 64 KiB."""


class Mark(msgspec.Struct, frozen=True):
    """Progress of a migration: all rows before `position` are stored in the destination."""

    version: str
    """Version of the source. A position is valid only for the version it was read from."""
    position: str
    copies: int = 0
    listed: int = 0
    rejected: int = 0
    reject_bytes: int = 0
    """Length of the file of rejects."""
    sample: tuple[Sampled, ...] = ()
    """Random sample of the rows moved so far."""
    headings: tuple[str, ...] = ()
    empty: int = 0
    names: int = 0
    empty_files: int = 0
    before: int | None = None
    """Entries in the destination when the migration began; None if they were not counted."""

    @property
    def rows(self) -> int:
        """Number of rows before `position`."""
        return self.copies + self.listed + self.rejected + self.empty_files


class Checkpoint(Protocol):
    """Storage for the mark of one migration."""

    def read(self) -> Mark | None:
        """Return the last mark, or None if the migration has not started."""

    def write(self, mark: Mark | None) -> None:
        """Store a mark, or remove it (None). Durable when it returns."""


def migration_name(source: str, destination: str) -> str:
    """Return a name for this migration that is the same each time it is resumed."""
    return hashlib.sha256(f"{source}\n{destination}".encode()).hexdigest()[:16]


class StateCheckpoint:
    """A checkpoint in the state of the destination."""

    def __init__(self, state: State, name: str) -> None:
        self._state = state
        self._name = f"migrate-{name}"

    def read(self) -> Mark | None:
        return _decode(self._state.get(self._name))

    def write(self, mark: Mark | None) -> None:
        new = None if mark is None else _encode(mark)
        old = self._state.get(self._name)
        if not self._state.put_if(self._name, old, new):
            raise Unavailable("the same migration is running elsewhere; stop one of the two")


class FileCheckpoint:
    """A checkpoint in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mark | None:
        try:
            return _decode(self._path.read_bytes())
        except FileNotFoundError:
            return None

    def write(self, mark: Mark | None) -> None:
        if mark is None:
            self._path.unlink(missing_ok=True)
            return
        new = self._path.with_name(f"{self._path.name}.new")
        with new.open("wb") as stream:
            stream.write(_encode(mark))
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(self._path)


def _encode(mark: Mark) -> bytes:
    """Return the mark as JSON; halve its sample until it fits (keys can be long)."""
    encoded = msgspec.json.encode(mark)
    while len(encoded) > _MAX_MARK_BYTES:
        mark = msgspec.structs.replace(mark, sample=mark.sample[::2])
        encoded = msgspec.json.encode(mark)
    return encoded


def _decode(raw: bytes | None) -> Mark | None:
    try:
        return None if raw is None else msgspec.json.decode(raw, type=Mark)
    except msgspec.DecodeError as error:
        raise InvalidSettings(f"can't read the checkpoint of this migration: {error}") from error
