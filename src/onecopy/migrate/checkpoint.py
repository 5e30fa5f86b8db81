"""How far a migration is: kept where it goes, or else in a file."""

import hashlib
import os
from pathlib import Path
from typing import Protocol

import msgspec

from onecopy.errors import InvalidSettings, Unavailable
from onecopy.index.interface import State
from onecopy.migrate.interface import Sampled

_MOST_BYTES = 60_000


class Mark(msgspec.Struct, frozen=True):
    """How far it is: all before `position` is kept."""

    version: str
    """Of the source: positions of another one mean nothing."""
    position: str
    copies: int = 0
    listed: int = 0
    rejected: int = 0
    reject_bytes: int = 0
    """How long the file of rejects is."""
    sample: tuple[Sampled, ...] = ()
    """Of what was moved so far, at random."""

    @property
    def rows(self) -> int:
        """How many rows are behind it."""
        return self.copies + self.listed + self.rejected


class Checkpoint(Protocol):
    """Keeps the mark of one migration."""

    def read(self) -> Mark | None:
        """Return the last mark; None at the beginning."""
        ...

    def write(self, mark: Mark | None) -> None:
        """Keep a mark, or drop it at the end. Durable when it returns."""
        ...


def name_of(source: str, destination: str) -> str:
    """Return what one migration is called, today and when it goes on."""
    return hashlib.sha256(f"{source}\n{destination}".encode()).hexdigest()[:16]


class StateCheckpoint:
    """Keeps it in the destination's own state."""

    def __init__(self, state: State, name: str) -> None:
        self._state = state
        self._name = f"migrate-{name}"

    def read(self) -> Mark | None:
        return _decoded(self._state.get(self._name))

    def write(self, mark: Mark | None) -> None:
        new = None if mark is None else _encoded(mark)
        old = self._state.get(self._name)
        if not self._state.put_if(self._name, old, new):
            raise Unavailable("the same migration is under way elsewhere: let one of them end")


class FileCheckpoint:
    """Keeps it in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mark | None:
        try:
            return _decoded(self._path.read_bytes())
        except FileNotFoundError:
            return None

    def write(self, mark: Mark | None) -> None:
        if mark is None:
            self._path.unlink(missing_ok=True)
            return
        new = self._path.with_name(f"{self._path.name}.new")
        with new.open("wb") as stream:
            stream.write(_encoded(mark))
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(self._path)


def _encoded(mark: Mark) -> bytes:
    """Return what a state can take: of long keys only so many are kept in the sample."""
    encoded = msgspec.json.encode(mark)
    while len(encoded) > _MOST_BYTES:
        mark = msgspec.structs.replace(mark, sample=mark.sample[::2])
        encoded = msgspec.json.encode(mark)
    return encoded


def _decoded(raw: bytes | None) -> Mark | None:
    try:
        return None if raw is None else msgspec.json.decode(raw, type=Mark)
    except msgspec.DecodeError as error:
        raise InvalidSettings(f"how far the migration was can't be read: {error}") from error
