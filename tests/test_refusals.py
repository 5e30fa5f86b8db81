"""Answers of a service become the exceptions that the documentation names."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest

from onecopy import errors
from onecopy.errors import (
    BadInput,
    Busy,
    Damaged,
    Failure,
    Forbidden,
    InvalidTicket,
    LimitExceeded,
    NotAllowed,
    OnecopyError,
    PartSuperseded,
    QuotaExceeded,
    StoreFull,
    Unavailable,
    UploadUnknown,
)
from onecopy.httpclient import Response
from onecopy.refusals import refusal, unusable

URL = "http://host/v1/check"


def problem(status: int, reason: str, **headers: str) -> Response:
    """Return a response with a problem document."""
    document = {"title": "No", "status": status, "reason": reason, "detail": f"it is {reason}"}
    kind = {"content-type": "application/problem+json"}
    return Response(status, kind | headers, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "bad-input", BadInput),
        (400, "document-invalid", BadInput),
        (400, "ticket-invalid", InvalidTicket),
        (400, "ticket-expired", InvalidTicket),
        (401, "token-invalid", NotAllowed),
        (403, "not-allowed", NotAllowed),
        (404, "upload-unknown", UploadUnknown),
        (408, "upload-stalled", Unavailable),
        (409, "part-superseded", PartSuperseded),
        (413, "limit-exceeded", LimitExceeded),
        (500, "internal", Failure),
        (502, "failure", Failure),
        (502, "forbidden", Forbidden),
        (502, "index-failure", Damaged),
        (503, "busy", Busy),
        (503, "index-unavailable", Unavailable),
        (503, "failure", Unavailable),
        (507, "store-full", StoreFull),
        (507, "quota-exceeded", QuotaExceeded),
        (418, "something-new", BadInput),
    ],
)
def test_the_class_follows_from_the_reason(
    status: int, reason: str, kind: type[OnecopyError]
) -> None:
    """It is exactly the class that a local gate raises, with the same reason and the detail."""
    error = refusal(problem(status, reason), URL)
    assert type(error) is kind
    assert (error.reason, str(error)) == (reason, f"it is {reason}")


def test_every_class_keeps_its_reason() -> None:
    """No class of the errors is hidden by another one that has the same reason."""
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, OnecopyError) and "reason" in vars(kind):
            status = 503 if issubclass(kind, Unavailable) else 400
            assert type(refusal(problem(status, kind.reason), URL)) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadInput),
        (401, NotAllowed),
        (403, NotAllowed),
        (404, Failure),
        (413, LimitExceeded),
        (429, Unavailable),
        (500, Failure),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (302, BadInput),
    ],
)
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "text/html"}, b"<h1>No</h1>"),
        ({}, b""),
        ({"content-type": "application/problem+json"}, b'{"title": "of another API"}'),
        ({"content-type": "application/problem+json"}, b'"\xff"'),
        ({"content-type": "application/json"}, b'{"message": "Forbidden"}'),
    ],
    ids=["html", "empty", "other problem", "no UTF-8", "API gateway"],
)
def test_the_answer_of_a_gateway(
    status: int, kind: type[OnecopyError], headers: dict[str, str], body: bytes
) -> None:
    """Without a problem document of onecopy, the status decides, and the message explains it."""
    error = refusal(Response(status, headers, body), URL)
    assert type(error) is kind
    assert f"{URL}" in str(error)
    assert f"returned {status}" in str(error)
    assert "; " in str(error)


def test_a_path_that_the_service_does_not_have() -> None:
    """An older service is distinguished from a wrong address."""
    place = "http://host/v1/place"
    assert "it may be older than this client" in str(refusal(problem(404, "not-found"), place))
    wrong = refusal(problem(404, "not-found"), "http://host/wrong/v1/config")
    other = refusal(Response(404, {}, b"<html>"), place)
    for error in (wrong, other):
        assert "there is no API of onecopy at http://host/" in str(error)
        assert "check the server URL" in str(error)


def test_retry_after_a_date() -> None:
    """A date is the time from now on, and is kept with the error."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    error = refusal(problem(503, "busy", **{"retry-after": date}), URL)
    assert isinstance(error, Unavailable)
    assert error.retry_after == pytest.approx(90, abs=5)


def test_json_of_another_version() -> None:
    """Valid JSON that does not fit says that the versions may differ."""
    error = unusable(Response(200, {}, b"[]"), URL, msgspec.ValidationError("Expected `object`"))
    assert "Expected `object`" in str(error)
    assert "whether the service has another version" in str(error)


def test_a_page_instead_of_json() -> None:
    """It names the type of what came instead."""
    page = Response(200, {"content-type": "text/html"}, b"<html>")
    error = unusable(page, URL, msgspec.DecodeError("JSON is malformed"))
    assert f"{URL} is not the API of onecopy" in str(error)
    assert "6 bytes of type text/html" in str(error)
