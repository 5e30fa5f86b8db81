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

from collections.abc import Sequence

from onecopy.content import Content, Verdict
from onecopy.digest import SMALLEST_PART, Digest, part_lengths
from onecopy.errors import Failure, InvalidDigest, UploadUnknown, WrongBytes
from onecopy.gate.budget import Budget
from onecopy.gate.confirm import Confirmer
from onecopy.gate.decision import Decider
from onecopy.gate.interface import Answer, Finish
from onecopy.gate.md5 import WholeMd5
from onecopy.gate.pending import PendingUploads
from onecopy.gate.publishing import Item, Publisher
from onecopy.gate.running import Running
from onecopy.store.interface import Object, Part, Store, Unknown
from onecopy.store.objects import store_reason
from onecopy.store.parts import check_parts, digest_of_parts
from onecopy.tickets import Ticket

_MAX_WAIT = 20.0
"""Seconds to wait for another request that completes the same content; it may read a large one."""


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
        publisher: Publisher,
        in_progress: Running[Digest],
        md5: WholeMd5,
    ) -> None:
        self._store = store
        self._pending = pending
        self._prefix = prefix
        self._budget = budget
        self._decider = decider
        self._confirmer = confirmer
        self._publisher = publisher
        self._in_progress = in_progress
        self._md5 = md5

    def complete(self, uploads: Sequence[tuple[Ticket, Finish]]) -> list[Answer]:
        """Return an answer for each ticket and the request to complete it."""
        items = [
            Item(ticket, ticket.upload(self._prefix), md5=finish.md5) for ticket, finish in uploads
        ]
        for item, (_, finish) in zip(items, uploads, strict=True):
            self._collect_digest(item, finish.parts)
        # A bucket may take minutes to complete an upload, for which no other request should wait.
        staged = [] if self._publisher.is_presigned else _unanswered(items)
        digests = {item.digest for item in staged if item.digest}
        with self._in_progress.hold_all(digests, _MAX_WAIT) as is_held:
            if is_held:
                self._publish_and_record(items)
        return [item.answer or Answer(Verdict.UNCONFIRMED, reason="completing") for item in items]

    def _publish_and_record(self, items: list[Item]) -> None:
        waiting = [item for item in _unanswered(items) if item.staged and not item.direct]
        self._look(waiting)
        for item in self._find_duplicates(_unanswered(waiting)):  # nothing of it is published yet
            self._pending.abort(item.upload)
        complete = [item for item in _unanswered(items) if item.digest]
        self._publisher.publish(complete, self._budget)
        self._find_lost([item for item in _unanswered(items) if not item.staged])
        self._add_md5s([item for item in _unanswered(items) if item.copy])
        self._record(_unanswered(items))

    def _collect_digest(self, item: Item, claimed: Sequence[bytes]) -> None:
        """Compose the content digest from the store's parts: the caller is not trusted (P2).

        If the store does not list their SHA-256, it checks the claimed ones when it publishes.
        """
        size = item.ticket.size
        item.digest = item.ticket.content_digest
        if len(claimed) == len(part_lengths(size)):
            item.sums = claimed
            item.digest = item.digest or digest_of_parts(size, claimed)
        item.direct = self._publisher.is_presigned and size < SMALLEST_PART
        if item.direct:
            return
        try:
            self._check_parts(item, self._store.parts(item.upload))
        except UploadUnknown:
            item.staged = False
        except (InvalidDigest, WrongBytes) as error:
            item.answer = Answer.refusal(error)

    def _check_parts(self, item: Item, parts: Sequence[Part]) -> None:
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

    def _look(self, items: list[Item]) -> None:
        """Look at the keys of uploads; does not call the store if there are none."""
        looks = self._store.look([item.upload.key for item in items]) if items else []
        for item, seen in zip(items, looks, strict=True):
            if isinstance(seen, Unknown):
                item.answer = Answer(Verdict.UNCONFIRMED, reason=seen.reason)
            elif isinstance(seen, Object):
                item.at_key = seen

    def _find_lost(self, items: list[Item]) -> None:
        """Find the objects of uploads that the store no longer has."""
        self._look(items)
        self._find_duplicates(_unanswered(items))
        for item in _unanswered(items):
            self._pending.release([item.upload])
            item.answer = Answer.refusal(
                UploadUnknown("this upload was aborted or cleaned up: begin it again")
            )
            if item.at_key is not None and item.digest:
                found = self._publisher.judge_taken_key(item, item.at_key, self._budget)
                if found.copy is not None:
                    item.answer, item.copy = None, found.copy

    def _find_duplicates(self, items: list[Item]) -> list[Item]:
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

    def _add_md5s(self, items: list[Item]) -> None:
        """Add the MD5 to the copies, if it is wanted; what cannot be read now is not recorded."""
        for item in items if self._md5.is_wanted else ():
            assert item.copy is not None  # noqa: S101 - the caller passes no others
            try:
                item.copy = self._md5.add(item.copy, item.md5)
            except (Failure, OSError) as error:
                item.answer = Answer(Verdict.UNCONFIRMED, reason=store_reason(error))

    def _record(self, items: list[Item]) -> None:
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


def _unanswered(items: list[Item]) -> list[Item]:
    return [item for item in items if item.answer is None]
