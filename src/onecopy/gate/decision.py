"""The decision about a batch of contents: which are stored, which are new, and what is in doubt.

It asks the index and the store once for all contents, and confirms copies one by one only if that
does not suffice. Each step answers the contents that the steps before it left open.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

from onecopy.content import Content, Copy, Verdict
from onecopy.errors import Damaged, Failure
from onecopy.gate.answers import unconfirmed
from onecopy.gate.budget import Budget
from onecopy.gate.candidates import Candidates
from onecopy.gate.checksum_lists import ChecksumLists
from onecopy.gate.confirm import Confirmer, Look
from onecopy.gate.examination import Examined
from onecopy.gate.interface import NEW, Answer, Limits
from onecopy.gate.listed import ListedCopies
from onecopy.gate.matching import Match, by_content, is_unchanged
from onecopy.gate.needed_digests import NeededDigests
from onecopy.gate.settling import Settling
from onecopy.index.interface import Engine
from onecopy.store.interface import Object
from onecopy.tenant import Tenant

_log = logging.getLogger("onecopy.gate")
_MOST_AT_ONCE = 8
"""Rows of contents whose candidates are confirmed concurrently."""
_NOTHING_SEEN: Mapping[str, Object] = MappingProxyType({})


class Decider:
    """Decides which of one tenant's contents are stored."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        index: Engine,
        tenant: Tenant,
        confirmer: Confirmer,
        *,
        listed: ListedCopies | None = None,
        max_digests: int = Limits().digests,
        look: Look | None = None,
    ) -> None:
        self._index = index
        self._tenant = tenant
        self._confirmer = confirmer
        self._listed = listed
        self._trash = confirmer.trash
        self._look = look or confirmer.look
        self._candidates = Candidates(index, tenant.name)
        self._settling = Settling(confirmer, self._candidates)
        self._lists = ChecksumLists(index, tenant)
        self._needed = NeededDigests(index, tenant.name, max_digests)

    def decide(
        self, contents: Sequence[Content], budget: Budget, *, weak: bool = False
    ) -> list[Answer]:
        """Return, for each content in order, `duplicate` with its live copy, or another verdict.

        A content that only a checksum list has is judged by the tenant's policy for lists. `new` is
        decided by the content digest; without it, by all schemes that the index names for the size.
        With `weak`, it needs these schemes, too, if a copy of the size has no content digest yet;
        an upload states the content digest alone. It also needs those of listed copies, which are
        looked at if they may have the content.
        A copy in the trash is no duplicate: if there is no other, the content is `new`, and the
        answer names the copy. Raises Damaged.
        """
        try:
            return self._decide_all(contents, budget, weak=weak)
        except Damaged:
            raise  # no later answer could be relied on either
        except Failure as failure:
            reason = _index_reason(failure)
            _log.warning("%s: %s", reason, failure)  # the answer has the reason only
            return [Answer(Verdict.UNCONFIRMED, reason=reason)] * len(contents)

    def _decide_all(
        self, contents: Sequence[Content], budget: Budget, *, weak: bool
    ) -> list[Answer]:
        answers = self._decide(contents, budget, weak=weak)
        if weak and self._listed:
            self._examine(self._listed, contents, answers, budget)
        return answers

    def _decide(
        self,
        contents: Sequence[Content],
        budget: Budget,
        *,
        weak: bool,
        seen: Mapping[str, Object] = _NOTHING_SEEN,
    ) -> list[Answer]:
        """Decide the common cases in one batch, and the others one by one.

        `seen` has objects that this request has just looked at, by key.
        """
        groups = self._look_up(contents)
        proposed = [
            self._propose(content, copies, budget)
            for content, copies in zip(contents, groups, strict=True)
        ]
        confirmed = self._if_live(proposed)
        undecided = self._needed.undecided_sizes(contents, proposed)
        unread = self._needed.unread_sizes(undecided)
        rows: dict[object, list[Content]] = {}
        for content, copies, answer in zip(contents, groups, confirmed, strict=True):
            if answer is None and content.size in unread:
                rows.setdefault(content.size, []).append(content)
            elif answer is None and any(copies):
                rows.setdefault(content, []).append(content)
        answers = [answer or NEW for answer in confirmed]
        if rows:
            settled = self._settle(list(rows.values()), budget, seen)
            for at, content in enumerate(contents):
                answers[at] = confirmed[at] or settled.get(content, NEW)
        self._lists.look_up(contents, answers)
        self._needed.judge(contents, answers, undecided if weak else set())
        return answers

    def _settle(
        self, rows: Sequence[Sequence[Content]], budget: Budget, seen: Mapping[str, Object]
    ) -> dict[Content, Answer]:
        """Confirm the candidates of contents: several rows at once, each one after the other.

        Contents that may be the same copy are in one row, so that it is read once.
        """

        def settle(row: Sequence[Content]) -> dict[Content, Answer]:
            return {
                content: self._settling.settle(content, budget, seen)
                for content in dict.fromkeys(row)
            }

        if len(rows) == 1:  # not worth a thread
            return settle(rows[0])
        with ThreadPoolExecutor(min(len(rows), _MOST_AT_ONCE), "onecopy-confirm") as pool:
            settled = pool.map(settle, rows)
            return {content: answer for row in settled for content, answer in row.items()}

    def _examine(
        self,
        listed: ListedCopies,
        contents: Sequence[Content],
        answers: list[Answer],
        budget: Budget,
    ) -> None:
        """Replace the answers for new contents that listed copies may have."""
        new = [
            at
            for at, (content, answer) in enumerate(zip(contents, answers, strict=True))
            if answer.verdict is Verdict.NEW and content.size
        ]
        if not new:
            return
        found = listed.examine([contents[at] for at in new])
        examined = {new[at]: each for at, each in found.items()}
        again = [at for at, each in examined.items() if each.seen]
        if again:  # the common case costs no call
            seen = {key: each for at in again for key, each in examined[at].seen.items()}
            left = [contents[at] for at in again]
            decided = self._decide(left, budget, weak=True, seen=seen)
            for at, answer in zip(again, decided, strict=True):
                answers[at] = answer
        for at, each in examined.items():
            if answers[at].verdict is Verdict.NEW:
                answers[at] = self._judge_examined(contents[at], answers[at], each)

    def _judge_examined(self, content: Content, answer: Answer, examined: Examined) -> Answer:
        if examined.reason:
            return unconfirmed(examined.reason, content)
        if examined.needed:
            return self._needed.ask_for(examined.needed, content)
        if not examined.unexamined:  # keeps the answer that is shared
            return answer
        return answer._replace(unexamined=answer.unexamined + examined.unexamined)

    def _look_up(self, contents: Sequence[Content]) -> list[Sequence[Copy | None]]:
        """Return, for each content, the first copy that has each of its digests."""
        digests = [digest for content in contents for digest in content.digests]
        found = self._index.lookup(self._tenant.name, digests)
        return list(by_content(contents, found))

    def _first_match(self, content: Content, copies: Sequence[Copy | None]) -> Copy | None:
        """Return the first copy that, by its record, certainly holds the content."""
        if len(copies) == 1:  # the common case, kept cheap
            copy = copies[0]
            if copy is None or copy.size != content.size:
                return None
            if content.digests[0].scheme.strong and copy.digests.proves(content.digests[0]):
                return copy
        for copy in copies:
            if copy is not None and self._confirmer.match(copy, content) is Match.SAME:
                return copy
        return None

    def _propose(
        self, content: Content, copies: Sequence[Copy | None], budget: Budget
    ) -> Answer | None:
        """Return the answer if its copy is live: one that, by its record, has the content.

        Returns None if that can only be decided by confirming copies one by one.
        """
        first = self._first_match(content, copies)
        if first is None:
            return None
        if not self._trash.has(first):
            return Answer(Verdict.DUPLICATE, first)
        return self._propose_other(first, content, budget)

    def _propose_other(self, first: Copy, content: Content, budget: Budget) -> Answer | None:
        """Return the answer for a content whose first copy is in the trash; see _propose."""
        candidates = self._candidates.each(content, budget)
        other = next((copy for copy in candidates if not self._trash.has(copy)), None)
        if other is None:
            return None if budget.over else self._trash.answer(first)
        is_same = self._confirmer.match(other, content) is Match.SAME
        return Answer(Verdict.DUPLICATE, other) if is_same else None

    def _if_live(self, proposed: Sequence[Answer | None]) -> list[Answer | None]:
        """Return each answer whose copy has just been seen, and None for the others."""
        copies = [answer.copy for answer in proposed if answer and answer.copy]
        looks = iter(self._look(copies))
        return [
            answer if answer and answer.copy and is_unchanged(answer.copy, next(looks)) else None
            for answer in proposed
        ]


def _index_reason(failure: Failure) -> str:
    reason = failure.reason
    return reason if reason.startswith("index-") else f"index-{reason}"
