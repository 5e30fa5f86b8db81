"""The OpenAPI 3.1 document, generated from the table of operations that the app is built from."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Asgi

from onecopy.documents import Problem
from onecopy.http.examples import EXAMPLES
from onecopy.http.problems import PROBLEM_JSON
from onecopy.http.response import send_response
from onecopy.tokens import Scope
from onecopy.version import __version__

_COMPONENTS = "#/components/schemas/{name}"
_TEXT = {"type": "string"}
_BYTES = {"type": "string", "format": "binary"}
_HEADERS = MappingProxyType(
    {
        401: {"WWW-Authenticate": "The scheme of the token, `Bearer`."},
        416: {"Content-Range": "The size of the object, as `bytes */SIZE`."},
        503: {"Retry-After": "Seconds after which the request may be repeated."},
    }
)
"""Headers of problem documents, by status."""


class Parameter(NamedTuple):
    """A parameter in the path, the query or a header."""

    name: str
    place: str
    """`path`, `query` or `header`."""
    description: str
    schema: dict[str, Any] = _TEXT
    required: bool = True
    example: str | int | None = None


class Success(NamedTuple):
    """A response that is no problem document."""

    status: int
    description: str
    headers: Mapping[str, str] = MappingProxyType({})
    """Description by name."""


class Operation(NamedTuple):
    """One row of the table: an endpoint, and its description for OpenAPI."""

    method: str
    path: str
    """In Starlette's syntax: `{key:key}` may contain any characters."""
    name: str
    summary: str
    endpoint: ASGIApp
    request: type | str | None = None
    """The type of a JSON document, or the media type of another body."""
    response: type | str | None = None
    """Like `request`; None for 204."""
    problems: Sequence[int] = ()
    """Statuses of its problem documents."""
    needs: Scope | None = None
    is_open: bool = False
    """Whether it needs no token."""
    parameters: Sequence[Parameter] = ()
    successes: Sequence[Success] = (Success(200, "Success."),)
    """Its responses with the body `response`."""
    tag: str = ""

    @property
    def template(self) -> str:
        """The path as OpenAPI, the log and the metrics write it."""
        return compile_path(self.path)[1]


class OpenApiEndpoint:
    """Responds with the document, which is generated at the first request."""

    def __init__(
        self,
        operations: Sequence[Operation],
        tags: Mapping[str, str],
        *,
        tokens_required: Callable[[], bool],
    ) -> None:
        self._tokens_required = tokens_required
        self._describe = lru_cache(maxsize=2)(
            lambda required: describe(operations, tags, tokens_required=required)
        )

    @property
    def document(self) -> bytes:
        """The document as JSON, as of now: a service may begin to require tokens."""
        return self._describe(self._tokens_required())

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send_response(send, self.document)


def describe(
    operations: Sequence[Operation], tags: Mapping[str, str], *, tokens_required: bool
) -> bytes:
    """Return the document as JSON; `tags` has the description of each tag."""
    documents = {
        document
        for operation in operations
        for document in (operation.request, operation.response, Problem)
        if isinstance(document, type)
    }
    _, components = msgspec.json.schema_components(
        sorted(documents, key=lambda document: document.__name__), ref_template=_COMPONENTS
    )
    for schema in components.values():
        _omit_defaults(schema)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _operation(operation, tokens_required=tokens_required)
        paths.setdefault(operation.template, {})[operation.method.lower()] = described
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "onecopy",
            "version": __version__,
            "summary": "Find out before an upload that its content is already stored.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in tags.items()],
        "paths": paths,
        "components": {"schemas": components},
    }
    if tokens_required:
        token = {
            "type": "http",
            "scheme": "bearer",
            "description": "Made by `onecopy token create`, `POST /v1/tokens` or an issuer.",
        }
        document["components"]["securitySchemes"] = {"token": token}
    return msgspec.json.encode(document)


def _operation(operation: Operation, *, tokens_required: bool) -> dict[str, Any]:
    needs_token = tokens_required and not operation.is_open
    problems = {*operation.problems, 500, *((401, 403, 503) if needs_token else (403,))}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": {
            **_success(operation),
            **{str(status): _problem(status) for status in sorted(problems)},
        },
    }
    if operation.request is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.request)}
    if needs_token:
        described["security"] = [{"token": []}]
        if operation.needs:
            described["description"] = f"Needs a token with the scope `{operation.needs}`."
    return described


def _omit_defaults(schema: dict[str, Any]) -> None:
    """Remove the defaults of optional fields, and state those of requests in words.

    Generators take a field with a default for one that is always present. Responses omit it.
    """
    for field in schema.get("properties", {}).values():
        default = field.pop("default", None)
        if default is not None:
            text = f"Default: `{msgspec.json.encode(default).decode()}`."
            field["description"] = f"{field.get('description', '')} {text}".strip()
        if "anyOf" in field:  # None is the default, and never sent
            field["anyOf"] = [kind for kind in field["anyOf"] if kind != {"type": "null"}]
            if len(field["anyOf"]) == 1:
                field.update(field.pop("anyOf")[0])


def _parameter(parameter: Parameter) -> dict[str, Any]:
    example = {} if parameter.example is None else {"example": parameter.example}
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
        **example,
    }


def _success(operation: Operation) -> dict[str, Any]:
    if operation.response is None:
        return {"204": {"description": "Success, without content."}}
    content = _content(operation.response, EXAMPLES.get(operation.name))
    return {
        str(status): {"description": text, **_described_headers(headers), "content": content}
        for status, text, headers in operation.successes
    }


def _described_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    described = {name: {"description": text, "schema": _TEXT} for name, text in headers.items()}
    return {"headers": described} if described else {}


def _content(document: type | str, example: msgspec.Struct | None = None) -> dict[str, Any]:
    if isinstance(document, str):
        return {document: {"schema": _TEXT if document.startswith("text/") else _BYTES}}
    described: dict[str, Any] = {"schema": {"$ref": _COMPONENTS.format(name=document.__name__)}}
    if example := example or EXAMPLES.get(document):
        described["example"] = msgspec.to_builtins(example)
    return {PROBLEM_JSON if document is Problem else "application/json": described}


def _problem(status: int) -> dict[str, Any]:
    return {
        "description": HTTPStatus(status).phrase,
        **_described_headers(_HEADERS.get(status, {})),
        "content": _content(Problem),
    }
