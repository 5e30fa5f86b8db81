"""Requests of API Gateway as ASGI applications take them, and their answers as it wants them.

Payload format 2.0 (HTTP APIs, function URLs) and 1.0 (REST APIs):
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

One event loop serves all requests of a process, one at a time: what a thread of the application has
to say while the process is frozen between two requests, the loop hears during the next one.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import unquote, urlencode

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Scope

from onecopy.http.auth import CLAIMS
from onecopy.http.problems import problem_response

Json = Any
"""What `json.loads` gives."""

MOST = 6 * 1024 * 1024 - 64 * 1024
"""Bytes of an answer's body as JSON: Lambda takes 6 MB, with everything around it."""
_MARGIN = 1.0
"""Seconds that are kept for saying that the time is over."""


class Context(Protocol):
    """What Lambda says of one invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """Return for how long the process may still work."""
        ...


class Gateway:
    """A Lambda handler around an ASGI application, which is told of no beginning and no end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()

    def __call__(self, event: Json, context: Context) -> Json:
        """Answer one request."""
        seconds = context.get_remaining_time_in_millis() / 1000 - _MARGIN
        return self._loop.run_until_complete(self._answer(event, seconds))

    async def _answer(self, event: Json, seconds: float) -> Json:
        scope = scope_of(event)
        exchange = _Exchange(_body(event))
        try:
            async with asyncio.timeout(seconds):
                await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            exchange = await _refused(scope, _late())
        if exchange.is_too_long:
            exchange = await _refused(scope, _too_long())
        return exchange.answer(scope["method"])

    def close(self) -> None:
        """Give back the event loop."""
        self._loop.close()


def scope_of(event: Json) -> Scope:
    """Return what ASGI says of a request."""
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
        # HTTP APIs have decoded everything but %25 by now, all others nothing.
        "path": unquote(path),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        CLAIMS: claims,
    }


def _without_stage(path: str, context: Json) -> str:
    """Leave out the stage, which an API's own address has in its paths, and a domain has not."""
    stage = f"/{context.get('stage')}"
    if context.get("domainPrefix") == context.get("apiId") and f"{path}/".startswith(f"{stage}/"):
        return path.removeprefix(stage) or "/"
    return path


def _pairs(event: Json, many: str, one: str) -> Iterator[tuple[str, str]]:
    """Yield names with their values, of which payload format 1.0 may say several."""
    if found := event.get(many):
        for name, values in found.items():
            yield from ((name, value) for value in values)
    else:
        yield from (event.get(one) or {}).items()


def _body(event: Json) -> bytes:
    text: str = event.get("body") or ""
    return b64decode(text) if event.get("isBase64Encoded") else text.encode()


class _Exchange:
    """One request and its answer, each in one piece."""

    def __init__(self, body: bytes = b"") -> None:
        self._request: list[Message] = [{"type": "http.request", "body": body}]
        self._start: Message = {}
        self._chunks: list[bytes] = []

    async def receive(self) -> Message:
        """Give the request; that its client has gone Lambda is never told."""
        if self._request:
            return self._request.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        """Take the answer."""
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._chunks.append(message.get("body", b""))

    @property
    def is_too_long(self) -> bool:
        """Whether Lambda would not take the answer."""
        length = sum(map(len, self._chunks))
        return length > MOST // 2 and len(msgspec.json.encode(self._encoded()[0])) > MOST

    def answer(self, method: str) -> Json:
        """Return the answer as API Gateway takes it, which adds its length itself."""
        body, is_base64 = ("", False) if method == "HEAD" else self._encoded()
        headers: dict[str, str] = {}
        cookies: list[str] = []
        for raw, value in self._start["headers"]:
            name, text = raw.decode().lower(), value.decode("latin-1")
            if name == "set-cookie":
                cookies.append(text)
            elif name != "content-length":
                headers[name] = f"{headers[name]}, {text}" if name in headers else text
        answer = {
            "statusCode": self._start["status"],
            "headers": headers,
            "body": body,
            "isBase64Encoded": is_base64,
        }
        return {**answer, "cookies": cookies} if cookies else answer

    def _encoded(self) -> tuple[str, bool]:
        """Return the body as text; what is no UTF-8 in base64."""
        body = b"".join(self._chunks)
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            return b64encode(body).decode(), True


async def _refused(scope: Scope, response: Response) -> _Exchange:
    exchange = _Exchange()
    await response(scope, exchange.receive, exchange.send)
    return exchange


def _late() -> Response:
    return problem_response(
        503, "time-over", "This took longer than it may: ask again.", {"Retry-After": "1"}
    )


def _too_long() -> Response:
    detail = f"The answer would have more than {MOST} bytes: ask for less at a time."
    return problem_response(413, "limit-exceeded", detail)
