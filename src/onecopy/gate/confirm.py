"""Confirmation that one live copy holds a content: the one place where the promise P1 is kept.

The index proposes, the store disposes: a copy counts only if it has just been seen in the store
with the identity under which it was recorded, and if its evidence is proved. Any other candidate is
read once: within a limit in the request, otherwise in the background, and until then the answer is
`unconfirmed`.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice

from onecopy.confirming import CONFIRMING, READ_LIMIT, Readers
from onecopy.content import Content, Copy, Digests, Evidence, Verdict
from onecopy.digest import MOST_PARTS, Digest, Hashed, Scheme, content_scheme
from onecopy.errors import Failure, FileChanged
from onecopy.gate.background import Background
from onecopy.gate.budget import Budget
from onecopy.gate.interface import Answer
from onecopy.gate.md5 import WholeMd5
from onecopy.gate.trash import Trash
from onecopy.index.interface import Engine, Unread
from onecopy.patterns import Patterns
from onecopy.store.interface import ARCHIVED, Absent, Object, Store, Unknown
from onecopy.store.objects import copy_of, hash_object, store_reason
from onecopy.tenant import Tenant

Look = Callable[[Sequence[Copy]], list[Object | Absent | Unknown]]
"""Returns what is in the store at the key of each copy."""
_log = logging.getLogger("onecopy.gate")
NEW = Answer(Verdict.NEW)
"""The answer for a content that has no copy."""
DIGEST_NEEDED = "digest-needed"
"""The reason if the digests of a content cannot decide whether it is stored."""
_CHANGED = "copy-changed"
"""The reason if an object changed while it was read."""
_ARCHIVED = "store-archived"
"""The reason if an object cannot be read before it is restored."""
_STORE_FAILURES = frozenset({"store-unavailable", "store-forbidden"})
_SKIPPED = Answer(Verdict.NEW, unexamined=1)
"""The result of a copy that nothing speaks for but its size, and that is too large to be read."""
_MOST_SKIPPED = 64
"""Such copies that are looked at for one content."""
_CANDIDATES_PER_BATCH = 16
"""Copies of one content that are fetched from the index at first."""


class Match(Enum):
    """Result of comparing the digests of a copy with those of a content."""

    SAME = 1
    DIFFERENT = 2
    LIKELY = 3


class Confirmer:
    """Confirms copies of one tenant's contents one by one."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        index: Engine,
        store: Store,
        tenant: Tenant,
        *,
        trash: Patterns,
        md5: WholeMd5,
        readers: Readers | None = None,
    ) -> None:
        self._index = index
        self._unread = index if isinstance(index, Unread) else None
        self._store = store
        self._tenant = tenant
        self._md5 = md5
        self.trash = Trash(index, tenant.name, trash)
        self._background = Background(readers, tenant, self.record) if readers else None

    def settle(self, content: Content, budget: Budget, seen: Mapping[str, Object]) -> Answer:
        """Confirm candidates until one holds the content; read those whose record is not enough.

        Candidates in the trash come last, because they cannot make it a duplicate. A copy in a
        bucket of which only the size is known is no reason for doubt: if reading it costs too much,
        it is counted as not examined. `seen` has objects that have just been looked at, by key.
        """
        doubt, in_trash, unexamined, last = None, list[Copy](), 0, None
        for last in self.candidates(content, budget):
            if self.trash.has(last):
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
                doubt = self._out_of_time(content)
            else:  # those without a digest come last
                unexamined = 1
        if doubt:
            return doubt
        answer = self._settle_in_trash(in_trash, content, budget)
        return answer._replace(unexamined=unexamined) if unexamined else answer

    def _may_skip(self, copy: Copy) -> bool:
        """Return whether nothing speaks for a copy but its size, and reading it costs money."""
        return not copy.digests and self._store.kind != "folder"

    def _confirm_in_time(
        self, copy: Copy, content: Content, budget: Budget, seen: Object | None
    ) -> Copy | Answer | None:
        """Confirm a copy; once the request's time is over, only outside of it."""
        may_skip = self._may_skip(copy)
        if not budget.over:
            confirmed = self.confirm(copy, content, budget, later=not may_skip, last=seen)
            is_limit = isinstance(confirmed, Answer) and confirmed.reason == READ_LIMIT
            return _SKIPPED if may_skip and is_limit else confirmed
        if self.match(copy, content) is Match.DIFFERENT:
            return None
        if may_skip:
            return _SKIPPED
        return self._later(copy, content) or unconfirmed(READ_LIMIT, content)

    def _out_of_time(self, content: Content) -> Answer:
        """Return the answer for candidates that this request had no time to confirm."""
        return unconfirmed(CONFIRMING if self._background else READ_LIMIT, content)

    def _settle_in_trash(self, copies: Iterable[Copy], content: Content, budget: Budget) -> Answer:
        """Name a live copy in the trash, if there is one. In doubt the content is new anyway."""
        for copy in copies:
            if budget.over:
                break
            confirmed = self.confirm(copy, content, budget, later=False)
            if isinstance(confirmed, Copy):
                return self.trash.answer(confirmed)
            if confirmed and confirmed.reason in _STORE_FAILURES:  # P3
                return confirmed
        return NEW

    def candidates(self, content: Content, budget: Budget) -> Iterator[Copy]:
        """Yield each copy that may hold the content once: by strong digest, weak digest, size.

        Once the request's time is over, no more than the first of each.
        """
        name, tried = self._tenant.name, set[tuple[str, str]]()
        strong_first = sorted(content.digests, key=lambda digest: not digest.scheme.strong)
        sources: list[Digest | None] = [*strong_first, None] if self._unread else [*strong_first]
        for source in sources:
            is_complete = False
            while not is_complete:
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
                is_complete = len(batch) < limit or not fresh or budget.over

    def confirm(
        self,
        copy: Copy,
        content: Content,
        budget: Budget,
        *,
        later: bool = True,
        last: Object | None = None,
    ) -> Copy | Answer | None:
        """Return the copy if it is live and holds the content, or the answer if that is unknown.

        Returns None if the copy is gone or holds another content, with the index updated. With
        `later`, a copy that is too large for the budget is read in the background, if there is one.
        `last` is its object if it has just been looked at: reading it looks again, afterwards.
        """
        is_likely = last is not None and self.match(copy, content) is Match.LIKELY
        seen = last if last is not None and is_likely else self.look([copy])[0]
        if isinstance(seen, Unknown):
            return unconfirmed(seen.reason, content)
        recorded = isinstance(seen, Object) and seen.identity == copy.identity
        if isinstance(seen, Absent) or seen.size != content.size:
            if not recorded:
                self._index.forget(self._tenant.name, [copy])
            return None
        match = self.match(copy, content)
        if recorded and match is not Match.LIKELY:
            return copy if match is Match.SAME else None
        if not any(digest.scheme.strong for digest in content.digests):
            return unconfirmed(DIGEST_NEEDED, content)
        return self._confirm_by_reading(copy, content, seen, budget, later=later)

    def _confirm_by_reading(
        self, copy: Copy, content: Content, seen: Object, budget: Budget, *, later: bool
    ) -> Copy | Answer | None:
        read = self.read(copy.key, seen, [d.scheme for d in content.digests], budget)
        if isinstance(read, Copy):
            return read if self.match(read, content) is Match.SAME else None
        if read == READ_LIMIT and later:
            return self._later(copy, content, seen) or unconfirmed(READ_LIMIT, content)
        return None if read is None else unconfirmed(read, content)

    def _later(self, copy: Copy, content: Content, seen: Object | None = None) -> Answer | None:
        """Have a copy read outside of the request; return None if nothing does that."""
        return self._background.ask(copy, content, seen) if self._background else None

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
            if evidence is not None and self.is_trusted(digest, evidence):
                return Match.SAME
        return Match.LIKELY

    def is_trusted(self, digest: Digest, evidence: Evidence) -> bool:
        """Return whether this evidence of a digest is enough for the tenant."""
        trust, scheme = self._tenant.trust, digest.scheme
        return (scheme.strong or (scheme.algorithm == "md5" and "md5" in trust)) and (
            evidence is Evidence.PROVED or "claimed" in trust
        )

    def read(
        self, key: str, seen: Object, schemes: Iterable[Scheme], budget: Budget
    ) -> Copy | str | None:
        """Read an object; return its recorded copy, why it was not read, or None if it is gone."""
        if seen.storage == ARCHIVED:
            return _ARCHIVED
        if not budget.spend(seen.size):
            return READ_LIMIT
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
        now = self._store.look([key])[0]
        # `seen` may have more digests: those that a description of the object adds.
        if not isinstance(now, Object) or (now.identity, now.size) != (seen.identity, seen.size):
            raise FileChanged(f"{key!r} changed while it was read")
        return hashed

    def judge_taken_key(  # noqa: PLR0913 - those of an upload, and what is at its key
        self,
        key: str,
        size: int,
        digest: Digest | None,
        found: Object,
        budget: Budget,
        *,
        later: bool = True,
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
        confirmed = self.confirm(recorded, content, budget, later=later)
        if isinstance(confirmed, Answer) and confirmed.reason == _CHANGED:
            # A request that publishes it right now changes it once more when it cleans up.
            confirmed = self.confirm(recorded, content, budget, later=later)
        if isinstance(confirmed, Copy):
            if confirmed is copy:  # the store stated its digest, and it is not recorded yet
                self.record([copy])
            return Answer(Verdict.DUPLICATE, confirmed)
        return confirmed or Answer(Verdict.NEW, reason="key-taken")

    def record(self, copies: Sequence[Copy]) -> list[Copy]:
        """Record copies of this tenant; see Trash."""
        return self.trash.record(copies)

    def look(self, copies: Sequence[Copy]) -> list[Object | Absent | Unknown]:
        """Return what is in the store at the key of each copy."""
        if not copies:  # saves the store from reading its marker
            return []
        prefix = self._tenant.prefix
        try:
            return self._store.look([prefix + copy.key for copy in copies])
        except Failure as failure:
            reason = store_reason(failure)
            _log.warning("%s: %s", reason, failure)
            return [Unknown(reason)] * len(copies)


def unconfirmed(reason: str, content: Content, known: Iterable[Scheme] = ()) -> Answer:
    """Return `unconfirmed`; a digest that is needed is named, as is any under a `known` scheme."""
    message = None
    if reason == DIGEST_NEEDED:
        content_first = dict.fromkeys([content_scheme(content.size), *sorted(known, key=str)])
        given = {digest.scheme for digest in content.digests}
        names = " and ".join(str(scheme) for scheme in content_first if scheme not in given)
        message = (
            f"a known content also has {content.size} bytes, and may be the same: "
            f"compute {names}{' as well' if given else ''} to compare them"
        )
    return Answer(Verdict.UNCONFIRMED, reason=reason, message=message)


def is_unchanged(copy: Copy, seen: Object | Absent | Unknown) -> bool:
    """Return whether an object is still the one that was recorded."""
    return isinstance(seen, Object) and seen.identity == copy.identity and seen.size == copy.size


def _is_sure(digest: Digest, evidence: Evidence) -> bool:
    return digest.scheme.strong and evidence is Evidence.PROVED
