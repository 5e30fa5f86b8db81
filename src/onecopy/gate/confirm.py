"""Which living copy holds this content? The promise P1 is kept here, and nowhere else.

The index proposes, the store disposes: a copy counts only when it has just been seen in the store,
with the identity under which it was recorded, and when its evidence is proved. What falls short of
that is read once, within a limit, or the answer is `unconfirmed`.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import islice
from typing import TypeVar

from onecopy.content import Content, Copy, Digests, Evidence, Listed, Verdict
from onecopy.digest import (
    MD5,
    MOST_PARTS,
    SMALLEST_PART,
    Digest,
    Hashed,
    MiB,
    Scheme,
    content_scheme,
    hash_stream,
)
from onecopy.errors import Failure, FileChanged
from onecopy.gate.interface import Answer
from onecopy.index.interface import Engine
from onecopy.store.interface import Absent, Object, Store, Unknown
from onecopy.tenant import Tenant
from onecopy.timestamp import now

_T = TypeVar("_T")
_NEW = Answer(Verdict.NEW)
LISTED = "listed"
"""The reason where a list has the content, and no copy is known."""
_CHANGED = "copy-changed"
"""The reason where an object was not the same before it was read and after."""
_CANDIDATES = 16
"""Copies of one content that are taken from the index at a time."""


class Match(Enum):
    """What the digests of a copy and of a content say of their being the same."""

    SAME = 1
    DIFFERENT = 2
    LIKELY = 3


class Budget:
    """How much one request may still read of stored copies, in bytes and seconds."""

    def __init__(self, bytes_left: int, seconds: float) -> None:
        self._bytes = bytes_left
        self._until = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether its time has run out."""
        return time.monotonic() > self._until

    def take(self, size: int) -> bool:
        """Take `size` bytes, if they and the time are still there."""
        if size > self._bytes or self.over:
            return False
        self._bytes -= size
        return True


