"""Completion of uploads: publish the bytes, then record them, then answer.

    all parts received? compose the content digest
         │
    wait while another request of this process completes the same content
         │
    key free, content already stored? ──▶ abort: `duplicate`, nothing was created
         │
    publish (key taken since: `duplicate` or `key-taken`)
         │        └─ upload unknown ──▶ find it again by key and content, or `upload-unknown`
    add the MD5, if the checksum API counts the content
         │
    record: the first is the copy of record, any other an `extra-copy`
         │
    clean up staging

After a crash or a lost answer at any step, completing again finishes the upload: publishing and
recording are repeatable, and the evidence that a published object is ours is removed last. A file
that a client sent to a bucket in one piece is an object already: only the last two steps remain.

Requests do not wait for each other if the store is a bucket, or if they are handled by different
processes: then both may publish, and the index decides which one is an `extra-copy` (P4).
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

from onecopy.content import Content, Copy, Verdict
from onecopy.digest import SMALLEST_PART, Digest, part_lengths
from onecopy.errors import (
    BadInput,
    Failure,
    InvalidDigest,
    InvalidKey,
    StoreFull,
    UploadUnknown,
    WrongBytes,
)
from onecopy.gate.budget import Budget
from onecopy.gate.confirm import Confirmer
from onecopy.gate.decision import Decider
from onecopy.gate.interface import Answer, Finish
from onecopy.gate.md5 import WholeMd5
from onecopy.gate.pending import PendingUploads
from onecopy.limits import MAX_BATCH_FILES
from onecopy.store.interface import (
    BatchReceiver,
    KeyTaken,
    Object,
    Part,
    Presigner,
    Sender,
    Store,
    Unknown,
    Upload,
)
from onecopy.store.objects import copy_of, store_reason
from onecopy.store.parts import check_parts, digest_of_parts
from onecopy.tickets import Ticket

_FINAL = frozenset({InvalidKey.reason, WrongBytes.reason})
"""Reasons for which the same upload would fail again."""
_DISK_THREADS = 8
_NETWORK_THREADS = 32
"""Publishing threads for disk-bound and network-bound stores."""
_MAX_WAIT = 20.0
"""Seconds to wait for another request that completes the same content; it may read a large one."""


@dataclass
class _Item:
    """An upload in this request; it is done once it has an answer."""

    ticket: Ticket
    upload: Upload
    digest: Digest | None = None
    """The content digest: composed from the store's parts, else as the caller claims."""
    sums: Sequence[bytes] = ()
    """The binary SHA-256 of its parts."""
    md5: bytes | None = None
    """The binary MD5 that the client states."""
    at_key: Object | None = None
    """The object at the key before we publish."""
    direct: bool = False
    """Whether sending the bytes already published them."""
    staged: bool = True
    """Whether the store still has the upload, as far as we know."""
    copy: Copy | None = None
    answer: Answer | None = None


class InProgress:
    """The contents that requests of one gate are completing now, each in one request at a time."""

    def __init__(self) -> None:
        self._digests: set[Digest] = set()
        self._changed = Condition()

    @contextmanager
    def hold(self, digests: AbstractSet[Digest]) -> Iterator[bool]:
        """Wait until no other request holds any of these, then hold all of them.

        Yields False, and holds nothing, if that takes too long. A request that waits holds nothing,
        so that no two requests wait for each other.
        """
        with self._changed:
            is_free = self._changed.wait_for(lambda: self._digests.isdisjoint(digests), _MAX_WAIT)
            held = digests if is_free else set[Digest]()
            self._digests |= held
        try:
            yield is_free
        finally:
            with self._changed:
                self._digests -= held
                self._changed.notify_all()


