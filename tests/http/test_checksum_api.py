"""The prototype's question: POST / with an MD5, answered with a count."""

import hashlib
import random
from collections.abc import Iterator

import pytest

from onecopy.content import Listed
from onecopy.counted import is_counted
from onecopy.digest import MD5, Digest
from onecopy.http.app import ChecksumApi, Options
from onecopy.index.memory import MemoryIndex
from tests.gate.world import content_digest, parts_of
from tests.http.conftest import Json, Service, Start, starting

ORIGIN = "https://old.example"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start a service that requires tokens, but serves the checksum API to one origin."""
    with starting(tmp_path_factory.mktemp("old")) as start:
        yield start(Options(checksum_api=ChecksumApi(ORIGIN, "photos")), tokens_required=True)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def bring(
    service: Service, key: str, content: bytes, *, token: str | None = None, stated: str = ""
) -> Json:
    """Upload a content in parts, and state an MD5 if given; return the result."""
    file = {"key": key, "size": len(content), "digests": [str(content_digest(content))]}
    begun = service.ask("POST", "/v1/uploads", {"files": [file]}, token=token)
    ticket = begun.json["results"][0]["ticket"]
    for number, part in enumerate(parts_of(content), 1):
        headers = {"Onecopy-Ticket": ticket}
        path = f"/v1/uploads/parts/{number}"
        assert service.ask("PUT", path, body=part, headers=headers, token=token).status == 200
    finish = {"ticket": ticket, **({"md5": stated} if stated else {})}
    done = service.ask("POST", "/v1/uploads/complete", {"tickets": [finish]}, token=token)
    assert done.status == 200, done.body
    return done.json["results"][0]


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
    [
        {},
        {"content": None},
        {"content": 5},
        {"content": "z" * 32},
        {"content": "0" * 31},
        {"content": "0" * 33},
        {"content": " " + "0" * 31},
        {"content": "0" * 32 + "\n"},
        {"content": ["0" * 32]},
        [],
        "x",
    ],
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


@pytest.mark.parametrize("size", [8_388_607, 8_388_608, 8_388_609, 20_000_000])
def test_it_counts_contents_of_every_size(start: Start, size: int) -> None:
    """The service reads what it published, whatever MD5 the client states: the bytes decide."""
    served = start(Options(checksum_api=ChecksumApi(ORIGIN)))
    content = random.Random(size).randbytes(size)
    assert served.ask("POST", "/", {"content": md5(content)}).json == {"exists": 0}
    done = bring(served, "a", content, stated=md5(b"another"))
    assert f"md5:{md5(content)}" in done["copy"]["digests"]
    assert served.ask("POST", "/", {"content": md5(content)}).json == {"exists": 1}
    assert served.ask("POST", "/", {"content": md5(b"another")}).json == {"exists": 0}


def test_all_services_of_the_index_know_that_it_is_on(start: Start) -> None:
    """Another service says so to the tenant that is counted, and to no other."""
    start(Options(checksum_api=ChecksumApi(ORIGIN, "photos")), tokens_required=True)
    another = start(tokens_required=True)
    for tenant, is_on in (("photos", True), ("bob", False)):
        config = another.ask("GET", "/v1/config", token=another.token(tenant)).json
        assert ("checksum-api" in config["features"]) is is_on
        assert "md5" not in config["features"]  # a folder computes it
        bring(another, tenant, b"x" * 8_388_608, token=another.token(tenant))
        [copy] = another.index.at(tenant, [tenant])
        assert copy is not None
        assert (MD5 in copy.digests.schemes) is is_on


def test_one_that_counts_another_table_leaves_the_index_alone(start: Start) -> None:
    """Nothing is computed for a list that uploads never reach."""
    lists = MemoryIndex()
    served = start(Options(checksum_api=ChecksumApi(ORIGIN, counted=lists)))
    assert not is_counted(served.index, "default")


def test_it_does_not_count_the_trash(old: Service) -> None:
    """Copies in trash and snapshots do not exist for it, however many there are."""
    token = old.token("photos")
    for number in range(3):
        old.upload(f".snapshots/{number}/t", b"in the trash", token=token)
    assert old.ask("POST", "/", {"content": md5(b"in the trash")}).json == {"exists": 0}
    old.upload("t", b"in the trash", token=token)
    assert old.ask("POST", "/", {"content": md5(b"in the trash")}).json == {"exists": 1}
