"""The contract of what reads copies in the background: threads of this process, or a queue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple, Protocol, runtime_checkable

from onecopy.content import Copy
from onecopy.store.interface import Object
from onecopy.tenant import Tenant
from onecopy.workers import Counter

CONFIRMING = "confirming"
"""The reason while a copy is being read, or waits for it."""
READ_BUDGET = "read-budget"
"""The reason if no more may be read today."""
READ_LIMIT = "read-limit"
"""The reason if a copy is too large to be read within a request, and nothing else may read it."""


class Spend(Protocol):
    """The budget for reading."""

    def __call__(self, tenant: str, count: int, stop: Event) -> None:
        """Wait until `count` bytes may be read; raises Exhausted, and Stopped if `stop` is set."""


@dataclass
class Reading:
    """A copy that is to be read, and how far that is."""

    tenant: Tenant
    copy: Copy
    """As it is recorded."""
    record: Callable[[Sequence[Copy]], object]
    """Records copies of the tenant whose content digest is proved."""
    read: Counter = field(default_factory=Counter)
    """Bytes read so far, by this process or others."""


class Progress(NamedTuple):
    """How far a copy has been read, or why it is not read."""

    reason: str
    message: str | None = None
    read: int | None = None
    """Bytes."""


class Readers(Protocol):
    """Reads copies outside of the request that needs them."""

    def ask(self, reading: Reading, seen: Object | None = None) -> Progress:
        """Return how far a copy has been read, and have it read if nobody does.

        `seen` is its object, if it has just been looked at; otherwise, it is looked at before it is
        read. Raises the errors of the index.
        """


@runtime_checkable
class Idle(Protocol):
    """Optional: what also does something while there is nothing to read."""

    @property
    def described(self) -> int:
        """The number of copies that this process has looked at so."""

    def when_idle(self, tenant: str, size: int, describe: Callable[[int, int], int]) -> None:
        """Note that copies of a size may be worth looking at.

        `describe` looks at copies of a size, at most a number of them, and returns how many.
        """


class Work(NamedTuple):
    """What a process has read in the background, and what it has to read."""

    waiting: int
    """Copies that wait or are being read."""
    confirmed: int
    """Copies that were read, or found to be gone."""
    failed: int
    """Copies that could not be read, or that changed again and again."""
    read_bytes: int
    """Bytes."""


@runtime_checkable
class Measured(Protocol):
    """Optional: what reads in this process, and counts that."""

    @property
    def work(self) -> Work:
        """What was done and is to be done."""


def as_recorded(copy: Copy) -> Object:
    """Return the object of a copy as it was when the copy was recorded."""
    return Object(copy.key, copy.size, copy.identity, copy.stored_ms)
