"""The adapter: events of API Gateway become requests, and answers what it takes for answers."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from onecopy.aws.functions.gateway import MAX_BODY_BYTES, Gateway
from onecopy.errors import BadInput
from onecopy.http.auth import CLAIMS
from onecopy.http.threads import Threads
from tests.aws.requests import Remaining, request, rest_request

Json = Any
Open = Callable[[ASGIApp], Gateway]
Headers = Sequence[tuple[bytes, bytes]]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Make gateways; their event loops end with the test."""
    made: list[Gateway] = []

    def make(app: ASGIApp) -> Gateway:
        made.append(Gateway(app))
        return made[-1]

    yield make
    for gateway in made:
        gateway.close()


def answering(body: bytes = b"", headers: Headers = (), status: int = 200) -> ASGIApp:
    """Return an application that answers everything alike, in two chunks."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        own = [(b"content-length", str(len(body)).encode()), *headers]
        await send({"type": "http.response.start", "status": status, "headers": own})
        await send({"type": "http.response.body", "body": body[:1], "more_body": True})
        await send({"type": "http.response.body", "body": body[1:]})

    return app


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with the request."""
    message = await receive()
    document = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "body": base64.b64encode(message["body"]).decode(),
        "more": message.get("more_body", False),
        "claims": scope[CLAIMS],
    }
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})


def asked(event: Json, opened: Open) -> Json:
    """Return what an application sees of a request."""
    return json.loads(opened(echo)(event, Remaining())["body"])


def test_a_request_arrives_whole(opened: Open) -> None:
    """Method, path, query, headers and body are those that were sent."""
    event = request(
        "POST", "/v1/check", b'{"a": "\xc3\xa9"}', headers={"X-Two": "a,b"}, query="a=1&a=%20&b"
    )
    seen = asked(event, opened)
    assert (seen["method"], seen["path"], seen["query"]) == ("POST", "/v1/check", "a=1&a=%20&b")
    assert ["x-two", "a,b"] in seen["headers"]
    assert base64.b64decode(seen["body"]) == b'{"a": "\xc3\xa9"}'
    assert seen["more"] is False


def test_a_binary_body_arrives(opened: Open) -> None:
    """What is no text comes in base64."""
    body = bytes(range(256))
    event = request("PUT", "/", body)
    assert event["isBase64Encoded"]
    assert base64.b64decode(asked(event, opened)["body"]) == body


def test_no_body_is_an_empty_one(opened: Open) -> None:
    """Requests without a body have no such field."""
    assert asked(request("GET", "/"), opened)["body"] == ""


@pytest.mark.parametrize("event", [{}, {"key1": "value1"}, {"Records": []}, [], None, "text"])
def test_an_event_that_is_no_request(opened: Open, event: Json) -> None:
    """A test event of the console, or a notification of S3, is refused as no request."""
    with pytest.raises(BadInput, match="this event is not a request: it has no requestContext"):
        opened(echo)(event, Remaining())


def test_cookies_are_one_header(opened: Open) -> None:
    """API Gateway takes them out of the headers."""
    seen = asked(request("GET", "/", cookies=["a=1", "b=2"]), opened)
    assert ["cookie", "a=1; b=2"] in seen["headers"]


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("/v1/copies/a%2Fb/link", "/v1/copies/a/b/link"),
        ("/v1/copies/a%20b/link", "/v1/copies/a b/link"),
        ("/v1/copies/%C3%A9/link", "/v1/copies/é/link"),
        ("/v1/copies/100%25/link", "/v1/copies/100%/link"),
        ("/v1/copies/%2541/link", "/v1/copies/%41/link"),
        ("/", "/"),
    ],
)
def test_paths_are_decoded_once(opened: Open, sent: str, path: str) -> None:
    """Whether API Gateway has done it before us (HTTP APIs) or not (REST APIs)."""
    assert asked(request("GET", sent), opened)["path"] == path
    assert asked(rest_request("GET", sent), opened)["path"] == path


@pytest.mark.parametrize("path", ["/v1/check", "/", "/prod/prod"])
def test_the_stage_is_no_part_of_the_path(opened: Open, path: str) -> None:
    """An API's own address has it in front of every path."""
    assert asked(request("GET", path, stage="prod"), opened)["path"] == path


def test_the_stage_alone_is_the_root(opened: Open) -> None:
    """As somebody types it."""
    event = request("GET", "/", stage="prod")
    event["rawPath"] = "/prod"
    assert asked(event, opened)["path"] == "/"


def test_a_domain_of_ones_own_has_no_stage_in_its_paths(opened: Open) -> None:
    """There a path that begins like the stage is left as it is."""
    event = request("GET", "/v1/check", stage="v1")
    event["rawPath"] = "/v1/check"
    event["requestContext"] |= {"domainName": "api.example.org", "domainPrefix": "api"}
    assert asked(event, opened)["path"] == "/v1/check"


