"""Whatever goes wrong, as `application/problem+json` (RFC 9457)."""

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from onecopy.documents import Problem
from onecopy.errors import (
    BadInput,
    Failure,
    FileChanged,
    Forbidden,
    LimitExceeded,
    NotAllowed,
    OnecopyError,
    StoreFull,
    Unavailable,
    UploadUnknown,
)
from onecopy.http.answer import API_HEADERS

PROBLEM_JSON = "application/problem+json"

_REASONS = {404: "not-found", 405: "method-not-allowed"}
_API_HEADERS = {name.decode(): value.decode() for name, value in API_HEADERS}
_log = logging.getLogger("onecopy.http")


class Refusal(Exception):
    """An answer other than success, where no exception of onecopy says it."""

    def __init__(
        self, status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.headers = dict(headers or {})


class Unauthenticated(NotAllowed):
    """No token, or none that we know (`token-missing`, `token-invalid`)."""

    reason = "token-invalid"


class Disconnected(Exception):
    """The client has gone: nobody is left to answer."""


STATUSES: Mapping[type[OnecopyError], int] = MappingProxyType(
    {
        OnecopyError: 500,
        # Forged, foreign and expired tickets are bad input too: 403 is for what a token lacks.
        BadInput: 400,
        LimitExceeded: 413,
        NotAllowed: 403,
        Unauthenticated: 401,
        UploadUnknown: 404,
        FileChanged: 409,
        Failure: 502,
        Unavailable: 503,
        Forbidden: 502,
        StoreFull: 507,
    }
)
"""The status of each class of exceptions; a class that is not here has its parent's."""


def problem_response(
    status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a problem document as a response."""
    problem = Problem(HTTPStatus(status).phrase, status, reason, detail=detail)
    body = msgspec.json.encode(problem)
    return Response(body, status, {**_API_HEADERS, **(headers or {})}, PROBLEM_JSON)


def response_to(error: Exception, request_id: str) -> Response:
    """Return the answer to whatever was raised; the log has what clients are not told."""
    if isinstance(error, Refusal):
        return problem_response(error.status, error.reason, str(error), error.headers)
    if isinstance(error, OnecopyError):
        return _response_to_ours(error, request_id)
    _log.error("request %s failed", request_id, exc_info=error)
    detail = f"Something is wrong here; the server's log says more under {request_id}."
    return problem_response(500, "internal", detail)


def _response_to_ours(error: OnecopyError, request_id: str) -> Response:
    status = next(STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES)
    headers: dict[str, str] = {}
    detail = str(error)
    if status >= 500:
        # A back end's own words may name hosts and paths.
        _log.warning("request %s: %s: %s", request_id, error.reason, error)
        detail = f"The index or the store failed; the server's log says more under {request_id}."
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after or 1)))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="onecopy"'
    return problem_response(status, error.reason, detail, headers)


async def on_http_exception(_: Request, error: Exception) -> Response:
    """Answer what Starlette refuses by itself: unknown paths and methods."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for this class
    reason = _REASONS.get(error.status_code, "refused")
    return problem_response(error.status_code, reason, error.detail, error.headers)
