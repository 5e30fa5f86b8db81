"""The OpenAPI document: it is of the app that answers, and the app does what it says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)
from starlette.routing import Route

from onecopy.digest import LARGEST_CONTENT
from onecopy.http import endpoints
from onecopy.http.app import ChecksumApi, Options, create_app
from onecopy.http.examples import EXAMPLES
from onecopy.http.openapi import OpenApiEndpoint
from onecopy.index import open_index
from onecopy.store import open_store
from tests.http.conftest import Json, Service, digest, starting

ANSWERED_SINGLY = ("/v1/check", "/v1/uploads", "/v1/uploads/complete", "/v1/place")
"""Paths where an invalid file has an answer of its own, in a response that is a success."""
OPTIONS = Options(checksum_api=ChecksumApi("https://old.example"))


def described() -> dict[str, Json]:
    """Return the document of an app that has everything switched on."""
    app = create_app(
        open_index("memory:"),
        open_store("memory:"),
        secrets=[b"secret"],
        tokens_required=False,
        options=OPTIONS,
    )
    [endpoint] = [
        route.endpoint
        for route in app.routes
        if isinstance(route, Route) and route.path == "/openapi.json"
    ]
    assert isinstance(endpoint, endpoints.MethodDispatcher)
    description = endpoint.by_method["GET"]
    assert isinstance(description, OpenApiEndpoint)
    document: dict[str, Json] = json.loads(description.document)
    return document


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve an app with everything switched on and something in the store; return its URL."""
    with starting(tmp_path_factory.mktemp("api")) as start:
        service = start(OPTIONS)
        service.upload("0", b"hello")
        yield service.url


schema = schemathesis.openapi.from_dict(described())
# Too long a list is a 413, too.
schema.config.checks.negative_data_rejection.expected_statuses.append("413")


@schema.parametrize()
@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_app_does_what_its_document_says(api: str, case: schemathesis.Case[Any]) -> None:
    """Whatever is sent: a status, type and body that are described, and never a fault of ours."""
    excluded: list[CheckFunction] = [positive_data_acceptance]  # nobody can make a ticket up
    if case.path in ANSWERED_SINGLY:
        excluded.append(negative_data_rejection)  # tests/http/test_decoding.py
    if case.path == "/":
        excluded.append(unsupported_method)  # the page is there, and no part of the API
    case.call_and_validate(base_url=api, excluded_checks=excluded)


def test_document_is_of_what_answers(plain: Service) -> None:
    """Every operation is there, and requires what the app requires."""
    document = plain.ask("GET", "/openapi.json").json
    assert document["openapi"] == "3.1.0"
    asked = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert asked == {
        "GET /v1/config",
        "POST /v1/probe",
        "POST /v1/check",
        "POST /v1/uploads",
        "POST /v1/uploads/batch",
        "POST /v1/uploads/parts",
        "PUT /v1/uploads/parts/{n}",
        "POST /v1/uploads/status",
        "POST /v1/uploads/complete",
        "POST /v1/uploads/abort",
        "POST /v1/place",
        "GET /v1/activity",
        "POST /v1/avoided",
        "GET /v1/copies/{key}/link",
        "POST /v1/tokens",
        "DELETE /v1/tokens/{id}",
        "GET /v1/content",
        "GET /v1/duplicates",
        "GET /v1/duplicates/groups",
        "GET /healthz",
        "GET /readyz",
        "GET /v1/sign-in",
        "GET /metrics",
    }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answer = plain.ask(method.upper(), path.format(n=1, key="k", id="0"))
            assert str(answer.status) in operation["responses"], (method, path, answer.body)
            assert "500" in operation["responses"]


