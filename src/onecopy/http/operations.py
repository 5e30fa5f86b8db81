"""The table of operations: every endpoint of the HTTP API, with its description for OpenAPI."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from onecopy import documents
from onecopy.http import handlers
from onecopy.http.checksum_api import ChecksumEndpoint, ChecksumRequest, ChecksumResponse
from onecopy.http.endpoints import (
    CHECKSUM_HEADER,
    TICKET_HEADER,
    AppState,
    CompleteEndpoint,
    JsonEndpoint,
    LinkEndpoint,
    MetricsEndpoint,
    PartEndpoint,
)
from onecopy.http.links import ContentEndpoint
from onecopy.http.metrics import CONTENT_TYPE, PrometheusMetrics
from onecopy.http.openapi import Operation, Parameter
from onecopy.http.options import Options
from onecopy.http.response import JSON, StaticResponse
from onecopy.store.interface import Receiver
from onecopy.tokens import Scope

_DOCUMENT = (400, 413, 415)
"""Statuses for a request document that cannot be read."""
_BACK_END = (502, 503)
"""Statuses for a failure of the index or the store."""


def operations(state: AppState) -> list[Operation]:
    """Return the table, the most frequent operations first: routes are matched in this order."""
    return [*_checks(state), *_uploads(state), *_links(state), *_monitoring(state), *_sums(state)]


def _checks(state: AppState) -> Iterable[Operation]:
    yield _json(
        state,
        "/v1/check",
        handlers.check,
        "Check which contents are already stored.",
        documents.CheckRequest,
        needs="check",
    )
    yield _json(
        state,
        "/v1/probe",
        handlers.probe,
        "Find out which digests are worth computing for contents of these sizes.",
        documents.ProbeRequest,
        response=documents.ProbeResponse,
        needs="check",
    )
    yield Operation(
        "GET",
        "/v1/config",
        "config",
        "Get limits, part sizes, the price, and the features that the client may use.",
        JsonEndpoint(state, None, handlers.config),
        response=documents.ConfigResponse,
    )
    yield Operation(
        "GET",
        "/v1/sign-in",
        "sign_in",
        "Get the place where users sign in, for a page that has no token yet.",
        StaticResponse(_sign_in(state.options), JSON),
        response=documents.SignInResponse,
        is_open=True,
    )


def _sign_in(options: Options) -> bytes:
    given = options.sign_in._asdict() if options.sign_in else {}
    return msgspec.json.encode(documents.SignInResponse(**given))


def _uploads(state: AppState) -> Iterable[Operation]:
    yield _json(
        state,
        "/v1/uploads",
        handlers.begin,
        "Begin uploads of contents that are not stored yet.",
        documents.BeginRequest,
        needs="upload",
        problems=(507,),
        parameters=(_IDEMPOTENCY_KEY,),
    )
    yield _json(
        state,
        "/v1/uploads/parts",
        handlers.parts,
        "Get a request to send each of these parts.",
        documents.PartsRequest,
        response=documents.PartsResponse,
        needs="upload",
    )
    yield _json(
        state,
        "/v1/uploads/status",
        handlers.status,
        "List the parts that are stored and renew the ticket, to resume an interrupted upload.",
        documents.TicketRequest,
        response=documents.StatusResponse,
        needs="upload",
        problems=(404,),
    )
    yield _json(
        state,
        "/v1/uploads/complete",
        handlers.complete,
        "Publish uploads whose bytes were all sent, and record their copies.",
        documents.CompleteRequest,
        needs="upload",
        problems=(404, 507),
        endpoint=CompleteEndpoint,
    )
    yield _json(
        state,
        "/v1/uploads/abort",
        handlers.abort,
        "Abort unfinished uploads; completed objects are not touched.",
        documents.AbortRequest,
        needs="upload",
        response=None,
    )
    if isinstance(state.store, Receiver):
        yield _part(state)


def _part(state: AppState) -> Operation:
    return Operation(
        "PUT",
        "/v1/uploads/parts/{n}",
        "send_part",
        "Send the bytes of one part; they are hashed while they are written.",
        PartEndpoint(state),
        request="application/octet-stream",
        response=documents.StoredPart,
        problems=(400, 404, 408, 411, 413, 502, 503, 507),
        needs="upload",
        parameters=(_PART_NUMBER, _TICKET, _PART_CHECKSUM),
    )


def _links(state: AppState) -> Iterable[Operation]:
    yield Operation(
        "GET",
        "/v1/copies/{key:path}/link",
        "link",
        "Get a link to a copy; it works for a few minutes.",
        LinkEndpoint(state),
        response=documents.LinkResponse,
        problems=(404, 502, 503),
        needs="read",
        parameters=(_KEY,),
    )
    if isinstance(state.store, Receiver):
        yield Operation(
            "GET",
            "/v1/content",
            "content",
            "Download the object of a link, as an attachment.",
            ContentEndpoint(state.store, state.secrets, state.threads),
            response="application/octet-stream",
            problems=(404, 410, 416, 502, 503),
            is_open=True,
            parameters=(_LINK, _RANGE),
        )


def _monitoring(state: AppState) -> Iterable[Operation]:
    yield Operation(
        "GET",
        "/healthz",
        "healthz",
        "Check that the process responds; index and store are not contacted.",
        StaticResponse(b"ok\n", b"text/plain; charset=utf-8"),
        response="text/plain",
        is_open=True,
    )
    if isinstance(state.metrics, PrometheusMetrics):
        yield Operation(
            "GET",
            "/metrics",
            "metrics",
            "Get metrics for Prometheus.",
            MetricsEndpoint(state.authenticator, state.metrics),
            response=CONTENT_TYPE.partition(";")[0],
            needs="metrics",
        )


def _sums(state: AppState) -> Iterable[Operation]:
    if api := state.options.checksum_api:
        yield Operation(
            "POST",
            "/",
            "bare_question",
            "Count the copies that have this MD5, for the pages of one origin.",
            ChecksumEndpoint(api.counted or state.index, state.threads, api),
            request=ChecksumRequest,
            response=ChecksumResponse,
            problems=(*_DOCUMENT, *_BACK_END),
            is_open=True,
        )


_IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "Makes the request repeatable: the same key and files begin the same uploads.",
    required=False,
)
_PART_NUMBER = Parameter(
    "n", "path", {"type": "integer", "minimum": 1, "maximum": 10_000}, "Number of the part."
)
_TICKET = Parameter(TICKET_HEADER, "header", {"type": "string"}, "The ticket from `begin`.")
_PART_CHECKSUM = Parameter(
    CHECKSUM_HEADER,
    "header",
    {"type": "string", "minLength": 44, "maxLength": 44},
    "SHA-256 of the part in base64; other bytes are rejected.",
    required=False,
)
_KEY = Parameter("key", "path", {"type": "string"}, "Key of the copy; write slashes as / or %2F.")
_LINK = Parameter("link", "query", {"type": "string"}, "The signed link.")
_RANGE = Parameter("Range", "header", {"type": "string"}, "One range of bytes.", required=False)


def _json(  # noqa: PLR0913 - one row of the table
    state: AppState,
    path: str,
    handler: Callable[[handlers.Caller, Any], object],
    summary: str,
    request: type,
    *,
    needs: Scope,
    response: type | None = documents.ResultsResponse,
    problems: Sequence[int] = (),
    parameters: Sequence[Parameter] = (),
    endpoint: type[JsonEndpoint] = JsonEndpoint,
) -> Operation:
    return Operation(
        "POST",
        path,
        handler.__name__,
        summary,
        endpoint(state, needs, handler, request),
        request=request,
        response=response,
        problems=(*_DOCUMENT, *_BACK_END, *problems),
        needs=needs,
        parameters=parameters,
    )
