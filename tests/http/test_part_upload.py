"""Parts that are sent through the service: streamed, checked, and whole or not there."""

import base64
import gc
import hashlib
import logging
import socket
import time

import pytest

from onecopy.digest import SMALLEST_PART
from tests.http.conftest import Answer, Json, Service

CONTENT = b"a" * SMALLEST_PART + b"end"


@pytest.fixture
def ticket(plain: Service) -> str:
    """Begin an upload of two parts, and return its ticket."""
    return begin(plain)


def begin(service: Service) -> str:
    """Begin an upload of two parts, 8 MiB and 3 bytes."""
    files = {"files": [{"key": "large", "size": len(CONTENT)}]}
    [result] = service.ask("POST", "/v1/uploads", files).json["results"]
    return str(result["ticket"])


def put(service: Service, ticket: str, number: object, body: bytes, **headers: str) -> Answer:
    """Send a part."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"/v1/uploads/parts/{number}"
    return service.ask("PUT", path, body=body, headers={"Onecopy-Ticket": ticket, **named})


def stored(service: Service, ticket: str) -> list[Json]:
    """Ask which parts are there."""
    answer = service.ask("POST", "/v1/uploads/status", {"ticket": ticket})
    parts: list[Json] = answer.json["parts"]
    return parts


def checksum(content: bytes) -> str:
    """Return the header's form of a SHA-256."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def test_part_is_hashed_while_it_is_written(plain: Service, ticket: str) -> None:
    """Without a checksum the answer has the one that we computed."""
    answer = put(plain, ticket, 2, b"end")
    assert answer.status == 200
    assert answer.json == {"number": 2, "size": 3, "sha256": hashlib.sha256(b"end").hexdigest()}
    assert stored(plain, ticket) == [answer.json]


def test_part_may_be_sent_again(plain: Service, ticket: str) -> None:
    """The last one counts."""
    put(plain, ticket, 2, b"end")
    assert put(plain, ticket, 2, b"END").status == 200
    assert stored(plain, ticket)[0]["sha256"] == hashlib.sha256(b"END").hexdigest()


def test_other_bytes_than_the_checksum_says_are_refused(plain: Service, ticket: str) -> None:
    """P2: and nothing of them is kept."""
    answer = put(plain, ticket, 2, b"end", x_amz_checksum_sha256=checksum(b"END"))
    assert answer.status == 400
    assert answer.reason == "digest-mismatch"
    assert stored(plain, ticket) == []


@pytest.mark.parametrize("given", ["", "x", "AAAA", "=" * 44, "A" * 43])
def test_checksum_has_a_form(plain: Service, ticket: str, given: str) -> None:
    """32 bytes in base64."""
    answer = put(plain, ticket, 2, b"end", x_amz_checksum_sha256=given)
    assert answer.status == 400
    assert answer.reason == "bad-input"


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [(b"ends", 413, "limit-exceeded"), (b"en", 400, "bad-input"), (b"", 400, "bad-input")],
)
def test_length_must_be_the_parts(
    plain: Service, ticket: str, body: bytes, status: int, reason: str
) -> None:
    """Refused by Content-Length, before a byte is read."""
    answer = put(plain, ticket, 2, body)
    assert answer.status == status
    assert answer.reason == reason
    assert stored(plain, ticket) == []


def test_length_must_be_said(plain: Service, ticket: str) -> None:
    """A chunked body is a 411."""
    answer = plain.ask(
        "PUT", "/v1/uploads/parts/2", body=iter([b"end"]), headers={"Onecopy-Ticket": ticket}
    )
    assert answer.status == 411
    assert answer.reason == "length-required"


@pytest.mark.parametrize("number", [0, 3, 10_001, -1, "x", "1" * 5_000, "٣", "02"])
def test_number_must_be_one_of_the_upload(plain: Service, ticket: str, number: object) -> None:
    """There are parts 1 and 2."""
    answer = put(plain, ticket, number, b"end")
    assert answer.status == 400
    assert answer.reason == "bad-input"


@pytest.mark.parametrize("given", [None, "", "x", "é", "A" * 200])
def test_ticket_must_be_ours(plain: Service, given: str | None) -> None:
    """Without one, or with another, the bytes are not even read."""
    headers = {} if given is None else {"Onecopy-Ticket": given}
    answer = plain.ask("PUT", "/v1/uploads/parts/1", body=b"end", headers=headers)
    assert answer.status == 400
    assert answer.reason == "ticket-invalid"


def test_refusal_comes_before_the_body_is_asked_for(plain: Service, ticket: str) -> None:
    """A client that waits for `100 Continue` sends nothing that is refused."""
    with plain.connect() as connection:
        connection.sendall(_head(ticket, 1, 5) + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_client_that_goes_in_the_middle_leaves_nothing(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a part is no part, and the upload continues as if it had not been sent."""
    ticket = begin(service)
    with service.connect() as connection:
        connection.sendall(_head(ticket, 1, SMALLEST_PART) + b"\r\n" + CONTENT[: 3 << 20])
        time.sleep(0.2)
    time.sleep(0.2)
    assert stored(service, ticket) == []
    assert put(service, ticket, 1, CONTENT[:SMALLEST_PART]).status == 200
    assert put(service, ticket, 2, b"end").status == 200
    [done] = service.ask("POST", "/v1/uploads/complete", {"tickets": [{"ticket": ticket}]}).json[
        "results"
    ]
    assert done["verdict"] == "new"
    with service.store.open("large") as stream:
        assert stream.read() == CONTENT
    gc.collect()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_many_slow_clients_don_t_keep_others_from_asking(plain: Service, ticket: str) -> None:
    """Bodies have threads of their own."""
    slow: list[socket.socket] = []
    try:
        for _ in range(70):
            connection = plain.connect()
            slow.append(connection)
            connection.sendall(_head(ticket, 2, 3) + b"\r\ne")
        time.sleep(0.2)
        assert plain.check(b"x") == [{"verdict": "new"}]
    finally:
        for connection in slow:
            connection.close()


def _head(ticket: str, number: int, length: int) -> bytes:
    return (
        f"PUT /v1/uploads/parts/{number} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Onecopy-Ticket: {ticket}\r\nContent-Length: {length}\r\n"
    ).encode()
