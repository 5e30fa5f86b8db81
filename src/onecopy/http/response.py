"""ASGI responses, without the cost of a response object on the most frequent path."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.types import Receive, Scope, Send

Headers = Sequence[tuple[bytes, bytes]]

JSON: Final = b"application/json"
API_HEADERS: Final[Headers] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""Headers of API responses: no cache may store them, and no browser may run them."""


async def send_response(
    send: Send,
    body: bytes,
    *,
    status: int = 200,
    media_type: bytes = JSON,
    headers: Headers = API_HEADERS,
) -> None:
    """Send a complete response."""
    own: list[tuple[bytes, bytes]] = []
    if status != 204:  # RFC 9110, 8.6: a 204 has neither length nor type
        own = [(b"content-length", str(len(body)).encode()), (b"content-type", media_type)]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True, slots=True)
class StaticResponse:
    """A response that is always the same, as an ASGI application."""

    body: bytes
    media_type: bytes
    headers: Headers = API_HEADERS
    status: int = 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send_response(
            send, self.body, status=self.status, media_type=self.media_type, headers=self.headers
        )
