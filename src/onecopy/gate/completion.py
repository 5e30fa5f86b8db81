"""Completion of uploads: publish the bytes, then record them, then answer.

    all parts received? compose the content digest
         │
    key free, content already stored? ──▶ abort: `duplicate`, nothing was created
         │
    publish (key taken since: `duplicate` or `key-taken`)
         │        └─ upload unknown ──▶ find it again by key and content, or `upload-unknown`
    record: the first is the copy of record, any other an `extra-copy`
         │
    clean up staging

After a crash or a lost answer at any step, completing again finishes the upload: publishing and
recording are repeatable, and the evidence that a published object is ours is removed last. A file
that a client sent to a bucket in one piece is an object already: only the last two steps remain.
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
from onecopy.store.interface import Completing, KeyTaken, Object, Presigner, Store, Unknown, Upload
from onecopy.store.objects import copy_of
from onecopy.tickets import Ticket

_DISK_THREADS = 8
_NETWORK_THREADS = 32
"""Publishing threads for disk-bound and network-bound stores."""


@dataclass
class _Item:
    """An upload in this request; it is done once it has an answer."""

    ticket: Ticket
    upload: Upload
    digest: Digest | None = None
    """The content digest: composed from the store's parts, else as the caller claims."""
    sums: Sequence[bytes] = ()
    """The binary SHA-256 of its parts."""
    at_key: Object | None = None
    """The object at the key before we publish."""
    direct: bool = False
    """Whether sending the bytes already published them."""
    staged: bool = True
    """Whether the store still has the upload, as far as we know."""
    copy: Copy | None = None
    answer: Answer | None = None


