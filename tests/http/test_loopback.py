"""Without tokens: what foreign pages and foreign names can't do."""

import pytest

from onecopy.http.app import ChecksumApi, Options
from tests.http.conftest import Service, Start


def test_own_names_are_answered(plain: Service) -> None:
    """By address and by name, with the port that the client used."""
    port = plain.port
    for host in (
        f"127.0.0.1:{port}",
        f"localhost:{port}",
        f"LocalHost:{port}",
        "localhost",
        "[::1]:1",
    ):
        assert plain.ask("GET", "/v1/config", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example@127.0.0.1",
        "127.0.0.1:x",
        "127.0.0.1:8000:8000",
        "localhost.",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/v1/config", "/", "/metrics", "/nothing"])
def test_foreign_host_is_refused(plain: Service, host: str, path: str) -> None:
    """DNS rebinding: a page whose name was made to point here sends its own name."""
    answer = plain.ask("GET", path, headers={"Host": host})
    assert answer.status == 403
    assert answer.reason == "host-not-allowed"


@pytest.mark.parametrize(
    "hosts", [b"", b"Host: 127.0.0.1\r\nHost: evil.example\r\n", b"Host: 127.0.0.1\r\n" * 2]
)
def test_host_must_be_said_once(plain: Service, hosts: bytes) -> None:
    """Two of them, or none, could mean one thing to us and another to a proxy."""
    with plain.connect() as connection:
        connection.sendall(b"GET /v1/config HTTP/1.1\r\n" + hosts + b"\r\n")
        status = connection.recv(64).split()[1]
    assert status in {b"400", b"403"}


def test_own_origin_is_answered(plain: Service) -> None:
    """Our page asks from where it came."""
    answer = plain.ask("GET", "/v1/config", headers={"Origin": plain.url})
    assert answer.status == 200
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "", "file://"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_foreign_origin_is_refused(plain: Service, origin: str, method: str) -> None:
    """A page of another site: other programs on this machine are other sites, too."""
    answer = plain.ask(
        method, "/v1/check", {"files": []} if method == "POST" else None, headers={"Origin": origin}
    )
    assert answer.status == 403
    assert answer.reason == "origin-not-allowed"


def test_further_hosts_can_be_named(start: Start) -> None:
    """For a proxy on this machine that passes its own name on."""
    service = start(Options(hosts=frozenset({"Copies.internal"})))
    assert service.ask("GET", "/v1/config", headers={"Host": "copies.internal:80"}).status == 200
    assert service.ask("GET", "/v1/config", headers={"Host": "copiesXinternal"}).status == 403


def test_origin_of_the_checksum_api_may_do_nothing_else(start: Start) -> None:
    """It may ask at `/`; the API stays closed to it."""
    origin = "https://old.example"
    service = start(Options(checksum_api=ChecksumApi(origin)))
    headers = {"Origin": origin}
    assert service.ask("POST", "/", {"content": "0" * 32}, headers=headers).status == 200
    assert service.ask("POST", "/v1/check", {"files": []}, headers=headers).status == 403
    assert service.ask("POST", "//", {"content": "0" * 32}, headers=headers).status == 403
    foreign = {**headers, "Host": "evil.example"}
    assert service.ask("POST", "/", {"content": "0" * 32}, headers=foreign).status == 403
