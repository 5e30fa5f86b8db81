"""A store and an index in memory, with copies that were never read."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic, sleep

import pytest

from onecopy.confirming.budget import Limits
from onecopy.confirming.reader import Reading
from onecopy.confirming.readers import Progress, Readers
from onecopy.content import Copy
from onecopy.digest import Digest, MiB
from onecopy.index.interface import Engine
from onecopy.index.memory import MemoryIndex
from onecopy.store.interface import Object
from onecopy.store.memory import MemoryStore
from onecopy.store.objects import copy_of
from onecopy.tenant import Tenant
from tests.gate.world import content_digest

PATIENCE = 20
"""Seconds."""
_UNLIMITED = Limits()


class Counting(MemoryStore):
    """Counts the ranges that are read, and lets a test act before each."""

    def __init__(self) -> None:
        super().__init__()
        self.ranges: list[int] = []
        self.before: Callable[[int], object] = lambda _: None
        self._counting = Lock()

    def read_range(self, seen: Object, offset: int, length: int) -> bytes:
        with self._counting:
            self.ranges.append(offset // (8 * MiB))
        self.before(offset // (8 * MiB))
        return super().read_range(seen, offset, length)


@dataclass
class Place:
    """A store, an index, and the processes that read."""

    store: Counting = field(default_factory=Counting)
    index: Engine = field(default_factory=MemoryIndex)
    opened: list[Readers] = field(default_factory=list)

    def readers(self, limits: Limits = _UNLIMITED, threads: int = 2) -> Readers:
        """Return what reads in another process."""
        readers = Readers(self.index, self.store, limits, threads=threads)
        self.opened.append(readers)
        return readers

    def put(self, key: str, content: bytes) -> Copy:
        """Store an object, and record it without any digest."""
        copy = copy_of(self.store.place(key, content), key)
        self.index.add([("default", copy)])
        return copy

    def ask(self, readers: Readers, copy: Copy, tenant: str = "default") -> Progress:
        """Ask how far a copy is."""
        owner = Tenant(tenant)
        [seen] = self.store.look([owner.prefix + copy.key])
        assert isinstance(seen, Object)
        reading = Reading(owner, copy, lambda copies: self.index.record(tenant, copies))
        return readers.ask(reading, seen)

    def proved(self, key: str) -> Digest | None:
        """Return the content digest that is recorded for a key."""
        [copy] = self.index.at("default", [key])
        return copy and copy.digests.content_digest(copy.size)

    def wait(self, key: str, content: bytes) -> None:
        """Wait until a key is recorded with the digest of a content."""
        until(lambda: self.proved(key) == content_digest(content))


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < deadline
        sleep(0.005)


@pytest.fixture
def place() -> Iterator[Place]:
    """Return an empty place."""
    place = Place()
    yield place
    for readers in place.opened:
        readers.close()


def large(parts: int, seed: int = 0) -> bytes:
    """Return a content of this number of parts, the last of which is short."""
    block = hashlib.sha256(b"%d" % seed).digest() * (MiB // 32)
    pieces = [b"%8d" % number + block[8:] for number in range(parts * 8 - 1)]
    return b"".join(pieces) + b"end"
