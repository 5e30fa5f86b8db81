"""What a run avoided is reported to the service once, and what was counted is read from it."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from onecopy.avoided import Counts, avoided
from onecopy.http.app import Options
from onecopy.index import open_index
from onecopy.limits import MAX_AVOIDED
from tests.http.conftest import Answer, Json, Service, Start, starting


def report(
    service: Service,
    files: int = 2,
    total: int = 10,
    largest: int = 5,
    *,
    key: str | None = None,
    token: str | None = None,
) -> Answer:
    """Report what a run avoided."""
    headers = {"Idempotency-Key": key} if key else {}
    document = {"files": files, "bytes": total, "largest": largest}
    return service.ask("POST", "/v1/avoided", document, headers=headers, token=token)


def total(service: Service, token: str | None = None) -> Json:
    """Return the sums of everything that was counted."""
    answer = service.ask("GET", "/v1/activity", token=token)
    assert answer.status == 200, answer.body
    return answer.json["total"]


def test_a_report_shows_at_once(service: Service) -> None:
    """By day and month, with uploads, and with money at the price of the store."""
    service.upload("one", b"hello")
    assert report(service, 3, 15).status == 204
    answer = service.ask("GET", "/v1/activity").json
    counts = {
        "uploaded_files": 1,
        "uploaded_bytes": 5,
        "avoided_files": 3,
        "avoided_bytes": 15,
        "saved_per_month": pytest.approx(15 / 1e9 * 0.023),
    }
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert answer["days"] == [{"day": today, **counts}]
    assert answer["months"] == [{"month": today[:7], **counts}]
    assert answer["total"] == counts
    assert answer["price_per_gb_month"] == 0.023


def test_nothing_was_counted_yet(service: Service) -> None:
    """The answer is empty, and no error."""
    answer = service.ask("GET", "/v1/activity").json
    assert (answer["days"], answer["months"]) == ([], [])
    assert total(service)["avoided_bytes"] == 0


def test_a_repeated_report_counts_once(start: Start) -> None:
    """Also if another process of the service gets it."""
    first, second = start(Options(count_seconds=0)), start(Options(count_seconds=0))
    first.upload("one", b"hello")
    for service in (first, first, second):
        assert report(service, key="run-1").status == 204
    assert total(second)["avoided_files"] == 2
    assert report(second, key="run-2").status == 204
    assert total(first)["avoided_files"] == 4


@pytest.mark.parametrize(
    ("files", "total_bytes", "largest", "reason"),
    [
        (2, 11, 5, "bad-input"),  # more than two files of the largest size have
        (2, 4, 5, "bad-input"),  # less than the largest has alone
        (2, 10, 6, "bad-input"),  # nothing of this size is stored
        (MAX_AVOIDED + 1, 10, 5, "document-invalid"),
        (0, 0, 0, "document-invalid"),
        (1, 2**63, 2**63, "document-invalid"),
    ],
)
def test_an_impossible_claim_is_refused(
    service: Service, files: int, total_bytes: int, largest: int, reason: str
) -> None:
    """What a hostile client can claim is bounded by its files and by what the tenant has stored."""
    service.upload("one", b"hello")
    answer = report(service, files, total_bytes, largest)
    assert (answer.status, answer.reason) == (400, reason)
    assert total(service)["avoided_files"] == 0


def test_a_tenant_sees_and_counts_only_its_own(guarded: Service) -> None:
    """Neither the counts nor the sizes of another tenant's contents show (P5)."""
    ana, ben = guarded.token("ana"), guarded.token("ben")
    guarded.upload("one", b"hello", token=ana)
    assert report(guarded, token=ana).status == 204
    assert report(guarded, token=ben).status == 400
    assert total(guarded, ana)["avoided_files"] == 2
    assert set(total(guarded, ben).values()) == {0}


def test_scopes(guarded: Service) -> None:
    """To report needs `upload`, and to read `read`."""
    uploader, reader = guarded.token("ana", "upload"), guarded.token("ana", "read", "check")
    assert report(guarded, token=reader).status == 403
    assert guarded.ask("GET", "/v1/activity", token=uploader).status == 403
    assert guarded.ask("GET", "/v1/activity", token=reader).status == 200


def test_a_completion_that_is_repeated_counts_once(service: Service) -> None:
    """Its answer may have been lost."""
    begun = service.begin("one", b"hello")
    send = begun["send"]
    service.ask(send["method"], send["url"], body=b"hello", headers=send["headers"])
    tickets = {"tickets": [{"ticket": begun["ticket"]}]}
    for _ in range(3):
        [result] = service.ask("POST", "/v1/uploads/complete", tickets).json["results"]
        assert result["copy"]["key"] == "one"
    assert total(service)["uploaded_files"] == 1


def test_no_check_writes_a_count(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither at once nor later: only reports and completions count."""
    service = start(Options(count_seconds=0))
    service.upload("one", b"hello")
    written: list[str] = []
    put_if = type(service.index).put_if

    def noted(self: object, name: str, old: bytes | None, new: bytes | None) -> bool:
        written.append(name)
        return put_if(service.index, name, old, new)

    monkeypatch.setattr(type(service.index), "put_if", noted)
    for _ in range(3):
        service.check(b"hello", b"world")
    assert written == []
    assert report(service).status == 204
    assert written == ["avoided/default"]


def test_counts_are_written_when_the_service_ends(tmp_path: Path) -> None:
    """At the latest; a crash loses what was counted in the last seconds."""
    with starting(tmp_path) as start:
        service = start(Options(count_seconds=3600))
        service.upload("one", b"hello")
        report(service)
        assert avoided(service.index, "default").total == Counts()
    with closing(open_index(f"sqlite:{tmp_path / 'index.sqlite'}")) as index:
        assert avoided(index, "default").total == Counts(1, 5, 2, 10)
