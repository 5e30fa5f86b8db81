"""Error responses: problem documents, `application/problem+json` (RFC 9457)."""

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from onecopy import errors
from onecopy.documents import Problem
from onecopy.http.response import API_HEADERS

PROBLEM_JSON = "application/problem+json"

_REASONS = {
    404: ("not-found", "There is nothing at this path; /openapi.json lists the operations."),
    405: ("method-not-allowed", "This path does not accept the method; see the header Allow."),
}
_API_HEADERS = {name.decode(): value.decode() for name, value in API_HEADERS}
_BACK_ENDS = "index or the store"
_log = logging.getLogger("onecopy.http")


class HttpProblem(Exception):
    """An error of HTTP itself, for which `onecopy.errors` has no class."""

    def __init__(
        self, status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.headers = dict(headers or {})


class Unauthenticated(errors.NotAllowed):
    """The token is missing or not valid (`token-missing`, `token-invalid`)."""

    reason = "token-invalid"


class Disconnected(Exception):
    """The client has disconnected, so no response can be sent."""


STATUSES: Mapping[type[errors.OnecopyError], int] = MappingProxyType(
    {
        errors.OnecopyError: 500,
        # Includes forged, foreign and expired tickets: 403 is for missing scopes.
        errors.BadInput: 400,
        errors.LimitExceeded: 413,
        errors.NotAllowed: 403,
        Unauthenticated: 401,
        errors.UploadUnknown: 404,
        errors.FileChanged: 409,
        errors.PartSuperseded: 409,
        errors.Failure: 502,
        errors.Unavailable: 503,
        errors.Forbidden: 502,
        errors.StoreFull: 507,
    }
)
"""Status by class of exception; a class that is not listed has the status of its parent."""


def problem_response(
    status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a problem document as a response."""
    problem = Problem(HTTPStatus(status).phrase, status, reason, detail=detail)
    body = msgspec.json.encode(problem)
    return Response(body, status, {**_API_HEADERS, **(headers or {})}, PROBLEM_JSON)


def response_to(error: Exception, request_id: str) -> Response:
    """Return the response to an exception; details that clients must not see are only logged."""
    if isinstance(error, HttpProblem):
        return problem_response(error.status, error.reason, str(error), error.headers)
    if isinstance(error, errors.OnecopyError):
        return _response_to_ours(error, request_id)
    _log.error("request %s failed", request_id, exc_info=error)
    detail = f"Internal error; see {request_id} in the server's log."
    return problem_response(500, "internal", detail)


def _response_to_ours(error: errors.OnecopyError, request_id: str) -> Response:
    status = next(STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES)
    headers: dict[str, str] = {}
    detail = str(error)
    if status >= 500 and not isinstance(error, errors.Busy):
        # The message of a back end may name hosts and paths.
        _log.warning("request %s: %s: %s", request_id, error.reason, error)
        failed = "issuer of sign-ins" if error.reason.startswith("issuer-") else _BACK_ENDS
        detail = f"The {failed} failed; see {request_id} in the server's log."
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after or 1)))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="onecopy"'
    return problem_response(status, error.reason, detail, headers)


async def on_http_exception(_: Request, error: Exception) -> Response:
    """Return the response to an error that Starlette raises: unknown paths and methods."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for this class
    reason, detail = _REASONS.get(error.status_code, ("refused", error.detail))
    return problem_response(error.status_code, reason, detail, error.headers)
