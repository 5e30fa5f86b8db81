"""The service without tokens: for programs and pages on this machine only."""

import re
from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from onecopy.errors import InvalidSettings, NotAllowed
from onecopy.http.body import header

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def require_loopback(host: str) -> None:
    """Raise InvalidSettings unless the address is one that only this machine can reach."""
    if host not in {*_LOOPBACK, "::1"}:
        raise InvalidSettings(
            f"without tokens anybody who reaches {host} could ask and upload: make one with "
            "`onecopy token create`, or listen on 127.0.0.1"
        )


class LoopbackOnly:
    """Middleware for a server without tokens: refuses what a foreign web page could send.

    A page whose name was made to point at 127.0.0.1 (DNS rebinding) sends its own name in `Host`;
    any page of another site sends its own `Origin` with whatever is not a plain GET.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str], bare_origin: str | None = None
    ) -> None:
        self._app = app
        names = b"|".join(re.escape(name.lower().encode()) for name in (*_LOOPBACK, *hosts))
        self._host = re.compile(rb"(?:" + names + rb")(?::[0-9]{1,5})?")
        self._bare_origin = None if bare_origin is None else bare_origin.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._check(scope)
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        hosts = [value.lower() for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or self._host.fullmatch(hosts[0]) is None:
            raise NotAllowed(
                "This server answers to this machine only, by 127.0.0.1 or localhost.",
                reason="host-not-allowed",
            )
        origin = header(scope, b"origin")
        if scope["path"] == "/" and origin is not None and origin == self._bare_origin:
            return  # the bare question, and nothing else, is for this one
        if origin not in (None, b"http://" + hosts[0], b"https://" + hosts[0]):
            raise NotAllowed(
                "This server does not answer pages of other sites.", reason="origin-not-allowed"
            )
