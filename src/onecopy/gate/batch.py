"""Small files that are sent together: each is checked, written and answered on its own."""

from collections.abc import Sequence

from onecopy.digest import SMALLEST_PART
from onecopy.errors import BadInput, UploadUnknown
from onecopy.gate.interface import Answer, SmallFile
from onecopy.gate.pending import PendingUploads
from onecopy.gate.validation import check_limit
from onecopy.limits import MAX_BATCH_BYTES, MAX_BATCH_FILES
from onecopy.store.interface import BatchReceiver, Incoming, Part, Upload
from onecopy.text import count_text
from onecopy.tickets import Ticket, Tickets


class BatchWriter:
    """Writes batches to the store of one tenant."""

    def __init__(
        self, store: BatchReceiver, pending: PendingUploads, tickets: Tickets, prefix: str
    ) -> None:
        self._store = store
        self._pending = pending
        self._tickets = tickets
        self._prefix = prefix

    def write(self, files: Sequence[SmallFile]) -> dict[int, Answer]:
        """Write files; return the answers of those that are not to be completed, by position.

        An upload that the store does not know may have been completed by an earlier attempt: only
        its completion finds out. Raises LimitExceeded.
        """
        check_limit(len(files), MAX_BATCH_FILES, "files", per="batch")
        check_limit(sum(file.size for file in files), MAX_BATCH_BYTES, "bytes", per="batch")
        answers: dict[int, Answer] = {}
        accepted: dict[int, Ticket] = {}
        for at, file in enumerate(files):
            try:
                accepted[at] = self._read_ticket(file)
            except BadInput as error:
                answers[at] = Answer.refusal(error)
        uploads = {at: ticket.upload(self._prefix) for at, ticket in accepted.items()}
        written = self._store.write_batch(
            _incoming(uploads[at], files[at], ticket) for at, ticket in accepted.items()
        )
        for at, outcome in zip(accepted, written, strict=True):
            if isinstance(outcome, Part):
                self._pending.keep(uploads[at])
            elif not isinstance(outcome, UploadUnknown):
                answers[at] = Answer.refusal(outcome)
        return answers

    def _read_ticket(self, file: SmallFile) -> Ticket:
        """Return the ticket of a file; raises BadInput if it is not for a small file like it."""
        ticket = self._tickets.read(file.ticket)
        if ticket.size >= SMALLEST_PART:
            raise BadInput("files of 8 MiB and more are sent in parts, not in a batch")
        if ticket.size != file.size:
            raise BadInput(
                f"this upload was begun for {count_text(ticket.size, 'byte')}, not {file.size:,}: "
                "begin it again",
                reason="size-invalid",
            )
        return ticket


def _incoming(upload: Upload, file: SmallFile, ticket: Ticket) -> Incoming:
    digest = ticket.content_digest
    return Incoming(upload, file.body(), digest.value if digest else None)
