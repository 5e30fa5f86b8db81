"""The last step: report the result of a file, and release the files that waited for it."""

from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

from onecopy.content import Verdict
from onecopy.errors import Failure, OnecopyError
from onecopy.gate.interface import Answer
from onecopy.upload.in_flight import InFlight
from onecopy.upload.item import Item
from onecopy.upload.local_duplicates import FirstFiles
from onecopy.upload.result import Outcome, Result, answered, failed
from onecopy.upload.steps.flow import Flow


class Outcomes:
    """Settles files, and knows which files wait and which uploads would have to be aborted."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._unfinished = flow.options.unfinished
        self._small_tickets: dict[Item, str] = {}
        self._first_files = FirstFiles()
        self.in_flight = InFlight()

    def began_small(self, item: Item, ticket: str) -> None:
        """Note the ticket of a small upload, which is aborted if the whole upload ends early."""
        item.ticket = self._small_tickets[item] = ticket

    def settle(self, item: Item, outcome: Outcome, answer: Answer) -> None:
        """Report the answer of the gate as the result of a file."""
        result = answered(
            item.file,
            item.key,
            answer,
            url=self._flow.gate.url(answer.copy) if answer.copy else None,
            same_as=self._same_as(item, outcome, answer),
            outcome=outcome,
            sent=item.sent.value,
        )
        self._finish(item, result)
        self._small_tickets.pop(item, None)
        if outcome is not Outcome.FAILED:
            self.forget(item)

    def _same_as(self, item: Item, outcome: Outcome, answer: Answer) -> str | None:
        """Remember an uploaded file; for a duplicate, return the path of the file it equals."""
        digest = item.sent_digest
        if digest is None or not item.file.size:  # empty files are never compared
            return None
        if outcome is Outcome.UPLOADED:
            self._first_files.add(item.file, digest)
        is_duplicate = answer.verdict is Verdict.DUPLICATE
        return self._first_files.find(item.file, digest) if is_duplicate else None

    def fail(self, item: Item, error: OnecopyError | OSError) -> None:
        """Report an error as the result of a file; an upload that can be resumed is kept."""
        resumable = item.large and self._unfinished and isinstance(error, Failure | OSError)
        if item.ticket is not None and not resumable:
            self._abort([item.ticket])
            self.forget(item)
        self._finish(item, failed(item.file, item.key, error, item.sent.value))

    def _finish(self, item: Item, result: Result) -> None:
        for waiting in self.in_flight.leave(item):
            if waiting.hashed is None:
                self._flow.hash(waiting)
            else:
                self._flow.to_check.put(waiting)
        self._flow.report(item.file.size - item.reported.value, 0)
        self._flow.events.put(result)

    def forget(self, item: Item) -> None:
        """Forget the upload that was begun for a file."""
        self._small_tickets.pop(item, None)
        if item.large and self._unfinished:
            self._unfinished.drop(item.file, item.key)
        item.ticket = None

    def close(self, abort_timeout: float) -> None:
        """Abort the small uploads that have begun, for at most `abort_timeout` seconds."""
        self._first_files.close()
        tickets = list(self._small_tickets.values())
        if tickets:  # in a thread: a server that does not answer must not keep the process
            abort = Thread(target=self._abort, args=(tickets,), daemon=True)
            abort.start()
            abort.join(abort_timeout)

    def _abort(self, tickets: Sequence[str]) -> None:
        limit = self._flow.max_files
        with suppress(OnecopyError):  # the store removes uploads that are not aborted here
            for start in range(0, len(tickets), limit):
                self._flow.gate.abort(tickets[start : start + limit])
