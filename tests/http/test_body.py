"""Bodies: JSON within its limit, and the hand-over of bytes to a thread."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator

import pytest
from starlette.types import Message

from onecopy.errors import LimitExceeded
from onecopy.http.app import Options
from onecopy.http.body import MAX_BUFFERED_BYTES, BodyStream, Pace
from onecopy.http.checksum_api import ChecksumRequest
from onecopy.http.decoding import Decoder
from onecopy.http.json_body import BodyMemory, read_json
from onecopy.http.problems import Disconnected, HttpProblem
from tests.http.conftest import Service, Start

CHECK = "/v1/check"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "media_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
def test_body_that_is_not_json_is_refused(plain: Service, media_type: str | None) -> None:
    """What a form of a foreign page can send without asking first."""
    headers = {} if media_type is None else {"Content-Type": media_type}
    answer = plain.ask("POST", CHECK, body=b'{"files": []}', headers=headers)
    assert answer.status == 415
    assert answer.reason == "media-type-unsupported"


@pytest.mark.parametrize("size", [1, 4, 11])
def test_endless_body_is_refused_at_its_limit(size: int) -> None:
    """A body without Content-Length is received only until it is longer than the limit."""
    received = 0

    async def receive() -> Message:
        nonlocal received
        received += 1
        return {"type": "http.request", "body": bytes(size), "more_body": received < 100}

    scope = {"headers": [(b"content-type", b"application/json")]}
    with pytest.raises(LimitExceeded, match="limit 10 bytes"):
        asyncio.run(read_json(scope, receive, 10, BodyMemory().share("default")))
    assert received == 10 // size + 1


def test_media_type_may_carry_a_charset(plain: Service) -> None:
    """Browsers and libraries add one."""
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert plain.ask("POST", CHECK, body=b'{"files": []}', headers=headers).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b'{"files": []}x',
        b"\xff",
        b'{"files": "\xff"}',
        b'\xef\xbb\xbf{"files": []}',
    ],
)
def test_broken_json_is_said_to_be_broken(plain: Service, body: bytes) -> None:
    """400 with a reason of its own."""
    answer = plain.ask("POST", CHECK, body=body, headers=JSON)
    assert answer.status == 400
    assert answer.reason in {"json-invalid", "document-invalid"}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, "files"),
        ([], "object"),
        ({"files": 5}, "invalid files: expected `array`, got `int`"),
        ({"files": {}}, "invalid files: expected `array`, got `object`"),
        ({"files": None}, "invalid files: expected `array`, got `null`"),
        ({"files": [], "extra": 1}, "extra"),
        ({"files": [{"size": -1, "digests": []}], "extra": 1}, "extra"),
    ],
)
def test_wrong_document_is_told_where(plain: Service, document: object, path: str) -> None:
    """The detail names the field."""
    answer = plain.ask("POST", CHECK, document)
    assert answer.status == 400
    assert answer.reason == "document-invalid"
    assert path in answer.json["detail"]


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/v1/probe", {"sizes": [1] * 10_001}),
        (CHECK, {"files": [{"size": 1, "digests": []}] * 1_001}),
        (CHECK, {"files": [{"size": -1, "digests": []}] * 1_001}),
        ("/v1/uploads", {"files": [{"key": "k", "size": 1}] * 1_001}),
        (
            "/v1/uploads/parts",
            {"ticket": "t", "parts": [{"number": 1, "sha256": "0" * 64}] * 1_001},
        ),
        ("/v1/uploads/complete", {"tickets": [{"ticket": "t"}] * 1_001}),
        ("/v1/uploads/abort", {"tickets": ["t"] * 1_001}),
    ],
)
def test_more_than_a_request_may_hold_is_a_413(plain: Service, path: str, document: object) -> None:
    """Every list has its limit, which `/v1/config` states."""
    answer = plain.ask("POST", path, document)
    assert answer.status == 413
    assert answer.reason == "limit-exceeded"
    detail = answer.json["detail"]
    assert re.fullmatch(r"too many \w+ \(limit 10+ per request\); split the request", detail)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_does_no_harm(plain: Service, opening: bytes) -> None:
    """A hundred thousand brackets are one bad request, wherever they stand."""
    deep = opening * 100_000
    for body in (deep, b'{"files": ' + deep, b'{"files": [], "x": ' + deep):
        answer = plain.ask("POST", CHECK, body=body, headers=JSON)
        assert answer.status == 400
    assert plain.ask("GET", "/healthz").status == 200


def test_deep_nesting_where_a_document_lets_unknown_fields_pass() -> None:
    """The checksum API's document does: skipping must not exhaust the stack."""
    decoder = Decoder(ChecksumRequest)
    with pytest.raises(HttpProblem) as caught:
        decoder.decode(b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert caught.value.reason == "json-invalid"


@pytest.fixture
def narrow(start: Start) -> Service:
    """Start a service that takes bodies of 1,000 bytes."""
    return start(Options(body_bytes=1_000))


def test_body_of_exactly_the_limit_is_read(narrow: Service) -> None:
    """The limit itself is allowed."""
    body = b'{"files": []}'.ljust(1_000)
    assert narrow.ask("POST", CHECK, body=body, headers=JSON).status == 200
    answer = narrow.ask("POST", CHECK, body=body + b" ", headers=JSON)
    assert answer.status == 413
    assert answer.reason == "limit-exceeded"


def test_limit_holds_without_a_content_length(narrow: Service) -> None:
    """A chunked body is counted while it is read."""

    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield b" " * 100

    answer = narrow.ask("POST", CHECK, body=chunks(), headers=JSON)
    assert answer.status == 413


def test_client_that_goes_while_sending_json_does_no_harm(plain: Service) -> None:
    """Half a body is nobody's request."""
    with plain.connect() as connection:
        connection.sendall(
            b"POST /v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
    assert plain.ask("GET", "/healthz").status == 200


class Sender:
    """A client: the messages of `receive`, and how often it was called."""

    def __init__(self, chunks: list[bytes], *, leaves: bool = False) -> None:
        self._chunks = chunks
        self._leaves = leaves
        self.sent = 0

    async def __call__(self) -> Message:
        if self.sent == len(self._chunks):
            assert self._leaves
            return {"type": "http.disconnect"}
        chunk = self._chunks[self.sent]
        self.sent += 1
        more = self._leaves or self.sent < len(self._chunks)
        return {"type": "http.request", "body": chunk, "more_body": more}


async def _hand_over(sender: Sender) -> tuple[list[bytes], int, int]:
    """Let a thread take the chunks, with a pause after the first.

    Returns them, and how many were sent before it began and during the pause.
    """
    stream = BodyStream(sender)
    begin, go_on = threading.Event(), threading.Event()

    def consume() -> list[bytes]:
        begin.wait()
        chunks = iter(stream)
        first = next(chunks)
        go_on.wait()
        return [first, *chunks]

    pump = asyncio.create_task(stream.pump())
    consumer = asyncio.create_task(asyncio.to_thread(consume))
    await asyncio.sleep(0.1)
    before = sender.sent
    begin.set()
    await asyncio.sleep(0.1)
    ahead = sender.sent
    go_on.set()
    try:
        return await consumer, before, ahead
    finally:
        pump.cancel()


def test_bytes_arrive_in_order_with_flat_memory() -> None:
    """No more than MAX_BUFFERED_BYTES and a chunk is taken from a client while the disk is busy."""
    chunks = [bytes([at % 256]) * 65_536 for at in range(200)]
    taken, before, ahead = asyncio.run(_hand_over(Sender(chunks)))
    assert taken == chunks
    assert before == 0
    assert MAX_BUFFERED_BYTES // 65_536 < ahead <= MAX_BUFFERED_BYTES // 65_536 + 2


def test_client_that_leaves_is_no_end_of_the_body() -> None:
    """The thread must not take half a part for a whole one."""
    with pytest.raises(Disconnected):
        asyncio.run(_hand_over(Sender([b"half"], leaves=True)))


def _take_slowly(pace: Pace, chunk: bytes, every: float) -> HttpProblem:
    """Take a body without an end that arrives in chunks; return how that is refused."""

    async def receive() -> Message:
        await asyncio.sleep(every)
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def take() -> None:
        stream = BodyStream(receive, pace)
        pump = asyncio.create_task(stream.pump())
        try:
            await asyncio.to_thread(list, stream)
        finally:
            pump.cancel()

    with pytest.raises(HttpProblem) as caught:
        asyncio.run(take())
    return caught.value


@pytest.mark.parametrize(
    ("pace", "every", "reason", "detail"),
    [
        (Pace(stall=0.05), 30, "upload-stalled", "No data arrived for 0.05 seconds"),
        (Pace(grace=0.1, rate=1000), 0.02, "upload-slow", "at less than 1000 bytes per second"),
        (Pace(total=0.1), 0.02, "upload-slow", "The part took more than 0.1 seconds"),
    ],
    ids=["stalled", "slow", "long"],
)
def test_clients_that_are_too_slow_are_refused(
    pace: Pace, every: float, reason: str, detail: str
) -> None:
    """A thread waits neither forever, nor for bytes that come one by one."""
    problem = _take_slowly(pace, b"x", every)
    assert (problem.status, problem.reason) == (408, reason)
    assert detail in str(problem)
    assert problem.headers == {"Connection": "close"}


def test_a_slow_disk_is_not_held_against_the_client() -> None:
    """Only the time that a client lets us wait counts against its rate."""
    pace = Pace(grace=0.05, rate=1_000_000)

    async def hand_over() -> int:
        stream = BodyStream(Sender([b"x"] * 10), pace)
        pump = asyncio.create_task(stream.pump())

        def consume() -> int:
            received = 0
            for chunk in stream:
                time.sleep(0.02)
                received += len(chunk)
            return received

        try:
            return await asyncio.to_thread(consume)
        finally:
            pump.cancel()

    assert asyncio.run(hand_over()) == 10
