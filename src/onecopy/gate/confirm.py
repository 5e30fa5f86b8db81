"""Confirmation that a live copy holds a content: the one place where the promise P1 is kept.

The index proposes, the store disposes: a copy counts only if it has just been seen in the store
with the identity under which it was recorded, and if its evidence is proved. Any other candidate is
read once, within a limit; otherwise the answer is `unconfirmed`.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import islice
from typing import TypeVar

from onecopy.content import Content, Copy, Digests, Evidence, Listed, Verdict
from onecopy.digest import MOST_PARTS, SHA256, SMALLEST_PART, Digest, Hashed, Scheme, content_scheme
from onecopy.errors import Damaged, Failure, FileChanged
from onecopy.gate.interface import Answer, Limits
from onecopy.gate.md5 import WholeMd5
from onecopy.gate.trash import Trash
from onecopy.index.interface import Engine, Lists, Unread
from onecopy.patterns import Patterns
from onecopy.store.interface import Absent, Object, Store, Unknown
from onecopy.store.objects import copy_of, hash_object, store_reason
from onecopy.tenant import Tenant

_T = TypeVar("_T")
_log = logging.getLogger("onecopy.gate")
_NEW = Answer(Verdict.NEW)
LISTED = "listed"
"""The reason if a checksum list has the content and no copy is known."""
_DIGEST_NEEDED = "digest-needed"
"""The reason if the digests of a content cannot decide whether it is stored."""
_CHANGED = "copy-changed"
"""The reason if an object changed while it was read."""
_STORE_FAILURES = frozenset({"store-unavailable", "store-forbidden"})
_CANDIDATES_PER_BATCH = 16
"""Copies of one content that are fetched from the index at first."""


class Match(Enum):
    """Result of comparing the digests of a copy with those of a content."""

    SAME = 1
    DIFFERENT = 2
    LIKELY = 3


class Budget:
    """Bytes and seconds that one request may still spend on reading stored copies."""

    def __init__(self, bytes_left: int, seconds: float) -> None:
        self._bytes_left = bytes_left
        self._deadline = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether its time has run out."""
        return time.monotonic() > self._deadline

    def spend(self, size: int) -> bool:
        """Spend `size` bytes; return False if they or the time are used up."""
        if size > self._bytes_left or self.over:
            return False
        self._bytes_left -= size
        return True


