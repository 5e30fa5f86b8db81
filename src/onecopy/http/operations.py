"""The table of operations: every endpoint of the HTTP API, with its description for OpenAPI."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import msgspec
from starlette.convertors import PathConvertor, register_url_convertor

from onecopy import documents
from onecopy.http import (
    activity,
    duplicate_documents,
    duplicates,
    endpoints,
    groups,
    handlers,
    tokens,
)
from onecopy.http.batch import BatchEndpoint
from onecopy.http.checksum_api import ChecksumEndpoint, ChecksumRequest, ChecksumResponse
from onecopy.http.links import ContentEndpoint, RedirectEndpoint
from onecopy.http.metrics import CONTENT_TYPE, PrometheusMetrics
from onecopy.http.openapi import Operation, Parameter, Success
from onecopy.http.ready import ReadyEndpoint
from onecopy.http.response import JSON, StaticResponse
from onecopy.store.interface import BatchReceiver, Presigner, Receiver
from onecopy.tokens import Scope

_DOCUMENT = (400, 408, 413, 415)
"""Statuses for a request document that cannot be read."""
_BACK_END = (502, 503)
"""Statuses for a failure of the index or the store."""


TAGS: Mapping[str, str] = MappingProxyType(
    {
        "Checks": "Find out before an upload what is already stored.",
        "Uploads": "Upload new contents, in one piece or in parts.",
        "Copies": "Read stored copies, and what was uploaded and avoided.",
        "Duplicates": "See what is stored twice.",
        "Tokens": "Give others access for a short time.",
        "Monitoring": "Watch the service.",
        "Checksum API": "Count the contents with an MD5, for the prototype's pages.",
    }
)
"""The groups of operations, with their descriptions."""


class KeyConvertor(PathConvertor):
    """A key in a path: any characters, also line breaks, which Starlette's `path` excludes."""

    regex = "(?s:.*)"


register_url_convertor("key", KeyConvertor())


def operations(state: endpoints.AppState) -> list[Operation]:
    """Return the table, the most frequent operations first: routes are matched in this order."""
    tables = (_checks, _uploads, _copies, _duplicates, _tokens, _monitoring, _checksums)
    return [
        operation._replace(tag=tag)
        for tag, table in zip(TAGS, tables, strict=True)
        for operation in table(state)
    ]


def _checks(state: endpoints.AppState) -> Iterable[Operation]:
    yield _json(state, "/v1/check", handlers.check, "check")
    yield _json(state, "/v1/probe", handlers.probe, "check")
    yield Operation(
        "GET",
        "/v1/config",
        "config",
        "Get limits, part sizes, the price, and the features that the client may use.",
        endpoints.JsonEndpoint(state, None, handlers.config),
        response=documents.ConfigResponse,
    )
    sign_in = documents.SignInResponse(*(state.options.sign_in or ())[:4])
    yield Operation(
        "GET",
        "/v1/sign-in",
        "sign_in",
        "Get the place where users sign in, for a page that has no token yet.",
        StaticResponse(msgspec.json.encode(sign_in), JSON),
        response=documents.SignInResponse,
        is_open=True,
    )


