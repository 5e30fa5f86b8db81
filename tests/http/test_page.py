"""The page and what it is made of."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from onecopy.http.app import Options, SignIn
from onecopy.http.page import accepts_gzip, content_security_policy
from onecopy.store import open_store
from tests.http.conftest import Service, Start, starting
from tests.standins import Standin


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start a service with a built page."""
    folder = tmp_path_factory.mktemp("built")
    page = folder / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>onecopy</title>")
    (page / "assets" / "app-1a2b.js").write_text("export {}")
    (page / "assets" / "hash-3c4d.wasm").write_bytes(b"\0asm")
    (page / "assets" / "large-5e6f.js").write_text("export const words = 'again';\n" * 100)
    (page / "icon.svg").write_text("<svg/>")
    (folder / "outside.txt").write_text("not for you")
    with starting(folder) as start:
        yield start(Options(page=page))


def test_page_is_served_under_a_strict_policy(built: Service) -> None:
    """Its own scripts only, requested anew each time, so that an update is seen."""
    answer = built.ask("GET", "/")
    assert answer.status == 200
    assert answer.body.startswith(b"<!doctype html>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "connect-src 'self';" in policy
    assert "unsafe-inline" not in policy
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_style_within_the_page_is_allowed_by_its_hash(start: Start, tmp_path: Path) -> None:
    """That one style, and no other within the page; browsers paint with it at once."""
    (tmp_path / "index.html").write_text("<!doctype html><style>a{color:red}</style>")
    policy = start(Options(page=tmp_path)).ask("GET", "/").headers["content-security-policy"]
    digest = b64encode(sha256(b"a{color:red}").digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}'; object-src" in policy


def test_page_may_talk_to_the_bucket_and_nobody_else(
    ministack: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy names the one origin to which bytes are sent, and from which they are shown."""
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    store = open_store(ministack.store_url(ministack.bucket()))
    policy = content_security_policy(store)
    assert f"connect-src 'self' {ministack.endpoint};" in policy
    assert f"img-src 'self' blob: data: {ministack.endpoint};" in policy
    assert f"media-src 'self' blob: {ministack.endpoint};" in policy
    store.close()


def test_page_may_talk_to_the_issuer_where_people_sign_in(built: Service, start: Start) -> None:
    """To its origin alone; without an issuer, to nobody."""
    service = start(Options(sign_in=SignIn("https://issuer.example/pool", "page")))
    policy = service.ask("GET", "/").headers["content-security-policy"]
    assert "connect-src 'self' https://issuer.example;" in policy
    assert built.ask("GET", "/v1/sign-in").json == {}


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/assets/app-1a2b.js", "text/javascript; charset=utf-8"),
        ("/assets/hash-3c4d.wasm", "application/wasm"),
    ],
)
def test_assets_are_kept(built: Service, path: str, media_type: str) -> None:
    """Their names change with their contents."""
    answer = built.ask("GET", path)
    assert answer.status == 200
    assert answer.headers["content-type"] == media_type
    assert "immutable" in answer.headers["cache-control"]


def test_browsers_get_the_page_compressed(built: Service) -> None:
    """Where it saves something; caches keep the two forms apart."""
    path = "/assets/large-5e6f.js"
    plain = built.ask("GET", path)
    small = built.ask("GET", path, headers={"accept-encoding": "gzip, deflate, br"})
    assert small.body == plain.body
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < len(plain.body) / 10
    assert "content-encoding" not in plain.headers
    assert small.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    tiny = built.ask("GET", "/icon.svg", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in tiny.headers


@pytest.mark.parametrize(
    ("accepted", "is_accepted"),
    [
        (None, False),
        (b"br", False),
        (b"GZIP;q=0.5", True),
        (b"br, gzip ; q=1", True),
        (b"gzip;q=0", False),
        (b"gzip;q=0.000, br", False),
        (b"xgzip", False),
    ],
)
def test_gzip_is_accepted(accepted: bytes | None, is_accepted: bool) -> None:
    """As RFC 9110 has it: named, and not excluded by its weight."""
    assert accepts_gzip(accepted) == is_accepted


def test_other_files_of_the_page_are_served_beside_it(built: Service) -> None:
    """An icon has a fixed name."""
    assert built.ask("GET", "/icon.svg").headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    ["/assets/", "/assets/nothing.js", "/assets/%2e%2e/%2e%2e/outside.txt", "/../outside.txt"],
)
def test_nothing_but_the_page_is_served(built: Service, path: str) -> None:
    """No request becomes a path on the disk."""
    assert built.ask("GET", path).status == 404


def test_page_that_was_not_built_says_how(start: Start, tmp_path: Path) -> None:
    """A checkout without it is no mystery."""
    answer = start(Options(page=tmp_path / "nothing")).ask("GET", "/")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/plain")
    assert b"make page" in answer.body


def test_service_can_do_without_a_page(start: Start) -> None:
    """Then `/` is as unknown as any other path."""
    assert start(Options(page=None)).ask("GET", "/").reason == "not-found"
