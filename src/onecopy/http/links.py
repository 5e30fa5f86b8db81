"""Short-lived links to stored objects: presigned by the store, or signed by the service."""

import re
import time
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import parse_qs, quote

import msgspec
from starlette.types import Receive, Send
from starlette.types import Scope as Asgi

from onecopy.digest import MiB
from onecopy.documents import LinkResponse
from onecopy.errors import FileChanged, InvalidKey, InvalidTicket, Unavailable
from onecopy.gate import LocalGate
from onecopy.http.body import header
from onecopy.http.problems import HttpProblem
from onecopy.http.threads import Threads
from onecopy.key import download_name, is_recordable
from onecopy.store.interface import Object, Presigner, Store, Unknown
from onecopy.tenant import Tenant
from onecopy.tickets import seal, unseal
from onecopy.timestamp import as_datetime

LIFETIME_SECONDS = 300
_CHUNK_BYTES = MiB // 4
_RANGE = re.compile(rb"bytes=([0-9]{0,19})-([0-9]{0,19})")

_TYPES = {
    ".avif": b"image/avif",
    ".flac": b"audio/flac",
    ".gif": b"image/gif",
    ".jpeg": b"image/jpeg",
    ".jpg": b"image/jpeg",
    ".m4a": b"audio/mp4",
    ".mp3": b"audio/mpeg",
    ".mp4": b"video/mp4",
    ".ogg": b"audio/ogg",
    ".pdf": b"application/pdf",
    ".png": b"image/png",
    ".txt": b"text/plain; charset=utf-8",
    ".wav": b"audio/wav",
    ".webm": b"video/webm",
    ".webp": b"image/webp",
}
"""Types that a preview can show and no browser runs; other files are plain bytes."""


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
    if isinstance(gate.store, Presigner):
        url = _presigned(gate.store, gate.tenant.prefix + key)
    else:
        url = _sign(Link(gate.tenant.name, key, copy.identity, expires), secrets[0])
    return LinkResponse(url, as_datetime(expires * 1000))


def _presigned(store: Presigner, key: str) -> str:
    try:
        return store.link(key, LIFETIME_SECONDS)
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


class ContentEndpoint:
    """Sends the object of a link as an attachment."""

    def __init__(self, store: Store, secrets: Sequence[bytes], threads: Threads) -> None:
        self._store = store
        self._secrets = secrets
        self._threads = threads

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the object, or the requested range of it."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        link = read_link(query.get("link", [""])[0], self._secrets)
        stream, size = await self._threads.call(self._open, link, tenant=link.tenant)
        try:
            span = _span(scope, size)
            start = {
                "type": "http.response.start",
                "status": 200 if span is None else 206,
                "headers": _headers(link.key, size, span),
            }
            await send(start)
            await self._stream(stream, span or range(size), scope["method"] == "HEAD", send)
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
        [state] = self._store.look([key])
        if isinstance(state, Object) and state.identity == link.identity:
            return stream, state.size
        stream.close()
        if isinstance(state, Unknown):
            raise Unavailable("the store cannot report the object now", reason=state.reason)
        raise _gone()

    async def _stream(self, stream: BinaryIO, span: range, is_head: bool, send: Send) -> None:  # noqa: FBT001
        left = 0 if is_head else len(span)
        if left:
            await self._threads.call(stream.seek, span.start)
        while left:
            chunk = await self._threads.call(stream.read, min(_CHUNK_BYTES, left))
            if not chunk:
                raise FileChanged("the object was truncated while it was sent")
            left -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
        if is_head or not span:
            await send({"type": "http.response.body", "body": b""})


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
        detail = f"The range is outside the object, which has {size} bytes."
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
        (b"content-type", _TYPES.get(path.suffix.lower(), b"application/octet-stream")),
        (b"content-disposition", disposition.encode()),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
        (b"cache-control", b"private, no-store"),
        (b"accept-ranges", b"bytes"),
    ]
    if span is not None:
        headers.append((b"content-range", f"bytes {span.start}-{span.stop - 1}/{size}".encode()))
    return headers