class Confirmer:
    """Finds living copies of one tenant's contents."""

    def __init__(self, index: Engine, store: Store, tenant: Tenant) -> None:
        self._index = index
        self._store = store
        self._tenant = tenant

    def find(self, contents: Sequence[Content], budget: Budget) -> list[Answer]:
        """Return, for each content in order, the living copy that holds it, or why not.

        Where there is none, but a list has the content: what the tenant's policy makes of lists.
        """
        try:
            return self._find(contents, budget)
        except Failure as failure:
            return [Answer(Verdict.UNCONFIRMED, reason=f"index-{failure.reason}")] * len(contents)

    def _find(self, contents: Sequence[Content], budget: Budget) -> list[Answer]:
        """Settle the plain cases in one batch, and the others one by one."""
        digests = [digest for content in contents for digest in content.digests]
        found = self._index.lookup(self._tenant.name, digests)
        groups = list(_grouped(contents, found))
        best = list(map(self._best, contents, groups))
        looks = iter(self._look([copy for copy in best if copy is not None]))
        alive = [copy is not None and _is_same(copy, next(looks)) for copy in best]
        bare = self._unread_sizes(contents, best)
        answers = [
            Answer(Verdict.DUPLICATE, copy)
            if live
            else _NEW
            if copy is None and content.size not in bare and not any(copies)
            else self._settle(content, budget)
            for content, copies, copy, live in zip(contents, groups, best, alive, strict=True)
        ]
        self._look_up_lists(contents, answers)
        return answers

    def _look_up_lists(self, contents: Sequence[Content], answers: list[Answer]) -> None:
        """Say of contents that no copy holds when they are on a list."""
        places = [at for at, answer in enumerate(answers) if answer.verdict is Verdict.NEW]
        digests = [digest for at in places for digest in contents[at].digests]
        if not digests:
            return
        found = self._index.listed(self._tenant.name, digests)
        if not any(found):
            return
        groups = _grouped([contents[at] for at in places], found)
        for at, group in zip(places, groups, strict=True):
            answers[at] = self._of_lists(contents[at].size, group)

    def _of_lists(self, size: int, found: Sequence[Listed | None]) -> Answer:
        """Leave it to the person, where the list is not trusted: it names no copy to look at."""
        fitting = [listed for listed in found if listed and listed.size in (None, size)]
        if any(self._is_trusted(listed.digest, Evidence.CLAIMED) for listed in fitting):
            return Answer(Verdict.DUPLICATE, reason=LISTED)
        return Answer(Verdict.UNCONFIRMED, reason=LISTED) if fitting else _NEW

    def _best(self, content: Content, copies: Sequence[Copy | None]) -> Copy | None:
        """Return the first copy that is certainly the same content, going by its record."""
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

    def _unread_sizes(self, contents: Sequence[Content], best: Sequence[Copy | None]) -> set[int]:
        """Return the sizes for which a copy may be known whose digests were not asked for."""
        sizes = sorted(
            {
                content.size
                for content, copy in zip(contents, best, strict=True)
                if copy is None and content.size
            }
        )
        return self._index.unread_sizes(self._tenant.name, sizes) if sizes else set()

    def _settle(self, content: Content, budget: Budget) -> Answer:
        """Try every candidate until one lives; forget the dead, read the doubtful once."""
        reason = None
        for copy in self._candidates(content, budget):
            living = self.confirm(copy, content, budget)
            if isinstance(living, Copy):
                return Answer(Verdict.DUPLICATE, living)
            reason = living or reason
        if reason is None and budget.over:
            reason = "read-limit"
        return Answer(Verdict.UNCONFIRMED, reason=reason) if reason else _NEW

    def _candidates(self, content: Content, budget: Budget) -> Iterator[Copy]:
        """Yield each copy that may hold the content, once: by strong digests, weak ones, unread."""
        name, tried = self._tenant.name, set[tuple[str, str]]()
        strong_first = sorted(content.digests, key=lambda digest: not digest.scheme.strong)
        sources: list[Digest | None] = [*strong_first, None]
        for source in sources:
            while not budget.over:
                limit = len(tried) + _CANDIDATES
                if source is None:
                    batch = self._index.unread(name, content.size, limit)
                else:
                    pairs = self._index.copies(name, digest=source)
                    batch = [copy for _, copy in islice(pairs, limit)]
                fresh = [copy for copy in batch if (copy.key, copy.identity) not in tried]
                if not fresh:
                    break
                for copy in fresh:
                    tried.add((copy.key, copy.identity))
                    yield copy

    def confirm(self, copy: Copy, content: Content, budget: Budget) -> Copy | str | None:
        """Return the copy if it lives and holds the content, else why that can't be told.

        None: it is gone or holds something else, and the index has been told.
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
            return "digest-needed"
        read = self.read(copy.key, seen, [d.scheme for d in content.digests], budget)
        if not isinstance(read, Copy):
            return read
        return read if self.match(read, content) is Match.SAME else None

    def match(self, copy: Copy, content: Content) -> Match:
        """Compare digests; never SAME on weak or claimed evidence, unless the tenant trusts it."""
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
        return (digest.scheme.strong or "md5" in self._tenant.trust) and (
            evidence is Evidence.PROVED or "claimed" in self._tenant.trust
        )

    def read(
        self, key: str, seen: Object, schemes: Iterable[Scheme], budget: Budget
    ) -> Copy | str | None:
        """Read an object once and record what it holds; else say why not. None: it is gone."""
        if not budget.take(seen.size):
            return "read-limit"
        try:
            hashed = self._hash(self._tenant.prefix + key, seen, schemes)
        except FileNotFoundError:
            return None
        except FileChanged:
            return _CHANGED
        except (Failure, OSError) as error:
            return _store_reason(error)
        digests = Digests.proved(*hashed.digests).merged(seen.digests)
        copy = Copy(key, seen.size, digests, seen.identity, seen.stored_at, now())
        self._index.record(self._tenant.name, [copy])
        return copy

    def _hash(self, key: str, seen: Object, schemes: Iterable[Scheme]) -> Hashed:
        wanted = {content_scheme(seen.size)}
        # A part size that no upload could have would cost more time and memory than the answer is
        # worth, and it comes from outside.
        wanted.update(s for s in schemes if (s.part_size or seen.size) * MOST_PARTS >= seen.size)
        if seen.size < SMALLEST_PART:
            wanted.add(MD5)
        with self._store.open(key) as stream:
            chunks = iter(lambda: stream.read(MiB), b"")
            hashed = hash_stream(chunks, seen.size, sorted(wanted, key=str))
        if self._store.look([key])[0] != seen:
            raise FileChanged(f"{key!r} changed while it was read")
        return hashed

    def at_key(
        self, key: str, size: int, digest: Digest | None, there: Object, budget: Budget
    ) -> Answer:
        """Say what it means that a key is taken: by the same content it is a `duplicate`.

        By another it is `key-taken`; what can't be told is `unconfirmed`, for the same reasons as
        elsewhere, `digest-needed` among them.
        """
        if there.size != size:
            return Answer(Verdict.NEW, reason="key-taken")
        found = Copy(key, there.size, there.digests, there.identity, there.stored_at, now())
        if size == 0:
            return Answer(Verdict.DUPLICATE, found)
        recorded = self._index.at(self._tenant.name, [key])[0]
        content = Content(size, (digest,) if digest else ())
        living = self.confirm(recorded or found, content, budget)
        if living == _CHANGED:
            # Whoever publishes it in this moment changes it once more, by cleaning up behind him.
            living = self.confirm(recorded or found, content, budget)
        if isinstance(living, Copy):
            if living is found:  # the store stated what it holds, and nobody had recorded it
                self.record([found])
            return Answer(Verdict.DUPLICATE, living)
        if living is not None:
            return Answer(Verdict.UNCONFIRMED, reason=living)
        return Answer(Verdict.NEW, reason="key-taken")

    def record(self, copies: Sequence[Copy]) -> list[Copy]:
        """Record copies of this tenant; see Index."""
        return self._index.record(self._tenant.name, copies)

    def _look(self, copies: Sequence[Copy]) -> list[Object | Absent | Unknown]:
        if not copies:  # a store reads its marker before it answers
            return []
        prefix = self._tenant.prefix
        try:
            return self._store.look([prefix + copy.key for copy in copies])
        except Failure as failure:
            return [Unknown(_store_reason(failure))] * len(copies)


def _store_reason(error: Failure | OSError) -> str:
    reason = error.reason if isinstance(error, Failure) else "unavailable"
    return reason if reason.startswith("store-") else f"store-{reason}"


def _is_sure(digest: Digest, evidence: Evidence) -> bool:
    return digest.scheme.strong and evidence is Evidence.PROVED


def _is_same(copy: Copy, seen: Object | Absent | Unknown) -> bool:
    return isinstance(seen, Object) and seen.identity == copy.identity and seen.size == copy.size


def _grouped(contents: Sequence[Content], found: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield the answers to one lookup content by content."""
    at = 0
    for content in contents:
        yield found[at : (at := at + len(content.digests))]
