"""A gate around a gate, which notes its calls, and lets a test step in."""

from collections.abc import Callable, Sequence
from typing import Any

from onecopy.content import Content, Copy
from onecopy.digest import Scheme
from onecopy.gate.interface import (
    Answer,
    Avoided,
    Config,
    Finish,
    Gate,
    Place,
    Request,
    SmallFile,
    Status,
)
from onecopy.store.interface import Body, Send


class Watched:
    """Passes everything on; `calls` holds (name, argument), `before` is called first."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.calls: list[tuple[str, Any]] = []
        self.before: Callable[[str, Any], None] = lambda _name, _argument: None

    def of(self, name: str) -> list[Any]:
        """Return the arguments of all calls of a name."""
        return [argument for called, argument in self.calls if called == name]

    def _note(self, name: str, argument: object) -> None:
        self.calls.append((name, argument))
        self.before(name, argument)

    def config(self) -> Config:
        return self._gate.config()

    def probe(self, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        self._note("probe", list(sizes))
        return self._gate.probe(sizes)

    def check(self, contents: Sequence[Content]) -> list[Answer]:
        self._note("check", list(contents))
        return self._gate.check(contents)

    def begin(
        self, requests: Sequence[Request], *, idempotency_key: str | None = None
    ) -> list[Answer]:
        self._note("begin", list(requests))
        return self._gate.begin(requests, idempotency_key=idempotency_key)

    def parts(self, ticket: str, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        self._note("parts", list(parts))
        return self._gate.parts(ticket, parts)

    def send(self, ticket: str, send: Send, body: Body, length: int) -> None:
        self._note("send", send)
        self._gate.send(ticket, send, body, length)

    def send_batch(self, files: Sequence[SmallFile]) -> list[Answer]:
        self._note("send_batch", list(files))
        return self._gate.send_batch(files)

    def status(self, ticket: str) -> Status:
        self._note("status", ticket)
        return self._gate.status(ticket)

    def place(self, requests: Sequence[Place]) -> list[Answer]:
        self._note("place", list(requests))
        return self._gate.place(requests)

    def complete(self, uploads: Sequence[Finish]) -> list[Answer]:
        self._note("complete", list(uploads))
        return self._gate.complete(uploads)

    def abort(self, tickets: Sequence[str]) -> None:
        self._note("abort", list(tickets))
        self._gate.abort(tickets)

    def count_avoided(self, avoided: Avoided, *, idempotency_key: str | None = None) -> None:
        self._note("count_avoided", avoided)
        self._gate.count_avoided(avoided, idempotency_key=idempotency_key)

    def url(self, copy: Copy) -> str | None:
        return self._gate.url(copy)

    def close(self) -> None:
        self._gate.close()
