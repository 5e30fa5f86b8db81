"""Requests of web pages on other origins: which are answered (CORS), and which are refused.

A browser lets a page of another origin send a token and read the response only if the service
names that origin (https://fetch.spec.whatwg.org/#http-cors-protocol). No response allows
credentials, since the service uses no cookies.
"""

from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from onecopy.errors import InvalidSettings, NotAllowed
from onecopy.http.body import header
from onecopy.http.response import Headers, send_response
from onecopy.urls import check_origin

MAX_AGE_SECONDS = 3600
"""How long a browser may cache the response to a preflight request; Chromium caches for 2 hours at
most."""
_API = "/v1/"
_ANYBODY: Headers = ((b"vary", b"Origin"),)
_PREFLIGHT: Headers = (
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
    (
        b"access-control-allow-headers",
        (
            b"authorization, content-type, idempotency-key, onecopy-ticket, range, "
            b"x-amz-checksum-sha256, x-request-id"
        ),
    ),
    (b"access-control-max-age", str(MAX_AGE_SECONDS).encode()),
)
_EXPOSED = (
    b"access-control-expose-headers",
    b"content-disposition, content-range, retry-after, www-authenticate, x-request-id",
)
_FOREIGN = frozenset({b"cross-site", b"same-site"})
"""Values of Sec-Fetch-Site for the pages of other origins; `none` is the user."""
_DOWNLOADS = frozenset({"GET", "HEAD"})


def check_page_origins(origins: Collection[str], *, tokens_required: bool) -> None:
    """Raise InvalidSettings for what is no web origin, and for any origin without tokens."""
    for origin in origins:
        check_origin(origin)
    if origins and not tokens_required:
        raise InvalidSettings(
            f"pages of {', '.join(sorted(origins))} (--page-origin) may use a service only with "
            "tokens, or everybody who opens them could upload: create one with `onecopy token "
            "create`, or leave the origins out"
        )


class OtherOrigins:
    """Middleware that answers pages of the named origins below `/v1/`, and refuses all others.

    `checksum_origin` is the one origin that may use the checksum API at `/`. A page of another
    origin may still lead the user here, by a link to the page or to a download.
    """

    def __init__(
        self, app: ASGIApp, origins: Collection[str], checksum_origin: str | None = None
    ) -> None:
        self._app = app
        self._allowed = {name: _allowing(name) for name in map(str.encode, origins)}
        self._checksum_origin = None if checksum_origin is None else checksum_origin.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and await self._answer(scope, send):
            return
        await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, send: Send) -> bool:
        """Answer a preflight request; set the headers of other responses, or raise NotAllowed."""
        origin = header(scope, b"origin")
        is_api = scope["path"].startswith(_API)
        if is_api and self._allowed:
            scope["onecopy.headers"] = self._allowed.get(origin or b"", _ANYBODY)
        if not (is_api and origin in self._allowed):
            self._check(scope, origin)
            return False
        if scope["method"] != "OPTIONS":
            return False
        await send_response(send, b"", status=204, headers=_PREFLIGHT)
        return True

    def _check(self, scope: Scope, origin: bytes | None) -> None:
        """Raise NotAllowed for a request of a page that this service does not know."""
        if header(scope, b"sec-fetch-site") not in _FOREIGN or _is_navigation(scope):
            return
        if scope["path"] == "/" and origin is not None and origin == self._checksum_origin:
            return  # the checksum API, and nothing else
        raise NotAllowed(
            "This server rejects requests from pages of other origins.", reason="origin-not-allowed"
        )


def _allowing(origin: bytes) -> Headers:
    return ((b"access-control-allow-origin", origin), _EXPOSED, *_ANYBODY)


def _is_navigation(scope: Scope) -> bool:
    """Return whether the user follows a link, whose response the other page cannot read."""
    return scope["method"] in _DOWNLOADS and header(scope, b"sec-fetch-mode") == b"navigate"
