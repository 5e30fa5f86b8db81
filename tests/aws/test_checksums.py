"""The prototype's function: an MD5, answered with a count, for its own page."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onecopy.aws.functions.gateway import Gateway
from onecopy.aws.functions.service import open_checksums
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.content import Listed
from onecopy.errors import InvalidSettings
from onecopy.http.checksum_api import ChecksumApi, create_checksum_app
from onecopy.testing.index.complete import open_complete
from tests.aws.requests import Remaining, request, rest_request
from tests.gate.world import md5

Json = Any
ORIGIN = "https://old.example"


@pytest.fixture
def function(tmp_path: Path) -> Iterator[Gateway]:
    """Give the function over a list of one checksum."""
    index = open_complete(f"sqlite:{tmp_path}/index.sqlite")
    index.enlist([("default", Listed(md5(b"hello")))])
    gateway = Gateway(create_checksum_app(index, ChecksumApi(ORIGIN)))
    yield gateway
    gateway.close()
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
def test_it_counts_at_any_path(function: Gateway, path: str) -> None:
    """Wherever the prototype's page has it."""
    for content, count in ((b"hello", 1), (b"other", 0)):
        body = json.dumps({"content": md5(content).value.hex()}).encode()
        for event in both("POST", path, body, content_type="application/json"):
            answer = function(event, Remaining())
            assert answer["statusCode"] == 200
            assert json.loads(answer["body"]) == {"exists": count}


def test_its_page_may_ask_from_elsewhere(function: Gateway) -> None:
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


def test_pages_of_others_may_not(function: Gateway) -> None:
    """And are told no more."""
    for event in both("POST", "/", b"{}", Origin="https://evil.example"):
        answer = function(event, Remaining())
        assert answer["statusCode"] == 403
        assert "access-control-allow-origin" not in answer["headers"]


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'{"content": "x"}', b'{"content": null}'])
def test_ill_formed_content_is_said_to_be_so(function: Gateway, body: bytes) -> None:
    """The page can read what is wrong."""
    for event in both("POST", "/", body, Origin=ORIGIN, Content_Type="application/json"):
        answer = function(event, Remaining())
        assert answer["statusCode"] == 400
        assert json.loads(answer["body"])["reason"] in {"json-invalid", "document-invalid"}
        assert answer["headers"]["access-control-allow-origin"] == ORIGIN


def test_other_methods_are_refused(function: Gateway) -> None:
    """There is nothing to get."""
    for event in both("GET", "/", b""):
        assert function(event, Remaining())["statusCode"] == 405


@pytest.mark.parametrize(
    "settings",
    [
        FunctionSettings(checksum_origin=ORIGIN),
        FunctionSettings(checksum_table="old"),
        FunctionSettings(),
    ],
)
def test_it_needs_a_table_and_an_origin(settings: FunctionSettings) -> None:
    """What is missing is named."""
    with pytest.raises(InvalidSettings, match="ONECOPY_CHECKSUM_ORIGIN and DYNAMODB_TABLE"):
        open_checksums(settings)
