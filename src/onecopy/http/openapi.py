"""The OpenAPI 3.1 document, made from the very table of operations that the app is built from."""

from collections.abc import Sequence
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Asgi

from onecopy.documents import Problem
from onecopy.http.answer import answer
from onecopy.http.problems import PROBLEM_JSON
from onecopy.tokens import Scope
from onecopy.version import __version__

_COMPONENTS = "#/components/schemas/{name}"


class Parameter(NamedTuple):
    """A part of the path, the query or the head."""

    name: str
    place: str
    """`path`, `query` or `header`."""
    schema: dict[str, Any]
    description: str
    required: bool = True


class Operation(NamedTuple):
    """One row of the table: what is asked, how it is described, and what answers it."""

    method: str
    path: str
    """As Starlette has it: a part that may hold slashes is `{key:path}`."""
    name: str
    summary: str
    endpoint: ASGIApp
    request: type | str | None = None
    """A document, or the media type of a body that is none."""
    response: type | str | None = None
    """Likewise; None answers 204."""
    problems: Sequence[int] = ()
    """Statuses of the problem documents that it may answer with."""
    needs: Scope | None = None
    is_open: bool = False
    """Whether it asks for no token."""
    parameters: Sequence[Parameter] = ()

    @property
    def template(self) -> str:
        """The path as OpenAPI, the log and the metrics have it."""
        return compile_path(self.path)[1]


class Description:
    """Answers with the document, made when it is first asked for: that takes a while."""

    def __init__(self, operations: Sequence[Operation], *, tokens_required: bool) -> None:
        self._make = partial(describe, operations, tokens_required=tokens_required)

    @cached_property
    def document(self) -> bytes:
        """The document as JSON."""
        return self._make()

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await answer(send, self.document)


def describe(operations: Sequence[Operation], *, tokens_required: bool) -> bytes:
    """Return the document as JSON."""
    documents = {
        document
        for operation in operations
        for document in (operation.request, operation.response, Problem)
        if isinstance(document, type)
    }
    _, components = msgspec.json.schema_components(
        sorted(documents, key=lambda document: document.__name__), ref_template=_COMPONENTS
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _operation(operation, tokens_required=tokens_required)
        paths.setdefault(operation.template, {})[operation.method.lower()] = described
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "onecopy",
            "version": __version__,
            "summary": "Know at the moment of upload that the same content is already stored.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components},
    }
    if tokens_required:
        token = {
            "type": "http",
            "scheme": "bearer",
            "description": "As `onecopy token` makes them.",
        }
        document["components"]["securitySchemes"] = {"token": token}
    return msgspec.json.encode(document)


def _operation(operation: Operation, *, tokens_required: bool) -> dict[str, Any]:
    asks = tokens_required and not operation.is_open
    problems = {*operation.problems, 500, *((401, 403, 503) if asks else (403,))}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": {
            **_success(operation.response),
            **{str(status): _problem(status) for status in sorted(problems)},
        },
    }
    if operation.request is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.request)}
    if asks:
        described["security"] = [{"token": []}]
        if operation.needs:
            described["description"] = f"Needs a token with the scope `{operation.needs}`."
    return described


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _success(response: type | str | None) -> dict[str, Any]:
    if response is None:
        return {"204": {"description": "Done."}}
    return {"200": {"description": "Answered.", "content": _content(response)}}


def _content(document: type | str) -> dict[str, Any]:
    if isinstance(document, str):
        return {document: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": {"$ref": _COMPONENTS.format(name=document.__name__)}}}


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": _COMPONENTS.format(name=Problem.__name__)}
    return {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM_JSON: {"schema": schema}},
    }
