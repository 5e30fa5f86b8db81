"""Confirmation that one live copy holds a content: the one place where the promise P1 is kept.

The index proposes, the store disposes: a copy counts only if it has just been seen in the store
with the identity under which it was recorded, and if its evidence is proved. Any other candidate is
read once: within a limit in the request, otherwise in the background, and until then the answer is
`unconfirmed`.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

from onecopy.confirming import CONFIRMING, READ_LIMIT, Readers
from onecopy.content import Content, Copy, Digests, Verdict
from onecopy.digest import MOST_PARTS, Digest, Hashed, Scheme
from onecopy.errors import Failure, FileChanged
from onecopy.gate.answers import DIGEST_NEEDED, KEY_TAKEN, unconfirmed
from onecopy.gate.background import Background
from onecopy.gate.budget import Budget
from onecopy.gate.interface import Answer
from onecopy.gate.matching import Match, match
from onecopy.gate.md5 import WholeMd5
from onecopy.gate.trash import Trash
from onecopy.index.interface import Engine
from onecopy.patterns import Patterns
from onecopy.store.interface import ARCHIVED, Absent, Object, Seen, Store, Unknown
from onecopy.store.objects import copy_of, hash_object, store_reason
from onecopy.tenant import Tenant

Look = Callable[[Sequence[Copy]], list[Seen]]
"""Returns what is in the store at the key of each copy."""
_log = logging.getLogger("onecopy.gate")
_CHANGED = "copy-changed"
"""The reason if an object changed while it was read."""
_ARCHIVED = "store-archived"
"""The reason if an object cannot be read before it is restored."""


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
        self._store = store
        self._tenant = tenant
        self._md5 = md5
        self.trash = Trash(index, tenant.name, trash)
        self._background = Background(readers, tenant, self.record) if readers else None

    @property
    def reads_for_free(self) -> bool:
        """Whether reading a copy costs no money."""
        return self._store.kind == "folder"

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
        found = self.match(copy, content)
        if recorded and found is not Match.LIKELY:
            return copy if found is Match.SAME else None
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
            return self.later(copy, content, seen)
        return None if read is None else unconfirmed(read, content)

    def later(self, copy: Copy, content: Content, seen: Object | None = None) -> Answer:
        """Have a copy read outside of the request, if there is something that does that."""
        asked = self._background.ask(copy, content, seen) if self._background else None
        return asked or unconfirmed(READ_LIMIT, content)

    def out_of_time(self, content: Content) -> Answer:
        """Return the answer for candidates that this request had no time to confirm."""
        return unconfirmed(CONFIRMING if self._background else READ_LIMIT, content)

    def match(self, copy: Copy, content: Content) -> Match:
        """Compare the digests of a copy, as it was recorded, with those of a content."""
        return match(copy, content, self._tenant.trust)

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
            return KEY_TAKEN
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
        return confirmed or KEY_TAKEN

    def record(self, copies: Sequence[Copy]) -> list[Copy]:
        """Record copies of this tenant; see Trash."""
        return self.trash.record(copies)

    def look(self, copies: Sequence[Copy]) -> list[Seen]:
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
