"""Sending: how the bytes of uploads reach the store, signed requests or through this process."""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence

from onecopy.errors import BadInput
from onecopy.gate.batch import BatchWriter
from onecopy.gate.interface import Answer, SmallFile
from onecopy.gate.pending import PendingUploads
from onecopy.gate.validation import check_sums
from onecopy.gate.waiting import Waiting
from onecopy.store.interface import (
    BatchReceiver,
    Body,
    Part,
    Presigner,
    Receiver,
    Send,
    Store,
)
from onecopy.store.parts import part_span
from onecopy.text import count_text
from onecopy.tickets import Ticket, Tickets


class Sending:
    """Signs requests to a bucket, and writes bytes to a folder, for one tenant; see Gate."""

    def __init__(
        self,
        store: Store,
        pending: PendingUploads,
        tickets: Tickets,
        prefix: str,
        waiting: Waiting,
    ) -> None:
        # Checked once: `isinstance` with a Protocol takes as long as signing a request.
        self._presigner = store if isinstance(store, Presigner) else None
        self._receiver = store if isinstance(store, Receiver) else None
        self._batches = (
            BatchWriter(store, pending, tickets, prefix)
            if isinstance(store, BatchReceiver) and not self._presigner
            else None
        )
        self._pending = pending
        self._tickets = tickets
        self._prefix = prefix
        self._waiting = waiting

    @property
    def is_presigned(self) -> bool:
        """Whether clients send bytes to the store itself."""
        return self._presigner is not None

    @property
    def accepts_batches(self) -> bool:
        """Whether small files may be sent together."""
        return self._batches is not None

    def parts(self, ticket: str, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        """Return a request to send each part; raises InvalidTicket, BadInput and WrongBytes."""
        return self.parts_of(self._tickets.read(ticket), ticket, parts)

    def parts_of(
        self, bound: Ticket, ticket: str, parts: Sequence[tuple[int, bytes]]
    ) -> list[Send]:
        """Return the requests for the upload that a ticket is bound to; see `parts`."""
        spans = [part_span(bound.size, number) for number, _ in parts]  # raises BadInput
        if self._presigner:
            size = sum(length for _, length in spans)
            return self._signed(self._presigner, bound, parts, size)
        return [
            Send(
                number,
                "PUT",
                f"/v1/uploads/parts/{number}",
                {"Onecopy-Ticket": ticket, "x-amz-checksum-sha256": b64encode(sha256).decode()},
            )
            for number, sha256 in parts
        ]

    def _signed(
        self, presigner: Presigner, bound: Ticket, parts: Sequence[tuple[int, bytes]], size: int
    ) -> list[Send]:
        """Return signed requests for parts of this size in total."""
        digest = bound.content_digest
        # A single request makes the object at once, before `complete` can compare digests.
        if digest is not None and digest.scheme.part_size is None:
            check_sums(digest.value, parts)
        upload = bound.upload(self._prefix)
        self._pending.keep(upload)
        self._waiting.parts_signed(bound, size)
        return presigner.sign(upload, parts)

    def send(self, ticket: str, send: Send, body: Body, length: int) -> None:
        """Send bytes with a request from `parts`."""
        if self._presigner:
            self._presigner.send(send, body, length)
            return
        sha256 = b64decode(send.headers["x-amz-checksum-sha256"])
        part = self.receive(ticket, send.number, body(), sha256)
        if part.size != length:
            raise BadInput(
                f"part {part.number} has {count_text(part.size, 'byte')}, not {length:,}"
            )

    def receive(
        self, ticket: str, number: int, body: Iterator[bytes], sha256: bytes | None
    ) -> Part:
        """Write one part to the store; see LocalGate."""
        bound = self._tickets.read(ticket)
        digest = bound.content_digest
        if digest is not None and digest.scheme.part_size is None:
            sha256 = digest.value
        if not self._receiver:
            raise BadInput("send the bytes to the bucket, with the request from `begin`")
        upload = bound.upload(self._prefix)
        part = self._receiver.write(upload, number, self._waiting.received(bound, body), sha256)
        self._pending.keep(upload)
        return part

    def receive_batch(self, files: Sequence[SmallFile]) -> dict[int, Answer]:
        """Write small files to the store; see LocalGate."""
        if not self._batches:
            raise BadInput("this store accepts no batches: send each file on its own")
        return self._batches.write(files)
