"""Waiting for an upload under way: of two uploads of a content, the second waits for the first.

The first holds the lease of its content while it makes progress, as far as the service sees it:

    begun                    10 seconds, and one for each megabyte of the request
    bytes received (folder)  10 seconds
    parts signed (bucket)    10 seconds, and one for each megabyte of them
    status requested         10 seconds
    completion requested     30 seconds

and never for more than a minute at once. A lease ends with its upload. Uploads take part whose
content digest is stated when they begin, unless they are to be stored anyway.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from time import monotonic

from onecopy.content import Verdict
from onecopy.gate.interface import Answer, Request
from onecopy.gate.leases import MAX_WAIT, ContentLeases
from onecopy.index.interface import Lease
from onecopy.store.interface import Upload
from onecopy.tickets import Ticket

UPLOADING = "uploading"
"""The reason while somebody else uploads the same content."""
_ANSWER = Answer(Verdict.UNCONFIRMED, reason=UPLOADING)
_SILENCE = 10.0
"""Seconds without a sign of life after which an upload counts as abandoned."""
_COMPLETING = 30.0
"""The same while it is being completed."""
_LEAST_RATE = 1_000_000
"""Bytes per second that are expected of a client whose bytes the service does not see."""
_NOTICE = 1.0
"""Seconds between two notes that bytes are being received."""
_CONTINUES = frozenset({"completing", "parts-missing"})
"""Reasons of a completion after which its client continues the upload."""


class Waiting:
    """The part of one tenant's gate that lets uploads wait; without leases, none waits."""

    def __init__(self, leases: ContentLeases | None, tenant: str) -> None:
        self._leases = leases
        self._tenant = tenant

    @contextmanager
    def leased(
        self,
        requests: Sequence[Request],
        uploads: Mapping[int, Upload],
        answers: Mapping[int, Answer],
    ) -> Iterator[dict[int, Answer]]:
        """Take the leases of uploads, and yield the answers for uploads that have to wait.

        At the end, uploads without a ticket in `answers` lose their leases. Leases are taken before
        the index is searched: so the next holder of a lease finds the copy that was stored before.
        """
        if self._leases is None:
            yield {}
            return
        leases = self._wanted(requests, uploads)
        waiting = self._leases.take(list(leases.values()))
        try:
            yield {at: _ANSWER for at, lease in leases.items() if lease.holder in waiting}
        finally:
            begun = {at for at, answer in answers.items() if answer.ticket}
            self._leases.end(
                [
                    lease
                    for at, lease in leases.items()
                    if at not in begun and lease.holder not in waiting
                ]
            )

    def _wanted(
        self, requests: Sequence[Request], uploads: Mapping[int, Upload]
    ) -> dict[int, Lease]:
        seconds = _seconds(sum(upload.size for upload in uploads.values()))
        return {
            at: Lease(self._name(str(request.digest)), upload.id, seconds)
            for at, upload in uploads.items()
            if (request := requests[at]).digest and request.size and not request.anyway
        }

    def _name(self, digest: str) -> str:
        return f"uploading/{self._tenant}/{digest}"

    def parts_signed(self, ticket: Ticket, size: int) -> None:
        """Note that a client will send parts of this size in total to the store itself."""
        self._extend([ticket], _seconds(size))

    def asked(self, ticket: Ticket) -> None:
        """Note that a client has asked for the status of its upload."""
        self._extend([ticket], _SILENCE)

    def received(self, ticket: Ticket, body: Iterator[bytes]) -> Iterator[bytes]:
        """Return a body that notes from time to time that its bytes are being received."""
        return body if self._leases is None else self._noted(ticket, body)

    def _noted(self, ticket: Ticket, body: Iterator[bytes]) -> Iterator[bytes]:
        noted = -inf
        for chunk in body:
            if monotonic() - noted >= _NOTICE:
                noted = monotonic()
                self._extend([ticket], _SILENCE)
            yield chunk

    def completing(self, tickets: Iterable[Ticket]) -> None:
        """Note that uploads are being completed."""
        self._extend(tickets, _COMPLETING)

    def completed(self, done: Iterable[tuple[Ticket, Answer]]) -> None:
        """End the leases of uploads, except of those that their clients continue."""
        self.ended(ticket for ticket, answer in done if answer.reason not in _CONTINUES)

    def ended(self, tickets: Iterable[Ticket]) -> None:
        """End the leases of uploads that are over."""
        if self._leases is not None:
            self._leases.end(self._of(tickets, 0))

    def _extend(self, tickets: Iterable[Ticket], seconds: float) -> None:
        if self._leases is not None:
            self._leases.extend(self._of(tickets, seconds))

    def _of(self, tickets: Iterable[Ticket], seconds: float) -> list[Lease]:
        """Return the leases of uploads that take part."""
        return [
            Lease(self._name(ticket.digest), ticket.upload_id, seconds)
            for ticket in tickets
            if ticket.digest is not None and ticket.size and not ticket.anyway
        ]


def _seconds(size: int) -> float:
    """Return the time that a client may take to send this number of bytes."""
    return min(_SILENCE + size / _LEAST_RATE, MAX_WAIT)