class Confirmer:
    """Finds live copies of one tenant's contents."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        index: Engine,
        store: Store,
        tenant: Tenant,
        *,
        trash: Patterns,
        md5: WholeMd5,
        max_digests: int = Limits().digests,
    ) -> None:
        self._index = index
        self._lists = index if isinstance(index, Lists) else None
        self._unread = index if isinstance(index, Unread) else None
        self._store = store
        self._tenant = tenant
        self._md5 = md5
        self._max_digests = max_digests
        self._trash = Trash(index, tenant.name, trash)

    def find(
        self, contents: Sequence[Content], budget: Budget, *, weak: bool = False
    ) -> list[Answer]:
        """Return, for each content in order, `duplicate` with its live copy, or another verdict.

        A content that only a checksum list has is judged by the tenant's policy for lists. `new` is
        decided by the content digest; without it, by all schemes that the index names for the size.
        With `weak`, it needs these schemes, too, if a copy of the size has no content digest yet;
        an upload states the content digest alone.
        A copy in the trash is no duplicate: if there is no other, the content is `new`, and the
        answer names the copy. Raises Damaged.
        """
        try:
            return self._find(contents, budget, weak=weak)
        except Damaged:
            raise  # no later answer could be relied on either
        except Failure as failure:
            reason = _index_reason(failure)
            _log.warning("%s: %s", reason, failure)  # the answer has the reason only
            return [Answer(Verdict.UNCONFIRMED, reason=reason)] * len(contents)

    def _find(self, contents: Sequence[Content], budget: Budget, *, weak: bool) -> list[Answer]:
        """Decide the common cases in one batch, and the others one by one."""
        digests = [digest for content in contents for digest in content.digests]
        found = self._index.lookup(self._tenant.name, digests)
        groups = list(_grouped_by_content(contents, found))
        proposed = [
            self._propose(content, copies, budget)
            for content, copies in zip(contents, groups, strict=True)
        ]
        looks = iter(self._look([answer.copy for answer in proposed if answer and answer.copy]))
        live = [answer is not None and _is_live(answer, next(looks)) for answer in proposed]
        undecided = self._undecided_sizes(contents, proposed)
        unread = self._unread_sizes(undecided)
        answers = [
            answer
            if answer is not None and is_live
            else _NEW
            if answer is None and content.size not in unread and not any(copies)
            else self._settle(content, budget)
            for content, copies, answer, is_live in zip(
                contents, groups, proposed, live, strict=True
            )
        ]
        self._look_up_lists(contents, answers)
        self._find_undecided(contents, answers, undecided if weak else set())
        return answers

    def _look_up_lists(self, contents: Sequence[Content], answers: list[Answer]) -> None:
        """Replace the answers for new contents that are on a checksum list."""
        unmatched = [at for at, answer in enumerate(answers) if answer.verdict is Verdict.NEW]
        digests = [digest for at in unmatched for digest in contents[at].digests]
        if not digests or self._lists is None:
            return
        found = self._lists.listed(self._tenant.name, digests)
        if not any(found):
            return
        groups = _grouped_by_content([contents[at] for at in unmatched], found)
        for at, group in zip(unmatched, groups, strict=True):
            listed = self._judge_listed(contents[at].size, group)
            answers[at] = answers[at] if listed is _NEW else listed

    def _find_undecided(
        self, contents: Sequence[Content], answers: list[Answer], undecided: set[int]
    ) -> None:
        """Replace the answers for new contents whose digests cannot rule out all of their size."""
        unsure = [
            (at, content)
            for at, (content, answer) in enumerate(zip(contents, answers, strict=True))
            if answer is _NEW
            and content.size
            and (content.size in undecided or not _has_content_digest(content))
        ]
        if not unsure:  # the common case costs no call
            return
        sizes = sorted({content.size for _, content in unsure})
        known = dict(zip(sizes, self._index.schemes(self._tenant.name, sizes), strict=True))
        for at, content in unsure:
            needed = known[content.size]
            if not needed.issubset(digest.scheme for digest in content.digests):
                answers[at] = self._ask_for(needed, content)

    def _ask_for(self, needed: frozenset[Scheme], content: Content) -> Answer:
        """Return the answer that names the digests to compute, if one check may have them all."""
        count = len(needed | {content_scheme(content.size)})
        if count <= self._max_digests:
            return _unconfirmed(_DIGEST_NEEDED, content, needed)
        message = (
            f"known contents also have {content.size} bytes, and one may be the same, but "
            f"comparing them takes {count} digests (limit {self._max_digests} per file): run "
            "`onecopy scan --read missing`, which reads them once, or upload the file"
        )
        return Answer(Verdict.UNCONFIRMED, reason=_DIGEST_NEEDED, message=message)

    def _judge_listed(self, size: int, found: Sequence[Listed | None]) -> Answer:
        """Leave the decision to the user if the list is not trusted: it names no copy to see."""
        fitting = [listed for listed in found if listed and listed.size in (None, size)]
        if any(self._is_trusted(listed.digest, Evidence.CLAIMED) for listed in fitting):
            return Answer(Verdict.DUPLICATE, reason=LISTED)
        return Answer(Verdict.UNCONFIRMED, reason=LISTED) if fitting else _NEW

    def _first_match(self, content: Content, copies: Sequence[Copy | None]) -> Copy | None:
        """Return the first copy that, by its record, certainly holds the content."""
        if len(copies) == 1:  # the common case, kept cheap
            copy = copies[0]
            if copy is None or copy.size != content.size:
                return None
            if content.digests[0].scheme.strong and copy.digests.proves(content.digests[0]):
                return copy
        for copy in copies:
            if copy is not None and self.match(copy, content) is Match.SAME:
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
        candidates = self._candidates(content, budget)
        other = next((copy for copy in candidates if not self._trash.has(copy)), None)
        if other is None:
            return None if budget.over else self._trash.answer(first)
        is_same = self.match(other, content) is Match.SAME
        return Answer(Verdict.DUPLICATE, other) if is_same else None

    def _undecided_sizes(self, contents: Sequence[Content], proposed: Sequence[object]) -> set[int]:
        """Return the sizes for which there may be copies that no content digest finds."""
        unmatched = zip(contents, proposed, strict=True)
        sizes = {c.size for c, answer in unmatched if answer is None and c.digests} - {0}
        if not sizes or self._unread is None:
            return set()
        return self._unread.undecided_sizes(self._tenant.name, sorted(sizes))

    def _unread_sizes(self, undecided: set[int]) -> set[int]:
        """Return the sizes for which there may be copies that no digest finds."""
        if not undecided or self._unread is None:
            return set()
        return self._unread.unread_sizes(self._tenant.name, sorted(undecided))

    def _settle(self, content: Content, budget: Budget) -> Answer:
        """Confirm candidates until one holds the content; read those whose record is not enough.

        Candidates in the trash come last, because they cannot make it a duplicate.
        """
        reason, in_trash = None, list[Copy]()
        for copy in self._candidates(content, budget):
            if budget.over:
                break
            if self._trash.has(copy):
                in_trash.append(copy)
                continue
            confirmed = self.confirm(copy, content, budget)
            if isinstance(confirmed, Copy):
                return Answer(Verdict.DUPLICATE, confirmed)
            reason = confirmed or reason
        if reason is None and budget.over:
            reason = "read-limit"
        if reason:
            return _unconfirmed(reason, content)
        return self._settle_in_trash(in_trash, content, budget)

    def _settle_in_trash(self, copies: Iterable[Copy], content: Content, budget: Budget) -> Answer:
        """Name a live copy in the trash, if there is one. In doubt the content is new anyway."""
        for copy in copies:
            if budget.over:
                break
            confirmed = self.confirm(copy, content, budget)
            if isinstance(confirmed, Copy):
                return self._trash.answer(confirmed)
            if confirmed in _STORE_FAILURES:  # P3
                return _unconfirmed(confirmed, content)
        return _NEW

    def _candidates(self, content: Content, budget: Budget) -> Iterator[Copy]:
        """Yield each copy that may hold the content once: by strong digest, weak digest, size."""
        name, tried = self._tenant.name, set[tuple[str, str]]()
        strong_first = sorted(content.digests, key=lambda digest: not digest.scheme.strong)
        sources: list[Digest | None] = [*strong_first, None] if self._unread else [*strong_first]
        for source in sources:
            while not budget.over:
                # Growing, because each batch starts from the first copy again.
                limit = 2 * len(tried) + _CANDIDATES_PER_BATCH
                if source is None and self._unread:
                    batch = self._unread.unread(name, content.size, limit)
                else:
                    pairs = self._index.copies(name, digest=source)
                    batch = [copy for _, copy in islice(pairs, limit)]
                fresh = [copy for copy in batch if (copy.key, copy.identity) not in tried]
                for copy in fresh:
                    tried.add((copy.key, copy.identity))
                    yield copy
                if len(batch) < limit or not fresh:
                    break

    def confirm(self, copy: Copy, content: Content, budget: Budget) -> Copy | str | None:
        """Return the copy if it is live and holds the content, or the reason if unknown.

        Returns None if the copy is gone or holds another content, with the index updated.
        """
        seen = self._look([copy])[0]
        if isinstance(seen, Unknown):
            return seen.reason
        recorded = isinstance(seen, Object) and seen.identity == copy.identity
        if isinstance(seen, Absent) or seen.size != content.size:
            if not recorded:
                self._index.forget(self._tenant.name, [copy])
            return None
        match = self.match(copy, content)
        if recorded and match is not Match.LIKELY:
            return copy if match is Match.SAME else None
        if not any(digest.scheme.strong for digest in content.digests):
            return _DIGEST_NEEDED
        read = self.read(copy.key, seen, [d.scheme for d in content.digests], budget)
        if not isinstance(read, Copy):
            return read
        return read if self.match(read, content) is Match.SAME else None

    def match(self, copy: Copy, content: Content) -> Match:
        """Compare digests; MD5 or claimed evidence is SAME only if the tenant trusts it.

        A CRC alone never is, whatever the tenant trusts: it says nothing against intent.
        """
        if copy.size != content.size:
            return Match.DIFFERENT
        own = dict(copy.digests.pairs())
        sure = {digest.scheme for digest, evidence in own.items() if _is_sure(digest, evidence)}
        if any(digest.scheme in sure and digest not in own for digest in content.digests):
            return Match.DIFFERENT
        for digest in content.digests:
            evidence = own.get(digest)
            if evidence is not None and self._is_trusted(digest, evidence):
                return Match.SAME
        return Match.LIKELY

    def _is_trusted(self, digest: Digest, evidence: Evidence) -> bool:
        trust, scheme = self._tenant.trust, digest.scheme
        return (scheme.strong or (scheme.algorithm == "md5" and "md5" in trust)) and (
            evidence is Evidence.PROVED or "claimed" in trust
        )

    def read(
        self, key: str, seen: Object, schemes: Iterable[Scheme], budget: Budget
    ) -> Copy | str | None:
        """Read an object; return its recorded copy, why it was not read, or None if it is gone."""
        if not budget.spend(seen.size):
            return "read-limit"
        try:
            hashed = self._hash(self._tenant.prefix + key, seen, schemes)
        except FileNotFoundError:
            return None
        except FileChanged:
            return _CHANGED
        except (Failure, OSError) as error:
            return store_reason(error)
        digests = Digests.proved(*hashed.digests).merged(seen.digests)
        copy = copy_of(seen._replace(digests=digests), key)
        self._index.record(self._tenant.name, [copy])
        return copy

    def _hash(self, key: str, seen: Object, schemes: Iterable[Scheme]) -> Hashed:
        # Part sizes come from clients. One that no upload can have would cost more time and memory
        # than the answer is worth.
        usable = [
            scheme
            for scheme in schemes
            if scheme.is_computable and (scheme.part_size or seen.size) * MOST_PARTS >= seen.size
        ]
        hashed = hash_object(self._store, key, seen.size, [*usable, *self._md5.schemes])
        if self._store.look([key])[0] != seen:
            raise FileChanged(f"{key!r} changed while it was read")
        return hashed

    def judge_taken_key(
        self, key: str, size: int, digest: Digest | None, found: Object, budget: Budget
    ) -> Answer:
        """Return the answer for an upload to a taken key: `duplicate` if it holds the same content.

        If it holds another, `key-taken`; if that cannot be determined, `unconfirmed` with a reason,
        such as `digest-needed`.
        """
        if found.size != size:
            return Answer(Verdict.NEW, reason="key-taken")
        copy = copy_of(found, key)
        if size == 0:
            return Answer(Verdict.DUPLICATE, copy)
        recorded = self._index.at(self._tenant.name, [key])[0] or copy
        content = Content(size, (digest,) if digest else ())
        confirmed = self.confirm(recorded, content, budget)
        if confirmed == _CHANGED:
            # A request that publishes it right now changes it once more when it cleans up.
            confirmed = self.confirm(recorded, content, budget)
        if isinstance(confirmed, Copy):
            if confirmed is copy:  # the store stated its digest, and it is not recorded yet
                self.record([copy])
            return Answer(Verdict.DUPLICATE, confirmed)
        if confirmed is not None:
            return _unconfirmed(confirmed, content)
        return Answer(Verdict.NEW, reason="key-taken")

    def record(self, copies: Sequence[Copy]) -> list[Copy]:
        """Record copies of this tenant; see Trash."""
        return self._trash.record(copies)

    def _look(self, copies: Sequence[Copy]) -> list[Object | Absent | Unknown]:
        if not copies:  # saves the store from reading its marker
            return []
        prefix = self._tenant.prefix
        try:
            return self._store.look([prefix + copy.key for copy in copies])
        except Failure as failure:
            reason = store_reason(failure)
            _log.warning("%s: %s", reason, failure)
            return [Unknown(reason)] * len(copies)


def _has_content_digest(content: Content) -> bool:
    size, digests = content
    if size < SMALLEST_PART and digests and digests[0].scheme is SHA256:
        return True  # the common case, kept cheap
    scheme = content_scheme(size)
    return any(digest.scheme == scheme for digest in digests)


def _unconfirmed(reason: str, content: Content, known: Iterable[Scheme] = ()) -> Answer:
    """Return `unconfirmed`; a digest that is needed is named, as is any under a `known` scheme."""
    message = None
    if reason == _DIGEST_NEEDED:
        content_first = dict.fromkeys([content_scheme(content.size), *sorted(known, key=str)])
        given = {digest.scheme for digest in content.digests}
        names = " and ".join(str(scheme) for scheme in content_first if scheme not in given)
        message = (
            f"a known content also has {content.size} bytes, and may be the same: "
            f"compute {names}{' as well' if given else ''} to compare them"
        )
    return Answer(Verdict.UNCONFIRMED, reason=reason, message=message)


def _index_reason(failure: Failure) -> str:
    reason = failure.reason
    return reason if reason.startswith("index-") else f"index-{reason}"


def _is_sure(digest: Digest, evidence: Evidence) -> bool:
    return digest.scheme.strong and evidence is Evidence.PROVED


def _is_live(answer: Answer, seen: Object | Absent | Unknown) -> bool:
    return answer.copy is not None and _is_unchanged(answer.copy, seen)


def _is_unchanged(copy: Copy, seen: Object | Absent | Unknown) -> bool:
    return isinstance(seen, Object) and seen.identity == copy.identity and seen.size == copy.size


def _grouped_by_content(contents: Sequence[Content], found: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield the results of one lookup, grouped by content."""
    at = 0
    for content in contents:
        yield found[at : (at := at + len(content.digests))]
