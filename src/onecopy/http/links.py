"""Short-lived links to stored objects, each bound to one object's identity.

A bucket that keeps versions serves a link to one version itself. Other links lead to the service,
which looks at the object and then sends it, or redirects to the bucket.
"""

import re
import time
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import parse_qs, quote

import msgspec
from starlette.types import Receive, Send
from starlette.types import Scope as Asgi

from onecopy.content import Copy
from onecopy.digest import MiB
from onecopy.documents import LinkResponse
from onecopy.errors import FileChanged, InvalidKey, InvalidTicket, Unavailable
from onecopy.gate import LocalGate
from onecopy.http.body import header
from onecopy.http.problems import HttpProblem
from onecopy.http.response import send_response
from onecopy.http.threads import Threads
from onecopy.key import download_name, download_type, is_recordable
from onecopy.store.interface import Object, Presigner, Store, Unknown
from onecopy.tenant import Tenant
from onecopy.text import count_text
from onecopy.tickets import seal, unseal
from onecopy.timestamp import as_datetime

LIFETIME_SECONDS = 300
REDIRECTED_SECONDS = 60
"""Time to follow a redirect to the bucket; within it, the key might get another object."""
_CHUNK_BYTES = MiB // 4
_RANGE = re.compile(rb"bytes=([0-9]{0,19})-([0-9]{0,19})")

_SANDBOX = (
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"cache-control", b"private, no-store"),
)
_PLAIN = b"text/plain; charset=utf-8"


class Link(msgspec.Struct, frozen=True, array_like=True):
    """The object that a link is for, and when the link expires."""

    tenant: str
    key: str
    identity: str
    expires: int
    """Seconds since 1970, UTC."""


_decoder = msgspec.msgpack.Decoder(Link)


def make_link(gate: LocalGate, secrets: Sequence[bytes], key: str) -> LinkResponse:
    """Return a link to a copy of the gate's tenant; raises HttpProblem if there is none."""
    unknown = HttpProblem(404, "copy-unknown", "No copy is stored under this key.")
    copy = gate.live_copy(key) if is_recordable(key) else None
    if copy is None:
        raise unknown
    expires = int(time.time()) + LIFETIME_SECONDS
    url = _pinned(gate, copy) or _sign(
        Link(gate.tenant.name, key, copy.identity, expires), secrets[0]
    )
    return LinkResponse(url, as_datetime(expires * 1000))


def _pinned(gate: LocalGate, copy: Copy) -> str | None:
    """Return a link that the store itself binds to the object, if it can."""
    if not isinstance(gate.store, Presigner):
        return None
    key = gate.tenant.prefix + copy.key
    try:
        return gate.store.pinned_link(key, LIFETIME_SECONDS, copy.identity)
    except InvalidKey as error:
        raise HttpProblem(404, "copy-unknown", str(error)) from error


def _sign(link: Link, secret: bytes) -> str:
    return "/v1/content?link=" + seal(msgspec.msgpack.encode(link), secret, purpose="link")


def read_link(text: str, secrets: Sequence[bytes]) -> Link:
    """Verify a link and return its content; raises HttpProblem: 404 if forged, 410 if expired."""
    try:
        link = _decoder.decode(unseal(text, secrets, purpose="link"))
    except (InvalidTicket, msgspec.DecodeError) as error:
        raise HttpProblem(404, "link-invalid", "This link is not valid.") from error
    if link.expires < time.time():
        raise HttpProblem(410, "link-expired", "This link has expired; request a new one.")
    return link


