"""Completing uploads: bytes before record, both before the answer, and one copy of record.

    parts there, and the digest that they make up
         │
    key free, content there already? ──▶ given up: `duplicate`, nothing was created
         │
    published (or the key is taken by now: `duplicate` or `key-taken`)
         │        └─ unknown by then ──▶ found again by key and content, or `upload-unknown`
    recorded: the first is the copy of record, another is an `extra-copy`
         │
    staging cleaned up

A crash or a lost answer at any step is mended by completing again: publishing and recording are
repeatable, and what tells that a published object is ours goes last. What a client sent to a bucket
in one piece is an object already: of it only the last steps are left.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from onecopy.content import Content, Copy, Verdict
from onecopy.digest import SMALLEST_PART, Digest, compose, content_scheme, part_lengths
from onecopy.errors import BadInput, StoreFull, UploadUnknown, WrongBytes
from onecopy.gate.confirm import Budget, Confirmer
from onecopy.gate.interface import Answer
from onecopy.gate.pending import PendingUploads
from onecopy.store.interface import (
    Completing,
    Object,
    Presigner,
    Store,
    Taken,
    Unknown,
    Upload,
)
from onecopy.tickets import Ticket
from onecopy.timestamp import now

_DISK = 8
_NETWORK = 32
"""Threads that publish at once, waiting for the one or the other."""


@dataclass
class _Item:
    """One upload on its way; it is done when it has an answer."""

    ticket: Ticket
    upload: Upload
    digest: Digest | None = None
    """The content digest: of the parts that the store has, else what the caller says it was."""
    sums: Sequence[bytes] = ()
    """The binary SHA-256 of its parts."""
    there: Object | None = None
    """What the key holds before we publish."""
    direct: bool = False
    """Whether sending it was publishing it."""
    staged: bool = True
    """Whether the store still knows the upload, as far as we know."""
    copy: Copy | None = None
    answer: Answer | None = None


class Completion:
    """Completes the uploads of one request."""

    def __init__(
        self, store: Store, begun: PendingUploads, prefix: str, living: Confirmer, budget: Budget
    ) -> None:
        self._store = store
        self._begun = begun
        self._presigned = isinstance(store, Presigner)
        self._prefix = prefix
        self._living = living
        self._budget = budget

    def complete(self, uploads: Sequence[tuple[Ticket, Sequence[bytes]]]) -> list[Answer]:
        """Return an answer for each (ticket, SHA-256 of its parts if the caller gave them)."""
        items = [_Item(ticket, ticket.upload(self._prefix)) for ticket, _ in uploads]
        for item, (_, parts) in zip(items, uploads, strict=True):
            self._gather(item, parts)
        waiting = [item for item in _open(items) if item.staged and not item.direct]
        self._look(waiting)
        self._abandon_duplicates(_open(waiting))
        self._publish([item for item in _open(items) if item.digest])
        self._find_lost([item for item in _open(items) if not item.staged])
        self._record(_open(items))
        return [item.answer or Answer(Verdict.UNCONFIRMED, reason="completing") for item in items]

    def _gather(self, item: _Item, said: Sequence[bytes]) -> None:
        """Take the digest from the parts that the store has: nobody is trusted for it (P2).

        Where the store can't say, what is said is proved when it publishes.
        """
        lengths = part_lengths(item.ticket.size)
        item.digest = item.ticket.content_digest
        if len(said) == len(lengths):
            item.sums = said
            item.digest = item.digest or _content_digest(item.ticket.size, said)
        item.direct = self._presigned and item.ticket.size < SMALLEST_PART
        if item.direct:
            return
        try:
            parts = self._store.parts(item.upload)
        except UploadUnknown:
            item.staged = False
            return
        if [(part.number, part.size) for part in parts] != list(enumerate(lengths, 1)):
            item.answer = Answer(
                Verdict.UNCONFIRMED,
                reason="parts-missing",
                message=f"{len(parts)} of {len(lengths)} parts are there: send the others first",
            )
            return
        if all(part.sha256 for part in parts):
            item.sums = [part.sha256 for part in parts]
        elif not item.sums:
            item.answer = Answer(
                Verdict.UNCONFIRMED,
                reason="digest-needed",
                message="this bucket states no checksums: say the SHA-256 of all parts",
            )
            return
        item.digest = _content_digest(item.ticket.size, item.sums)
        if item.ticket.digest is not None and str(item.digest) != item.ticket.digest:
            self._begun.abort(item.upload)
            item.answer = Answer(
                Verdict.UNCONFIRMED,
                reason="digest-mismatch",
                message="the bytes sent are not those that the upload was begun for",
            )

    def _look(self, items: list[_Item]) -> None:
        if not items:
            return
        for item, seen in zip(
            items, self._store.look([item.upload.key for item in items]), strict=True
        ):
            if isinstance(seen, Unknown):
                item.answer = Answer(Verdict.UNCONFIRMED, reason=seen.reason)
            elif isinstance(seen, Object):
                item.there = seen

    def _find_lost(self, items: list[_Item]) -> None:
        """Find out what became of uploads of which the store knows nothing any more."""
        self._look(items)
        for item in _open(items):
            item.answer = Answer(
                Verdict.UNCONFIRMED,
                reason="upload-unknown",
                message="this upload was given up or cleaned up: begin it again",
            )
            if item.digest is None and item.ticket.size:
                continue
            if item.there is not None:
                found = self._at_key(item, item.there)
                if found.copy is not None:
                    item.answer, item.copy = None, found.copy
            elif item.digest is not None and item.ticket.size and not item.ticket.anyway:
                content = Content(item.ticket.size, (item.digest,))
                finding = self._living.find([content], self._budget)[0]
                if finding.verdict is Verdict.DUPLICATE:
                    item.answer = finding

    def _abandon_duplicates(self, items: list[_Item]) -> None:
        """Give up those whose content has come meanwhile, as long as nothing is published."""
        asked = [
            (item, Content(item.ticket.size, (item.digest,)))
            for item in items
            if item.there is None and item.digest and item.ticket.size and not item.ticket.anyway
        ]
        findings = self._living.find([content for _, content in asked], self._budget)
        for (item, _), finding in zip(asked, findings, strict=True):
            if finding.verdict is Verdict.DUPLICATE:
                self._begun.abort(item.upload)
                item.answer = finding

    def _publish(self, items: list[_Item]) -> None:
        if len(items) == 1:
            self._publish_one(items[0])
        elif items:
            # A thread that publishes one takes longer to start than to publish.
            most = min(_NETWORK, 1 + len(items) // 4) if self._presigned else _DISK
            with ThreadPoolExecutor(min(len(items), most), "publish") as pool:
                list(pool.map(self._publish_one, items))

    def _publish_one(self, item: _Item) -> None:
        assert item.digest is not None  # noqa: S101 - only those with one come here
        try:
            published = self._store.complete(item.upload, item.digest, item.sums)
        except (BadInput, StoreFull) as error:
            if error.reason == WrongBytes.reason:  # going on with these parts would end here again
                self._begun.abort(item.upload)
            item.answer = Answer(Verdict.UNCONFIRMED, reason=error.reason, message=str(error))
            return
        except UploadUnknown:  # another request completed it, or gave it up, in this moment
            item.staged = False
            return
        if isinstance(published, Completing):
            item.answer = Answer(Verdict.UNCONFIRMED, reason="completing")
        elif isinstance(published, Taken):
            there = self._store.look([item.upload.key])[0]
            item.answer = Answer(Verdict.NEW, reason="key-taken")
            if isinstance(there, Object):
                item.answer = self._at_key(item, there)
            self._begun.abort(item.upload)
        else:
            item.copy = Copy(
                item.ticket.key,
                published.size,
                published.digests,
                published.identity,
                published.stored_at,
                now(),
            )

    def _at_key(self, item: _Item, there: Object) -> Answer:
        return self._living.at_key(
            item.ticket.key, item.ticket.size, item.digest, there, self._budget
        )

    def _record(self, items: list[_Item]) -> None:
        """Record all in one act, and only then forget that the uploads were ours."""
        indexed = [item.copy for item in items if item.copy and item.copy.size]
        firsts = iter(self._living.record(indexed))
        for item in items:
            if item.copy is None:
                continue
            extra = item.copy.size > 0 and next(firsts).key != item.copy.key
            item.answer = Answer(Verdict.NEW, item.copy, "extra-copy" if extra else None)
        for item in items:
            if item.copy is not None:
                self._begun.abort(item.upload)


def _open(items: list[_Item]) -> list[_Item]:
    return [item for item in items if item.answer is None]


def _content_digest(size: int, parts: Sequence[bytes]) -> Digest:
    scheme = content_scheme(size)
    return Digest(scheme, parts[0]) if scheme.part_size is None else compose(scheme, parts)
