"""Publishing: the bytes of complete uploads become objects at their keys."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from onecopy.content import Copy
from onecopy.digest import Digest
from onecopy.errors import BadInput, InvalidKey, StoreFull, UploadUnknown, WrongBytes
from onecopy.gate.answers import KEY_TAKEN
from onecopy.gate.budget import Budget
from onecopy.gate.confirm import Confirmer
from onecopy.gate.interface import Answer
from onecopy.gate.pending import PendingUploads
from onecopy.limits import MAX_BATCH_FILES
from onecopy.store.interface import (
    BatchReceiver,
    KeyTaken,
    Object,
    Presigner,
    Sender,
    Store,
    Upload,
)
from onecopy.store.objects import copy_of
from onecopy.tickets import Ticket

_FINAL = frozenset({InvalidKey.reason, WrongBytes.reason})
"""Reasons for which the same upload would fail again."""
_DISK_THREADS = 8
_NETWORK_THREADS = 32
"""Publishing threads for disk-bound and network-bound stores."""


@dataclass
class Item:
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


class Publisher:
    """Publishes the uploads of one tenant."""

    def __init__(self, store: Store, pending: PendingUploads, confirmer: Confirmer) -> None:
        self._store = store
        self._pending = pending
        self._confirmer = confirmer
        self.is_presigned = isinstance(store, Presigner)
        """Whether bytes are sent to the store by signed requests, as to a bucket."""
        self._sender = store if isinstance(store, Sender) else None
        receiver = store if isinstance(store, BatchReceiver) else None
        self._batches = None if self.is_presigned else receiver

    def publish(self, items: list[Item], budget: Budget) -> None:
        """Publish uploads that have a digest: each gets its copy, an answer, or is found gone."""
        self._recall([item for item in items if item.direct])
        items = [item for item in items if item.copy is None]
        if self._batches and len(items) > 1:
            for start in range(0, len(items), MAX_BATCH_FILES):
                self._publish_together(self._batches, items[start : start + MAX_BATCH_FILES])
            items = [item for item in items if item.copy is None]
        publish_one = partial(self._publish_one, budget=budget)
        if len(items) == 1:
            publish_one(items[0])
        elif items:
            # Starting a thread takes longer than publishing one object.
            threads = (
                min(_NETWORK_THREADS, 1 + len(items) // 4) if self.is_presigned else _DISK_THREADS
            )
            with ThreadPoolExecutor(min(len(items), threads), "publish") as pool:
                list(pool.map(publish_one, items))

    def _recall(self, items: list[Item]) -> None:
        """Find the objects of small uploads that this process has sent, many at once."""
        if not self._sender or not items:
            return
        found = self._sender.sent([item.upload for item in items])
        for item, seen in zip(items, found, strict=True):
            if seen and seen.digests.content_digest(seen.size) == item.digest:
                item.copy = copy_of(seen, item.ticket.key)

    def _publish_together(self, batches: BatchReceiver, items: list[Item]) -> None:
        """Publish the items with which nothing is wrong."""
        pairs = [(item.upload, item.digest) for item in items if item.digest]
        for item, published in zip(items, batches.complete_batch(pairs), strict=True):
            if published is not None:
                item.copy = copy_of(published, item.ticket.key)

    def _publish_one(self, item: Item, budget: Budget) -> None:
        assert item.digest is not None  # noqa: S101 - see `publish`
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
                self._settle_taken(item, budget)
            elif isinstance(published, Object):  # else Completing: see `complete`
                item.copy = copy_of(published, item.ticket.key)

    def _settle_taken(self, item: Item, budget: Budget) -> None:
        """Answer an upload whose key was taken since it began, and abort it."""
        seen = self._store.look([item.upload.key])[0]
        item.answer = KEY_TAKEN
        if isinstance(seen, Object):
            item.answer = self.judge_taken_key(item, seen, budget)
        self._pending.abort(item.upload)

    def judge_taken_key(self, item: Item, found: Object, budget: Budget) -> Answer:
        """Return the answer for an upload whose key has an object, perhaps of this very upload."""
        key, size = item.ticket.key, item.ticket.size
        return self._confirmer.judge_taken_key(key, size, item.digest, found, budget, later=False)
