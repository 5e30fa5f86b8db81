"""The built page, held in memory, so that no request becomes a path on the disk."""

from pathlib import Path, PurePosixPath

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
_MISSING = b"The page has not been built: run `make page`. The API is described at /openapi.json.\n"


def read_page(
    folder: Path, store: Store, sign_in: SignIn | None = None
) -> dict[str, StaticResponse]:
    """Return the files of the folder by URL path.

    `/` is index.html; if the page has not been built, a 404 that says how.
    """
    policy = content_security_policy(store, sign_in)
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    files = {f"/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}
    page = {
        name: StaticResponse(content, media_type(name).encode(), _headers(name, policy))
        for name, content in files.items()
    }
    missing = StaticResponse(_MISSING, _TYPES[".txt"].encode(), _headers("/", policy), 404)
    return {**page, "/": page.get("/index.html", missing)}


def content_security_policy(store: Store, sign_in: SignIn | None = None) -> str:
    """Return the policy: the page connects to the service, the bucket and the issuer only."""
    bucket = f" {store.origin}" if isinstance(store, Presigner) else ""
    issuer = "".join(f" {origin}" for origin in sign_in.origins) if sign_in else ""
    return (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
        f"connect-src 'self'{bucket}{issuer}; img-src 'self' blob: data:{bucket}; "
        f"media-src 'self' blob:{bucket}; style-src 'self'; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


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
