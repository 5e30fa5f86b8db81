"""The step that begins or resumes large files, and sends them in parts."""

from time import time

from onecopy.errors import BadInput, InvalidTicket, OnecopyError, UploadUnknown
from onecopy.store.interface import Part
from onecopy.upload.item import Item
from onecopy.upload.requests import begin_request
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.outcomes import Outcomes
from onecopy.upload.steps.parts import PartSender
from onecopy.upload.steps.refusals import Refusals


class Transfers:
    """Begins or resumes large files, and sends the parts that the store lacks."""

    def __init__(self, flow: Flow, outcomes: Outcomes, refusals: Refusals) -> None:
        self._flow = flow
        self._outcomes = outcomes
        self._refusals = refusals

    def send(self, item: Item) -> None:
        """Send a large file, and queue it to be completed."""
        try:
            stored = self._resume(item)
            if item.ticket is None and not self._begin(item):
                return
            PartSender(self._flow, item, stored, self._renew).run()
        except (InvalidTicket, UploadUnknown) as error:
            self._refusals.begin_again(item, error)
        except (OnecopyError, OSError) as error:
            self._outcomes.fail(item, error)
        else:
            self._flow.to_complete.put(item)

    def _begin(self, item: Item) -> bool:
        """Begin an upload; return whether it has begun."""
        answer = self._flow.gate.begin([begin_request(item, self._flow.options)])[0]
        if answer.ticket is None:
            self._refusals.handle(item, answer)
            return False
        self._keep(item, answer.ticket)
        return True

    def _resume(self, item: Item) -> list[Part]:
        """Return the parts that the store has of an upload that an earlier run began.

        If the upload cannot be resumed, the item has no ticket afterwards.
        """
        if item.ticket is None:
            return []
        try:
            return self._renew(item)
        except (BadInput, UploadUnknown):
            item.ticket = None
            return []

    def _renew(self, item: Item) -> list[Part]:
        """Renew the ticket, and return the parts that the store has."""
        status = self._flow.gate.status(item.ticket or "")
        self._keep(item, status.ticket)
        return status.parts

    def _keep(self, item: Item, ticket: str) -> None:
        """Save a ticket, so that a later run can resume the upload."""
        item.ticket, item.ticket_time = ticket, time()
        if self._flow.options.unfinished:
            self._flow.options.unfinished.keep(item.file, item.key, ticket)