def test_page_of_the_documentation_names_what_answers() -> None:
    """Every operation, in docs/http.md."""
    text = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    for path, methods in described()["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}" in text


def test_limits_are_stated(plain: Service) -> None:
    """A client learns them from the document, too."""
    schemas = plain.ask("GET", "/openapi.json").json["components"]["schemas"]
    assert schemas["CheckRequest"]["properties"]["files"]["maxItems"] == 1_000
    assert schemas["ProbeRequest"]["properties"]["sizes"]["maxItems"] == 10_000
    size = schemas["ContentDocument"]["properties"]["size"]
    assert size["maximum"] == LARGEST_CONTENT
    assert set(schemas["Problem"]["required"]) >= {"title", "status", "reason"}


def test_tokens_are_described_where_they_are_required(plain: Service, guarded: Service) -> None:
    """The security scheme, and the scope of each operation."""
    bare = plain.ask("GET", "/openapi.json").json
    assert "securitySchemes" not in bare["components"]
    document = guarded.ask("GET", "/openapi.json").json
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    check = document["paths"]["/v1/check"]["post"]
    assert check["security"] == [{"token": []}]
    assert "`check`" in check["description"]
    assert "401" in check["responses"]
    assert "security" not in document["paths"]["/healthz"]["get"]


def test_operations_are_grouped() -> None:
    """Every operation has one tag, and every tag is described and used."""
    document = described()
    paths = document["paths"].values()
    used = [operation["tags"] for methods in paths for operation in methods.values()]
    assert all(len(tags) == 1 for tags in used)
    assert {tag for [tag] in used} == {tag["name"] for tag in document["tags"]}
    assert all(tag["description"] for tag in document["tags"])


def test_every_document_has_an_example() -> None:
    """Requests and responses in JSON, and parameters; each example is what it is an example of."""
    document = described()
    for methods in document["paths"].values():
        for operation in methods.values():
            assert all("example" in parameter for parameter in operation["parameters"])
            bodies = [operation.get("requestBody", {})]
            bodies.append(operation["responses"].get("200", {}))
            for body in bodies:
                if content := body.get("content", {}).get("application/json"):
                    kind = next(
                        kind
                        for kind in EXAMPLES
                        if isinstance(kind, type)
                        and content["schema"]["$ref"].endswith(f"/{kind.__name__}")
                    )
                    msgspec.convert(content["example"], kind)


def test_optional_fields_are_optional() -> None:
    """A field with a default has none in the schema: generators would require it, or promise it."""
    schemas = described()["components"]["schemas"]
    upload = schemas["UploadDocument"]
    assert upload["required"] == ["key", "size"]
    assert upload["properties"]["anyway"]["description"].endswith("Default: `false`.")
    assert upload["properties"]["content_type"]["type"] == "string"
    result = schemas["ResultDocument"]
    assert result["required"] == ["verdict"]
    assert result["properties"]["copy"] == {"$ref": "#/components/schemas/CopyDocument"}
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            assert "default" not in field
            assert {"type": "null"} not in field.get("anyOf", [])


def test_content_is_described(service: Service) -> None:
    """The whole object or a range of it, with the headers that the service sends."""
    responses = service.ask("GET", "/openapi.json").json["paths"]["/v1/content"]["get"]["responses"]
    service.upload("a", b"hello")
    url = service.ask("GET", "/v1/copies/a/link").json["url"]
    asked = {"200": {}, "206": {"Range": "bytes=1-2"}, "416": {"Range": "bytes=9-"}}
    for status, headers in asked.items():
        answer = service.ask("GET", url, headers=headers)
        assert str(answer.status) == status
        assert {name.lower() for name in responses[status]["headers"]} <= set(answer.headers)
    assert responses["200"]["content"]["*/*"]["schema"] == {"type": "string", "format": "binary"}
    assert "Content-Range" in responses["206"]["headers"]


def test_part_upload_is_described(plain: Service) -> None:
    """Its body is bytes, and its answer the part as it was stored."""
    part = plain.ask("GET", "/openapi.json").json["paths"]["/v1/uploads/parts/{n}"]["put"]
    [body] = part["requestBody"]["content"].values()
    assert body["schema"] == {"type": "string", "format": "binary"}
    assert "durable" in part["responses"]["200"]["description"]
    assert set(part["responses"]["200"]["content"]["application/json"]["example"]) == {
        "number",
        "size",
        "sha256",
    }
    assert {"400", "404", "408", "411", "413", "507"} <= set(part["responses"])
    assert "Retry-After" in part["responses"]["503"]["headers"]


def test_every_reference_leads_somewhere(plain: Service) -> None:
    """No `$ref` dangles."""
    document = plain.ask("GET", "/openapi.json").json
    text = json.dumps(document)
    for name in text.split('"$ref": "#/components/schemas/')[1:]:
        assert name.partition('"')[0] in document["components"]["schemas"]
    assert digest(b"") not in text
