"""The summary of what is stored twice, and the groups that waste most."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onecopy.content import Copy, Digests
from onecopy.digest import SHA256, Digest
from onecopy.errors import Unavailable
from onecopy.http.app import Options
from onecopy.http.groups import MOST_COPIES
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.summary import keeping
from onecopy.testing.index.values import a_copy, copies_of, md5_of, proved
from tests.http.conftest import Json, Service, Start


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let figures be counted again without a rest."""
    monkeypatch.setattr(keeping, "_REST", 0)


def summary(service: Service, token: str | None = None) -> Json:
    """Return the summary once everything is counted."""
    while True:
        answer = service.ask("GET", "/v1/duplicates", token=token)
        assert answer.status == 200, answer.body
        if not answer.json.get("counting"):
            return answer.json
        time.sleep(0.005)


def groups(service: Service, query: str = "", token: str | None = None) -> Json:
    """Return a page of groups."""
    answer = service.ask("GET", f"/v1/duplicates/groups{query}", token=token)
    assert answer.status == 200, answer.body
    return answer.json


def test_empty(service: Service) -> None:
    """A service that stores nothing says so."""
    found = summary(service)
    none: dict[str, Any] = {"groups": 0, "duplicates": 0, "wasted_bytes": 0}
    none |= {"wasted_per_month": 0, "folders": [], "types": [], "ages": []}
    assert found["proved"] == found["likely"] == none
    assert "files" not in found
    assert groups(service) == groups(service, "?kind=likely") == {"groups": []}


def test_an_upload_shows_at_once(service: Service) -> None:
    """The summary after an upload has it."""
    service.upload("photos/a.jpg", b"hello")
    assert summary(service)["files"] == 1
    path = Path(service.store.url.removeprefix("file:"))
    (path / "b.jpg").write_bytes(b"hello")
    service.index.record("default", [_recorded(service)._replace(key="b.jpg", identity="other")])
    found = summary(service)["proved"]
    assert (found["groups"], found["duplicates"], found["wasted_bytes"]) == (1, 1, 5)
    assert found["wasted_per_month"] == pytest.approx(5e-9 * 0.023)
    assert found["types"] == [{"name": ".jpg", "duplicates": 1, "wasted_bytes": 5}]
    [group] = groups(service)["groups"]
    assert [copy["key"] for copy in group["copies"]] == ["photos/a.jpg", "b.jpg"]
    assert group["size"] == group["wasted_bytes"] == 5
    assert group["objects"] == 2


def test_each_group_costs_what_its_classes_cost(start: Start) -> None:
    """A group of archived copies costs less than one of the same size in STANDARD."""
    service = start()
    service.index.record("default", copies_of("a", 3))
    archived = [copy._replace(storage_class="DEEP_ARCHIVE") for copy in copies_of("b", 3)]
    service.index.record("default", archived)
    found = {group["shared"]: group for group in groups(service)["groups"]}
    size = 2 * archived[0].size / 1e9
    for copy, price in ((copies_of("a", 1)[0], 0.023), (archived[0], 0.00099)):
        group = found[str(copy.content_digest)]
        assert group["wasted_per_month"] == pytest.approx(size * price)


def test_copies_have_their_classes(service: Service) -> None:
    """Copies state their storage class unless it is STANDARD, recorded or listed alike."""
    first, second = copies_of("a", 2)
    stated = first._replace(storage_class=b"STANDARD".decode())  # as a store states it
    service.index.record("default", [stated, second._replace(storage_class="GLACIER")])
    rows = [
        ListedCopy(key, 1000, md5_of("w").value, 0, False, 1_700_000_000, kind)
        for key, kind in (("listed", "STANDARD"), ("other", "DEEP_ARCHIVE"))
    ]
    service.index.merge("default", EVERYTHING, rows)  # type: ignore[attr-defined]
    summary(service)
    found = {
        copy["key"]: copy.get("storage_class")
        for kind in ("proved", "likely")
        for group in groups(service, f"?kind={kind}")["groups"]
        for copy in group["copies"]
    }
    assert found == {
        first.key: None,
        second.key: "GLACIER",
        "listed": None,
        "other": "DEEP_ARCHIVE",
    }


def _recorded(service: Service) -> Copy:
    [copy] = service.index.at("default", ["photos/a.jpg"])
    assert copy is not None
    return copy


def test_hard_links_are_one_object(service: Service) -> None:
    """Names of one file in a folder waste nothing."""
    service.upload("photos/a.jpg", b"hello")
    service.index.record("default", [_recorded(service)._replace(key="link")])
    assert summary(service)["proved"]["groups"] == 0


def test_trash_is_left_out(start: Start) -> None:
    """Copies in trash are no duplicates, and are not shown."""
    service = start()
    service.index.record("default", copies_of("a", 2))
    service.index.record("default", [a_copy(".Trash-1000/x", proved("a"))])
    assert summary(service)["proved"]["duplicates"] == 1
    [group] = groups(service)["groups"]
    assert [copy["key"] for copy in group["copies"]] == ["a/00000", "a/00001"]


