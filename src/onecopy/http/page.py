"""The built page, held in memory: no request ever becomes a path on the disk."""

from pathlib import Path

from onecopy.http.answer import Headers, Ready
from onecopy.store.interface import Presigner, Store

_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".ico": b"image/x-icon",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
    ".wasm": b"application/wasm",
    ".webmanifest": b"application/manifest+json",
}
_FOREVER = b"public, max-age=31536000, immutable"
_MISSING = b"The page has not been built: run `make page`. The API is described at /openapi.json.\n"


def read_page(folder: Path, store: Store) -> dict[str, Ready]:
    """Return path -> answer for everything below the folder; `/` is index.html, built or not."""
    policy = content_security_policy(store)
    files = {
        f"/{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    page = {name: _file(name, path, policy) for name, path in files.items()}
    missing = Ready(_MISSING, _TYPES[".txt"], _headers("/", policy), 404)
    return {**page, "/": page.get("/index.html", missing)}


def content_security_policy(store: Store) -> str:
    """Return the page's policy: bytes may go to the bucket, everything else is ours."""
    bucket = f" {store.origin}" if isinstance(store, Presigner) else ""
    return (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
        f"connect-src 'self'{bucket}; img-src 'self' blob: data:; style-src 'self'; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


def _file(name: str, path: Path, policy: str) -> Ready:
    media_type = _TYPES.get(path.suffix, b"application/octet-stream")
    return Ready(path.read_bytes(), media_type, _headers(name, policy))


def _headers(name: str, policy: str) -> Headers:
    """Assets carry a hash in their names, so they never change; the rest is asked for anew."""
    return (
        (b"cache-control", _FOREVER if name.startswith("/assets/") else b"no-cache"),
        (b"content-security-policy", policy.encode()),
        (b"cross-origin-opener-policy", b"same-origin"),
    )
