"""The figures of a scan, with what was left out or could not be recorded, by reason."""

from dataclasses import dataclass, field
from typing import NamedTuple

from onecopy.index.listings import Merged
from onecopy.store.interface import Absent, Object, Seen
from onecopy.store.listings import Versions

_MAX_KEYS = 1000
"""Keys that are kept for each reason."""
NO_PROBLEM = frozenset({"excluded", "symlink", "special", "reserved", "store-expiring"})
"""Reasons for which something is left out as a matter of course. Any other is a problem."""

_CHANGED = frozenset({"changed", "copy-changed"})


class Problem(NamedTuple):
    """An object that could not be recorded or looked at, and the reason."""

    key: str
    """Full key, including the tenant's prefix. That of a folder ends in a slash: nothing below it
    could be listed."""
    reason: str
    """`changed` (while it was read), `no-tenant`, or a reason of `LeftOut`."""


@dataclass(slots=True)
class Keys:
    """Keys with one reason."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    """The first 1000."""

    def add(self, key: str) -> None:
        """Count a key."""
        self.count += 1
        if len(self.first) < _MAX_KEYS:
            self.first.append(key)


@dataclass(slots=True)
class Reads:
    """What became of the objects that were to be read; `objects` is the sum of what follows."""

    objects: int = 0
    """Objects that are to be read, until all are done."""
    bytes: int = 0
    """Their bytes, as they are listed or recorded."""
    read: int = 0
    stated: int = 0
    """Not read, because the store states the content digest."""
    gone: int = 0
    changed: int = 0
    """Changed while they were read, or since."""
    failed: int = 0
    """Could not be read."""

    def note(self, outcome: Seen, *, is_stated: bool = False) -> None:
        """Count what became of an object."""
        if isinstance(outcome, Object):
            self.stated += is_stated
            self.read += not is_stated
        elif isinstance(outcome, Absent):
            self.gone += 1
        elif outcome.reason in _CHANGED:
            self.changed += 1
        else:
            self.failed += 1

    @property
    def done(self) -> int:
        """The number of objects whose outcome is known."""
        return self.read + self.stated + self.gone + self.changed + self.failed


@dataclass(slots=True)
class Figures:
    """The figures of a scan."""

    objects: int = 0
    bytes: int = 0
    empty: int = 0
    """Empty objects, which are not indexed."""
    known: int = 0
    """Objects that were already recorded."""
    added: int = 0
    """Objects that this scan recorded."""
    read_bytes: int = 0
    to_read: int = 0
    """Bytes that were or will be read, as far as that is known; 0 for a scan that looks at each
    object."""
    reads: Reads | None = None
    """What became of the objects that were to be read, if a bucket's were."""
    reclassified: int = 0
    """Objects that are in another storage class now, and otherwise unchanged."""
    forgotten: int = 0
    """Records that were removed because their object is gone, or has changed since (listings)."""
    new: int = 0
    """Objects that a listing states for the first time. This and what follows: by listing only."""
    changed: int = 0
    """Objects that were listed before in another state."""
    gone: int = 0
    """Objects that were listed before, and are not there any more."""
    unchanged: int = 0
    requests: int = 0
    """Requests to list the store."""
    looks: int = 0
    """Requests for single objects: the marker, and samples."""
    opaque: int = 0
    """Listed objects of a bucket whose ETag decides nothing, as far as that is known."""
    unsampled: int = 0
    """Other ones, in first folders of which no sample showed whether ETags decide."""
    versions: Versions | None = None
    """What the store keeps beside its current objects, if that was to be counted."""
    is_marked: bool = True
    """Whether the store's marker was seen. If not, nothing was forgotten."""
    is_resumed: bool = False
    """Whether the figures include those of an interrupted scan."""
    left_out: list[str] = field(default_factory=list)
    """Keys of files and, ending in a slash, of folders of onecopy itself. Not objects."""
    reasons: dict[str, Keys] = field(default_factory=dict)
    """What is no object or could not be recorded, by reason."""

    @property
    def summary(self) -> dict[str, int]:
        """The figures that are kept of the last scan."""
        problems = sum(keys.count for keys in self.by_reason(problems=True).values())
        return {
            "objects": self.objects,
            "bytes": self.bytes,
            "empty": self.empty,
            "recorded": self.added,
            "forgotten": self.forgotten,
            "problems": problems,
        }

    def report(self, key: str, reason: str) -> None:
        """Count something that is no object, or a problem."""
        self.reasons.setdefault(reason, Keys()).add(key)

    def merged(self, merged: Merged) -> None:
        """Count the changes of a merged listing."""
        self.new += merged.new
        self.changed += merged.changed
        self.gone += merged.gone
        self.unchanged += merged.unchanged
        self.reclassified += merged.reclassified
        self.added = self.new + self.changed
        self.known = self.unchanged

    def by_reason(self, *, problems: bool) -> dict[str, Keys]:
        """Return the problems by reason, or else what is left out as a matter of course."""
        return {
            reason: keys
            for reason, keys in self.reasons.items()
            if (reason not in NO_PROBLEM) == problems
        }

    @property
    def problems(self) -> list[Problem]:
        """The first 1000 for each reason."""
        return self._named(problems=True)

    @property
    def more_problems(self) -> int:
        """The number of problems that `problems` does not list."""
        return self.summary["problems"] - len(self.problems)

    @property
    def skipped(self) -> list[Problem]:
        """What is no object, such as a link: the first 1000 for each reason."""
        return self._named(problems=False)

    def _named(self, *, problems: bool) -> list[Problem]:
        found = self.by_reason(problems=problems).items()
        return [Problem(key, reason) for reason, keys in found for key in keys.first]
