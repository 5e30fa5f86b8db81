"""The step that checks files with the gate, and passes on those that are to be sent."""

from collections.abc import Sequence

from onecopy.content import Content, Verdict
from onecopy.upload.item import Item
from onecopy.upload.result import Outcome
from onecopy.upload.steps.flow import BATCH_SECONDS, Flow
from onecopy.upload.steps.outcomes import Outcomes
from onecopy.upload.steps.small import SmallFiles


class Checker:
    """Checks files in batches; duplicates end here, and equal files wait for the first of them."""

    def __init__(self, flow: Flow, outcomes: Outcomes, small: SmallFiles) -> None:
        self._flow = flow
        self._outcomes = outcomes
        self._small = small

    def run(self) -> None:
        """Check batch after batch."""
        flow = self._flow
        while True:
            self._handle(flow.to_check.take_many(flow.max_files, BATCH_SECONDS, self._more_to_come))

    def _more_to_come(self) -> bool:
        return self._flow.feeding or self._flow.hashing.value > 0

    def _handle(self, batch: Sequence[Item]) -> None:
        settled = self._check([item for item in batch if item.check])
        ready = [item for item in batch if item not in settled and self._may_proceed(item)]
        for item in ready:
            if item.large:
                self._flow.to_send_large.put(item)
        self._small.begin([item for item in ready if not item.large])

    def _may_proceed(self, item: Item) -> bool:
        """Whether no file with the same content is in flight; empty files are never compared."""
        anyway = self._flow.options.anyway
        return anyway or not item.file.size or self._outcomes.in_flight.join(item)

    def _check(self, items: Sequence[Item]) -> set[Item]:
        """Check files; return those that are settled, because their content is or may be stored."""
        if not items:
            return set()
        contents = [
            Content(item.file.size, item.hashed.digests if item.hashed else ()) for item in items
        ]
        settled = set()
        for item, answer in zip(items, self._flow.gate.check(contents), strict=True):
            item.check = False
            if answer.verdict is not Verdict.NEW:
                self._outcomes.settle(item, Outcome.SKIPPED, answer)
                settled.add(item)
        return settled
