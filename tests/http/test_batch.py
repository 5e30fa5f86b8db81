"""Batches of small files in one request: framing, limits, and an answer for each file."""

import json
import socket
from collections.abc import Sequence

import pytest

from onecopy.http.app import Options
from onecopy.tokens import create_token
from tests.http.conftest import Answer, Service, Start

PATH = "/v1/uploads/batch"


def begin(service: Service, contents: dict[str, bytes], token: str | None = None) -> list[str]:
    """Begin uploads, and return their tickets."""
    results = [service.begin(key, data, token=token) for key, data in contents.items()]
    return [str(result["ticket"]) for result in results]


def framed(tickets: Sequence[str], contents: Sequence[bytes]) -> bytes:
    """Return the body of a batch."""
    pairs = zip(tickets, contents, strict=True)
    files = [{"ticket": ticket, "size": len(data)} for ticket, data in pairs]
    return json.dumps({"files": files}).encode() + b"\n" + b"".join(contents)


def send(service: Service, body: bytes, token: str | None = None) -> Answer:
    """Send a batch."""
    return service.ask("POST", PATH, body=body, token=token)


CONTENTS = {f"folder/{number}": b"%d" % number * 3_000 for number in range(100)}


def test_config_offers_batches(plain: Service) -> None:
    """A folder accepts them."""
    assert "batch" in plain.ask("GET", "/v1/config").json["features"]


def test_a_hundred_files(plain: Service) -> None:
    """Each is stored and answered, in order."""
    answer = send(plain, framed(begin(plain, CONTENTS), list(CONTENTS.values())))
    assert answer.status == 200, answer.body
    results = answer.json["results"]
    assert [result["copy"]["key"] for result in results] == list(CONTENTS)
    assert {result["verdict"] for result in results} == {"new"}
    assert {one["verdict"] for one in plain.check(*list(CONTENTS.values())[:3])} == {"duplicate"}


def test_one_bad_file(plain: Service) -> None:
    """Wrong bytes and a false ticket are answered in their places, and their bytes are skipped."""
    tickets = begin(plain, {"a": b"1", "b": b"22", "c": b"333"})
    body = framed([tickets[0], tickets[1], "forged", tickets[2]], [b"x", b"22", b"zzzz", b"333"])
    results = send(plain, body).json["results"]
    assert [result.get("reason") for result in results] == [
        "digest-mismatch",
        None,
        "ticket-invalid",
        None,
    ]
    assert plain.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "bad-input"),
        (b'{"files": []}', 400, "bad-input"),
        (b"{\n", 400, "json-invalid"),
        (b'{"files": [{"ticket": "x"}]}\n', 400, "document-invalid"),
        (b'{"files": [{"ticket": "x", "size": -1}]}\n', 400, "document-invalid"),
        (b'{"files": [{"ticket": "x", "size": 2}]}\nx', 400, "bad-input"),
        (b'{"files": [{"ticket": "x", "size": 2}]}\nxyz', 400, "bad-input"),
        (framed(["x"] * 101, [b""] * 101), 413, "limit-exceeded"),
        (framed(["x"] * 2, [bytes(5 * 1024 * 1024)] * 2), 413, "limit-exceeded"),
        (b" " * (1024 * 1024 + 100) + b"\n", 413, "limit-exceeded"),
    ],
    ids=[
        "empty",
        "no line feed",
        "no JSON",
        "no size",
        "negative",
        "short",
        "long",
        "many",
        "large",
        "line",
    ],
)
def test_what_is_no_batch(plain: Service, body: bytes, status: int, reason: str) -> None:
    """It is refused as a whole, and says why."""
    answer = send(plain, body)
    assert (answer.status, answer.reason) == (status, reason)


def test_an_empty_batch(plain: Service) -> None:
    """It has no results."""
    assert send(plain, b'{"files":[]}\n').json == {"results": []}


def test_length_must_be_said(plain: Service) -> None:
    """A chunked body is a 411."""
    answer = plain.ask("POST", PATH, body=iter([b'{"files":[]}\n']))
    assert (answer.status, answer.reason) == (411, "length-required")


def test_a_connection_that_breaks_publishes_nothing(plain: Service) -> None:
    """Neither the files that arrived nor the one that was cut off; the batch may be repeated."""
    contents = {"cut/a": b"1" * 1000, "cut/b": b"2" * 1000}
    body = framed(begin(plain, contents), list(contents.values()))
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", plain.port)) as connection:
        connection.sendall(head.encode() + body[:-500])
    assert list(plain.store.objects("cut/")) == []
    results = send(plain, body).json["results"]
    assert [result["copy"]["key"] for result in results] == list(contents)


def test_a_token_is_needed(guarded: Service) -> None:
    """It must allow uploads, and a ticket is of one tenant only."""
    ana, ben = guarded.token("ana"), guarded.token("ben")
    body = framed(begin(guarded, {"a": b"1"}, ana), [b"1"])
    assert send(guarded, body).status == 401
    assert send(guarded, body, guarded.token("ana", "check")).status == 403
    assert send(guarded, body, ben).json["results"][0]["reason"] == "ticket-invalid"
    assert send(guarded, body, ana).json["results"][0]["verdict"] == "new"


def test_a_token_for_one_folder(guarded: Service) -> None:
    """Nothing is published outside the folder, even with a ticket of another token."""
    _, narrow = create_token(guarded.index, tenant="ana", prefix="inbox")
    tickets = begin(guarded, {"a": b"1", "inbox/b": b"22"}, guarded.token("ana"))
    results = send(guarded, framed(tickets, [b"1", b"22"]), narrow).json["results"]
    assert [result.get("reason") for result in results] == ["key-outside-prefix", None]
    assert [seen.key for seen in guarded.store.objects()] == ["ana/inbox/b"]


def test_a_completion_that_takes_long(start: Start) -> None:
    """It continues, and the client gets the result with the ticket."""
    service = start(Options(complete_seconds=0))
    [ticket] = begin(service, {"a": b"1"})
    [result] = send(service, framed([ticket], [b"1"])).json["results"]
    assert result == {"verdict": "unconfirmed", "reason": "completing"}
    [done] = service.ask("POST", "/v1/uploads/complete", {"tickets": [{"ticket": ticket}]}).json[
        "results"
    ]
    assert done.get("reason") in (None, "completing")
