"""What happens to a file whose upload the gate did not begin or complete."""

from onecopy.content import Verdict
from onecopy.errors import InvalidKey, OnecopyError, UploadUnknown
from onecopy.gate.interface import Answer
from onecopy.key import renamed
from onecopy.upload.item import Item
from onecopy.upload.result import Outcome
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.outcomes import Outcomes

_MAX_KEYS = 1000
"""Keys tried for one file."""
_MAX_ATTEMPTS = 3
"""How often an upload that is lost each time is begun."""
_LOST_REASONS = frozenset({"upload-unknown", "ticket-expired", "ticket-invalid"})
"""Reasons for which an upload is begun again."""


class Refusals:
    """Handles uploads that the gate refused: settles them, or queues them for another attempt."""

    def __init__(self, flow: Flow, outcomes: Outcomes) -> None:
        self._flow = flow
        self._outcomes = outcomes

    def handle(self, item: Item, answer: Answer) -> None:
        """Handle a `begin` without a ticket, or a `complete` without a new copy."""
        if answer.verdict is Verdict.DUPLICATE:
            self._outcomes.settle(item, Outcome.SKIPPED, answer)
        elif answer.reason == "key-taken":
            self._rename(item, answer)
        elif answer.reason == "digest-needed" and item.hashed is None:
            self._flow.hash(item)
        elif answer.reason in _LOST_REASONS:
            self.begin_again(item, UploadUnknown(answer.message or "the upload was lost"))
        else:
            # A message names something to change, so the upload failed. Without a message, and
            # before anything was sent, the content is only unconfirmed, and the user decides.
            doubt = answer.message is None and item.ticket is None
            self._outcomes.settle(item, Outcome.SKIPPED if doubt else Outcome.FAILED, answer)

    def begin_again(self, item: Item, error: OnecopyError) -> None:
        """Begin a lost upload again; after three attempts it fails with `error`."""
        item.lost += 1
        self._outcomes.forget(item)
        if item.lost < _MAX_ATTEMPTS:
            self._flow.to_check.put(item)
        else:
            self._outcomes.fail(item, error)

    def _rename(self, item: Item, answer: Answer) -> None:
        """Try the next key, if the options allow it."""
        if self._flow.options.on_taken == "fail" or item.keys_tried >= _MAX_KEYS:
            self._outcomes.settle(item, Outcome.KEY_TAKEN, answer)
            return
        item.keys_tried += 1
        self._outcomes.forget(item)
        try:
            item.key = renamed(item.file.key, item.keys_tried)
        except InvalidKey as error:
            self._outcomes.fail(item, error)
        else:
            self._flow.to_check.put(item)
