"""The step that has known contents stored under the names of files, without sending them."""

from collections.abc import Iterator, Sequence
from mimetypes import guess_type

from onecopy.content import Verdict
from onecopy.digest import MiB
from onecopy.errors import OnecopyError, Unavailable
from onecopy.gate.interface import Answer, Place
from onecopy.upload.confirming import Patience
from onecopy.upload.item import Item
from onecopy.upload.result import Outcome
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.outcomes import Outcomes

_MAX_BATCH_BYTES = 1024 * MiB
"""Bytes placed by one request, unless a single file has more: so each request ends soon."""
_MAX_ATTEMPTS = 3
"""How many times a file is placed, if the stored copies disappear each time."""


class Placer:
    """Places files in batches."""

    def __init__(self, flow: Flow, outcomes: Outcomes) -> None:
        self._flow = flow
        self._outcomes = outcomes

    def place(self, items: Sequence[Item]) -> None:
        """Place files, and settle those that succeed."""
        for batch in _batches(items):
            requests = [self._request(item) for item in batch]
            for item, answer in zip(batch, self._flow.gate.place(requests), strict=True):
                self._handle(item, answer)

    def _request(self, item: Item) -> Place:
        assert item.sent_digest is not None  # noqa: S101 - `Outcomes.skip` passes no others
        content_type, _ = guess_type(item.key)
        metadata = self._flow.options.metadata
        return Place(item.key, item.file.size, item.sent_digest, content_type, metadata)

    def _handle(self, item: Item, answer: Answer) -> None:
        if answer.verdict is Verdict.DUPLICATE:
            # Without progress in between, an earlier run placed it, or an earlier file.
            is_placed = answer.reason == "placed" or item.placing is not None
            self._outcomes.settle(item, Outcome.PLACED if is_placed else Outcome.SKIPPED, answer)
        elif answer.reason == "placing":
            self._wait(item, answer)
        elif answer.reason == "key-taken":
            self._outcomes.handle_refusal(item, answer)
        elif answer.verdict is Verdict.NEW or item.check:
            self._send(item)
        else:
            self._outcomes.handle_refusal(item, answer)

    def _wait(self, item: Item, answer: Answer) -> None:
        """Place a file again in a moment, unless nothing has been copied for a minute."""
        item.placing = item.placing or Patience()
        delay = item.placing.delay(answer.bytes_read)
        if delay is None:
            self._outcomes.settle(item, Outcome.SKIPPED, answer)
        else:
            self._flow.put_later(self._flow.to_place, [item], delay)

    def _send(self, item: Item) -> None:
        """Send a file after all, which is not stored, or no longer; check it first if need be."""
        item.placed += 1
        if item.placed < _MAX_ATTEMPTS:
            self._flow.to_check.put(item)
        else:
            self._outcomes.fail(item, _disappeared())


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Split a list so that the bytes of each batch stay below the limit."""
    batch: list[Item] = []
    for item in items:
        if batch and sum(each.file.size for each in batch) + item.file.size > _MAX_BATCH_BYTES:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _disappeared() -> OnecopyError:
    return Unavailable("the stored copies of this file disappear again and again: try again later")
