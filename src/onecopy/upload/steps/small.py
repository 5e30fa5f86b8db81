"""The step that begins and sends small files: in batches if the gate accepts them, else singly."""

import sys
from collections import deque
from collections.abc import Sequence
from functools import partial

from onecopy.digest import MiB
from onecopy.errors import InvalidTicket, LimitExceeded, OnecopyError, UploadUnknown
from onecopy.gate.interface import SmallFile
from onecopy.limits import MAX_BATCH_FILES
from onecopy.store.interface import Send
from onecopy.upload.item import Item
from onecopy.upload.steps.completing import Completer
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.outcomes import Outcomes
from onecopy.workers import Counter

_MAX_BEGUN_BYTES = 64 * MiB
"""Bytes begun ahead of the sending threads: signed requests expire within minutes."""
_FIRST_BEGUN_BYTES = 2 * MiB
"""Bytes begun at first, so that sending starts at once; each batch may be twice the last one."""
_MAX_BATCHED_BYTES = MiB
"""Bytes of a file that is sent in a batch: for a larger one, a request of its own costs little."""
_MAX_BATCH_BYTES = 4 * MiB
"""Bytes of the files in a batch, which each sending thread holds in memory; at first. A proxy may
accept less."""


class SmallFiles:
    """Begins small files in batches, and sends each."""

    def __init__(self, flow: Flow, outcomes: Outcomes, completer: Completer) -> None:
        self._flow = flow
        self._outcomes = outcomes
        self._completer = completer
        self._begun_bytes = Counter()
        self._batch_bytes = _FIRST_BEGUN_BYTES
        self._max_batch_bytes = _MAX_BATCH_BYTES

    def begin(self, items: Sequence[Item]) -> None:
        """Begin uploads, in batches with a limited total of bytes, and queue them to be sent."""
        left = deque(items)
        while left:
            self._begun_bytes.wait_below(_MAX_BEGUN_BYTES, self._flow.workers)
            self._begin(_take(left, self._batch_bytes))
            self._batch_bytes = min(2 * self._batch_bytes, _MAX_BEGUN_BYTES)

    def _begin(self, items: Sequence[Item]) -> None:
        flow = self._flow
        batched = deque[Item]()
        for item, answer in self._outcomes.active.begin(items):
            if not (answer.ticket and answer.send):
                self._outcomes.handle_refusal(item, answer)
                continue
            self._begun_bytes.add(item.file.size)
            flow.sending.add(1)
            if flow.sends_batches and item.file.size <= _MAX_BATCHED_BYTES:
                batched.append(item)
            else:
                flow.to_send.put(partial(self._send, item, answer.send))
        while batched:
            batch = _take(batched, self._max_batch_bytes, MAX_BATCH_FILES)
            flow.to_send.put(partial(self._send_batch, batch))

    def _send(self, item: Item, send: Send) -> None:
        flow, size = self._flow, item.file.size
        try:
            flow.gate.send(item.ticket or "", send, partial(flow.read, item.file), size)
        except (InvalidTicket, UploadUnknown) as error:
            self._outcomes.begin_again(item, error)
        except (OnecopyError, OSError) as error:
            self._outcomes.fail(item, error)
        else:
            _note_sent(item)
            flow.to_complete.put(item)
        finally:
            self._begun_bytes.add(-size)
            flow.sending.add(-1)

    def _send_batch(self, items: Sequence[Item]) -> None:
        """Send files together; a file that cannot be read fails alone."""
        try:
            contents = [(item, self._read(item)) for item in items]
            self._send_contents([(item, read) for item, read in contents if read is not None])
        finally:
            self._begun_bytes.add(-sum(item.file.size for item in items))
            self._flow.sending.add(-len(items))

    def _send_contents(self, contents: Sequence[tuple[Item, bytes]]) -> None:
        """Send files with their contents; if that is too much for a proxy, half of them each."""
        files = [
            SmallFile(item.ticket or "", item.file.size, partial(iter, [content]))
            for item, content in contents
        ]
        try:
            answers = self._flow.gate.send_batch(files) if files else []
        except (OnecopyError, OSError) as error:
            if isinstance(error, LimitExceeded) and len(files) > 1:
                self._send_halves(contents)
                return
            for item, _ in contents:
                self._outcomes.fail(item, error)
        else:
            for (item, _), answer in zip(contents, answers, strict=True):
                _note_sent(item)
                self._completer.handle(item, answer)

    def _send_halves(self, contents: Sequence[tuple[Item, bytes]]) -> None:
        """Send files in two batches, and make later batches smaller, too."""
        half = sum(item.file.size for item, _ in contents) // 2
        self._max_batch_bytes = min(self._max_batch_bytes, half)
        middle = len(contents) // 2
        self._send_contents(contents[:middle])
        self._send_contents(contents[middle:])

    def _read(self, item: Item) -> bytes | None:
        """Return the content of a file, or None if it cannot be read and has failed."""
        try:
            return b"".join(self._flow.read(item.file))
        except (OnecopyError, OSError) as error:
            self._outcomes.fail(item, error)
            return None


def _note_sent(item: Item) -> None:
    item.sent.add(item.file.size)
    item.parts = (item.digest.value,) if item.digest else ()


def _take(items: deque[Item], max_bytes: int, max_files: int = sys.maxsize) -> list[Item]:
    """Remove and return the first items that stay within the limits; at least one."""
    batch = [items.popleft()]
    total = batch[0].file.size
    while items and len(batch) < max_files and total + items[0].file.size <= max_bytes:
        batch.append(items.popleft())
        total += batch[-1].file.size
    return batch
