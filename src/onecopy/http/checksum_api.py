"""The checksum API, for pages of the prototype: POST an MD5, get the number of stored copies.

It answers one web origin and needs no token. Everything that exists for this contract only is here.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, NamedTuple

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from onecopy.digest import CLIENT_MD5, MD5, Digest, Scheme
from onecopy.errors import NotAllowed
from onecopy.http.access_log import AccessLog
from onecopy.http.body import header
from onecopy.http.decoding import Decoder
from onecopy.http.json_body import BodyMemory, read_json
from onecopy.http.metrics import NoMetrics
from onecopy.http.problems import on_http_exception
from onecopy.http.response import send_response
from onecopy.http.threads import Threads
from onecopy.index.interface import Engine, Index, Lists
from onecopy.patterns import TRASH, Patterns
from onecopy.tenant import DEFAULT_TENANT

_MAX_COUNT = 1_000
"""Copies to count, without those in trash and snapshots; a higher number is reported as this one. A
checksum list counts as one."""
_MAX_BODY_BYTES = 4096


class ChecksumApi(NamedTuple):
    """Who may use the checksum API, and which contents it counts."""

    origin: str | None
    """The one web origin that CORS allows, as `https://upload.example.org`; None: no page may."""
    tenant: str = DEFAULT_TENANT
    counted: Engine | Lists | None = None
    """The index to query if it is not the service's own: the prototype's table."""


class ChecksumRequest(msgspec.Struct):
    """Body of `POST /`: the MD5 whose copies are counted."""

    content: Annotated[
        str, msgspec.Meta(pattern="^[0-9a-fA-F]{32}$", max_length=32, description="MD5 in hex.")
    ]


class ChecksumResponse(msgspec.Struct):
    """The prototype's response."""

    exists: int
    """Number of copies."""


class ChecksumEndpoint:
    """Responds with the number of copies that have an MD5, and to CORS preflights."""

    template = "/"
    """Its path in the access log."""

    def __init__(
        self,
        index: Engine | Lists,
        threads: Threads,
        api: ChecksumApi,
        trash: Patterns = Patterns(TRASH),
    ) -> None:
        self._index = index if isinstance(index, Index) else None
        self._lists = index if isinstance(index, Lists) else None
        self._threads = threads
        self._api = api
        self._trash = trash
        self._decoder = Decoder(ChecksumRequest)
        self._bodies = BodyMemory()
        self._origin = None if api.origin is None else api.origin.encode()
        self._cors = (
            ()
            if self._origin is None
            else (
                (b"access-control-allow-origin", self._origin),
                (b"access-control-allow-methods", b"POST"),
                (b"access-control-allow-headers", b"content-type"),
                (b"access-control-max-age", b"600"),
            )
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = header(scope, b"origin")
        if origin is not None and origin != self._origin:
            raise NotAllowed("This origin may not use the API.", reason="origin-not-allowed")
        scope["onecopy.headers"] = self._cors
        if scope["method"] == "OPTIONS":
            await send_response(send, b"", status=204)
            return
        with self._bodies.share(self._api.tenant) as share:
            body = await read_json(scope, receive, _MAX_BODY_BYTES, share)
        count = await self._threads.call(self.count, body)
        await send_response(send, msgspec.json.encode(ChecksumResponse(count)))

    def count(self, body: bytes) -> int:
        """Return the number of copies for the body of a request; raises BadInput."""
        value = bytes.fromhex(self._decoder.decode(body).content)
        listed = self._lists.listed(self._api.tenant, [Digest(MD5, value)]) if self._lists else []
        keys = {key for scheme in (MD5, CLIENT_MD5) for key in self._keys(scheme, value)}
        return min(len(keys), _MAX_COUNT) + len(list(filter(None, listed)))

    def _keys(self, scheme: Scheme, value: bytes) -> Iterator[str]:
        """Yield the keys of the copies that have a digest."""
        if self._index:
            copies = self._index.copies(self._api.tenant, digest=Digest(scheme, value))
            keys = (copy.key for _, copy in copies if not self._trash.match(copy.key))
            yield from islice(keys, _MAX_COUNT)


def create_checksum_app(index: Engine | Lists, api: ChecksumApi) -> Starlette:
    """Return an ASGI application that serves the checksum API, and nothing else, at any path."""
    endpoint = ChecksumEndpoint(index, Threads(), api)
    return Starlette(
        routes=[Route("/{path:path}", endpoint, methods=["POST", "OPTIONS"])],
        middleware=[Middleware(AccessLog, metrics=NoMetrics())],
        exception_handlers={HTTPException: on_http_exception},
    )