def test_pages(service: Service) -> None:
    """All groups come page by page, each once, those that waste most first."""
    for number in range(25):
        digests = Digests.proved(Digest(SHA256, bytes([number]) * 32))
        service.index.record(
            "default", [a_copy(f"{number}/{at}", digests, size=number // 3 + 1) for at in range(2)]
        )
    page = groups(service, "?limit=10")
    found = page["groups"]
    assert len(found) == 10
    while "next" in page:
        page = groups(service, f"?kind=proved&limit=10&after={page['next'].replace('+', '%2B')}")
        found += page["groups"]
    assert [group["wasted_bytes"] for group in found] == sorted(
        (number // 3 + 1 for number in range(25)), reverse=True
    )
    assert len({group["shared"] for group in found}) == 25


def test_few_copies_of_a_group(service: Service) -> None:
    """A group with many copies shows some of them."""
    service.index.record("default", copies_of("a", MOST_COPIES + 5))
    [group] = groups(service)["groups"]
    assert group["objects"] == MOST_COPIES + 5
    assert len(group["copies"]) == MOST_COPIES


def test_likely(service: Service) -> None:
    """Likely groups are apart; copies that are only listed say so."""
    service.index.add([("default", a_copy("copy", Digests.proved(md5_of("w"))))])
    listed = ListedCopy("listed", 1000, md5_of("w").value, 0, False, 1_700_000_000)
    service.index.merge("default", EVERYTHING, [listed])  # type: ignore[attr-defined]
    found = summary(service)
    assert found["proved"]["groups"] == 0
    assert (found["likely"]["groups"], found["likely"]["wasted_bytes"]) == (1, 1000)
    [group] = groups(service, "?kind=likely")["groups"]
    assert group["shared"].startswith("etag:")
    assert [(copy["key"], copy.get("listed")) for copy in group["copies"]] == [
        ("copy", None),
        ("listed", True),
    ]


def test_tenants_are_apart(guarded: Service) -> None:
    """A tenant sees nothing of another's, whatever position it requests (P5)."""
    guarded.index.record("ana", copies_of("secret", 3))
    guarded.index.record("ben", [*copies_of("secret", 1), *copies_of("b", 2)])
    ana, ben = guarded.token("ana", "read"), guarded.token("ben", "read")
    assert summary(guarded, ana)["proved"]["duplicates"] == 2
    found = summary(guarded, ben)
    assert (found["files"], found["proved"]["duplicates"]) == (3, 1)
    assert [each["name"] for each in found["proved"]["folders"]] == ["", "b"]
    for query in ("", "?after=99999999-zzz", "?kind=likely"):
        answer = guarded.ask("GET", f"/v1/duplicates/groups{query}", token=ben)
        assert b"secret" not in answer.body
    assert len(groups(guarded, token=ben)["groups"]) == 1


def test_scope(guarded: Service) -> None:
    """Both calls need the scope `read`."""
    token = guarded.token("ana", "check", "upload")
    for path in ("/v1/duplicates", "/v1/duplicates/groups"):
        assert guarded.ask("GET", path).status == 401
        answer = guarded.ask("GET", path, token=token)
        assert (answer.status, answer.reason) == (403, "not-allowed")


def test_failure(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the index fails, the answer is that, and the next request succeeds."""

    def fail(_: str) -> None:
        raise Unavailable("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(service.index, "repeated", fail)
        answer = service.ask("GET", "/v1/duplicates")
        assert (answer.status, answer.reason) == (503, "unavailable")
    assert summary(service)["proved"]["groups"] == 0


def test_not_offered(start: Start) -> None:
    """A service that counts no duplicates says what to do instead."""
    service = start(Options(summaries=False))
    for path in ("/v1/duplicates", "/v1/duplicates/groups"):
        answer = service.ask("GET", path)
        assert (answer.status, answer.reason) == (501, "duplicates-unavailable")
        assert "onecopy report" in answer.json["detail"]


@pytest.mark.parametrize(
    "query",
    [
        *("kind=all", "kind=", "kind=proved&kind=likely"),
        *("limit=0", "limit=101", "limit=ten", "limit="),
        *("after=", "after=1", "after=-1-sha256:00", "after=1-A", "after=1-sha256:00%0A"),
    ],
)
def test_invalid_queries(plain: Service, query: str) -> None:
    """A query that states anything else is refused."""
    answer = plain.ask("GET", f"/v1/duplicates/groups?{query}")
    assert (answer.status, answer.reason) == (400, "bad-input")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), max_size=25))
def test_sums(guarded: Service, files: list[tuple[int, int]]) -> None:
    """Totals are those of a list of all files."""
    tenant = f"t{time.monotonic_ns()}"
    copies = [
        a_copy(f"{at}.x", Digests.proved(Digest(SHA256, bytes([content]) * 32)), size=content + 1)
        for at, (content, _) in enumerate(files)
    ]
    guarded.index.add((tenant, copy) for copy in copies)
    found = summary(guarded, guarded.token(tenant, "read"))
    contents = [content for content, _ in files]
    wasted = sum((content + 1) * (contents.count(content) - 1) for content in set(contents))
    assert found["proved"]["wasted_bytes"] == wasted
    assert found.get("files", 0) == len(files)
    assert found.get("bytes", 0) == sum(content + 1 for content in contents)
