"""A world in memory, which is as a folder to the gate: quicker than any disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self, cast

from onecopy.errors import Unavailable
from onecopy.gate import bind
from onecopy.store.interface import Absent, Object, Store, Unknown
from onecopy.store.memory import MemoryStore
from onecopy.testing.index.complete import open_complete
from tests.gate.world import World


class MemoryFolder(MemoryStore):
    """A store in memory that may be away, as a folder that is not mounted."""

    kind = "folder"
    is_away = False

    def identify(self, *, create: bool) -> str:
        self.is_away &= not create
        self._require()
        return super().identify(create=create)

    def look(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        return [Unknown("store-unavailable")] * len(keys) if self.is_away else super().look(keys)

    def open(self, key: str) -> BinaryIO:
        self._require()
        return super().open(key)

    def contents(self) -> dict[str, bytes]:
        """Return all objects."""
        return {key: content for key, (_, content) in self._objects.items()}

    def begun(self) -> list[str]:
        """Return the ids of all uploads that were not aborted."""
        return sorted(self._uploads)

    def _require(self) -> None:
        if self.is_away:
            raise Unavailable("the store is away")


@dataclass
class MemoryWorld(World):
    """An index and a store, both in memory."""

    memory: MemoryFolder

    @classmethod
    def new(cls, memory: MemoryFolder | None = None) -> Self:
        """Open both, bound to each other."""
        index, memory = open_complete("memory:"), memory or MemoryFolder()
        store = cast("Store", memory)
        bind(index, store)
        return cls(Path(), index, store, memory)

    def place(self, key: str, data: bytes) -> None:
        self.memory.place(key, data)

    def remove(self, key: str) -> None:
        self.memory.remove(key)

    def read(self, key: str) -> bytes:
        return self.objects()[key]

    def touch(self, key: str) -> int:
        return self.memory.place(key, self.read(key)).stored_ms

    def objects(self) -> dict[str, bytes]:
        return self.memory.contents()

    def staged(self) -> list[str]:
        return self.memory.begun()

    def unmount(self) -> None:
        self.memory.is_away = True

    def mount(self) -> None:
        self.memory.is_away = False

    def reopened(self) -> Self:
        return self  # nothing would remain

    def another_store(self) -> Store:
        memory = MemoryFolder()
        memory.is_away = True
        return cast("Store", memory)
