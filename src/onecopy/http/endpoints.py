"""The endpoints: ASGI applications that let in, read, call in a thread, and answer."""

import asyncio
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Asgi

from onecopy.digest import MD5, Digest, part_lengths
from onecopy.documents import ChecksumRequest, ChecksumResponse, CompleteRequest
from onecopy.errors import BadInput, InvalidTicket, LimitExceeded, NotAllowed
from onecopy.gate import LocalGate
from onecopy.http.answer import answer
from onecopy.http.auth import Authenticator
from onecopy.http.body import Handover, content_length, decode, header, read_json
from onecopy.http.handlers import Caller, completing, stored_part
from onecopy.http.links import link
from onecopy.http.metrics import CONTENT_TYPE, Meter, Prometheus
from onecopy.http.options import ChecksumApi, Options
from onecopy.http.problems import Refusal
from onecopy.http.threads import Threads
from onecopy.index.interface import Engine
from onecopy.store.interface import Store
from onecopy.tenant import Tenant
from onecopy.tickets import Tickets
from onecopy.tokens import Principal, Scope

TICKET_HEADER = "Onecopy-Ticket"
CHECKSUM_HEADER = "x-amz-checksum-sha256"
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
_MOST_COUNTED = 1_000
"""Copies that the bare question counts; more are answered as this many. A list counts as one."""


@dataclass(frozen=True, slots=True)
class Site:
    """What all endpoints of one app share."""

    index: Engine
    store: Store
    secrets: Sequence[bytes]
    options: Options
    door: Authenticator
    threads: Threads
    meter: Meter
    gates: dict[str, LocalGate] = field(default_factory=dict)

    def gate(self, tenant: str) -> LocalGate:
        """Return the gate of a tenant, made when it is first asked for."""
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
            )
        return gate

    def caller(self, principal: Principal, request: Asgi) -> Caller:
        """Return on whose behalf a call is made."""
        gate = self.gate(principal.tenant)
        return Caller(gate, principal.scopes, self.options, self.meter, request["headers"])


class Path:
    """All that one path answers, by method."""

    def __init__(self, template: str, by_method: dict[str, ASGIApp]) -> None:
        self.template = template
        self.by_method = by_method

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        method = scope["method"]
        endpoint = self.by_method["GET" if method == "HEAD" else method]
        await endpoint(scope, receive, send)


class JsonCall:
    """One of `onecopy.http.handlers`: JSON in and out, or nothing."""

    def __init__(
        self,
        site: Site,
        needs: Scope | None,
        call: Callable[[Caller, Any], object],
        request: type | None = None,
    ) -> None:
        self._site = site
        self._needs = needs
        self._call = call
        self._decoder: msgspec.json.Decoder[Any] | None = None
        if request is not None:
            self._decoder = msgspec.json.Decoder(request)

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        site = self._site
        principal = await site.door.admit(scope, self._needs)
        body = b""
        if self._decoder is not None:
            body = await read_json(scope, receive, site.options.body_bytes)
        result = await self._result(site.caller(principal, scope), body)
        await answer(send, result, status=200 if result else 204)

    async def _result(self, caller: Caller, body: bytes) -> bytes:
        return await self._site.threads.call(self._work, caller, body)

    def _work(self, caller: Caller, body: bytes) -> bytes:
        """Everything that takes long, in a thread: large bodies are decoded here, too."""
        document = None if self._decoder is None else decode(self._decoder, body)
        result = self._call(caller, document)
        return b"" if result is None else msgspec.json.encode(result)


class CompleteCall(JsonCall):
    """A call that may take longer than gateways wait: it goes on, and is to be asked for again."""

    async def _result(self, caller: Caller, body: bytes) -> bytes:
        limit = asyncio.timeout(self._site.options.complete_seconds)
        try:
            async with limit:
                return await super()._result(caller, body)
        except TimeoutError:
            if not limit.expired():
                raise
        return msgspec.json.encode(completing(caller, decode(_completion, body)))


_completion = msgspec.json.Decoder(CompleteRequest)