def link_of(scope: Asgi, secrets: Sequence[bytes]) -> Link:
    """Return the link in the query of a request; raises what `read_link` raises."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return read_link(query.get("link", [""])[0], secrets)


class RedirectEndpoint:
    """Redirects a link to the bucket that has its object, if that is still the same."""

    def __init__(
        self,
        store: Store,
        sign: Callable[[str, int], str],
        secrets: Sequence[bytes],
        threads: Threads,
    ) -> None:
        self._store = store
        self._sign = sign
        self._secrets = secrets
        self._threads = threads

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        link = link_of(scope, self._secrets)
        url = await self._threads.call(self._url, link, tenant=link.tenant)
        headers = (*_SANDBOX, (b"location", url.encode()))
        await send_response(send, b"", status=302, media_type=_PLAIN, headers=headers)

    def _url(self, link: Link) -> str:
        key = Tenant(link.tenant).prefix + link.key
        check_identity(self._store, key, link)
        return self._sign(key, REDIRECTED_SECONDS)


class ContentEndpoint:
    """Sends the object of a link as an attachment."""

    def __init__(self, store: Store, secrets: Sequence[bytes], threads: Threads) -> None:
        self._store = store
        self._secrets = secrets
        self._threads = threads

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the object, or the requested range of it."""
        link = link_of(scope, self._secrets)
        stream, size = await self._threads.call(self._open, link, tenant=link.tenant)
        try:
            span = _span(scope, size)
            start = {
                "type": "http.response.start",
                "status": 200 if span is None else 206,
                "headers": _headers(link.key, size, span),
            }
            await send(start)
            sent = range(0) if scope["method"] == "HEAD" else span or range(size)
            await self._stream(stream, sent, link.tenant, send)
        finally:
            stream.close()

    def _open(self, link: Link) -> tuple[BinaryIO, int]:
        """Open the object of the link if it has not changed since; return its size in bytes."""
        key = Tenant(link.tenant).prefix + link.key
        try:
            stream = self._store.open(key)
        except FileNotFoundError as error:
            raise _gone() from error
        # Open first, look second: the object that is looked at is then the one that is sent.
        try:
            return stream, check_identity(self._store, key, link)
        except BaseException:
            stream.close()
            raise

    async def _stream(self, stream: BinaryIO, span: range, tenant: str, send: Send) -> None:
        left = len(span)
        if left:
            await self._threads.call(stream.seek, span.start, tenant=tenant)
        while left:
            wanted = min(_CHUNK_BYTES, left)
            chunk = await self._threads.call(stream.read, wanted, tenant=tenant)
            if not chunk:
                raise FileChanged("the object was truncated while it was sent")
            left -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
        if not span:
            await send({"type": "http.response.body", "body": b""})


def check_identity(store: Store, key: str, link: Link) -> int:
    """Return the size in bytes of a link's object; raises HttpProblem if it is another one now."""
    [state] = store.look([key])
    if isinstance(state, Object) and state.identity == link.identity:
        return state.size
    if isinstance(state, Unknown):
        raise Unavailable("the store cannot report the object now: try again", reason=state.reason)
    raise _gone()


def _gone() -> HttpProblem:
    detail = "The object was removed or replaced after this link was made."
    return HttpProblem(410, "copy-changed", detail)


def _span(scope: Asgi, size: int) -> range | None:
    """Return the requested range of bytes; None for the whole object (RFC 9110, 14.2)."""
    given = _RANGE.fullmatch(header(scope, b"range") or b"")
    # Responses have no validators, so a condition on an earlier response cannot be checked.
    if given is None or header(scope, b"if-range") is not None or given[0] == b"bytes=-":
        return None
    first, last = given[1], given[2]
    if first:
        span = range(int(first), min(int(last) + 1, size) if last else size)
    else:  # the last bytes: this number of them
        span = range(max(0, size - int(last)), size)
    if not span:
        detail = f"The range is outside the object, which has {count_text(size, 'byte')}."
        headers = {"Content-Range": f"bytes */{size}"}
        raise HttpProblem(416, "range-unsatisfiable", detail, headers)
    return span


def _headers(key: str, size: int, span: range | None) -> list[tuple[bytes, bytes]]:
    """Return headers that let a browser save or preview the object, but never run it."""
    path = PurePosixPath(download_name(key))
    # RFC 6266: the plain name is for clients that do not support `filename*`.
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", path.name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(path.name, safe='')}"
    headers = [
        (b"content-length", str(size if span is None else len(span)).encode()),
        (b"content-type", download_type(key).encode()),
        (b"content-disposition", disposition.encode()),
        *_SANDBOX,
        (b"accept-ranges", b"bytes"),
    ]
    if span is not None:
        headers.append((b"content-range", f"bytes {span.start}-{span.stop - 1}/{size}".encode()))
    return headers
