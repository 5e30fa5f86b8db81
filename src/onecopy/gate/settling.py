"""Settling whether a content is stored: its candidates are confirmed one after the other."""

from collections.abc import Iterable, Mapping

from onecopy.confirming import CONFIRMING, READ_LIMIT
from onecopy.content import Content, Copy, Verdict
from onecopy.gate.budget import Budget
from onecopy.gate.candidates import Candidates
from onecopy.gate.confirm import Confirmer
from onecopy.gate.interface import NEW, Answer
from onecopy.gate.matching import Match
from onecopy.store.interface import Object

_STORE_FAILURES = frozenset({"store-unavailable", "store-forbidden"})
_SKIPPED = Answer(Verdict.NEW, unexamined=1)
"""The result of a copy that nothing speaks for but its size, and that is too large to be read."""
_MOST_SKIPPED = 64
"""Such copies that are looked at for one content."""


class Settling:
    """Settles contents of one tenant."""

    def __init__(self, confirmer: Confirmer, candidates: Candidates) -> None:
        self._confirmer = confirmer
        self._candidates = candidates
        self._trash = confirmer.trash

    def settle(self, content: Content, budget: Budget, seen: Mapping[str, Object]) -> Answer:
        """Confirm candidates until one holds the content; read those whose record is not enough.

        Candidates in the trash come last, because they cannot make it a duplicate. A copy in a
        bucket of which only the size is known is no reason for doubt: if reading it costs too much,
        it is counted as not examined. `seen` has objects that have just been looked at, by key.
        """
        doubt, in_trash, unexamined, last = None, list[Copy](), 0, None
        for last in self._candidates.each(content, budget):
            if self._trash.has(last):
                in_trash.append(last)
                continue
            confirmed = self._confirm_in_time(last, content, budget, seen.get(last.key))
            if isinstance(confirmed, Copy):
                return Answer(Verdict.DUPLICATE, confirmed)
            if confirmed is _SKIPPED:
                unexamined += 1
                if unexamined == _MOST_SKIPPED:
                    break
                continue
            doubt = confirmed or doubt
            if doubt and (budget.over or doubt.reason == CONFIRMING):
                break  # one after the other: perhaps the others need not be read
        if doubt is None and budget.over and not unexamined:
            if last is None or not self._may_skip(last):
                doubt = self._confirmer.out_of_time(content)
            else:  # those without a digest come last
                unexamined = 1
        if doubt:
            return doubt
        answer = self._settle_in_trash(in_trash, content, budget)
        return answer._replace(unexamined=unexamined) if unexamined else answer

    def _may_skip(self, copy: Copy) -> bool:
        """Return whether nothing speaks for a copy but its size, and reading it costs money."""
        return not copy.digests and not self._confirmer.reads_for_free

    def _confirm_in_time(
        self, copy: Copy, content: Content, budget: Budget, seen: Object | None
    ) -> Copy | Answer | None:
        """Confirm a copy; once the request's time is over, only outside of it."""
        may_skip = self._may_skip(copy)
        if not budget.over:
            confirmed = self._confirmer.confirm(
                copy, content, budget, later=not may_skip, last=seen
            )
            is_limit = isinstance(confirmed, Answer) and confirmed.reason == READ_LIMIT
            return _SKIPPED if may_skip and is_limit else confirmed
        if self._confirmer.match(copy, content) is Match.DIFFERENT:
            return None
        return _SKIPPED if may_skip else self._confirmer.later(copy, content)

    def _settle_in_trash(self, copies: Iterable[Copy], content: Content, budget: Budget) -> Answer:
        """Name a live copy in the trash, if there is one. In doubt the content is new anyway."""
        for copy in copies:
            if budget.over:
                break
            confirmed = self._confirmer.confirm(copy, content, budget, later=False)
            if isinstance(confirmed, Copy):
                return self._trash.answer(confirmed)
            if confirmed and confirmed.reason in _STORE_FAILURES:  # P3
                return confirmed
        return NEW
