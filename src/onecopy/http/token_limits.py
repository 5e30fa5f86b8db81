"""Uploads with a token that is limited to a folder, or to a number of bytes."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from onecopy.errors import BadInput, InvalidTicket, LimitExceeded
from onecopy.gate import Answer, Finish, LocalGate, Place, Request, SmallFile, Status
from onecopy.gate.copying import PLACED
from onecopy.store.interface import Part, Send
from onecopy.text import count_text
from onecopy.tokens import Token, count_bytes, give_back

_R = TypeVar("_R", Request, Place)
_EXCEEDED = "token-bytes-exceeded"


class LimitedUploads:
    """Every step of an upload, and the placing of contents, within the limits of a token.

    Bytes are counted before an upload begins, and given back if it does not begin. An upload that
    is begun twice or aborted stays counted: its first ticket may still be used. Placed
    contents count, too.

    Tickets of uploads outside the folder are refused at every step, whichever token began them.
    """

    def __init__(self, gate: LocalGate, token: Token) -> None:
        self._gate = gate
        self._token = token

    def begin(
        self, requests: Sequence[Request], *, idempotency_key: str | None = None
    ) -> list[Answer]:
        """Begin uploads; see Gate. Those beyond the limits are refused, the others are not."""

        def begin_all(inside: Sequence[Request]) -> list[Answer]:
            return self._gate.begin(inside, idempotency_key=idempotency_key)

        return self._limited(requests, begin_all, lambda answer: bool(answer.ticket))

    def place(self, requests: Sequence[Place]) -> list[Answer]:
        """Place contents; see Gate. Those beyond the limits are refused, the others are not."""
        answers = self._limited(requests, self._gate.place, lambda each: each.reason == PLACED)
        # Its bytes count already, if a request is repeated that was placed, or is being placed.
        refused = [at for at, answer in enumerate(answers) if answer.reason == _EXCEEDED]
        settled = self._gate.place_without_copying([requests[at] for at in refused])
        for at, answer in zip(refused, settled, strict=True):
            answers[at] = answer or answers[at]
        return answers

    def _limited(
        self,
        requests: Sequence[_R],
        call: Callable[[Sequence[_R]], list[Answer]],
        uses: Callable[[Answer], bool],
    ) -> list[Answer]:
        """Call the gate with the requests that fit; give back the bytes that it does not use."""
        answers = {
            at: _outside(self._token)
            for at, request in enumerate(requests)
            if not self._allows(request.key)
        }
        counted = self._count(requests, answers)
        done: list[Answer] = []
        try:
            done = call([requests[at] for at in counted])
        finally:
            used = sum(requests[at].size for at, a in zip(counted, done, strict=False) if uses(a))
            unused = sum(requests[at].size for at in counted) - used
            give_back(self._gate.index, self._token, unused)
        answers.update(zip(counted, done, strict=True))
        return [answers[at] for at in range(len(requests))]

    def _count(self, requests: Sequence[_R], answers: dict[int, Answer]) -> list[int]:
        """Count the bytes of the requests that are not answered; answer those that do not fit."""
        left = [at for at in range(len(requests)) if at not in answers]
        sizes = [requests[at].size for at in left]
        fits = count_bytes(self._gate.index, self._token, sizes)
        for at, size, fit in zip(left, sizes, fits, strict=True):
            if not fit:
                answers[at] = _too_large(self._token, size)
        return [at for at in left if at not in answers]

    def parts(self, ticket: str, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        """Return requests that send parts; see Gate. For a bucket, one may place the object."""
        self._require_inside(ticket)
        return self._gate.parts(ticket, parts)

    def receive(
        self, ticket: str, number: int, body: Iterator[bytes], sha256: bytes | None
    ) -> Part:
        """Write one part; see LocalGate."""
        self._require_inside(ticket)
        return self._gate.receive(ticket, number, body, sha256)

    def receive_batch(self, files: Sequence[SmallFile]) -> dict[int, Answer]:
        """Write small files; see LocalGate. Those outside the folder are refused."""
        inside = [at for at, file in enumerate(files) if self._allows_ticket(file.ticket)]
        refused = self._gate.receive_batch([files[at] for at in inside])
        outside = set(range(len(files))).difference(inside)
        return {inside[at]: answer for at, answer in refused.items()} | dict.fromkeys(
            outside, _outside(self._token)
        )

    def status(self, ticket: str) -> Status:
        """Return the stored parts, and a new ticket; see Gate."""
        self._require_inside(ticket)
        return self._gate.status(ticket)

    def complete(self, uploads: Sequence[Finish]) -> list[Answer]:
        """Complete uploads; see Gate. Those outside the folder are refused."""
        inside = [at for at, finish in enumerate(uploads) if self._allows_ticket(finish.ticket)]
        done = self._gate.complete([uploads[at] for at in inside])
        answers = dict(zip(inside, done, strict=True))
        return [answers.get(at) or _outside(self._token) for at in range(len(uploads))]

    def abort(self, tickets: Sequence[str]) -> None:
        """Abort uploads; see Gate. Raises BadInput after all those in the folder were aborted."""
        inside = [ticket for ticket in tickets if self._allows_ticket(ticket)]
        self._gate.abort(inside)
        if len(inside) < len(tickets):
            raise _outside_error(self._token)

    def _require_inside(self, ticket: str) -> None:
        """Raise BadInput if an upload is outside the folder."""
        if not self._allows_ticket(ticket):
            raise _outside_error(self._token)

    def _allows(self, key: str) -> bool:
        return key.startswith(self._token.prefix)

    def _allows_ticket(self, ticket: str) -> bool:
        try:
            return self._allows(self._gate.key_of(ticket))
        except InvalidTicket:
            return True  # the gate answers it


def _outside(token: Token) -> Answer:
    return Answer.refusal(_outside_error(token))


def _outside_error(token: Token) -> BadInput:
    message = f"this token may upload below {token.prefix!r} only: choose a key there"
    return BadInput(message, reason="key-outside-prefix")


def _too_large(token: Token, size: int) -> Answer:
    return Answer.refusal(
        LimitExceeded(
            f"too large for this token: {count_text(size, 'byte')} (limit {token.max_bytes:,} in "
            "total, and less is left); send fewer, or get another token",
            reason=_EXCEEDED,
        )
    )
