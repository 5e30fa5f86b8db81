"""Rows, sorted into listed copies, what is left out, and what is rejected."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import NamedTuple

from onecopy.key import are_recordable, is_recordable, is_reserved
from onecopy.listing import ListedCopy
from onecopy.rejects import Reject
from onecopy.scan.sources.columns import Columns
from onecopy.scan.sources.facts import Facts
from onecopy.scan.sources.interface import Selection
from onecopy.scan.sources.tables import Rows
from onecopy.text import printable
from onecopy.timestamp import now

LEFT_OUT = {
    "noncurrent": "an older version of an object",
    "delete-marker": "the key has no object any more",
    "empty": "empty objects are not indexed",
    "outside": "the key is not below the store's prefix",
    "excluded": "the patterns of `exclude` or `include` leave it out",
    "reserved": "it belongs to the records that onecopy keeps of a store",
    "store-expiring": "a lifecycle rule will soon delete it",
    "repeated": "another row states a later time for the same key",
    "older": "the index has a later state of the object",
}
"""Reasons for which a row is left out as a matter of course."""
EXPIRING_SECONDS = 2 * 24 * 3600
"""An object that a lifecycle rule deletes within this time cannot be relied on."""
_SHOWN = 300
"""Characters of a key in the file of rejects."""


class Entries(NamedTuple):
    """Rows, sorted; see `Batch`."""

    copies: list[ListedCopy]
    ranks: list[str] | None
    left_out: Counter[str]
    rejects: list[Reject]


class Reader:
    """Reads the rows of one file."""

    def __init__(
        self, file: str, columns: Columns, selection: Selection, *, is_encoded: bool
    ) -> None:
        self._file = printable(file)
        self._columns = columns
        self._selection = selection
        self._is_encoded = is_encoded
        self._expiring = now() // 1000 + EXPIRING_SECONDS

    def read(self, rows: Rows) -> Entries:
        """Sort rows into what they are."""
        facts = Facts(rows.record, self._columns, is_encoded=self._is_encoded)
        copies, reasons = facts.copies(self._selection.prefix), dict[int, str]()
        for at, reason in facts.marked(self._selection.bucket, self._expiring):
            reasons.setdefault(at, reason)
        if not self._are_usable(facts):
            for at, reason in self._by_key(facts, copies):
                reasons.setdefault(at, reason)
        if not reasons and not rows.broken:
            return Entries(copies, facts.ranks, Counter(), [])
        return self._sorted_out(rows, facts, copies, reasons)

    def _are_usable(self, facts: Facts) -> bool:
        """Return whether no key certainly is a reason; a quick look at all of them at once."""
        _, prefix, owners, accept = self._selection
        if not accept.accepts_all or not owners.has_one or 0 in facts.sizes:
            return False
        is_inside = not prefix or all(key.startswith(prefix) for key in facts.keys)
        return is_inside and are_recordable(facts.keys_below(prefix))

    def _by_key(self, facts: Facts, copies: Sequence[ListedCopy]) -> Iterator[tuple[int, str]]:
        """Yield the rows that can't be used because of their keys, or have no content."""
        versions = facts.markers if facts.ranks is not None else [False] * len(copies)
        rows = zip(facts.keys, copies, versions, strict=True)
        for at, (key, copy, is_marker) in enumerate(rows):
            if reason := self._reason(key, copy, is_marker=is_marker):
                yield at, reason

    def _reason(self, full: str, copy: ListedCopy, *, is_marker: bool) -> str | None:
        key, (_, prefix, owners, accept) = copy.key, self._selection
        if not full.startswith(prefix):
            return "outside"
        if is_reserved(key):
            return "reserved"
        if not copy.size and not is_marker and full:
            return "empty"
        if not is_recordable(key):
            return "key-invalid"
        if accept.reason(key):
            return "excluded"
        return None if owners.of(key) else "no-tenant"

    def _sorted_out(
        self, rows: Rows, facts: Facts, copies: list[ListedCopy], reasons: dict[int, str]
    ) -> Entries:
        kept = [at not in reasons for at in range(len(copies))]
        ranks = None if facts.ranks is None else list(compress(facts.ranks, kept))
        left_out = Counter(reason for reason in reasons.values() if reason in LEFT_OUT)
        rejected = [
            (rows.numbers[at], facts.keys[at], reason)
            for at, reason in reasons.items()
            if reason not in LEFT_OUT
        ]
        rejected += [(number, text, "columns-invalid") for number, text in rows.broken]
        named = [self._reject(*each) for each in sorted(rejected)]
        return Entries(list(compress(copies, kept)), ranks, left_out, named)

    def _reject(self, number: int, value: str, reason: str) -> Reject:
        return Reject(f"{self._file} row {number}", printable(value[:_SHOWN]), reason)