def test_a_rest_request_arrives_whole(opened: Open) -> None:
    """Payload format 1.0 says each value of a header and of the query."""
    event = rest_request(
        "POST",
        "/here",
        b"\xff",
        headers={"X-Many": ["a", "b"], "Content-Type": ["text/plain"]},
        query={"a": ["1", "x y"], "b": ["&"]},
    )
    seen = asked(event, opened)
    assert (seen["method"], seen["path"]) == ("POST", "/here")
    assert seen["query"] == "a=1&a=x+y&b=%26"
    assert seen["headers"] == [["x-many", "a"], ["x-many", "b"], ["content-type", "text/plain"]]
    assert base64.b64decode(seen["body"]) == b"\xff"


def test_a_bare_rest_request_arrives(opened: Open) -> None:
    """A test in the console sends nulls for what there is none of."""
    seen = asked(rest_request("GET", "/"), opened)
    assert (seen["headers"], seen["query"], seen["body"]) == ([], "", "")


def test_claims_come_from_the_authorizer_alone(opened: Open) -> None:
    """Neither a header nor a body nor another authorizer's word makes one."""
    assert asked(request("GET", "/", claims={"sub": "ada"}), opened)["claims"] == {"sub": "ada"}
    forged = request("GET", "/", headers={"authorizer": "jwt", CLAIMS: '{"sub": "ada"}'})
    assert asked(forged, opened)["claims"] is None
    forged["requestContext"]["authorizer"] = {"lambda": {"jwt": {"claims": {"sub": "ada"}}}}
    assert asked(forged, opened)["claims"] is None
    rest = rest_request("GET", "/")
    rest["requestContext"]["authorizer"] = {"claims": {"sub": "ada"}, "principalId": "ada"}
    assert asked(rest, opened)["claims"] is None


def test_an_answer_is_what_api_gateway_takes(opened: Open) -> None:
    """Text as text; its length is for API Gateway to say."""
    app = answering("é".encode(), [(b"Content-Type", b"text/plain; charset=utf-8")], 201)
    assert opened(app)(request("GET", "/"), Remaining()) == {
        "statusCode": 201,
        "headers": {"content-type": "text/plain; charset=utf-8"},
        "body": "é",
        "isBase64Encoded": False,
    }


def test_a_binary_answer_is_in_base64(opened: Open) -> None:
    """Pictures of the page, say."""
    body = bytes(range(256))
    answer = opened(answering(body))(request("GET", "/"), Remaining())
    assert answer["isBase64Encoded"]
    assert base64.b64decode(answer["body"]) == body


def test_headers_of_one_name_are_joined_and_cookies_apart(opened: Open) -> None:
    """Cookies have commas in them."""
    headers = [(b"vary", b"a"), (b"vary", b"b"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    answer = opened(answering(b"", headers))(request("GET", "/"), Remaining())
    assert answer["headers"] == {"vary": "a, b"}
    assert answer["cookies"] == ["a=1", "b=2"]


def test_an_answer_to_head_has_no_body(opened: Open) -> None:
    """All else is as for GET."""
    answer = opened(answering(b"body", [(b"etag", b"x")]))(request("HEAD", "/"), Remaining())
    assert (answer["body"], answer["headers"]) == ("", {"etag": "x"})


@pytest.mark.parametrize("unit", [b"x", b'"', b"\xff"])
def test_an_answer_that_lambda_would_not_take_is_said_to_be_too_long(
    opened: Open, unit: bytes
) -> None:
    """It is what it becomes on the way that counts: escaped, or in base64."""
    weight = {b"x": 1, b'"': 2, b"\xff": 4 / 3}[unit]
    fits = unit * int(MAX_BODY_BYTES / weight - 100)
    assert opened(answering(fits))(request("GET", "/"), Remaining())["statusCode"] == 200
    answer = opened(answering(fits + unit * 200))(request("GET", "/"), Remaining())
    assert answer["statusCode"] == 413
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert json.loads(answer["body"])["reason"] == "limit-exceeded"


def test_who_takes_too_long_is_answered_in_time(opened: Open) -> None:
    """And the next request finds everything in order."""
    threads = Threads()
    slow = True

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await threads.call(time.sleep, 0.5 if slow else 0)
        await answering(b"done")(scope, receive, send)

    gateway = opened(app)
    late = gateway(request("GET", "/"), Remaining(1.05))
    assert late["statusCode"] == 503
    assert late["headers"]["retry-after"] == "1"
    assert json.loads(late["body"])["reason"] == "time-over"
    slow = False
    time.sleep(0.6)  # as if the process were frozen: the thread ends without the loop
    assert gateway(request("GET", "/"), Remaining())["body"] == "done"
    threads.close()


def test_a_client_who_has_gone_is_not_noticed(opened: Open) -> None:
    """Lambda is not informed of it: what waits for it waits until the time is over."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.01)
        await answering(b"still here")(scope, receive, send)

    assert opened(app)(request("GET", "/"), Remaining())["body"] == "still here"


def test_an_application_that_fails_fails_the_function(opened: Open) -> None:
    """Then Lambda logs it, and API Gateway answers 500."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        opened(app)(request("GET", "/"), Remaining())
