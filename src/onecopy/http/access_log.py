"""Around every request: its id, its line in the log, its figures, and the answer to what fails."""

import logging
import re
import secrets
import time
from datetime import UTC, datetime

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onecopy.http.body import header
from onecopy.http.metrics import Meter
from onecopy.http.problems import Disconnected, response_to

_log = logging.getLogger("onecopy.access")
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
CLIENT_GONE = 499
"""The status that is logged and counted when there was nobody left to answer."""


class Line(msgspec.Struct):
    """One line of the access log: no key, ticket, token or link, as `route` is a template."""

    time: datetime
    id: str
    method: str
    route: str
    status: int
    ms: float
    received: int
    sent: int


class Access:
    """Middleware, the outermost: it sees what is really answered."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = Visit(scope, receive, send)
        try:
            await visit.run(self._app)
        finally:
            self._note(scope, visit)

    def _note(self, scope: Scope, visit: "Visit") -> None:
        seconds = time.perf_counter() - visit.began
        route = getattr(scope.get("endpoint"), "template", "unmatched")
        self._meter.request(
            scope["method"],
            route,
            visit.status,
            seconds=seconds,
            received=visit.received,
            sent=visit.sent,
        )
        if _log.isEnabledFor(logging.INFO):
            line = Line(
                datetime.now(UTC),
                visit.id,
                scope["method"],
                route,
                visit.status,
                round(seconds * 1000, 2),
                visit.received,
                visit.sent,
            )
            _log.info(msgspec.json.encode(line).decode())


class Visit:
    """One request on its way: counts what passes, and answers if nobody else did."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.began = time.perf_counter()
        asked = header(scope, b"x-request-id")
        self.id = asked.decode() if asked and _ID.fullmatch(asked) else secrets.token_hex(8)
        self.status = CLIENT_GONE
        self.received = 0
        self.sent = 0
        self._scope = scope
        self._receive = receive
        self._send = send

    async def run(self, app: ASGIApp) -> None:
        """Let the app answer; what it raises becomes the answer, if none has begun."""
        try:
            await app(self._scope, self.receive, self.send)
        except Disconnected:
            pass
        except Exception as error:
            response = response_to(error, self.id)
            if self.status != CLIENT_GONE:
                raise  # too late to say so: the server cuts the connection
            await response(self._scope, self.receive, self.send)

    async def receive(self) -> Message:
        """Count what comes in."""
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Count what goes out, and put on it what every answer carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = ((b"x-request-id", self.id.encode()), *self._scope.get("onecopy.headers", ()))
            message["headers"] = [*message["headers"], *own, *_ALWAYS]
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
        await self._send(message)