def _uploads(state: endpoints.AppState) -> Iterable[Operation]:
    yield _json(
        state,
        "/v1/uploads",
        handlers.begin,
        "upload",
        problems=(507,),
        parameters=(_IDEMPOTENCY_KEY,),
    )
    yield _json(state, "/v1/uploads/parts", handlers.parts, "upload")
    yield _json(state, "/v1/uploads/status", handlers.status, "upload", problems=(404,))
    yield _json(
        state,
        "/v1/uploads/complete",
        handlers.complete,
        "upload",
        problems=(404, 507),
        endpoint=endpoints.CompleteEndpoint,
    )
    yield _json(state, "/v1/uploads/abort", handlers.abort, "upload")
    yield _json(
        state,
        "/v1/place",
        handlers.place,
        "upload",
        problems=(507,),
        endpoint=endpoints.PlaceEndpoint,
    )
    yield _json(
        state, "/v1/avoided", activity.avoided, "upload", parameters=(_IDEMPOTENCY_KEY_OF_RUN,)
    )
    if isinstance(state.store, Receiver):
        yield Operation(
            "PUT",
            "/v1/uploads/parts/{n}",
            "send_part",
            "Send the bytes of one part; they are hashed while they are written.",
            endpoints.PartEndpoint(state),
            request="application/octet-stream",
            response=documents.StoredPart,
            problems=(400, 404, 408, 409, 411, 413, 502, 503, 507),
            needs="upload",
            parameters=(_PART_NUMBER, _TICKET, _PART_CHECKSUM),
            successes=(Success(200, "The part was received and is durable; its SHA-256, in hex."),),
        )

    if isinstance(state.store, BatchReceiver):
        yield Operation(
            "POST",
            "/v1/uploads/batch",
            "send_batch",
            "Send small files in one request, and complete their uploads: a line of JSON (a list "
            "`files` with the ticket and the size of each) and a line feed, then their bytes.",
            BatchEndpoint(state),
            request="application/octet-stream",
            response=documents.ResultsResponse,
            problems=(400, 408, 411, 413, 502, 503, 507),
            needs="upload",
        )


def _copies(state: endpoints.AppState) -> Iterable[Operation]:
    yield Operation(
        "GET",
        "/v1/copies/{key:key}/link",
        "link",
        "Get a link to a copy; it works for a few minutes.",
        endpoints.LinkEndpoint(state),
        response=documents.LinkResponse,
        problems=(404, 502, 503),
        needs="read",
        parameters=(_KEY,),
    )
    yield from _content(state)
    yield Operation(
        "GET",
        "/v1/activity",
        "activity",
        activity.activity.__doc__ or "",
        endpoints.JsonEndpoint(state, "read", activity.activity),
        response=documents.ActivityResponse,
        problems=_BACK_END,
        needs="read",
    )


def _content(state: endpoints.AppState) -> Iterable[Operation]:
    row = partial(Operation, "GET", "/v1/content", "content", is_open=True)
    if isinstance(state.store, Receiver):
        yield row(
            "Download the object of a link, as an attachment.",
            ContentEndpoint(state.store, state.secrets, state.threads),
            response="*/*",  # by the extension of the key
            problems=(404, 410, 416, 502, 503),
            parameters=(_LINK, _RANGE),
            successes=(
                Success(200, "The whole object.", _CONTENT_HEADERS),
                Success(
                    206,
                    "The range of the object that was requested.",
                    {**_CONTENT_HEADERS, "Content-Range": "As `bytes FIRST-LAST/SIZE`."},
                ),
            ),
        )
    elif isinstance(state.store, Presigner):
        yield row(
            "Redirect to the object of a link in the bucket, if it has not changed.",
            RedirectEndpoint(state.store, state.store.link, state.secrets, state.threads),
            response="text/plain",
            problems=(404, 410, 502, 503),
            parameters=(_LINK,),
            successes=(
                Success(
                    302,
                    "The object is at this location, as an attachment.",
                    {"Location": "A presigned URL."},
                ),
            ),
        )


def _duplicates(state: endpoints.AppState) -> Iterable[Operation]:
    yield Operation(
        "GET",
        "/v1/duplicates",
        "duplicates",
        "Get what is stored twice: totals, by folder, by type and by age.",
        duplicates.DuplicatesEndpoint(state),
        response=duplicate_documents.DuplicatesResponse,
        problems=(501, 502, 503),
        needs="read",
    )
    yield Operation(
        "GET",
        "/v1/duplicates/groups",
        "duplicate_groups",
        "Get the contents that waste most, with some of their copies.",
        groups.GroupsEndpoint(state),
        response=duplicate_documents.GroupsResponse,
        problems=(400, 501, 502, 503),
        needs="read",
        parameters=(groups.KIND, groups.AFTER, groups.LIMIT),
    )


def _tokens(state: endpoints.AppState) -> Iterable[Operation]:
    # Where tokens are not accepted, the answer is that, whatever the sender may do.
    needs: Scope | None = "tokens" if state.options.own_tokens else None
    yield _json(state, "/v1/tokens", tokens.create_token, needs)
    yield Operation(
        "DELETE",
        "/v1/tokens/{id}",
        "revoke_token",
        "Revoke a token that was created with the sender's own one.",
        tokens.RevokeEndpoint(state, needs),
        problems=(404, *_BACK_END),
        needs=needs,
        parameters=(_TOKEN_ID,),
    )


