"""Sending large files: parts in parallel, hashed as they are sent, and going on after a break."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from time import time
from typing import NamedTuple

from onecopy.digest import MiB, part_lengths
from onecopy.errors import BadInput, InvalidTicket, OnecopyError, UploadUnknown
from onecopy.gate.interface import Gate
from onecopy.store.interface import Body, Part, Send
from onecopy.upload.item import Item
from onecopy.upload.result import Progress
from onecopy.upload.unfinished import Unfinished
from onecopy.workers import Counter, Workers, WorkQueue

_GROUP = 32 * MiB
"""Bytes of parts that are asked for at once. Twice as many are in memory for one file, unless a
single part is larger."""
_RENEWAL = 900
"""Seconds after which a ticket is renewed; it lasts for an hour."""


class _Piece(NamedTuple):
    """A part that was read."""

    part: Part
    body: Body


@dataclass(frozen=True, slots=True)
class Transfers:
    """Sends the parts of large files through the threads that take from `to_send`."""

    gate: Gate
    workers: Workers
    to_send: WorkQueue[Callable[[], object]]
    unfinished: Unfinished | None
    show: Progress

    def began(self, item: Item, ticket: str) -> None:
        """Take note of a ticket, so that a later run can go on."""
        item.ticket, item.renewed = ticket, time()
        if self.unfinished:
            self.unfinished.keep(item.file, item.key, ticket)

    def resume(self, item: Item) -> list[Part]:
        """Return the parts that the store has of an upload that an earlier run began.

        If it can't be gone on with, the item has no ticket any more.
        """
        if item.ticket is None:
            return []
        try:
            return self.renew(item)
        except (BadInput, UploadUnknown):
            item.ticket = None
            return []

    def renew(self, item: Item) -> list[Part]:
        """Renew the ticket, and return the parts that the store has."""
        status = self.gate.status(item.ticket or "")
        self.began(item, status.ticket)
        return status.parts

    def send(self, item: Item, have: Sequence[Part]) -> None:
        """Send all parts but those that the store has with the same bytes; sets `item.parts`.

        Raises what the gate raises, FileChanged and OSError.
        """
        _Sending(self, item, have).run()


class _Sending:
    """One large file being sent."""

    def __init__(self, sender: Transfers, item: Item, have: Sequence[Part]) -> None:
        self._sender = sender
        self._item = item
        self._have = {part.number: part for part in have}
        self._sums: list[bytes] = []
        self._under_way = Counter()
        self._errors: list[Exception] = []

    def run(self) -> None:
        """Send group after group, reading the next while one is under way."""
        workers, file = self._sender.workers, self._item.file
        for group in _groups(part_lengths(file.size)):
            pieces = [self._read(*stretch) for stretch in group]
            self._under_way.wait_below(_GROUP + 1, workers)
            if self._errors:
                break
            self._send(pieces)
        self._under_way.wait_below(1, workers)
        if self._errors:
            raise self._errors[0]
        with file.open():  # the parts were read at different times: of one and the same file?
            self._item.parts = tuple(self._sums)

    def _read(self, number: int, offset: int, length: int) -> _Piece:
        """Read a part to know its digest, and keep it if it is not too large."""
        again = partial(self._chunks, offset, length)
        hashed = self._item.hashed
        if hashed is not None:
            return _Piece(Part(number, length, hashed.parts[number - 1]), again)
        hasher, kept = sha256(), list[bytes]()
        for chunk in self._chunks(offset, length):
            hasher.update(chunk)
            if length <= _GROUP:
                kept.append(chunk)
        self._sender.show(0, length)
        return _Piece(Part(number, length, hasher.digest()), kept.__iter__ if kept else again)

    def _chunks(self, offset: int, length: int) -> Iterator[bytes]:
        for chunk in self._item.file.chunks(offset, length, chunk_size=MiB):
            self._sender.workers.check()
            yield chunk

    def _send(self, pieces: Sequence[_Piece]) -> None:
        """Hand the pieces that the store lacks to the senders."""
        self._sums += [piece.part.sha256 for piece in pieces]
        lacking = [piece for piece in pieces if not self._has(piece.part)]
        for piece in pieces:
            if self._has(piece.part):
                self._show(piece)
        if not lacking:
            return
        if time() - self._item.renewed > _RENEWAL:
            self._sender.renew(self._item)
        ticket = self._item.ticket or ""
        named = [(piece.part.number, piece.part.sha256) for piece in lacking]
        for piece, send in zip(lacking, self._sender.gate.parts(ticket, named), strict=True):
            self._under_way.add(piece.part.size)
            self._sender.to_send.put(partial(self._put, ticket, piece, send))

    def _has(self, part: Part) -> bool:
        """Whether the store has a part: what it does not state it compares in the end."""
        there = self._have.get(part.number)
        return there is not None and there in (part, part._replace(sha256=b""))

    def _put(self, ticket: str, piece: _Piece, send: Send) -> None:
        """Send one piece, in a sender's thread; an error ends the whole upload."""
        size = piece.part.size
        try:
            if not self._errors:
                self._send_one(ticket, piece, send)
                self._item.sent.add(size)
                self._show(piece)
        except (OnecopyError, OSError) as error:
            self._errors.append(error)
        finally:
            self._under_way.add(-size)

    def _send_one(self, ticket: str, piece: _Piece, send: Send) -> None:
        """Send one piece; what was signed too long ago, on a slow line, is signed anew."""
        gate, part = self._sender.gate, piece.part
        try:
            gate.send(ticket, send, piece.body, part.size)
        except InvalidTicket:
            [again] = gate.parts(ticket, [(part.number, part.sha256)])
            gate.send(ticket, again, piece.body, part.size)

    def _show(self, piece: _Piece) -> None:
        self._item.shown.add(piece.part.size)
        self._sender.show(piece.part.size, 0)


def _groups(lengths: Sequence[int]) -> Iterator[list[tuple[int, int, int]]]:
    """Cut parts, as (number, offset, length), into groups that grow: the first goes at once."""
    at, offset, most = 0, 0, 1
    while at < len(lengths):
        group: list[tuple[int, int, int]] = []
        while (
            at < len(lengths)
            and len(group) < most
            and (not group or (len(group) + 1) * lengths[at] <= _GROUP)
        ):
            group.append((at + 1, offset, lengths[at]))
            offset += lengths[at]
            at += 1
        yield group
        most *= 2
