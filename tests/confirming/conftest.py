"""A store and an index in memory, with copies that were never read."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic, sleep

import pytest

from onecopy.confirming.budget import Limits
from onecopy.confirming.interface import Progress, Readers, Reading
from onecopy.confirming.queued import QueueReaders, Range
from onecopy.confirming.ranges import RangeReader
from onecopy.confirming.threads import ThreadReaders
from onecopy.content import Copy
from onecopy.digest import Digest, MiB
from onecopy.errors import Failure
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


class Messages:
    """A queue, whose messages a test delivers."""

    def __init__(self) -> None:
        self.sent: list[Range] = []
        self.failure: Failure | None = None

    def send(self, ranges: Sequence[Range]) -> None:
        if self.failure:
            raise self.failure
        # As text, since that is what a queue carries.
        self.sent += [Range.decode(each.encode()) for each in ranges]

    def take(self) -> list[Range]:
        """Return the messages, which the queue then has no longer."""
        taken, self.sent = self.sent, []
        return taken


@dataclass
class Place:
    """A store, an index, and the processes that read."""

    store: Counting = field(default_factory=Counting)
    index: Engine = field(default_factory=MemoryIndex)
    opened: list[ThreadReaders] = field(default_factory=list)
    queue: Messages = field(default_factory=Messages)

    def readers(self, limits: Limits = _UNLIMITED, threads: int = 2) -> ThreadReaders:
        """Return what reads in another process."""
        readers = ThreadReaders(self.index, self.store, limits, threads=threads)
        self.opened.append(readers)
        return readers

    def asker(self, *, paid: bool = False) -> QueueReaders:
        """Return what sends messages in a process."""
        return QueueReaders(self.index, self.queue, paid=paid)

    def function(self, limits: Limits = _UNLIMITED, threads: int = 1) -> RangeReader:
        """Return what reads ranges in a process."""
        return RangeReader(
            self.index,
            self.store,
            limits,
            queue=self.queue,
            record=self.index.record,
            threads=threads,
        )

    def deliver(self, *messages: Range, limits: Limits = _UNLIMITED) -> list[bool]:
        """Deliver messages, by default all that wait, each to a function of its own."""
        return [
            self.function(limits).read(message, 60) for message in messages or self.queue.take()
        ]

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