class Completion:
    """Completes the uploads of one request."""

    def __init__(
        self,
        store: Store,
        pending: PendingUploads,
        prefix: str,
        confirmer: Confirmer,
        budget: Budget,
    ) -> None:
        self._store = store
        self._pending = pending
        self._presigned = isinstance(store, Presigner)
        self._prefix = prefix
        self._confirmer = confirmer
        self._budget = budget

    def complete(self, uploads: Sequence[tuple[Ticket, Sequence[bytes]]]) -> list[Answer]:
        """Return an answer for each (ticket, SHA-256 of its parts, or nothing)."""
        items = [_Item(ticket, ticket.upload(self._prefix)) for ticket, _ in uploads]
        for item, (_, parts) in zip(items, uploads, strict=True):
            self._collect_digest(item, parts)
        waiting = [item for item in _open(items) if item.staged and not item.direct]
        self._look(waiting)
        self._abort_duplicates(_open(waiting))
        self._publish([item for item in _open(items) if item.digest])
        self._find_lost([item for item in _open(items) if not item.staged])
        self._record(_open(items))
        return [item.answer or Answer(Verdict.UNCONFIRMED, reason="completing") for item in items]

    def _collect_digest(self, item: _Item, claimed: Sequence[bytes]) -> None:
        """Compose the content digest from the store's parts: the caller is not trusted (P2).

        If the store does not list their SHA-256, it checks the claimed ones when it publishes.
        """
        lengths = part_lengths(item.ticket.size)
        item.digest = item.ticket.content_digest
        if len(claimed) == len(lengths):
            item.sums = claimed
            item.digest = item.digest or _content_digest(item.ticket.size, claimed)
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
                message=f"only {len(parts)} of {len(lengths)} parts were received: send the others",
            )
            return
        if all(part.sha256 for part in parts):
            item.sums = [part.sha256 for part in parts]
        elif not item.sums:
            item.answer = Answer(
                Verdict.UNCONFIRMED,
                reason="digest-needed",
                message="this bucket does not list checksums: give the SHA-256 of all parts",
            )
            return
        item.digest = _content_digest(item.ticket.size, item.sums)
        if item.ticket.digest is not None and str(item.digest) != item.ticket.digest:
            self._pending.abort(item.upload)
            item.answer = Answer(
                Verdict.UNCONFIRMED,
                reason="digest-mismatch",
                message="the bytes sent do not have the digest that the upload was begun with",
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
                item.at_key = seen

    def _find_lost(self, items: list[_Item]) -> None:
        """Find the objects of uploads that the store no longer has."""
        self._look(items)
        for item in _open(items):
            item.answer = Answer(
                Verdict.UNCONFIRMED,
                reason="upload-unknown",
                message="this upload was aborted or cleaned up: begin it again",
            )
            if item.digest is None and item.ticket.size:
                continue
            if item.at_key is not None:
                found = self._at_key(item, item.at_key)
                if found.copy is not None:
                    item.answer, item.copy = None, found.copy
            elif item.digest is not None and item.ticket.size and not item.ticket.anyway:
                content = Content(item.ticket.size, (item.digest,))
                answer = self._confirmer.find([content], self._budget)[0]
                if answer.verdict is Verdict.DUPLICATE:
                    item.answer = answer

    def _abort_duplicates(self, items: list[_Item]) -> None:
        """Abort uploads whose content was stored since they began; nothing is published yet."""
        unchecked = [
            (item, Content(item.ticket.size, (item.digest,)))
            for item in items
            if item.at_key is None and item.digest and item.ticket.size and not item.ticket.anyway
        ]
        answers = self._confirmer.find([content for _, content in unchecked], self._budget)
        for (item, _), answer in zip(unchecked, answers, strict=True):
            if answer.verdict is Verdict.DUPLICATE:
                self._pending.abort(item.upload)
                item.answer = answer

    def _publish(self, items: list[_Item]) -> None:
        if len(items) == 1:
            self._publish_one(items[0])
        elif items:
            # Starting a thread takes longer than publishing one object.
            threads = (
                min(_NETWORK_THREADS, 1 + len(items) // 4) if self._presigned else _DISK_THREADS
            )
            with ThreadPoolExecutor(min(len(items), threads), "publish") as pool:
                list(pool.map(self._publish_one, items))

    def _publish_one(self, item: _Item) -> None:
        assert item.digest is not None  # noqa: S101 - `complete` passes no others
        try:
            published = self._store.complete(item.upload, item.digest, item.sums)
        except (BadInput, StoreFull) as error:
            if error.reason == WrongBytes.reason:  # the same parts would fail again
                self._pending.abort(item.upload)
            item.answer = Answer(Verdict.UNCONFIRMED, reason=error.reason, message=str(error))
            return
        except UploadUnknown:  # another request has just completed or aborted it
            item.staged = False
            return
        if isinstance(published, Completing):
            item.answer = Answer(Verdict.UNCONFIRMED, reason="completing")
        elif isinstance(published, KeyTaken):
            seen = self._store.look([item.upload.key])[0]
            item.answer = Answer(Verdict.NEW, reason="key-taken")
            if isinstance(seen, Object):
                item.answer = self._at_key(item, seen)
            self._pending.abort(item.upload)
        else:
            item.copy = copy_of(published, item.ticket.key)

    def _at_key(self, item: _Item, found: Object) -> Answer:
        return self._confirmer.at_key(
            item.ticket.key, item.ticket.size, item.digest, found, self._budget
        )

    def _record(self, items: list[_Item]) -> None:
        """Record all copies at once; only then remove the evidence that the objects are ours."""
        indexed = [item.copy for item in items if item.copy and item.copy.size]
        firsts = iter(self._confirmer.record(indexed))
        for item in items:
            if item.copy is None:
                continue
            extra = item.copy.size > 0 and next(firsts).key != item.copy.key
            item.answer = Answer(Verdict.NEW, item.copy, "extra-copy" if extra else None)
        for item in items:
            if item.copy is not None:
                self._pending.abort(item.upload)


def _open(items: list[_Item]) -> list[_Item]:
    return [item for item in items if item.answer is None]


def _content_digest(size: int, parts: Sequence[bytes]) -> Digest:
    scheme = content_scheme(size)
    return Digest(scheme, parts[0]) if scheme.part_size is None else compose(scheme, parts)
