"""The prototype's function: an MD5, answered with a count, for its own page."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onecopy.aws.functions.checksum_events import ChecksumFunction
from onecopy.aws.functions.service import open_checksums
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.content import Listed
from onecopy.errors import BadInput, InvalidSettings
from onecopy.http.checksum_api import ChecksumApi
from onecopy.testing.index.complete import open_complete
from tests.aws.requests import Remaining, request, rest_request
from tests.gate.world import md5
from tests.index.tables import client_of, make_table, new_table
from tests.standins import Standin

Json = Any
ORIGIN = "https://old.example"


@pytest.fixture
def function(tmp_path: Path) -> Iterator[ChecksumFunction]:
    """Give the function over a list of one checksum."""
    index = open_complete(f"sqlite:{tmp_path}/index.sqlite")
    index.enlist([("default", Listed(md5(b"hello")))])
    opened = ChecksumFunction(index, ChecksumApi(ORIGIN))
    yield opened
    opened.close()
    index.close()


def both(method: str, path: str, body: bytes, **headers: str) -> list[Json]:
    """Return a request as HTTP APIs and as REST APIs hand it over."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    listed = {name: [value] for name, value in named.items()}
    return [
        request(method, path, body, headers=named),
        rest_request(method, path, body, headers=listed),
    ]


@pytest.mark.parametrize("path", ["/", "/check", "/prod/api"])
def test_it_counts_at_any_path(function: ChecksumFunction, path: str) -> None:
    """Wherever the prototype's page has it."""
    for content, count in ((b"hello", 1), (b"other", 0)):
        body = json.dumps({"content": md5(content).value.hex()}).encode()
        for event in both("POST", path, body, content_type="application/json"):
            answer = function(event, Remaining())
            assert answer["statusCode"] == 200
            assert json.loads(answer["body"]) == {"exists": count}


def test_its_page_may_ask_from_elsewhere(function: ChecksumFunction) -> None:
    """With `contentType: "application/json"` a browser asks before jQuery may."""
    asking = {
        "Origin": ORIGIN,
        "Access_Control_Request_Method": "POST",
        "Access_Control_Request_Headers": "content-type",
    }
    for event in both("OPTIONS", "/", b"", **asking):
        answer = function(event, Remaining())
        assert answer["statusCode"] == 204
        assert answer["headers"]["access-control-allow-origin"] == ORIGIN
        assert answer["headers"]["access-control-allow-methods"] == "POST"
        assert answer["headers"]["access-control-allow-headers"] == "content-type"
    body = b'{"content":"' + b"0" * 32 + b'"}'
    for event in both("POST", "/", body, Origin=ORIGIN, Content_Type="application/json"):
        assert function(event, Remaining())["headers"]["access-control-allow-origin"] == ORIGIN


def test_pages_of_others_may_not(function: ChecksumFunction) -> None:
    """They learn nothing else."""
    for event in both("POST", "/", b"{}", Origin="https://evil.example"):
        answer = function(event, Remaining())
        assert answer["statusCode"] == 403
        assert "access-control-allow-origin" not in answer["headers"]


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'{"content": "x"}', b'{"content": null}'])
def test_ill_formed_content_is_said_to_be_so(function: ChecksumFunction, body: bytes) -> None:
    """The page can read what is wrong."""
    for event in both("POST", "/", body, Origin=ORIGIN, Content_Type="application/json"):
        answer = function(event, Remaining())
        assert answer["statusCode"] == 400
        assert json.loads(answer["body"])["reason"] in {"json-invalid", "document-invalid"}
        assert answer["headers"]["access-control-allow-origin"] == ORIGIN


def test_other_methods_are_refused(function: ChecksumFunction) -> None:
    """There is nothing to get."""
    for event in both("GET", "/", b""):
        assert function(event, Remaining())["statusCode"] == 405


@pytest.mark.parametrize("settings", [FunctionSettings(checksum_origin=ORIGIN), FunctionSettings()])
def test_it_needs_a_table(settings: FunctionSettings) -> None:
    """What is missing is named."""
    with pytest.raises(InvalidSettings, match="DYNAMODB_TABLE"):
        open_checksums(settings)


def test_a_bare_event_is_answered_with_a_bare_count(function: ChecksumFunction) -> None:
    """Without proxy integration the event is the body, and the result is the response."""
    for content, count in ((b"hello", 1), (b"other", 0)):
        for digits in (md5(content).value.hex(), md5(content).value.hex().upper()):
            assert function({"content": digits}, Remaining()) == {"exists": count}
            assert function({"content": digits, "more": 1}, Remaining()) == {"exists": count}


@pytest.mark.parametrize("event", [{}, {"content": "x"}, {"content": None}, [], None, "text"])
def test_an_ill_formed_bare_event_fails(function: ChecksumFunction, event: Json) -> None:
    """Lambda reports the error; no count is made up."""
    with pytest.raises(BadInput):
        function(event, Remaining())


def test_the_two_variables_of_the_prototype_are_enough(
    ministack: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DYNAMODB_TABLE and DYNAMODB_KEY; then no page of another origin may use it."""
    table = new_table()
    make_table(ministack, table, "checksum")
    item = {"checksum": {"S": md5(b"hello").value.hex()}}
    client_of(ministack).put_item(TableName=table, Item=item)
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", ministack.endpoint)
    variables = {"DYNAMODB_TABLE": table, "DYNAMODB_KEY": "checksum"}
    function = open_checksums(FunctionSettings.read(variables))
    document = {"content": md5(b"hello").value.hex()}
    assert function(document, Remaining()) == {"exists": 1}
    body = json.dumps(document).encode()
    for event in both("POST", "/", body, content_type="application/json"):
        assert json.loads(function(event, Remaining())["body"]) == {"exists": 1}
    for event in both("POST", "/", body, content_type="application/json", Origin=ORIGIN):
        answer = function(event, Remaining())
        assert answer["statusCode"] == 403
        assert "access-control-allow-origin" not in answer["headers"]
    function.close()
