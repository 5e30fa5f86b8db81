"""The figures of a loading: rows that were read are used, left out or rejected."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from onecopy.rejects import Reject

Reasons = dict[str, int]


class ReadRows(msgspec.Struct):
    """What was read."""

    rows: int = 0
    left_out: Reasons = {}
    """Rows that are left out as a matter of course, by reason."""
    rejected: Reasons = {}
    """Rows that can't be used, by reason; the file of rejects lists them."""

    def count(self, rows: int, left_out: Mapping[str, int], rejects: Iterable[Reject]) -> None:
        """Count rows, of which some are left out or rejected."""
        self.rows += rows
        add(self.left_out, left_out)
        add(self.rejected, Counter(reject.reason for reject in rejects))

    def copy(self) -> "ReadRows":
        """Return a copy."""
        return ReadRows(self.rows, dict(self.left_out), dict(self.rejected))


class EnteredRows(msgspec.Struct):
    """What became of the rows that could be used."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    """Objects that the index knew in this state."""
    reclassified: int = 0
    """Those of them that are in another storage class now."""
    proved: int = 0
    """Of a report of checksums: objects of which the digest is certain."""
    claimed: int = 0
    """Of a report of checksums: objects that may have changed since, so that it is a hint."""
    bytes: int = 0
    looks: int = 0
    """Requests for single objects, to learn which ETags are no MD5."""
    opaque: int = 0
    """Objects whose ETag decides nothing."""
    unsampled: int = 0
    """Others, in first folders of which no sample could be looked at."""
    left_out: Reasons = {}
    """Rows that say less than the index or another row, by reason."""


class Loaded(msgspec.Struct):
    """The figures of a loading."""

    read: ReadRows = msgspec.field(default_factory=ReadRows)
    entered: EnteredRows = msgspec.field(default_factory=EnteredRows)
    is_resumed: bool = False
    """Whether the figures include those of an interrupted run."""
    is_sorted: bool = False
    """Whether rows had to be sorted, because they were not in the order of keys."""

    @property
    def left_out(self) -> Reasons:
        """All rows that were left out as a matter of course, by reason."""
        total = dict(self.read.left_out)
        add(total, self.entered.left_out)
        return total

    @property
    def used(self) -> int:
        """The rows that were used."""
        return self.read.rows - sum(self.left_out.values()) - sum(self.read.rejected.values())


def add(reasons: Reasons, more: Mapping[str, int]) -> None:
    """Add numbers by reason; those of 0 are not kept."""
    for reason, number in more.items():
        if number:
            reasons[reason] = reasons.get(reason, 0) + number
