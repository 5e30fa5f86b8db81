"""Protection of a service without tokens: it accepts requests from this machine only."""

import re
from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from onecopy.errors import InvalidSettings, NotAllowed
from onecopy.http.body import header

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def require_loopback(host: str) -> None:
    """Raise InvalidSettings unless `host` is a loopback address."""
    if host not in {*_LOOPBACK, "::1"}:
        raise InvalidSettings(
            f"listening on {host} needs tokens, or anyone who reaches it could upload: create one "
            "with `onecopy token create`, or listen on 127.0.0.1"
        )


class LoopbackOnly:
    """Middleware for a server without tokens: rejects requests that a foreign web page can send.

    A page whose host name resolves to 127.0.0.1 (DNS rebinding) sends that name in `Host`; a page
    of another site sends its `Origin` with every request but a plain GET. `checksum_origin` is the
    one origin that may use the checksum API.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str], checksum_origin: str | None = None
    ) -> None:
        self._app = app
        names = b"|".join(re.escape(name.lower().encode()) for name in (*_LOOPBACK, *hosts))
        self._host = re.compile(rb"(?:" + names + rb")(?::[0-9]{1,5})?")
        self._checksum_origin = None if checksum_origin is None else checksum_origin.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._check(scope)
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        hosts = [value.lower() for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or self._host.fullmatch(hosts[0]) is None:
            raise NotAllowed(
                "This server was started without tokens, so it accepts requests to 127.0.0.1 or "
                "localhost only. To accept others, create a token (`onecopy token create`) and "
                "restart it.",
                reason="host-not-allowed",
            )
        origin = header(scope, b"origin")
        if scope["path"] == "/" and origin is not None and origin == self._checksum_origin:
            return  # the checksum API, and nothing else
        if origin not in (None, b"http://" + hosts[0], b"https://" + hosts[0]):
            raise NotAllowed(
                "This server rejects requests from other origins.", reason="origin-not-allowed"
            )
