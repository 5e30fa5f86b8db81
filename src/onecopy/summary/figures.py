"""The figures of a summary."""

from dataclasses import dataclass
from typing import NamedTuple

from onecopy.index.interface import Stored


class Share(NamedTuple):
    """The duplicates in one folder, of one file type, or of one age."""

    name: str
    """A folder without a slash at its end; an extension such as `.jpg`; an age. Empty: the root,
    or files without an extension."""
    duplicates: int
    bytes: int


class LargeGroup(NamedTuple):
    """Stored objects that have, or are likely to have, the same content."""

    shared: str
    """The content digest; for a likely group, the evidence that they share (see report)."""
    size: int
    """Bytes of one object."""
    objects: int
    wasted: int
    """Bytes of those that are not needed."""
    cost: float
    """US dollars per month of those, by their storage classes."""
    keys: tuple[str, ...] = ()
    """The first keys of a likely group; those of others are looked up when they are shown."""

    @property
    def place(self) -> tuple[int, str]:
        """Its place in the order of groups: those that waste most come first."""
        return -self.wasted, self.shared


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Duplicates of one kind: all proved, or all likely."""

    groups: int
    """Contents that are stored in several objects."""
    duplicates: int
    """Objects beyond the first one of each content."""
    wasted: int
    """Their size in bytes."""
    cost: float = 0
    """US dollars per month."""
    largest: tuple[LargeGroup, ...] = ()
    """The groups that waste most, in the order of their places."""
    folders: tuple[Share, ...] = ()
    """The largest folders with all that is below them, parents before their children."""
    types: tuple[Share, ...] = ()
    """The largest first; the last one, `*`, is all others."""
    ages: tuple[Share, ...] = ()
    """By the time since the duplicates were stored, the youngest first."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a tenant has stored, and what of it twice."""

    as_of: int
    """When counting began, in milliseconds since 1970, UTC."""
    stored: Stored | None
    """Copies, or all objects if some are only listed; None while `proved` is of a part of the
    contents only."""
    proved: Duplicates
    likely: Duplicates | None
    """None while they are being counted."""
