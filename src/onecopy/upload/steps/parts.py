"""Sending the parts of one large file: several at a time, hashed as they are read."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from time import time
from typing import NamedTuple

from onecopy.digest import MiB, part_lengths
from onecopy.errors import InvalidTicket, OnecopyError
from onecopy.store.interface import Body, Part, Send
from onecopy.upload.item import Item
from onecopy.upload.steps.flow import Flow
from onecopy.workers import Counter

_MAX_GROUP_BYTES = 32 * MiB
"""Bytes of the parts in one request. Up to twice as many are in memory for one file, unless a
single part is larger."""
_RENEW_SECONDS = 900
"""Age at which a ticket is renewed; it is valid for an hour."""


class _Piece(NamedTuple):
    """A part that was read and hashed."""

    part: Part
    body: Body


class PartSender:
    """Sends the parts of one large file through the threads of `flow.to_send`."""

    def __init__(
        self, flow: Flow, item: Item, stored: Sequence[Part], renew: Callable[[Item], object]
    ) -> None:
        self._flow = flow
        self._item = item
        self._stored = {part.number: part for part in stored}
        self._renew = renew
        self._sums: list[bytes] = []
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
            self._item.parts = tuple(self._sums)

    def _read(self, number: int, offset: int, length: int) -> _Piece:
        """Hash a part, and keep its bytes unless it is too large to be held in memory."""
        again = partial(self._chunks, offset, length)
        hashed = self._item.hashed
        if hashed is not None:
            return _Piece(Part(number, length, hashed.parts[number - 1]), again)
        hasher, kept = sha256(), list[bytes]()
        for chunk in self._chunks(offset, length):
            hasher.update(chunk)
            if length <= _MAX_GROUP_BYTES:
                kept.append(chunk)
        self._flow.report(0, length)
        return _Piece(Part(number, length, hasher.digest()), kept.__iter__ if kept else again)

    def _chunks(self, offset: int, length: int) -> Iterator[bytes]:
        for chunk in self._item.file.chunks(offset, length, chunk_size=MiB):
            self._flow.workers.check()
            yield chunk

    def _send(self, pieces: Sequence[_Piece]) -> None:
        """Queue the pieces that the store lacks."""
        self._sums += [piece.part.sha256 for piece in pieces]
        missing = [piece for piece in pieces if not self._is_stored(piece.part)]
        for piece in pieces:
            if self._is_stored(piece.part):
                self._report(piece)
        if not missing:
            return
        if time() - self._item.ticket_time > _RENEW_SECONDS:
            self._renew(self._item)
        ticket = self._item.ticket or ""
        numbered = [(piece.part.number, piece.part.sha256) for piece in missing]
        for piece, send in zip(missing, self._flow.gate.parts(ticket, numbered), strict=True):
            self._bytes_in_flight.add(piece.part.size)
            self._flow.to_send.put(partial(self._send_piece, ticket, piece, send))

    def _is_stored(self, part: Part) -> bool:
        """Whether the store has a part. Without a SHA-256 it is compared at completion."""
        stored = self._stored.get(part.number)
        return stored is not None and stored in (part, part._replace(sha256=b""))

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
        """Send one piece; if its signature expired, on a slow line, have it signed once more."""
        gate, part = self._flow.gate, piece.part
        try:
            gate.send(ticket, send, piece.body, part.size)
        except InvalidTicket:
            [again] = gate.parts(ticket, [(part.number, part.sha256)])
            gate.send(ticket, again, piece.body, part.size)

    def _report(self, piece: _Piece) -> None:
        self._item.reported.add(piece.part.size)
        self._flow.report(piece.part.size, 0)


def _groups(lengths: Sequence[int]) -> Iterator[list[tuple[int, int, int]]]:
    """Group parts, as (number, offset, length); groups grow, so that the first is sent at once."""
    at, offset, limit = 0, 0, 1
    while at < len(lengths):
        group: list[tuple[int, int, int]] = []
        while (
            at < len(lengths)
            and len(group) < limit
            and (not group or (len(group) + 1) * lengths[at] <= _MAX_GROUP_BYTES)
        ):
            group.append((at + 1, offset, lengths[at]))
            offset += lengths[at]
            at += 1
        yield group
        limit *= 2