class Completion:
    """Completes the uploads of one request."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        store: Store,
        pending: PendingUploads,
        prefix: str,
        budget: Budget,
        *,
        decider: Decider,
        confirmer: Confirmer,
        in_progress: InProgress,
        md5: WholeMd5,
    ) -> None:
        self._store = store
        self._pending = pending
        self._presigned = isinstance(store, Presigner)
        self._sender = store if isinstance(store, Sender) else None
        self._batches = store if isinstance(store, BatchReceiver) and not self._presigned else None
        self._prefix = prefix
        self._budget = budget
        self._decider = decider
        self._confirmer = confirmer
        self._in_progress = in_progress
        self._md5 = md5

    def complete(self, uploads: Sequence[tuple[Ticket, Finish]]) -> list[Answer]:
        """Return an answer for each ticket and the request to complete it."""
        items = [
            _Item(ticket, ticket.upload(self._prefix), md5=finish.md5) for ticket, finish in uploads
        ]
        for item, (_, finish) in zip(items, uploads, strict=True):
            self._collect_digest(item, finish.parts)
        # A bucket may take minutes to complete an upload, for which no other request should wait.
        staged = [] if self._presigned else _unanswered(items)
        with self._in_progress.hold({item.digest for item in staged if item.digest}) as is_held:
            if is_held:
                self._publish_and_record(items)
        return [item.answer or Answer(Verdict.UNCONFIRMED, reason="completing") for item in items]

    def _publish_and_record(self, items: list[_Item]) -> None:
        waiting = [item for item in _unanswered(items) if item.staged and not item.direct]
        self._look(waiting)
        for item in self._find_duplicates(_unanswered(waiting)):  # nothing of it is published yet
            self._pending.abort(item.upload)
        self._publish([item for item in _unanswered(items) if item.digest])
        self._find_lost([item for item in _unanswered(items) if not item.staged])
        self._add_md5s([item for item in _unanswered(items) if item.copy])
        self._record(_unanswered(items))

    def _collect_digest(self, item: _Item, claimed: Sequence[bytes]) -> None:
        """Compose the content digest from the store's parts: the caller is not trusted (P2).

        If the store does not list their SHA-256, it checks the claimed ones when it publishes.
        """
        size = item.ticket.size
        item.digest = item.ticket.content_digest
        if len(claimed) == len(part_lengths(size)):
            item.sums = claimed
            item.digest = item.digest or digest_of_parts(size, claimed)
        item.direct = self._presigned and size < SMALLEST_PART
        if item.direct:
            return
        try:
            self._check_parts(item, self._store.parts(item.upload))
        except UploadUnknown:
            item.staged = False
        except (InvalidDigest, WrongBytes) as error:
            item.answer = Answer.refusal(error)

    def _check_parts(self, item: _Item, parts: Sequence[Part]) -> None:
        size = item.ticket.size
        check_parts(size, [(part.number, part.size) for part in parts])
        if all(part.sha256 for part in parts):
            item.sums = [part.sha256 for part in parts]
        elif not item.sums:
            raise InvalidDigest(
                "this bucket does not list checksums: give the SHA-256 of all parts",
                reason="digest-needed",
            )
        item.digest = digest_of_parts(size, item.sums)
        if item.ticket.digest not in (None, str(item.digest)):
            self._pending.abort(item.upload)
            raise WrongBytes("the bytes sent do not have the digest that the upload was begun with")

    def _look(self, items: list[_Item]) -> None:
        """Look at the keys of uploads; does not call the store if there are none."""
        looks = self._store.look([item.upload.key for item in items]) if items else []
        for item, seen in zip(items, looks, strict=True):
            if isinstance(seen, Unknown):
                item.answer = Answer(Verdict.UNCONFIRMED, reason=seen.reason)
            elif isinstance(seen, Object):
                item.at_key = seen

    def _find_lost(self, items: list[_Item]) -> None:
        """Find the objects of uploads that the store no longer has."""
        self._look(items)
        self._find_duplicates(_unanswered(items))
        for item in _unanswered(items):
            self._pending.release([item.upload])
            item.answer = Answer.refusal(
                UploadUnknown("this upload was aborted or cleaned up: begin it again")
            )
            if item.at_key is not None and item.digest:
                found = self._judge_taken_key(item, item.at_key)
                if found.copy is not None:
                    item.answer, item.copy = None, found.copy

    def _find_duplicates(self, items: list[_Item]) -> list[_Item]:
        """Answer and return uploads to free keys whose content was stored since they began."""
        unchecked = [
            (item, Content(item.ticket.size, (item.digest,)))
            for item in items
            if item.at_key is None and item.digest and item.ticket.size and not item.ticket.anyway
        ]
        if not unchecked:
            return []
        answers = self._decider.decide([content for _, content in unchecked], self._budget)
        for (item, _), answer in zip(unchecked, answers, strict=True):
            if answer.verdict is Verdict.DUPLICATE:
                item.answer = answer
        return [item for item, _ in unchecked if item.answer]

    def _publish(self, items: list[_Item]) -> None:
        self._recall([item for item in items if item.direct])
        items = [item for item in items if item.copy is None]
        if self._batches and len(items) > 1:
            for start in range(0, len(items), MAX_BATCH_FILES):
                self._publish_together(self._batches, items[start : start + MAX_BATCH_FILES])
            items = [item for item in items if item.copy is None]
        if len(items) == 1:
            self._publish_one(items[0])
        elif items:
            # Starting a thread takes longer than publishing one object.
            threads = (
                min(_NETWORK_THREADS, 1 + len(items) // 4) if self._presigned else _DISK_THREADS
            )
            with ThreadPoolExecutor(min(len(items), threads), "publish") as pool:
                list(pool.map(self._publish_one, items))

    def _recall(self, items: list[_Item]) -> None:
        """Find the objects of small uploads that this process has sent, many at once."""
        if not self._sender or not items:
            return
        found = self._sender.sent([item.upload for item in items])
        for item, seen in zip(items, found, strict=True):
            if seen and seen.digests.content_digest(seen.size) == item.digest:
                item.copy = copy_of(seen, item.ticket.key)

    def _publish_together(self, batches: BatchReceiver, items: list[_Item]) -> None:
        """Publish the items with which nothing is wrong."""
        pairs = [(item.upload, item.digest) for item in items if item.digest]
        for item, published in zip(items, batches.complete_batch(pairs), strict=True):
            if published is not None:
                item.copy = copy_of(published, item.ticket.key)

    def _publish_one(self, item: _Item) -> None:
        assert item.digest is not None  # noqa: S101 - `complete` passes no others
        try:
            published = self._store.complete(item.upload, item.digest, item.sums)
        except UploadUnknown:  # another request has just completed or aborted it
            item.staged = False
        except (BadInput, StoreFull) as error:
            if error.reason in _FINAL:
                self._pending.abort(item.upload)
            item.answer = Answer.refusal(error)
        else:
            if isinstance(published, KeyTaken):
                self._settle_taken(item)
            elif isinstance(published, Object):  # else Completing: see `complete`
                item.copy = copy_of(published, item.ticket.key)

    def _settle_taken(self, item: _Item) -> None:
        """Answer an upload whose key was taken since it began, and abort it."""
        seen = self._store.look([item.upload.key])[0]
        item.answer = Answer(Verdict.NEW, reason="key-taken")
        if isinstance(seen, Object):
            item.answer = self._judge_taken_key(item, seen)
        self._pending.abort(item.upload)

    def _judge_taken_key(self, item: _Item, found: Object) -> Answer:
        return self._confirmer.judge_taken_key(
            item.ticket.key, item.ticket.size, item.digest, found, self._budget, later=False
        )

    def _add_md5s(self, items: list[_Item]) -> None:
        """Add the MD5 to the copies, if it is wanted; what cannot be read now is not recorded."""
        for item in items if self._md5.is_wanted else ():
            assert item.copy is not None  # noqa: S101 - the caller passes no others
            try:
                item.copy = self._md5.add(item.copy, item.md5)
            except (Failure, OSError) as error:
                item.answer = Answer(Verdict.UNCONFIRMED, reason=store_reason(error))

    def _record(self, items: list[_Item]) -> None:
        """Record all copies at once; only then remove the evidence that the objects are ours."""
        indexed = [item.copy for item in items if item.copy and item.copy.size]
        new_bytes = self._pending.new_bytes(indexed)
        firsts = iter(self._confirmer.record(indexed))
        for item in items:
            if item.copy is None:
                continue
            first = next(firsts) if item.copy.size else item.copy
            if first.key == item.copy.key:  # as it was recorded at first, if this is repeated
                item.answer = Answer(Verdict.NEW, first)
            else:
                item.answer = Answer(Verdict.NEW, item.copy, "extra-copy")
        self._pending.add_stored(new_bytes)
        for item in items:
            if item.copy is not None:
                self._pending.abort(item.upload)


def _unanswered(items: list[_Item]) -> list[_Item]:
    return [item for item in items if item.answer is None]
