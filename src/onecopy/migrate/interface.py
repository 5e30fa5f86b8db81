"""Contracts of migration sources and destinations."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from onecopy.index.interface import Entry, State
from onecopy.index.stored import decoding
from onecopy.rejects import Reject


class Batch(NamedTuple):
    """A few thousand consecutive rows of a source."""

    position: str
    """The position after the last of these rows."""
    entries: list[Entry]
    rejects: list[Reject]
    headings: tuple[str, ...] = ()
    """Lines that name the columns: no rows."""
    empty: int = 0
    """Empty lines: no rows."""
    names: int = 0
    """Rows with the name of a file, which is not kept: a copy needs a size."""
    empty_files: int = 0
    """Rows of files with a size of 0: they have no content to find again."""


def numbers_in(position: str, count: int) -> list[int]:
    """Return the numbers of a saved position; raises Damaged if it is another text."""
    with decoding("the saved progress of this migration"):
        numbers = [int(part) for part in position.split()]
        if len(numbers) != count or min(numbers) < 0:
            raise ValueError(f"no position: {position[:100]!r}")
    return numbers


class Source(Protocol):
    """A source of rows. Raises InvalidSettings, and what an index raises."""

    @property
    def name(self) -> str:
        """A name without secrets, the same in every run."""

    def notes(self) -> list[str]:
        """Return what a user should know before the rows are moved, one sentence each."""

    def version(self) -> str:
        """Return the version of the rows; positions from another version are not valid."""

    def count(self) -> int | None:
        """Return the approximate number of rows, or None if only reading them all would show it."""

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Yield the rows after a position (None: all). Rows that don't change come exactly once."""

    def values(self) -> Iterator[tuple[str, bytes]]:
        """Yield the (name, value) pairs of `State` that are moved with the rows."""

    def close(self) -> None:
        """Close connections and files."""


class Sampled(NamedTuple):
    """A moved row that is looked up again at the end: a copy by its key, otherwise a digest."""

    tenant: str
    key: str | None
    digests: list[str]


class Destination(Protocol):
    """A destination for entries."""

    @property
    def name(self) -> str:
        """A name without secrets, the same in every run."""

    @property
    def state(self) -> State | None:
        """Storage for small values; None if it has none."""

    def begin(self, *, resumed: bool) -> None:
        """Prepare for the entries of a new migration, or for the rest of an interrupted one."""

    def keep(self, entries: Iterable[Entry]) -> None:
        """Store all entries; durable when it returns. Idempotent, and memory stays flat."""

    def finish(self, report: Callable[[str], object]) -> None:
        """Do what remains after the last `keep`, and report its progress as text. Repeatable."""

    def missing(self, sample: Sequence[Sampled]) -> list[Sampled]:
        """Return those rows of a sample that are not in the destination.

        A copy whose key has other digests is not missing: a later row replaced it.
        """

    def counts(self) -> Iterator[int]:
        """Count all entries, and yield their number so far; the last is exact. None: not known."""

    def dollars(self) -> float | None:
        """Return the cost so far of this run's requests; None if requests are not charged."""

    def close(self) -> None:
        """Close connections."""
