"""The last step: report the result of a file, or queue it for another attempt."""

from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

from onecopy.content import Verdict
from onecopy.errors import Failure, InvalidKey, OnecopyError, PartSuperseded, UploadUnknown
from onecopy.gate.interface import Answer
from onecopy.key import renamed
from onecopy.upload.confirming import CONFIRMING
from onecopy.upload.item import Item
from onecopy.upload.local_duplicates import FirstFiles, InFlight
from onecopy.upload.result import Outcome, Result, answered, failed
from onecopy.upload.steps.active import ActiveUploads
from onecopy.upload.steps.avoided import AvoidedFiles
from onecopy.upload.steps.confirming import DOUBTS, Waiting
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.uploading import UPLOADING

_MAX_KEYS = 1000
"""Keys tried for one file."""
_MAX_ATTEMPTS = 3
"""How many times an upload is begun, if it is lost each time."""
_LOST_REASONS = frozenset({"upload-unknown", "ticket-expired", "ticket-invalid"})
"""Reasons for which an upload is begun again."""


class Outcomes:
    """Settles files, and releases those that waited for them."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._unfinished = flow.options.unfinished
        self.active = ActiveUploads(flow)
        self._first_files = FirstFiles(flow.gate.config().trash)
        self.in_flight = InFlight()
        self.waiting = Waiting(flow)
        self.avoided = AvoidedFiles(flow.gate, flow.options)

    def settle(self, item: Item, outcome: Outcome, answer: Answer) -> None:
        """Report the answer of the gate as the result of a file."""
        gate, sent = self._flow.gate, item.sent.value
        if outcome is Outcome.UPLOADED:
            answer = answer._replace(unexamined=item.unexamined)
        same_as = self._same_as(item, outcome, answer)
        result = answered(
            gate, item.file, item.key, answer, same_as=same_as, outcome=outcome, sent=sent
        )
        self.avoided.note(result, item.key, item.sent_digest)
        self._finish(item, result)
        if outcome is not Outcome.FAILED:
            self._forget(item)

    def skip(self, item: Item, answer: Answer) -> None:
        """Report a file that is not sent; or have its content placed at its key, if wanted."""
        is_stored = answer.verdict is Verdict.DUPLICATE
        if not (self._flow.options.place and is_stored) or _is_at_key(item, answer):
            self.settle(item, Outcome.SKIPPED, answer)
        elif answer.copy is None:  # only a list has it, and no store
            item.anyway = True
            self._flow.to_check.put(item)
        elif item.is_cached:  # cached digests only serve to ask
            item.is_cached, item.check = False, True
            self._flow.queue_for_hashing(item)
        else:
            self._flow.to_place.put(item)

    def _same_as(self, item: Item, outcome: Outcome, answer: Answer) -> str | None:
        """Remember an uploaded file; for a duplicate, return the path of the file it equals."""
        digest = item.sent_digest
        if outcome is Outcome.PLACED:
            return None
        if digest is None or not item.file.size:  # empty files are never compared
            return None
        if outcome is Outcome.UPLOADED:
            self._first_files.add(item.file, digest)
        is_duplicate = answer.verdict is Verdict.DUPLICATE
        return self._first_files.find(item.file, digest) if is_duplicate else None

    def fail(self, item: Item, error: OnecopyError | OSError) -> None:
        """Report an error as the result of a file; an upload that can be resumed is kept."""
        continues = isinstance(error, Failure | OSError | PartSuperseded)
        resumable = item.large and self._unfinished and continues
        if item.ticket is not None and not resumable:
            self._abort([item.ticket])
            self._forget(item)
        self._finish(item, failed(item.file, item.key, error, item.sent.value))

    def handle_refusal(self, item: Item, answer: Answer) -> None:
        """Handle the answer of a `begin` without a ticket, or a `complete` without a new copy."""
        if answer.verdict is Verdict.DUPLICATE:
            self.skip(item, answer)
        elif answer.reason == "key-taken":
            self._rename(item, answer)
        elif answer.reason == "digest-needed" and item.hashed is None:
            self._flow.queue_for_hashing(item)
        elif answer.reason in {CONFIRMING, UPLOADING} and item.ticket is None:
            self._wait(item, answer)
        elif answer.reason in _LOST_REASONS:
            self.begin_again(item, UploadUnknown(answer.message or "the upload was lost"))
        else:
            # A message names something to change, so the upload failed. Without a message, and
            # before anything was sent, the content is only unconfirmed, and the user decides.
            doubt = item.ticket is None and (answer.message is None or answer.reason in DOUBTS)
            self.settle(item, Outcome.SKIPPED if doubt else Outcome.FAILED, answer)

    def _wait(self, item: Item, answer: Answer) -> None:
        """Wait until it is known what is stored, or until another upload has ended."""
        for _ in self.waiting.wait([(item, answer)]):
            if self.waiting.may_send(answer) and not item.anyway:
                item.anyway = True
                self._flow.to_check.put(item)
            else:
                self.settle(item, Outcome.SKIPPED, answer)

    def begin_again(self, item: Item, error: OnecopyError) -> None:
        """Begin a lost upload again; after three attempts it fails with `error`."""
        item.lost += 1
        self._forget(item)
        if item.lost < _MAX_ATTEMPTS:
            self._flow.to_check.put(item)
        else:
            self.fail(item, error)

    def _rename(self, item: Item, answer: Answer) -> None:
        """Try the next key, if the options allow it."""
        if self._flow.options.on_taken == "fail" or item.keys_tried >= _MAX_KEYS:
            self.settle(item, Outcome.KEY_TAKEN, answer)
            return
        item.keys_tried += 1
        self._forget(item)
        try:
            item.key = renamed(item.file.key, item.keys_tried)
        except InvalidKey as error:
            self.fail(item, error)
        else:
            self._flow.to_check.put(item)

    def _finish(self, item: Item, result: Result) -> None:
        self.active.end(item)
        for waiting in self.in_flight.leave(item):
            if waiting.hashed is None:
                self._flow.queue_for_hashing(waiting)
            else:
                self._flow.to_check.put(waiting)
        self._flow.report(item.file.size - item.reported.value, 0)
        self._flow.events.put(result)

    def _forget(self, item: Item) -> None:
        """Forget the upload that was begun for a file."""
        self.active.end(item)
        if item.large and self._unfinished:
            self._unfinished.drop(item.file, item.key)
        item.ticket = None

    def close(self, abort_timeout: float) -> None:
        """Abort the small uploads that have begun, for at most `abort_timeout` seconds."""
        self._first_files.close()
        if tickets := self.active.small_tickets():
            # In a thread: a server that does not answer must not keep the process.
            abort = Thread(target=self._abort, args=(tickets,), daemon=True)
            abort.start()
            abort.join(abort_timeout)

    def _abort(self, tickets: Sequence[str]) -> None:
        limit = self._flow.max_files
        with suppress(OnecopyError):  # the store removes uploads that are not aborted here
            for start in range(0, len(tickets), limit):
                self._flow.gate.abort(tickets[start : start + limit])


def _is_at_key(item: Item, answer: Answer) -> bool:
    return answer.copy is not None and answer.copy.key == item.key