def _monitoring(state: endpoints.AppState) -> Iterable[Operation]:
    yield Operation(
        "GET",
        "/healthz",
        "healthz",
        "Check that the process responds; index and store are not contacted.",
        StaticResponse(b"ok\n", b"text/plain; charset=utf-8"),
        response="text/plain",
        is_open=True,
    )
    yield Operation(
        "GET",
        "/readyz",
        "readyz",
        "Check that index and store answer; they are queried at most once a second.",
        ReadyEndpoint(state.index, state.store, state.threads),
        response="text/plain",
        problems=(503,),
        is_open=True,
    )
    if isinstance(state.metrics, PrometheusMetrics):
        yield Operation(
            "GET",
            "/metrics",
            "metrics",
            "Get metrics for Prometheus.",
            endpoints.MetricsEndpoint(state.authenticator, state.threads, state.metrics),
            response=CONTENT_TYPE.partition(";")[0],
            needs="metrics",
        )


def _checksums(state: endpoints.AppState) -> Iterable[Operation]:
    if api := state.options.checksum_api:
        yield Operation(
            "POST",
            "/",
            "bare_question",
            "Count the copies that have this MD5, for the pages of one origin.",
            ChecksumEndpoint(api.counted or state.index, state.threads, api, state.options.trash),
            request=ChecksumRequest,
            response=ChecksumResponse,
            problems=(*_DOCUMENT, *_BACK_END),
            is_open=True,
        )


_IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    "Makes the request repeatable: the same key and files begin the same uploads.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    required=False,
    example="d41c0f0e9b6a4f3e",
)
_IDEMPOTENCY_KEY_OF_RUN = _IDEMPOTENCY_KEY._replace(
    description="Makes the request repeatable: the same key counts once, while it is among the "
    "last 200 of the tenant."
)
_PART_NUMBER = Parameter(
    "n",
    "path",
    "Number of the part.",
    {"type": "integer", "minimum": 1, "maximum": 10_000},
    example=1,
)
_TICKET = Parameter(
    endpoints.TICKET_HEADER,
    "header",
    "The ticket from `begin`.",
    example="kq3v0R2nD5wZ8cT1yH6bLxJ4",
)
_PART_CHECKSUM = Parameter(
    endpoints.CHECKSUM_HEADER,
    "header",
    "SHA-256 of the part in base64; other bytes are rejected.",
    {"type": "string", "minLength": 44, "maxLength": 44},
    required=False,
    example="LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
)
_KEY = Parameter(
    "key", "path", "Key of the copy; write slashes as / or %2F.", example="greetings/hello.txt"
)
_TOKEN_ID = Parameter("id", "path", "Id of the token.", example="5f0c1d2e3a4b6978")
_LINK = Parameter("link", "query", "The signed link.", example="Vg5mZ0pTq9")
_RANGE = Parameter("Range", "header", "One range.", required=False, example="bytes=0-1023")
_CONTENT_HEADERS = {
    "Content-Length": "Bytes of the body.",
    "Content-Disposition": "`attachment`, with the name of the object.",
    "Accept-Ranges": "`bytes`",
}


def _json(  # noqa: PLR0913 - one row of the table
    state: endpoints.AppState,
    path: str,
    handler: Callable[[handlers.Caller, Any], object],
    needs: Scope | None,
    *,
    problems: Sequence[int] = (),
    parameters: Sequence[Parameter] = (),
    endpoint: type[endpoints.JsonEndpoint] = endpoints.JsonEndpoint,
) -> Operation:
    """Return the row of a handler, whose name, docstring and annotations describe it."""
    request, response = (handler.__annotations__[name] for name in ("request", "return"))
    return Operation(
        "POST",
        path,
        handler.__name__,
        handler.__doc__ or "",
        endpoint(state, needs, handler, request),
        request,
        response,
        (*_DOCUMENT, *_BACK_END, *problems),
        needs,
        parameters=parameters,
    )
