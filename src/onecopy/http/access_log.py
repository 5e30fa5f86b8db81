"""Middleware around every request: its id, log line, metrics, and the response to its errors."""

import asyncio
import logging
import re
import secrets
import time
from datetime import UTC, datetime

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onecopy.http.body import header
from onecopy.http.metrics import Metrics
from onecopy.http.problems import Disconnected, HttpProblem, response_to

_log = logging.getLogger("onecopy.access")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_NOT_PRINTABLE = re.compile("[\x7f-\uffff]")
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_STOPPING = HttpProblem(
    503, "stopping", "The service is being stopped; send the request again.", {"Retry-After": "5"}
)
CLIENT_GONE = 499
"""The status to log and count when the client disconnected before the response."""


class AccessLine(msgspec.Struct):
    """One line of the log. `route` is a template, so that no key, ticket or link is logged."""

    time: datetime
    id: str
    method: str
    route: str
    status: int
    ms: float
    received: int
    sent: int


class AccessLog:
    """Middleware; the outermost, so that it sees the actual responses."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send)
        try:
            await exchange.run(self._app)
        finally:
            self._record(scope, exchange)

    def _record(self, scope: Scope, exchange: "Exchange") -> None:
        seconds = time.perf_counter() - exchange.began
        route = getattr(scope.get("endpoint"), "template", "unmatched")
        method, status = scope["method"], exchange.status
        received, sent = exchange.received, exchange.sent
        self._metrics.request(method, route, status, seconds=seconds, received=received, sent=sent)
        if _log.isEnabledFor(logging.INFO):
            now, ms = datetime.now(UTC), round(seconds * 1000, 2)
            line = AccessLine(now, exchange.id, method, route, status, ms, received, sent)
            _log.info(_ascii(msgspec.json.encode(line).decode()))


def _ascii(line: str) -> str:
    """Return JSON without characters that act on a terminal; JSON leaves those from DEL on."""
    safe = line.isascii() and line.isprintable()
    return line if safe else _NOT_PRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


class Exchange:
    """One request and its response: counts their bytes, and turns errors into problem documents."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.began = time.perf_counter()
        given = header(scope, b"x-request-id")
        self.id = given.decode() if given and _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        self.status = CLIENT_GONE
        self.received = 0
        self.sent = 0
        self._scope = scope
        self._receive = receive
        self._send = send

    async def run(self, app: ASGIApp) -> None:
        """Run the app; respond to its error unless a response has begun."""
        try:
            await app(self._scope, self.receive, self.send)
        except Disconnected:
            pass
        except asyncio.CancelledError:
            # The service stops, and this took too long. Nobody awaits the task.
            if self.status == CLIENT_GONE:
                await self._respond_to(_STOPPING)
        except Exception as error:
            if self.status != CLIENT_GONE:
                raise  # a response has begun: the server closes the connection
            await self._respond_to(error)

    async def _respond_to(self, error: Exception) -> None:
        response = response_to(error, self.id)
        await response(self._scope, self.receive, self.send)

    async def receive(self) -> Message:
        """Receive a message, and count its bytes."""
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Send a message, count its bytes, and add the headers that every response has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = ((b"x-request-id", self.id.encode()), *self._scope.get("onecopy.headers", ()))
            message["headers"] = [*message["headers"], *own, *_SECURITY_HEADERS]
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
        await self._send(message)
