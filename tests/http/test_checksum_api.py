"""The prototype's question: POST / with an MD5, answered with a count."""

import hashlib
from collections.abc import Iterator

import pytest

from onecopy.content import Listed
from onecopy.digest import MD5, Digest
from onecopy.http.app import ChecksumApi, Options
from tests.http.conftest import Service, starting

ORIGIN = "https://old.example"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start a service that requires tokens, but serves the checksum API to one origin."""
    with starting(tmp_path_factory.mktemp("old")) as start:
        yield start(Options(checksum_api=ChecksumApi(ORIGIN, "photos")), tokens_required=True)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_it_is_off_by_default(service: Service) -> None:
    """Nobody has to know that there was a prototype."""
    answer = service.ask("POST", "/", {"content": md5(b"hello")})
    assert answer.status == 405
    assert service.ask("OPTIONS", "/").status == 405
    assert "checksum-api" not in service.ask("GET", "/v1/config").json["features"]
    assert "/" not in service.ask("GET", "/openapi.json").json["paths"]


def test_it_counts_the_copies_of_its_tenant(old: Service) -> None:
    """Found by the MD5 that small contents carry, in either case; another tenant's are not."""
    token = old.token("photos")
    assert old.ask("POST", "/", {"content": md5(b"hello")}).json == {"exists": 0}
    old.upload("a", b"hello", token=token)
    old.upload("b", b"other", token=old.token("bob"))
    assert old.ask("POST", "/", {"content": md5(b"hello")}).json == {"exists": 1}
    assert old.ask("POST", "/", {"content": md5(b"hello").upper()}).json == {"exists": 1}
    assert old.ask("POST", "/", {"content": md5(b"other")}).json == {"exists": 0}
    features = old.ask("GET", "/v1/config", token=token).json["features"]
    assert "checksum-api" in features


def test_it_counts_a_list_as_one(old: Service) -> None:
    """What a list of the tenant has exists, with or without copies."""
    digest = Digest(MD5, bytes.fromhex(md5(b"listed")))
    old.index.enlist([("photos", Listed(digest)), ("bob", Listed(Digest(MD5, bytes(16))))])
    assert old.ask("POST", "/", {"content": md5(b"listed")}).json == {"exists": 1}
    old.upload("listed", b"listed", token=old.token("photos"))
    assert old.ask("POST", "/", {"content": md5(b"listed")}).json == {"exists": 2}
    assert old.ask("POST", "/", {"content": 32 * "0"}).json == {"exists": 0}


def test_pages_of_the_one_origin_may_ask(old: Service) -> None:
    """The preflight, and the question itself."""
    preflight = old.ask(
        "OPTIONS",
        "/",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert preflight.headers["access-control-allow-methods"] == "POST"
    assert preflight.headers["access-control-allow-headers"] == "content-type"
    answer = old.ask("POST", "/", {"content": "0" * 32}, headers={"Origin": ORIGIN})
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ORIGIN + ".evil.example"])
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_pages_of_other_origins_may_not(old: Service, origin: str, method: str) -> None:
    """Neither ask nor ask whether they may."""
    document = {"content": "0" * 32} if method == "POST" else None
    answer = old.ask(method, "/", document, headers={"Origin": origin})
    assert answer.status == 403
    assert answer.reason == "origin-not-allowed"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "document",
    [{}, {"content": None}, {"content": 5}, {"content": "z" * 32}, {"content": "0" * 31}, [], "x"],
)
def test_ill_formed_content_is_said_to_be_so(old: Service, document: object) -> None:
    """A page of the origin can read what is wrong, as CORS headers are on the problem, too."""
    answer = old.ask("POST", "/", document, headers={"Origin": ORIGIN})
    assert answer.status == 400
    assert answer.reason == "document-invalid"
    assert answer.headers["access-control-allow-origin"] == ORIGIN


def test_what_old_pages_send_beside_the_content_is_ignored(old: Service) -> None:
    """Unknown fields do no harm here."""
    document = {"content": "0" * 32, "name": "a.txt"}
    assert old.ask("POST", "/", document).json == {"exists": 0}


def test_it_does_not_count_the_trash(old: Service) -> None:
    """Copies in trash and snapshots do not exist for it, however many there are."""
    token = old.token("photos")
    for number in range(3):
        old.upload(f".snapshots/{number}/t", b"in the trash", token=token)
    assert old.ask("POST", "/", {"content": md5(b"in the trash")}).json == {"exists": 0}
    old.upload("t", b"in the trash", token=token)
    assert old.ask("POST", "/", {"content": md5(b"in the trash")}).json == {"exists": 1}
