"""The contract of a source: a list of the objects of a bucket."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from onecopy.listing import ListedCopy
from onecopy.patterns import Filter
from onecopy.rejects import Reject
from onecopy.tenant import Owners


class Position(NamedTuple):
    """A place in a source: rows of one file, and the files before it."""

    file: int = 0
    row: int = 0
    """Rows of that file before this place."""


class Selection(NamedTuple):
    """The rows that an index can use: those of objects in its store."""

    bucket: str
    prefix: str = ""
    """Empty, or ends with a slash."""
    owners: Owners = Owners()
    accept: Filter = Filter()


class Batch(NamedTuple):
    """Consecutive rows of a source: each is a copy, left out, or rejected."""

    position: Position
    """The place behind these rows."""
    copies: list[ListedCopy]
    """In no particular order; keys are those below the store's prefix. In a source of versions, a
    size of 0 is a delete marker."""
    left_out: Mapping[str, int]
    """The number of rows that are left out as a matter of course, by reason."""
    rejects: Sequence[Reject]
    ranks: Sequence[str] | None = None
    """In a source of versions: for each copy a text that is greater for a later version."""

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.copies) + sum(self.left_out.values()) + len(self.rejects)


class Known(NamedTuple):
    """Which columns a source has, of those that are optional."""

    encryption: bool = False
    storage_class: bool = False
    checksums: bool = False


class Source(Protocol):
    """A list of objects. Raises InvalidSettings, BadInput, Unavailable and Forbidden."""

    @property
    def name(self) -> str:
        """A name without secrets, the same in every run."""

    def version(self) -> str:
        """Return the version of the rows; positions from another version are not valid."""

    def known(self) -> Known:
        """Return which optional columns there are."""

    def batches(self, after: Position, selection: Selection) -> Iterator[Batch]:
        """Yield the rows after a position, always in the same order."""
