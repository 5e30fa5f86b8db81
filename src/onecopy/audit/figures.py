"""The figures of an audit."""

from collections.abc import Mapping

import msgspec


class Rows(msgspec.Struct):
    """What was read. Each row is used, left out or rejected."""

    read: int = 0
    left_out: dict[str, int] = {}
    """As a matter of course, by reason."""
    rejected: dict[str, int] = {}
    """By reason."""

    @property
    def used(self) -> int:
        """The rows that the figures are about."""
        return self.read - sum(self.left_out.values()) - sum(self.rejected.values())

    def leave_out(self, reasons: Mapping[str, int]) -> None:
        """Count rows that are left out."""
        _add(self.left_out, reasons)

    def reject(self, reasons: Mapping[str, int]) -> None:
        """Count rows that can't be used."""
        _add(self.rejected, reasons)


def _add(total: dict[str, int], reasons: Mapping[str, int]) -> None:
    for reason, number in reasons.items():
        if number:
            total[reason] = total.get(reason, 0) + number


class Amount(msgspec.Struct, frozen=True):
    """Objects, and what storing them costs."""

    objects: int = 0
    bytes: int = 0
    usd_per_month: float = 0.0


class Share(msgspec.Struct, frozen=True):
    """The duplicates of one kind, such as those below a prefix."""

    name: str
    duplicates: int
    wasted_bytes: int
    wasted_per_month: float


class Group(msgspec.Struct, frozen=True):
    """Objects with the same content, or with the same size and ETag."""

    evidence: str
    """What they share: `sha256:HEX`, or the MD5 in an ETag (`etag:HEX`, `etag:HEX-PARTS`)."""
    size: int
    """Bytes of one object."""
    objects: int
    wasted_bytes: int
    wasted_per_month: float
    keys: tuple[str, ...]
    """The first keys, the oldest first: that one is the original, the others are duplicates."""


class Gathered(msgspec.Struct):
    """What is known of a source beside its objects."""

    source: str
    """Its address, without secrets."""
    kind: str
    """`bucket`, `list` or `folder`."""
    rows: Rows = msgspec.field(default_factory=Rows)
    requests: int | None = None
    """The number of requests to list a bucket."""
    is_encryption_known: bool = True
    """Whether it states which ETags are no MD5."""

    @property
    def is_proved(self) -> bool:
        """Whether equal objects have been read, so that they are proved to be equal."""
        return self.kind == "folder"


class Audit(msgspec.Struct, frozen=True):
    """The figures of an audit.

    In a group, the oldest object (of several, the one with the first key) is the original, and the
    others are duplicates: the check would have found it when they were uploaded.
    """

    gathered: Gathered
    stored: Amount
    """All objects."""
    groups: int
    duplicates: Amount
    possible: Amount
    """The most that may be duplicates in addition, because ETags decide nothing. The cost is that
    of the average byte."""
    avoided: tuple[Share, ...]
    """The duplicates by the month in which they were stored: the uploads that the check would have
    avoided. The name is `2026-01`, or empty if the time is not known. In order."""
    classes: tuple[Share, ...]
    """By storage class. These and the following waste most first."""
    ages: tuple[Share, ...]
    prefixes: tuple[Share, ...]
    """Up to the number asked for, like those below."""
    types: tuple[Share, ...]
    """By the ending of the name, without its dot; empty if there is none."""
    top: tuple[Group, ...]
