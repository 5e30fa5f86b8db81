"""What is moved, where from and where to. The contracts stand here, once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from onecopy.index.interface import Entry, State


class Reject(NamedTuple):
    """A row that can't be moved, and why."""

    row: str
    """Where it is in its source: a line, a number, a place."""
    value: str
    """What stands there in the place of a checksum."""
    reason: str


class Batch(NamedTuple):
    """Some thousands of rows."""

    position: str
    """Behind the last of them."""
    entries: list[Entry]
    rejects: list[Reject]


class Source(Protocol):
    """Where rows come from. Raises what an index raises, and InvalidSettings."""

    @property
    def name(self) -> str:
        """What it is called, without secrets; the same for every run."""
        ...

    def version(self) -> str:
        """Return what tells that positions of an earlier run still hold."""
        ...

    def count(self) -> int | None:
        """Return about how many rows there are; None if only reading them all would tell."""
        ...

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Yield all rows behind a position; those that stay as they are exactly once."""
        ...

    def values(self) -> Iterator[tuple[str, bytes]]:
        """Yield the named values that belong to what is moved."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class Sampled(NamedTuple):
    """What is looked for again, once all has been moved: a copy by its key, else a digest."""

    tenant: str
    key: str | None
    digests: list[str]


class Destination(Protocol):
    """Where rows go."""

    @property
    def name(self) -> str:
        """What it is called, without secrets; the same for every run."""
        ...

    @property
    def state(self) -> State | None:
        """Where it keeps small values, if it does."""
        ...

    def begin(self, *, resumed: bool) -> None:
        """Prepare for rows: those of a new migration, or the rest of one that was interrupted."""
        ...

    def keep(self, entries: Iterable[Entry]) -> None:
        """Keep all of them; durable when it returns. Idempotent; consumes them with flat memory."""
        ...

    def finish(self, tell: Callable[[str], object]) -> None:
        """Do what is left to do when all has been kept, and tell how far that is. Repeatable."""
        ...

    def lacks(self, sample: Sequence[Sampled]) -> list[Sampled]:
        """Return those that are not there."""
        ...

    def count(self) -> int | None:
        """Return about how many entries it has."""
        ...

    def dollars(self) -> float | None:
        """Return what this process has spent so far; None where nothing is charged by the row."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...
