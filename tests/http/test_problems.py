"""Whatever goes wrong is one problem document, of the right status, that gives nothing away."""

import json
import logging
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from onecopy import errors
from onecopy.http import handlers as calls
from onecopy.http.problems import Unauthenticated, response_to
from tests.http.conftest import Service, digest

STATUSES: list[tuple[type[errors.OnecopyError], int]] = [
    (errors.OnecopyError, 500),
    (errors.BadInput, 400),
    (errors.InvalidDigest, 400),
    (errors.InvalidKey, 400),
    (errors.InvalidTicket, 400),
    (errors.LimitExceeded, 413),
    (errors.WrongBytes, 400),
    (errors.InvalidSettings, 500),
    (errors.NoIndex, 500),
    (errors.NotAllowed, 403),
    (Unauthenticated, 401),
    (errors.FileChanged, 409),
    (errors.UploadUnknown, 404),
    (errors.Failure, 502),
    (errors.Damaged, 502),
    (errors.Unavailable, 503),
    (errors.Forbidden, 502),
    (errors.StoreFull, 507),
    (errors.QuotaExceeded, 507),
    (errors.Busy, 503),
    (errors.PartSuperseded, 409),
]


@pytest.mark.parametrize(("error", "status"), STATUSES)
def test_every_exception_has_its_status(error: type[errors.OnecopyError], status: int) -> None:
    """The table, row by row; the reason is the exception's."""
    response = response_to(error("what to do"), "id")
    assert response.status_code == status
    assert response.media_type == "application/problem+json"
    problem = json.loads(bytes(response.body))
    assert problem["status"] == status
    assert problem["reason"] == error.reason


def test_no_exception_is_without_a_row() -> None:
    """A class that is added to the tree is added to the test above, too."""

    def below(cls: type[errors.OnecopyError]) -> set[type[errors.OnecopyError]]:
        return {cls}.union(*map(below, cls.__subclasses__()))

    ours = {cls for cls in below(errors.OnecopyError) if cls.__module__ == "onecopy.errors"}
    assert ours <= {error for error, _ in STATUSES}


def test_a_damaged_index_is_a_failure_of_the_index(service: Service, tmp_path: Path) -> None:
    """Every operation that reads the damage answers 502 with `index-failure`, and no verdict."""
    service.upload("photo", b"content")
    file = {"size": 7, "digests": [digest(b"content")]}
    with closing(apsw.Connection(str(tmp_path / "index.sqlite"))) as connection:
        connection.execute("UPDATE copy SET digests = x'01'")
    for path, key in (("/v1/check", {}), ("/v1/uploads", {"key": "k"})):
        answer = service.ask("POST", path, {"files": [file | key]})
        assert (answer.status, answer.reason) == (502, "index-failure")


def test_what_a_back_end_said_is_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Hosts, paths and account names in its words are not for clients."""
    error = errors.Unavailable("cannot reach db.internal:5432", reason="index-unavailable")
    error.retry_after = 2.4
    with caplog.at_level(logging.WARNING, "onecopy.http"):
        response = response_to(error, "id-7")
    assert b"db.internal" not in bytes(response.body)
    assert b"id-7" in bytes(response.body)
    assert response.headers["retry-after"] == "3"
    assert "db.internal" in caplog.text


def test_a_tenant_learns_that_it_has_its_share() -> None:
    """The message about a share names no back end, and says when to try again."""
    error = errors.Busy("too many uploads were begun: 7")
    error.retry_after = 5.0
    response = response_to(error, "id-9")
    assert b"too many uploads were begun: 7" in bytes(response.body)
    assert response.headers["retry-after"] == "5"


def test_what_we_did_not_foresee_is_a_500_without_internals(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The traceback is in the log, under the id that the client gets."""
    with caplog.at_level(logging.ERROR, "onecopy.http"):
        response = response_to(KeyError("secret_thing"), "id-8")
    assert response.status_code == 500
    assert b"secret_thing" not in bytes(response.body)
    assert "id-8" in caplog.text
    assert "secret_thing" in caplog.text


def test_failing_index_is_a_503_that_may_be_tried_again(service: Service) -> None:
    """P3: an index that is gone yields no verdict."""
    service.index.close()
    answer = service.ask("POST", "/v1/probe", {"sizes": [1]})
    assert answer.status == 503
    assert answer.reason == "unavailable"
    assert int(answer.headers["retry-after"]) >= 1


def test_fault_in_an_endpoint_is_answered(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that nobody foresaw goes through the real server as a problem document."""
    monkeypatch.setattr(calls, "_names", None)
    service.upload("five", b"hello")
    answer = service.ask("POST", "/v1/probe", {"sizes": [5]})
    assert answer.status == 500
    assert answer.reason == "internal"


@pytest.mark.parametrize("path", ["/nothing", "/v1", "/v1/check/", "//", "/v1/copies/link"])
def test_unknown_path_is_a_problem_document(plain: Service, path: str) -> None:
    """404 that says where the paths are listed, and no redirect to a neighbour."""
    answer = plain.ask("GET", path)
    assert answer.status == 404
    assert answer.reason == "not-found"
    assert "/openapi.json" in answer.json["detail"]


def test_wrong_method_names_the_right_one(plain: Service) -> None:
    """405 with Allow (RFC 9110, 15.5.6)."""
    answer = plain.ask("DELETE", "/v1/check")
    assert answer.status == 405
    assert answer.reason == "method-not-allowed"
    assert answer.headers["allow"] == "POST"
    assert "header Allow" in answer.json["detail"]


def test_answers_are_not_kept_and_not_run(plain: Service) -> None:
    """What every answer of the API states for browsers."""
    for answer in (plain.ask("GET", "/v1/config"), plain.ask("GET", "/nothing")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
