"""The built page, held in memory, so that no request becomes a path on the disk."""

import gzip
import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from starlette.types import ASGIApp, Receive, Scope, Send

from onecopy.http.body import header
from onecopy.http.options import SignIn
from onecopy.http.response import Headers, StaticResponse
from onecopy.store.interface import Presigner, Store

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
_FOREVER = "public, max-age=31536000, immutable"
_LEAST_COMPRESSED = 500
"""Bytes: what is smaller fits into one packet in any case."""
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_MISSING = b"The page has not been built: run `make page`. The API is described at /openapi.json.\n"


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page, compressed for browsers that accept it: a third of the bytes."""

    plain: StaticResponse
    compressed: StaticResponse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        chosen = self.compressed if accepts_gzip(header(scope, b"accept-encoding")) else self.plain
        await chosen(scope, receive, send)


def read_page(folder: Path, store: Store, sign_in: SignIn | None) -> dict[str, ASGIApp]:
    """Return the files of the folder by URL path.

    `/` is index.html; if the page has not been built, a 404 that says how.
    """
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    files = {f"/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}
    policy = content_security_policy(store, sign_in, files.get("/index.html", b""))
    page = {name: _file(name, content, policy) for name, content in files.items()}
    missing = StaticResponse(_MISSING, _TYPES[".txt"].encode(), _headers("/", policy), 404)
    return {**page, "/": page.get("/index.html", missing)}


def _file(name: str, content: bytes, policy: str) -> ASGIApp:
    kind, headers = media_type(name).encode(), _headers(name, policy)
    small = gzip.compress(content, mtime=0)
    if len(content) < _LEAST_COMPRESSED or len(small) > 0.9 * len(content):
        return StaticResponse(content, kind, headers)
    varied: Headers = (*headers, (b"vary", b"accept-encoding"))
    encoded: Headers = (*varied, (b"content-encoding", b"gzip"))
    return PageFile(StaticResponse(content, kind, varied), StaticResponse(small, kind, encoded))


def accepts_gzip(accepted: bytes | None) -> bool:
    """Return whether an Accept-Encoding names gzip, and does not exclude it (RFC 9110, 12.5.3)."""
    for choice in (accepted or b"").lower().replace(b" ", b"").split(b","):
        coding, _, weight = choice.partition(b";q=")
        if coding == b"gzip":
            return weight.strip(b"0.") != b"" or weight == b""
    return False


def content_security_policy(store: Store, sign_in: SignIn | None = None, index: bytes = b"") -> str:
    """Return the policy: the page connects to the service, the bucket and the issuer only.

    The style within `index`, the page's HTML, is allowed by its hash.
    """
    bucket = f" {store.origin}" if isinstance(store, Presigner) else ""
    issuer = "".join(f" {origin}" for origin in sign_in.origins) if sign_in else ""
    style = "".join(f" {_source(text)}" for text in _STYLE.findall(index))
    return (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
        f"connect-src 'self'{bucket}{issuer}; img-src 'self' blob: data:{bucket}; "
        f"media-src 'self' blob:{bucket}; style-src 'self'{style}; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


def _source(text: bytes) -> str:
    return f"'sha256-{b64encode(sha256(text).digest()).decode()}'"


def media_type(name: str) -> str:
    """Return the media type of a file of the page."""
    return _TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")


def caching(name: str) -> str:
    """Return the Cache-Control of a file: only assets, named by their hash, never change."""
    return _FOREVER if name.lstrip("/").startswith("assets/") else "no-cache"


def _headers(name: str, policy: str) -> Headers:
    return (
        (b"cache-control", caching(name).encode()),
        (b"content-security-policy", policy.encode()),
        (b"cross-origin-opener-policy", b"same-origin"),
    )