class PartUpload:
    """Takes the bytes of one part on their way into a store that has no other door (a folder)."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        principal = await self._site.door.admit(scope, "upload")
        gate = self._site.gate(principal.tenant)
        ticket = (header(scope, TICKET_HEADER.lower().encode()) or b"").decode("latin-1")
        if not ticket:
            raise InvalidTicket(f"send the ticket in the header {TICKET_HEADER}")
        number = _part_number(scope)
        bound = Tickets(self._site.secrets, principal.tenant).read(ticket)
        _check_length(content_length(scope), bound.size, number)
        handover = Handover(receive)
        pump = asyncio.create_task(handover.pump())
        try:
            part = await self._site.threads.take_body(
                gate.receive, ticket, number, iter(handover), _checksum(scope)
            )
        finally:
            pump.cancel()
        await answer(send, msgspec.json.encode(stored_part(part)))


def _part_number(scope: Asgi) -> int:
    text: str = scope["path_params"]["n"]
    if _NUMBER.fullmatch(text) is None:
        raise BadInput("part numbers are 1 to 10,000")
    return int(text)


def _check_length(length: int | None, size: int, number: int) -> None:
    """Refuse before the first byte what can't be the part."""
    lengths = part_lengths(size)
    if number > len(lengths):
        raise BadInput(f"there is no part {number}: this upload has {len(lengths)}")
    expected = lengths[number - 1]
    if length is None:
        raise Refusal(411, "length-required", "Send Content-Length.")
    if length > expected:
        raise LimitExceeded(f"Part {number} has {expected} bytes, not {length}.")
    if length < expected:
        raise BadInput(f"Part {number} has {expected} bytes, not {length}.")


def _checksum(scope: Asgi) -> bytes | None:
    given = header(scope, CHECKSUM_HEADER.encode())
    if given is None:
        return None
    try:
        checksum = b64decode(given, validate=True)
    except Base64Error:
        checksum = b""
    if len(checksum) != 32:
        raise BadInput(f"{CHECKSUM_HEADER} is not the base64 of a SHA-256")
    return checksum


class LinkCall:
    """Answers with a short-lived link to one's own copy."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        site = self._site
        principal = await site.door.admit(scope, "read")
        gate, key = site.gate(principal.tenant), scope["path_params"]["key"]
        found = await site.threads.call(link, gate, site.secrets, key)
        await answer(send, msgspec.json.encode(found))


class Figures:
    """Answers with what the meter counted."""

    def __init__(self, door: Authenticator, meter: Prometheus) -> None:
        self._door = door
        self._meter = meter

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await self._door.admit(scope, "metrics")
        await answer(send, self._meter.exposition(), media_type=CONTENT_TYPE.encode())


class BareQuestion:
    """How many records have this MD5? The prototype's question, for its pages."""

    def __init__(self, index: Engine, threads: Threads, api: ChecksumApi) -> None:
        self._index = index
        self._threads = threads
        self._api = api
        self._decoder = msgspec.json.Decoder(ChecksumRequest)
        self._cors = (
            (b"access-control-allow-origin", api.origin.encode()),
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-allow-headers", b"content-type"),
            (b"access-control-max-age", b"600"),
        )

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        origin = header(scope, b"origin")
        if origin is not None and origin != self._api.origin.encode():
            raise NotAllowed("This is for pages of another site.", reason="origin-not-allowed")
        scope["onecopy.headers"] = self._cors
        if scope["method"] == "OPTIONS":
            await answer(send, b"", status=204)
            return
        body = await read_json(scope, receive, 4096)
        count = await self._threads.call(self._count, body)
        await answer(send, msgspec.json.encode(ChecksumResponse(count)))

    def _count(self, body: bytes) -> int:
        digest = Digest(MD5, bytes.fromhex(decode(self._decoder, body).content))
        copies = self._index.copies(self._api.tenant, digest=digest)
        [listed] = self._index.listed(self._api.tenant, [digest])
        return sum(1 for _ in islice(copies, _MOST_COUNTED)) + (listed is not None)
