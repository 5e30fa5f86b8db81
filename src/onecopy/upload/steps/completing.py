"""The step that completes the uploads whose bytes were sent."""

from collections.abc import Sequence

from onecopy.content import Verdict
from onecopy.gate.interface import Answer, Finish
from onecopy.upload.item import Item
from onecopy.upload.result import Outcome
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.outcomes import Outcomes

_POLL_SECONDS = 0.5
"""How long to wait before requesting again a completion that the store is still working on."""


class Completer:
    """Completes uploads in batches."""

    def __init__(self, flow: Flow, outcomes: Outcomes) -> None:
        self._flow = flow
        self._outcomes = outcomes

    def complete(self, batch: Sequence[Item]) -> None:
        """Complete uploads, and settle those that succeed."""
        uploads = [Finish(item.ticket or "", item.parts, item.md5) for item in batch]
        for item, answer in zip(batch, self._flow.gate.complete(uploads), strict=True):
            self.handle(item, answer)

    def handle(self, item: Item, answer: Answer) -> None:
        """Settle an upload, or see to it, after an attempt to complete it."""
        if answer.reason == "completing":
            self._flow.put_later(self._flow.to_complete, [item], _POLL_SECONDS)
        elif answer.verdict is Verdict.NEW and answer.copy is not None:
            self._outcomes.settle(item, Outcome.UPLOADED, answer)
        else:
            self._outcomes.handle_refusal(item, answer)
