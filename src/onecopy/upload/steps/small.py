"""The step that begins and sends small files, each in one piece."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from onecopy.digest import MiB
from onecopy.errors import InvalidTicket, OnecopyError, UploadUnknown
from onecopy.store.interface import Send
from onecopy.upload.item import Item
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.outcomes import Outcomes
from onecopy.workers import Counter

_MAX_BEGUN_BYTES = 64 * MiB
"""Bytes begun ahead of the sending threads: signed requests expire within minutes."""


class SmallFiles:
    """Begins small files in batches, and sends each."""

    def __init__(self, flow: Flow, outcomes: Outcomes) -> None:
        self._flow = flow
        self._outcomes = outcomes
        self._begun_bytes = Counter()

    def begin(self, items: Sequence[Item]) -> None:
        """Begin uploads, in batches with a limited total of bytes, and queue them to be sent."""
        for batch in _batches(items):
            self._begun_bytes.wait_below(_MAX_BEGUN_BYTES, self._flow.workers)
            self._begin(batch)

    def _begin(self, items: Sequence[Item]) -> None:
        flow = self._flow
        answers = flow.gate.begin([item.request(flow.options) for item in items])
        for item, answer in zip(items, answers, strict=True):
            if answer.ticket and answer.send:
                self._outcomes.began_small(item, answer.ticket)
                self._begun_bytes.add(item.file.size)
                flow.sending.add(1)
                flow.to_send.put(partial(self._send, item, answer.send))
            else:
                self._outcomes.handle_refusal(item, answer)

    def _send(self, item: Item, send: Send) -> None:
        flow, size = self._flow, item.file.size
        try:
            flow.gate.send(item.ticket or "", send, partial(flow.read, item.file), size)
        except (InvalidTicket, UploadUnknown) as error:
            self._outcomes.begin_again(item, error)
        except (OnecopyError, OSError) as error:
            self._outcomes.fail(item, error)
        else:
            item.sent.add(size)
            item.parts = (item.digest.value,) if item.digest else ()
            flow.to_complete.put(item)
        finally:
            self._begun_bytes.add(-size)
            flow.sending.add(-1)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Split a list so that the bytes of each batch stay below the limit."""
    batch: list[Item] = []
    total = 0
    for item in items:
        if batch and total + item.file.size > _MAX_BEGUN_BYTES:
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += item.file.size
    if batch:
        yield batch
