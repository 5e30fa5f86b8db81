"""Client: answers of services of other versions, and of what stands in front of a service."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from onecopy.client import Client
from onecopy.content import Content, Verdict
from onecopy.digest import MD5, SHA256, Digest
from onecopy.errors import Failure, LimitExceeded, NotAllowed, OnecopyError, Unavailable
from onecopy.gate.interface import Avoided, Place, Request
from onecopy.retry import RetryPolicy
from tests.middleman import Answer, Handler, answering, serving

Json = Any
ONCE = RetryPolicy(attempts=1)
TWICE = RetryPolicy(attempts=2, first_delay=0.01)
DIGEST = Digest(SHA256, bytes(32))
CONTENT = Content(5, (DIGEST,))
CONFIG: Json = {
    "version": "9.9",
    "tenant": "default",
    "store": {"kind": "folder", "more": {"a": [1]}},
    "part_size": {"smallest": 1, "largest": 2, "most_parts": 3},
    "limits": {
        "sizes": 10,
        "files": 10,
        "digests": 8,
        "parts": 10,
        "key_bytes": 1024,
        "body_bytes": 1_000_000,
        "dreams": 7,
    },
    "price_per_gb_month": 0.023,
    "features": ["upload", "levitate"],
    "trash": [],
    "news": "a field that this version does not know",
}
JSON = {"Content-Type": "application/json"}


@contextmanager
def offering(path: str, document: Json, policy: RetryPolicy = ONCE) -> Iterator[Client]:
    """Give a client of a service that answers one call besides the configuration."""
    answers = {"/v1/config": CONFIG, path: document}

    class Answering(Handler):
        def answer(self, length: int) -> Answer | None:
            self.rfile.read(length)
            if self.path in answers:
                return 200, JSON, json.dumps(answers[self.path]).encode()
            problem = {"title": "Not Found", "status": 404, "reason": "not-found"}
            return 404, {"Content-Type": "application/problem+json"}, json.dumps(problem).encode()

    with serving(Answering) as url, Client(url, policy=policy) as client:
        yield client


def check(client: Client) -> object:
    return client.check([CONTENT])


def test_a_newer_service_may_say_more() -> None:
    """Unknown fields and features are ignored, unknown schemes and digests left out."""
    copy = {
        "key": "a",
        "size": 5,
        "stored_at": "2026-03-12T09:30:00Z",
        "recorded_at": "2026-03-12T09:30:00Z",
        "digests": [f"sha256:{'0' * 64}", "blake3:00", "sha256:short"],
        "mood": "good",
    }
    result = {"verdict": "duplicate", "copy": copy, "reason": "news", "confidence": 1}
    with offering("/v1/check", {"results": [result], "took": 3}) as client:
        assert client.config().features == ("upload", "levitate")
        [answer] = client.check([CONTENT])
    assert (answer.verdict, answer.reason) == (Verdict.DUPLICATE, "news")
    assert answer.copy is not None
    assert [digest for digest, _ in answer.copy.digests.pairs()] == [DIGEST]


def test_schemes_that_this_version_does_not_know() -> None:
    """A size with such schemes only is not taken for new: the content digest is checked."""
    schemes = {"5": ["blake3"], "6": ["blake3", "md5"], "8": [], "nine": ["md5"]}
    with offering("/v1/probe", {"schemes": schemes}) as client:
        assert client.probe([5, 6, 7, 8, 5]) == [
            {SHA256},
            {MD5},
            frozenset(),
            frozenset(),
            {SHA256},
        ]


@pytest.mark.parametrize(
    ("path", "document", "call"),
    [
        ("/v1/check", {"results": [{"verdict": "perhaps"}]}, check),
        ("/v1/check", {"results": [{}]}, check),
        ("/v1/check", {"results": {}}, check),
        ("/v1/check", {}, check),
        ("/v1/check", [], check),
        ("/v1/check", "text", check),
        ("/v1/check", None, check),
        ("/v1/check", {"results": []}, check),
        ("/v1/check", {"results": [{"verdict": "new"}] * 2}, check),
        ("/v1/probe", {"schemes": {"5": "md5"}}, lambda c: c.probe([5])),
        ("/v1/uploads/parts", {"send": []}, lambda c: c.parts("t", [(1, bytes(32))])),
        (
            "/v1/uploads/status",
            {"ticket": "t", "parts": [{"number": 1, "size": 2, "sha256": "no hex"}]},
            lambda c: c.status("t"),
        ),
    ],
)
def test_an_answer_that_does_not_fit(
    path: str, document: Json, call: Callable[[Client], object]
) -> None:
    """It is never a verdict, nor a traceback: a Failure says what is wrong with it."""
    with (
        offering(path, document) as client,
        pytest.raises(Failure, match=r"http://127\.0|the service returned") as caught,
    ):
        call(client)
    assert type(caught.value) is Failure


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.place([Place("a", 5, DIGEST)]),
        lambda client: client.count_avoided(Avoided(1, 5, 5)),
        lambda client: client.create_token(60),
    ],
    ids=["place", "avoided", "tokens"],
)
def test_an_older_service(call: Callable[[Client], object]) -> None:
    """A call that it does not have is named, and its age as the probable cause."""
    with (
        offering("/v1/check", {}) as client,
        pytest.raises(Failure, match=r"the service has no http://127.*it may be older"),
    ):
        call(client)


PAGE = b"<html><h1>Sign in</h1></html>"
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "text"),
    [
        (200, HTML, PAGE, Failure, "29 bytes of type text/html"),
        (200, JSON, b'{"version": "1', Failure, "is not the API of onecopy"),
        (200, JSON, b'{"version": "\xff"}', Failure, "is not the API of onecopy"),
        (200, JSON, b'{"a":' + b"[" * 100_000, Failure, "is not the API of onecopy"),
        (200, JSON, b"[]", Failure, "cannot use: Expected `object`, got `array`"),
        (200, JSON, b"NaN", Failure, "is not the API of onecopy"),
        (204, {}, b"", Failure, "cannot use"),
        (
            200,
            JSON | {"Content-Encoding": "gzip"},
            gzip.compress(json.dumps(CONFIG).encode()),
            Failure,
            "in the coding gzip, which was not requested",
        ),
        (302, {"Location": "https://login.example/?a=hush"}, b"", OnecopyError, "to https://login"),
        (403, HTML, PAGE, NotAllowed, "v1/config returned 403 Forbidden, probably from a proxy"),
        (413, HTML, PAGE, LimitExceeded, "no request as large as this one"),
        (502, HTML, PAGE, Unavailable, "v1/config returned 502 Bad Gateway, probably from a proxy"),
    ],
)
def test_something_else_answers(
    status: int, headers: dict[str, str], body: bytes, kind: type[OnecopyError], text: str
) -> None:
    """Each ends with an error that names the URL, what came, and what to do."""
    with (
        answering(status, headers, body) as server,
        Client(server.url, policy=TWICE) as client,
        pytest.raises(kind) as caught,
    ):
        client.config()
    assert text in str(caught.value)
    assert server.url in str(caught.value)
    assert "; " in str(caught.value)
    assert "hush" not in str(caught.value)
    assert len(server.seen) == (2 if kind is Unavailable else 1)


@pytest.mark.parametrize("headers", [{"Content-Length": str(1 << 40)}, {}])
def test_an_answer_without_end(headers: dict[str, str]) -> None:
    """It is not read into memory: neither if its length is stated nor if it is not."""
    sent = 0

    class Endless(Handler):
        def do_GET(self) -> None:  # noqa: N802 - the base's name
            nonlocal sent
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            while sent < 200 << 20:
                sent += self.wfile.write(b" " * 65536)

    with (
        serving(Endless) as url,
        Client(url, policy=ONCE) as client,
        pytest.raises(Failure, match=r"too large: \d+ bytes \(limit 67108864\)"),
    ):
        client.config()
    assert sent < 100 << 20


def test_a_wait_until_a_date() -> None:
    """Retry-After as a date is respected, like one in seconds."""
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
    with (
        answering(503, {"Retry-After": date}, b"") as server,
        Client(server.url, policy=RetryPolicy(attempts=2, first_delay=0.001)) as client,
    ):
        start = time.monotonic()
        with pytest.raises(Unavailable):
            client.config()
    assert len(server.seen) == 2
    assert time.monotonic() - start > 0.5


def test_a_body_that_a_proxy_does_not_accept() -> None:
    """The message has the size of the request, which the operator has to allow."""

    class Small(Handler):
        def answer(self, length: int) -> Answer | None:
            self.rfile.read(length)
            if self.path == "/v1/config":
                return 200, JSON, json.dumps(CONFIG).encode()
            return 413, HTML, PAGE

    with (
        serving(Small) as url,
        Client(url, policy=ONCE) as client,
        pytest.raises(LimitExceeded, match=r"\(\d{5} bytes\); ask .*client_max_body_size"),
    ):
        client.begin([Request(f"{n}" * 999, 5, DIGEST, metadata=()) for n in range(10)] * 10)


def test_a_client_closes_its_connections() -> None:
    """A `with` block closes the client, also after an error."""
    with answering(404, {}, b"") as server:
        with pytest.raises(Failure), Client(server.url) as client:
            client.config()
        assert client._http._idle == {server.url: []}
