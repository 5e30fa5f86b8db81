"""The exceptions that the answers of a service stand for."""

from collections.abc import Callable

import msgspec

from onecopy import errors
from onecopy.documents import Problem
from onecopy.errors import (
    BadInput,
    Failure,
    InvalidTicket,
    LimitExceeded,
    NotAllowed,
    OnecopyError,
    StoreFull,
    Unavailable,
)
from onecopy.gateways import explain, form, retry_after
from onecopy.httpclient import Response
from onecopy.retry import RETRYABLE_STATUSES
from onecopy.urls import bare
from onecopy.version import __version__

_RETRYABLE = RETRYABLE_STATUSES - {500}
"""Without 500: the service returns it for a defect, which a repeated request would meet again."""
_PERMANENT = 502
"""The service returns it if index or store deny access or are damaged; a gateway, if the service
does not answer, which may pass."""
_BY_STATUS = {401: NotAllowed, 403: NotAllowed, 413: LimitExceeded, 507: StoreFull}
_NO_SUCH_CALL = ("not-found", "method-not-allowed")
"""Reasons of a service of onecopy that does not know the path of a call."""
_FIRST_CALL = "/v1/config"
"""The path that every version has."""


def refusal(response: Response, url: str, sent: int = 0) -> OnecopyError:
    """Return the exception for a response other than 2xx; `sent` is the number of bytes sent.

    Its class follows from the reason of the problem document, and from the status.
    """
    problem = read_problem(response)
    if response.status in (404, 405) and (problem is None or problem.reason in _NO_SUCH_CALL):
        return _no_such_call(response, url, is_ours=problem is not None)
    if problem is None:
        error = _class_of(response.status)(str(explain(response, url, sent)))
    else:
        kind = _class_of(response.status, problem.reason)
        error = kind(problem.detail or problem.title, reason=problem.reason)
    if isinstance(error, Unavailable):
        error.retry_after = retry_after(response)
    return error


def unusable(response: Response, url: str, error: Exception) -> Failure:
    """Return the exception for a response 2xx whose body is not the expected document."""
    if isinstance(error, msgspec.ValidationError):
        return Failure(
            f"{bare(url)} returned JSON that onecopy {__version__} cannot use: {error}; check the "
            "server URL, which is that of the page, and whether the service has another version"
        )
    return Failure(
        f"{bare(url)} is not the API of onecopy, or something in front of it has answered: no JSON "
        f"({error}), but {form(response)}; check the server URL, which is that of the page"
    )


def read_problem(response: Response) -> Problem | None:
    """Return the problem document in a response; None if it did not come from onecopy."""
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        return msgspec.json.decode(response.data, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _no_such_call(response: Response, url: str, *, is_ours: bool) -> Failure:
    returned = f"it returned {response.status}"
    if is_ours and not url.endswith(_FIRST_CALL):
        return Failure(
            f"the service has no {bare(url)}: {returned}; it may be older than this client "
            f"({__version__}): update it, or check the server URL, which is that of the page"
        )
    return Failure(
        f"there is no API of onecopy at {bare(url)}: {returned}; check the server URL, which is "
        "that of the page"
    )


def _class_of(status: int, reason: str = "") -> Callable[..., OnecopyError]:
    """Return the class for a status and the reason of a problem document, if there is one."""
    named = _by_reason().get(reason)
    if status in _RETRYABLE and not (status == _PERMANENT and reason):
        return named if named and issubclass(named, Unavailable) else Unavailable
    if named:
        return named
    return _BY_STATUS.get(status, Failure if status >= 500 else BadInput)


def _by_reason() -> dict[str, type[OnecopyError]]:
    """Return the classes of `onecopy.errors` by their reasons."""
    classes = [kind for kind in vars(errors).values() if _is_error(kind)]
    return {
        **{kind.reason: kind for kind in reversed(classes)},  # a base class wins
        "ticket-expired": InvalidTicket,
    }


def _is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, OnecopyError)
