"""The step that begins or resumes large files, and sends them in parts.

Several parts are sent at a time, and hashed as they are read.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import md5, sha256
from itertools import accumulate, count
from time import time
from typing import NamedTuple

from onecopy.digest import MiB, part_lengths
from onecopy.errors import BadInput, InvalidTicket, OnecopyError, UploadUnknown
from onecopy.store.interface import Body, Part, Send
from onecopy.upload.item import Item
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.outcomes import Outcomes
from onecopy.workers import Counter

_MAX_GROUP_BYTES = 32 * MiB
"""Bytes of the parts in one request. Up to twice as many are in memory for one file, unless a
single part is larger."""
_RENEW_SECONDS = 900
"""Age at which a ticket is renewed; it is valid for an hour."""


class Transfers:
    """Begins or resumes large files, and sends the parts that the store lacks."""

    def __init__(self, flow: Flow, outcomes: Outcomes) -> None:
        self._flow = flow
        self._outcomes = outcomes

    def send(self, item: Item) -> None:
        """Send a large file, and queue it to be completed."""
        try:
            stored = self._resume(item)
            if item.ticket is None and not self._begin(item):
                return
            _PartSender(self._flow, item, stored, self._renew).run()
        except (InvalidTicket, UploadUnknown) as error:
            self._outcomes.begin_again(item, error)
        except (OnecopyError, OSError) as error:
            self._outcomes.fail(item, error)
        else:
            self._flow.to_complete.put(item)

    def _begin(self, item: Item) -> bool:
        """Begin an upload; return whether it has begun."""
        for _, answer in self._outcomes.active.begin([item]):
            if answer.ticket is not None:
                self._keep(item, answer.ticket)
                return True
            self._outcomes.handle_refusal(item, answer)
        return False

    def _resume(self, item: Item) -> list[Part]:
        """Return the parts that the store has of an upload that an earlier run began.

        If the upload cannot be resumed, the item has no ticket afterwards.
        """
        if item.ticket is None:
            return []
        try:
            stored = self._renew(item)
        except (BadInput, UploadUnknown):
            item.ticket = None
            return []
        self._outcomes.active.resume(item)
        return stored

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


class _Piece(NamedTuple):
    """A part that was read and hashed."""

    part: Part
    body: Body


class _PartSender:
    """Sends the parts of one large file through the threads of `flow.to_send`."""

    def __init__(
        self, flow: Flow, item: Item, stored: Sequence[Part], renew: Callable[[Item], object]
    ) -> None:
        self._flow = flow
        self._item = item
        self._stored = {part.number: part for part in stored}
        self._renew = renew
        self._sha256s: list[bytes] = []
        self._md5 = md5(usedforsecurity=False)
        """Of the parts read so far: they are read in order."""
        self._hashers = [self._md5] if flow.states_md5 else []
        self._bytes_in_flight = Counter()
        self._errors: list[Exception] = []

    def run(self) -> None:
        """Send all parts except those stored with the same bytes; then set `item.parts`.

        Each group of parts is read while the one before is being sent. Raises what the gate
        raises, FileChanged and OSError.
        """
        workers, file = self._flow.workers, self._item.file
        for group in _groups(part_lengths(file.size)):
            pieces = [self._read(*numbered) for numbered in group]
            self._bytes_in_flight.wait_below(_MAX_GROUP_BYTES + 1, workers)
            if self._errors:
                break
            self._send(pieces)
        self._bytes_in_flight.wait_below(1, workers)
        if self._errors:
            raise self._errors[0]
        with file.open():  # raises if the file changed between the readings of its parts
            self._item.parts = tuple(self._sha256s)
        if self._hashers and self._item.hashed is None:
            self._item.md5 = self._md5.digest()

    def _read(self, number: int, offset: int, length: int) -> _Piece:
        """Hash a part, and keep its bytes unless it is too large to be held in memory."""
        read = partial(self._flow.read, self._item.file, offset, length)
        hashed = self._item.hashed
        if hashed is not None:
            return _Piece(Part(number, length, hashed.parts[number - 1]), read)
        hasher, kept = sha256(), list[bytes]()
        for chunk in read():
            for each in (hasher, *self._hashers):
                each.update(chunk)
            if length <= _MAX_GROUP_BYTES:
                kept.append(chunk)
        self._flow.report(0, length)
        return _Piece(Part(number, length, hasher.digest()), kept.__iter__ if kept else read)

    def _send(self, pieces: Sequence[_Piece]) -> None:
        """Queue the pieces that the store lacks."""
        self._sha256s += [piece.part.sha256 for piece in pieces]
        missing = [piece for piece in pieces if not self._is_stored(piece.part)]
        for piece in pieces:
            if self._is_stored(piece.part):
                self._report(piece)
        if not missing:
            return
        self._renew_in_time()
        ticket = self._item.ticket or ""
        numbered = [(piece.part.number, piece.part.sha256) for piece in missing]
        for piece, send in zip(missing, self._flow.gate.parts(ticket, numbered), strict=True):
            self._bytes_in_flight.add(piece.part.size)
            self._flow.to_send.put(partial(self._send_piece, ticket, piece, send))

    def _renew_in_time(self) -> None:
        if time() - self._item.ticket_time > _RENEW_SECONDS:
            self._renew(self._item)

    def _is_stored(self, part: Part) -> bool:
        """Whether the store has a part. Without a SHA-256 it is compared at completion."""
        return self._stored.get(part.number) in (part, part._replace(sha256=b""))

    def _send_piece(self, ticket: str, piece: _Piece, send: Send) -> None:
        """Send one piece, in a sending thread; an error ends the upload of the whole file."""
        size = piece.part.size
        try:
            if not self._errors:
                self._send_signed(ticket, piece, send)
                self._item.sent.add(size)
                self._report(piece)
        except (OnecopyError, OSError) as error:
            self._errors.append(error)
        finally:
            self._bytes_in_flight.add(-size)

    def _send_signed(self, ticket: str, piece: _Piece, send: Send) -> None:
        """Send one piece; if its signature or ticket expired, on a slow line, get another one."""
        gate, part = self._flow.gate, piece.part
        try:
            gate.send(ticket, send, piece.body, part.size)
        except InvalidTicket:
            self._renew_in_time()
            ticket = self._item.ticket or ""
            [renewed] = gate.parts(ticket, [(part.number, part.sha256)])
            gate.send(ticket, renewed, piece.body, part.size)

    def _report(self, piece: _Piece) -> None:
        self._item.reported.add(piece.part.size)
        self._flow.report(piece.part.size, 0)


def _groups(lengths: Sequence[int]) -> Iterator[list[tuple[int, int, int]]]:
    """Group parts, as (number, offset, length); groups grow, so that the first is sent at once."""
    parts = list(zip(count(1), accumulate(lengths, initial=0), lengths))
    start, limit = 0, 1
    while start < len(parts):
        end = start + 1
        last = min(start + limit, len(parts))
        while end < last and (end - start + 1) * lengths[end] <= _MAX_GROUP_BYTES:
            end += 1
        yield parts[start:end]
        start, limit = end, limit * 2
