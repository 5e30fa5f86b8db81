"""Adapter between API Gateway and ASGI applications, as a Lambda handler.

Payload format 2.0 (HTTP APIs, function URLs) and 1.0 (REST APIs):
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

One event loop serves all requests of a process, one at a time. A thread of the application that
finishes while the process is frozen between two requests is noticed during the next one.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import unquote, urlencode

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Scope

from onecopy.errors import BadInput
from onecopy.http.auth import CLAIMS
from onecopy.http.problems import problem_response

Json = Any
"""A value as `json.loads` returns it."""

MAX_BODY_BYTES = 6 * 1024 * 1024 - 64 * 1024
"""Limit of a response body, encoded as JSON: Lambda accepts 6 MB including everything else."""
_MARGIN_SECONDS = 1.0
"""Time that is reserved to respond that the time is over."""
_TIME_OVER = problem_response(
    503, "time-over", "The request took too long; repeat it.", {"Retry-After": "1"}
)
_TOO_LONG = problem_response(
    413,
    "limit-exceeded",
    f"The response is too large (limit {MAX_BODY_BYTES} bytes); split the request.",
)


class Context(Protocol):
    """Lambda's description of an invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time until Lambda stops the invocation."""
        ...


class Gateway:
    """A Lambda handler for an ASGI application, which gets no lifespan events."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()

    def __call__(self, event: Json, context: Context) -> Json:
        """Return the response to one request."""
        seconds = context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
        return self._loop.run_until_complete(self._respond(event, seconds))

    async def _respond(self, event: Json, seconds: float) -> Json:
        scope = scope_of(event)
        exchange = _Exchange(_body(event))
        try:
            async with asyncio.timeout(seconds):
                await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            exchange = await _exchange_of(scope, _TIME_OVER)
        if exchange.is_too_long:
            exchange = await _exchange_of(scope, _TOO_LONG)
        return exchange.response(scope["method"])

    def close(self) -> None:
        """Close the event loop."""
        self._loop.close()


def scope_of(event: Json) -> Scope:
    """Return the ASGI scope of a request; raises BadInput if the event is none."""
    if not (isinstance(event, dict) and "requestContext" in event):
        raise BadInput(
            "this event is not a request: it has no requestContext; expected one of API Gateway "
            "(payload format 2.0 or 1.0) or of a function URL"
        )
    context = event["requestContext"]
    if event.get("version") == "2.0":
        method, path = context["http"]["method"], _without_stage(event["rawPath"], context)
        headers = list((event.get("headers") or {}).items())
        if cookies := event.get("cookies"):
            headers.append(("cookie", "; ".join(cookies)))
        query = event.get("rawQueryString") or ""
        claims = (context.get("authorizer") or {}).get("jwt", {}).get("claims")
    else:
        method, path = event["httpMethod"], event["path"]
        headers = list(_pairs(event, "multiValueHeaders", "headers"))
        query = urlencode(
            list(_pairs(event, "multiValueQueryStringParameters", "queryStringParameters"))
        )
        claims = None
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        # HTTP APIs have already decoded everything but %25, other APIs nothing.
        "path": unquote(path),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        CLAIMS: claims,
    }


def _without_stage(path: str, context: Json) -> str:
    """Remove the stage, which is part of the path unless a custom domain is used."""
    stage = f"/{context.get('stage')}"
    if context.get("domainPrefix") == context.get("apiId") and f"{path}/".startswith(f"{stage}/"):
        return path.removeprefix(stage) or "/"
    return path


def _pairs(event: Json, many: str, one: str) -> Iterator[tuple[str, str]]:
    """Yield names with values; payload format 1.0 may have several values for a name."""
    if lists := event.get(many):
        for name, values in lists.items():
            yield from ((name, value) for value in values)
    else:
        yield from (event.get(one) or {}).items()


def _body(event: Json) -> bytes:
    text: str = event.get("body") or ""
    return b64decode(text) if event.get("isBase64Encoded") else text.encode()


class _Exchange:
    """One request and its response, each as one message."""

    def __init__(self, body: bytes = b"") -> None:
        self._request: list[Message] = [{"type": "http.request", "body": body}]
        self._start: Message = {}
        self._chunks: list[bytes] = []

    async def receive(self) -> Message:
        """Return the request, then wait forever: Lambda does not report disconnected clients."""
        if self._request:
            return self._request.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        """Collect the response."""
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._chunks.append(message.get("body", b""))

    @property
    def is_too_long(self) -> bool:
        """Whether Lambda would reject the response."""
        if sum(map(len, self._chunks)) <= MAX_BODY_BYTES // 2:  # the usual case: skip encoding
            return False
        return len(msgspec.json.encode(self._encoded()[0])) > MAX_BODY_BYTES

    def response(self, method: str) -> Json:
        """Return the response for API Gateway, which adds Content-Length itself."""
        body, is_base64 = ("", False) if method == "HEAD" else self._encoded()
        headers: dict[str, str] = {}
        cookies: list[str] = []
        for raw, value in self._start["headers"]:
            name, text = raw.decode().lower(), value.decode("latin-1")
            if name == "set-cookie":
                cookies.append(text)
            elif name != "content-length":
                headers[name] = f"{headers[name]}, {text}" if name in headers else text
        response = {
            "statusCode": self._start["status"],
            "headers": headers,
            "body": body,
            "isBase64Encoded": is_base64,
        }
        return {**response, "cookies": cookies} if cookies else response

    def _encoded(self) -> tuple[str, bool]:
        """Return the body as text, and whether that is base64: only if the body is not UTF-8."""
        body = b"".join(self._chunks)
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            return b64encode(body).decode(), True


async def _exchange_of(scope: Scope, response: Response) -> _Exchange:
    """Return an exchange with this response, which replaces that of the application."""
    exchange = _Exchange()
    await response(scope, exchange.receive, exchange.send)
    return exchange
