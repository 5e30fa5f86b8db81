"""Endpoints: ASGI applications that authenticate, read, call a handler in a thread, and respond."""

import asyncio
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Asgi

from onecopy.confirming import Readers
from onecopy.digest import part_lengths
from onecopy.errors import BadInput, InvalidTicket, LimitExceeded
from onecopy.gate import LocalGate
from onecopy.gate.leases import ContentLeases
from onecopy.gate.usage import Usage
from onecopy.http.auth import Authenticator
from onecopy.http.body import header, required_length, streamed
from onecopy.http.decoding import Decoder
from onecopy.http.handlers import Caller, completing, placing, stored_part
from onecopy.http.json_body import BodyMemory, read_json
from onecopy.http.links import make_link
from onecopy.http.metrics import CONTENT_TYPE, Metrics, PrometheusMetrics
from onecopy.http.options import Options
from onecopy.http.response import send_response
from onecopy.http.threads import Threads
from onecopy.index.interface import Engine
from onecopy.recorder import Recorder
from onecopy.store.interface import Store
from onecopy.summary import Summaries
from onecopy.tenant import Tenant
from onecopy.text import count_text
from onecopy.tickets import Tickets
from onecopy.tokens import Principal, Scope

TICKET_HEADER = "Onecopy-Ticket"
CHECKSUM_HEADER = "x-amz-checksum-sha256"
_PART_NUMBER = re.compile(r"[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class AppState:
    """Everything that the endpoints of one app share."""

    index: Engine
    store: Store
    secrets: Sequence[bytes]
    options: Options
    authenticator: Authenticator
    threads: Threads
    metrics: Metrics
    readers: Readers | None = None
    recorder: Recorder | None = None
    usage: Usage | None = None
    leases: ContentLeases | None = None
    bodies: BodyMemory = field(default_factory=BodyMemory)
    summaries: Summaries | None = None
    gates: dict[str, LocalGate] = field(default_factory=dict)

    def gate(self, tenant: str) -> LocalGate:
        """Return the gate of a tenant, created at first use."""
        gate = self.gates.get(tenant)
        if gate is None:
            trust = self.options.trust.get(tenant, frozenset())
            gate = self.gates[tenant] = LocalGate(
                self.index,
                self.store,
                Tenant(tenant, trust),
                secrets=self.secrets,
                limits=self.options.limits,
                price=self.options.price,
                trash=self.options.trash,
                readers=self.readers,
                recorder=self.recorder,
                usage=self.usage,
                leases=self.leases,
            )
        return gate

    def caller(self, principal: Principal, request: Asgi) -> Caller:
        """Return the caller that a handler works for."""
        gate = self.gate(principal.tenant)
        headers, lists_duplicates = request["headers"], self.summaries is not None
        return Caller(gate, principal, self.options, self.metrics, headers, lists_duplicates)

    async def in_time(self, completing: Awaitable[bytes]) -> bytes | None:
        """Return the result of a completion; None after the time limit: its thread continues."""
        limit = asyncio.timeout(self.options.complete_seconds)
        try:
            async with limit:
                return await completing
        except TimeoutError:
            if not limit.expired():
                raise
        return None


class MethodDispatcher:
    """The endpoints of one path, by method; HEAD is served as GET."""

    def __init__(self, template: str, by_method: dict[str, ASGIApp]) -> None:
        self.template = template
        self.by_method = by_method

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        method = scope["method"]
        endpoint = self.by_method["GET" if method == "HEAD" else method]
        await endpoint(scope, receive, send)


class JsonEndpoint:
    """Runs one of `onecopy.http.handlers`, with JSON documents (or none) as request and response.

    The sender needs the scope `needs`, if any.
    """

    def __init__(
        self,
        state: AppState,
        needs: Scope | None,
        handler: Callable[[Caller, Any], object],
        request: type | None = None,
    ) -> None:
        self._state = state
        self._needs = needs
        self._handler = handler
        self._decoder: Decoder[Any] | None = None if request is None else Decoder(request)

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        state = self._state
        principal = await state.authenticator.authenticate(scope, self._needs)
        with state.bodies.share(principal.tenant) as share:
            body = b""
            if self._decoder is not None:
                body = await read_json(scope, receive, state.options.body_bytes, share)
            result = await self._respond(state.caller(principal, scope), body)
        await send_response(send, result, status=200 if result else 204)

    async def _respond(self, caller: Caller, body: bytes) -> bytes:
        tenant = caller.gate.tenant.name
        return await self._state.threads.call(self._handle, caller, body, tenant=tenant)

    def _handle(self, caller: Caller, body: bytes) -> bytes:
        """Decode, handle and encode: all of it in a thread, since bodies may be large."""
        document = None if self._decoder is None else self._decoder.decode(body)
        result = self._handler(caller, document)
        return b"" if result is None else msgspec.json.encode(result)


class CompleteEndpoint(JsonEndpoint):
    """A JSON endpoint that responds `completing` before a gateway in front of it times out.

    The completion continues in its thread; the client repeats the request to get its result.
    """

    in_progress: Callable[[Caller, Any], object] = staticmethod(completing)

    async def _respond(self, caller: Caller, body: bytes) -> bytes:
        done = await self._state.in_time(super()._respond(caller, body))
        if done is not None:
            return done
        document = None if self._decoder is None else self._decoder.decode(body)
        return msgspec.json.encode(self.in_progress(caller, document))


class PlaceEndpoint(CompleteEndpoint):
    """Responds `placing` in the same way, with the bytes that were copied so far."""

    in_progress = staticmethod(placing)


class PartEndpoint:
    """Receives the bytes of one part, for a store that clients cannot reach directly (a folder)."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        principal = await self._state.authenticator.authenticate(scope, "upload")
        uploads = self._state.caller(principal, scope).uploads
        ticket = (header(scope, TICKET_HEADER.lower().encode()) or b"").decode("latin-1")
        if not ticket:
            raise InvalidTicket(f"missing ticket: send it in the header {TICKET_HEADER}")
        number = _part_number(scope)
        upload = Tickets(self._state.secrets, principal.tenant).read(ticket)
        _check_length(required_length(scope), upload.size, number)
        with streamed(receive, self._state.options.pace) as chunks:
            arguments = ticket, number, chunks, _checksum(scope)
            tenant = principal.tenant
            part = await self._state.threads.receive(uploads.receive, *arguments, tenant=tenant)
        await send_response(send, msgspec.json.encode(stored_part(part)))


def _part_number(scope: Asgi) -> int:
    text: str = scope["path_params"]["n"]
    if _PART_NUMBER.fullmatch(text) is None:
        raise BadInput(f"invalid part number {text!r}: use 1 to 10000")
    return int(text)


def _check_length(length: int, size: int, number: int) -> None:
    """Reject a part of the wrong length before its first byte; `size` is that of the upload."""
    lengths = part_lengths(size)
    if number > len(lengths):
        raise BadInput(f"no part {number}: this upload has {count_text(len(lengths), 'part')}")
    expected = lengths[number - 1]
    if length != expected:
        kind = LimitExceeded if length > expected else BadInput
        raise kind(f"Part {number} must have {count_text(expected, 'byte')}, not {length:,}.")


def _checksum(scope: Asgi) -> bytes | None:
    given = header(scope, CHECKSUM_HEADER.encode())
    if given is None:
        return None
    try:
        checksum = b64decode(given, validate=True)
    except Base64Error:
        checksum = b""
    if len(checksum) != 32:
        raise BadInput(f"invalid {CHECKSUM_HEADER}: expected a SHA-256 in base64")
    return checksum


class LinkEndpoint:
    """Responds with a short-lived link to a copy of the sender's tenant."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        state = self._state
        principal = await state.authenticator.authenticate(scope, "read")
        gate, key = state.gate(principal.tenant), scope["path_params"]["key"]
        arguments = gate, state.secrets, key
        link = await state.threads.call(make_link, *arguments, tenant=principal.tenant)
        await send_response(send, msgspec.json.encode(link))


class MetricsEndpoint:
    """Responds with the metrics in the Prometheus text format."""

    def __init__(
        self, authenticator: Authenticator, threads: Threads, metrics: PrometheusMetrics
    ) -> None:
        self._authenticator = authenticator
        self._threads = threads
        self._metrics = metrics

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await self._authenticator.authenticate(scope, "metrics")
        body = await self._threads.call(self._metrics.exposition)  # it reads the index
        await send_response(send, body, media_type=CONTENT_TYPE.encode())
