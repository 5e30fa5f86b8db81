"""Copies in the trash and in snapshots: known and recorded, but never a reason not to upload.

Something else deletes them in time. So a content is a duplicate only of a copy outside, and the
copy of record is one outside, if there is any. The patterns apply whenever an answer is decided:
the index does not know them.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from onecopy.content import Copy, Verdict
from onecopy.gate.interface import Answer
from onecopy.index.interface import Engine
from onecopy.patterns import Patterns

IN_TRASH = "in-trash"
"""The reason if the only known copies are in the trash."""
_MAX_ATTEMPTS = 10
"""Attempts to make room for a copy of record while others record copies of the same content."""


class Trash:
    """The copies of one tenant whose keys match the patterns."""

    def __init__(self, index: Engine, tenant: str, patterns: Patterns) -> None:
        self._index = index
        self._tenant = tenant
        self.patterns = patterns

    def has(self, copy: Copy) -> bool:
        """Return whether a copy is in the trash."""
        return self.patterns.match(copy.key)

    def answer(self, copy: Copy) -> Answer:
        """Return the answer for a content that a live copy in the trash has, and no other."""
        return Answer(Verdict.NEW, copy, IN_TRASH)

    def record(self, copies: Sequence[Copy]) -> list[Copy]:
        """Record copies; see Index.

        A copy of record that is in the trash cedes its place to one outside: it is recorded again,
        as the last. So the index still decides atomically which upload comes first (P4). If
        this is interrupted, the copy in the trash is unknown until the next scan: no harm.
        """
        for _ in range(_MAX_ATTEMPTS):
            firsts = self._index.record(self._tenant, copies)
            if not self.patterns.may_match([first.key for first in firsts]):  # the common case
                break
            behind = [
                (copy, first)
                for copy, first in zip(copies, firsts, strict=True)
                if self.has(first) and not self.has(copy)
            ]
            if not behind:
                break
            trash = {each.key: each for pair in behind for each in self._before(*pair)}
            self._record_again(list(trash.values()))
        return firsts

    def _before(self, copy: Copy, first: Copy) -> Iterator[Copy]:
        """Yield the copies in the trash that come before all other copies of this content."""
        yield first
        found = self._index.copies(self._tenant, digest=copy.content_digest)
        yield from takewhile(self.has, (each for _, each in found))

    def _record_again(self, copies: Sequence[Copy]) -> None:
        """Record copies as the last, unless they have been replaced or forgotten since."""
        forgotten = self._index.forget(self._tenant, copies)
        self._index.add(
            (self._tenant, copy) for copy, done in zip(copies, forgotten, strict=True) if done
        )
