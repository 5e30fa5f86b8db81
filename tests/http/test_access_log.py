"""What is written down of a request: one line, figures, and nothing that is secret."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable

import pytest
from starlette.types import Message, Receive, Scope, Send

from onecopy.http.access_log import AccessLog
from onecopy.http.metrics import Figure, NoMetrics, PrometheusMetrics
from tests.http.conftest import Json, Service, Start

Lines = Callable[[int], list[dict[str, Json]]]
"""Returns the lines of the access log once there are at least this number."""


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """Collect the lines of the access log."""
    caplog.set_level(logging.INFO, "onecopy.access")

    def read(least: int) -> list[dict[str, Json]]:
        """Wait for the lines: a line is written when its answer has been sent."""
        until = time.monotonic() + 10
        while len(found := written()) < least and time.monotonic() < until:
            time.sleep(0.005)
        return found

    def written() -> list[dict[str, Json]]:
        return [json.loads(r.message) for r in caplog.records if r.name == "onecopy.access"]

    return read


def test_a_request_is_a_line(service: Service, lines: Lines) -> None:
    """Of JSON, with these fields."""
    answer = service.ask("POST", "/v1/probe", {"sizes": [5]})
    [line] = lines(1)
    assert set(line) == {"time", "id", "method", "route", "status", "ms", "received", "sent"}
    assert line["time"].endswith("Z")
    assert line["id"] == answer.headers["x-request-id"]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/probe", 200)
    assert line["received"] == len('{"sizes": [5]}')
    assert line["sent"] == len(answer.body)
    assert 0 < line["ms"] < 20_000


def test_nothing_secret_is_written_down(guarded: Service, lines: Lines) -> None:
    """No key, ticket, token or link, whatever happened to it."""
    token = guarded.token("photos")
    guarded.upload("private-name.txt", b"hello", token=token)
    ticket = guarded.begin("private-name-2.txt", b"other", token=token)["ticket"]
    url = guarded.ask("GET", "/v1/copies/private-name.txt/link", token=token).json["url"]
    guarded.ask("GET", url)
    guarded.ask("GET", "/private-name.txt", token=token)
    guarded.ask("DELETE", "/v1/copies/private-name.txt/link", token=token)
    found = lines(8)
    for secret in ("private-name", ticket, token, url.partition("=")[2]):
        assert secret not in json.dumps(found)
    assert [line["route"] for line in found[-4:]] == [
        "/v1/copies/{key}/link",
        "/v1/content",
        "unmatched",
        "/v1/copies/{key}/link",
    ]


def test_every_answer_has_an_id(service: Service) -> None:
    """One of ours, or a well-formed one of the client's."""
    ids = {service.ask("GET", "/healthz").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    given = service.ask("GET", "/nothing", headers={"X-Request-Id": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    for bad in ("a b", 'x"y', "x" * 65, "é"):
        answer = service.ask("GET", "/healthz", headers={"X-Request-Id": bad})
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


def test_client_that_goes_is_counted_as_gone(service: Service, lines: Lines) -> None:
    """As 499, which no client receives."""
    with service.connect() as connection:
        connection.sendall(
            b"POST /v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
    [line] = lines(1)
    assert (line["status"], line["route"], line["received"]) == (499, "/v1/check", 1)


def figures(service: Service, **more: str) -> dict[str, float]:
    """Ask for the metrics, and read them."""
    answer = service.ask("GET", "/metrics", token=more.get("token"))
    assert answer.headers["content-type"].startswith("text/plain; version=")
    pairs = (line.rpartition(" ") for line in answer.body.decode().splitlines() if line[:1] != "#")
    return {name: float(value) for name, _, value in pairs}


def test_requests_verdicts_and_bytes_are_counted(service: Service) -> None:
    """By route template and status, by call and verdict."""
    service.upload("one", b"hello")
    service.check(b"hello", b"world", b"again")
    service.ask("GET", "/v1/copies/nothing/link")
    found = figures(service)
    route = 'onecopy_requests_total{method="GET",route="/v1/copies/{key}/link",status="404"}'
    assert found[route] == 1
    assert found['onecopy_verdicts_total{call="check",verdict="new"}'] == 2
    assert found['onecopy_verdicts_total{call="check",verdict="duplicate"}'] == 1
    assert found['onecopy_verdicts_total{call="complete",verdict="new"}'] == 1
    assert found['onecopy_request_seconds_count{route="/v1/check"}'] == 1
    assert found["onecopy_received_bytes_total"] > 5
    assert found["onecopy_sent_bytes_total"] > 100
    assert found["onecopy_described_total"] == 0


def test_described_copies_are_counted() -> None:
    """As many as there are when the metrics are read."""
    described = iter([7, 9])
    metrics = PrometheusMetrics(lambda: [Figure("onecopy_described", "", next(described))])
    assert b"onecopy_described_total 7.0" in metrics.exposition()
    assert b"onecopy_described_total 9.0" in metrics.exposition()


def test_labels_can_t_be_made_up_by_clients(guarded: Service) -> None:
    """Neither by paths nor by tenants nor by methods: a bounded number of series."""
    token = guarded.token("photos")
    for number in range(5):
        guarded.ask("GET", f"/nothing/{number}", token=token)
        guarded.ask("REPORT", f"/nothing/{number}", token=token)
    text = " ".join(figures(guarded, token=token))
    assert "nothing" not in text
    assert "photos" not in text
    assert 'method="other",route="unmatched",status="404"' in text


def test_two_services_count_apart(service: Service, start: Start) -> None:
    """Each app has its own registry."""
    other = start()
    service.check(b"hello")
    assert any("verdicts_total{" in name for name in figures(service))
    assert not any("verdicts_total{" in name for name in figures(other))


def test_a_line_acts_on_no_terminal(caplog: pytest.LogCaptureFixture) -> None:
    """What a client sent is escaped as JSON escapes it, even what JSON would leave."""
    caplog.set_level(logging.INFO, "onecopy.access")
    method = "GET\x1b[2J\x7f\x9b31m\u202e"

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(_message: Message) -> None:
        pass

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": method, "path": "/", "headers": []}
    asyncio.run(AccessLog(app, NoMetrics())(scope, receive, send))
    [record] = caplog.records
    assert record.message.isascii()
    assert record.message.isprintable()
    assert json.loads(record.message)["method"] == method
