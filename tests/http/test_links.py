"""Links to one's own copies."""

import time
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from onecopy.http import links
from onecopy.scan import scan
from onecopy.tickets import seal, ticket_secrets
from tests.http.conftest import Answer, Service, digest

TEXT = b"hello, world"


@pytest.fixture(scope="module")
def text(plain: Service) -> str:
    """Upload TEXT once, and return its key."""
    plain.upload("text", TEXT)
    return "text"


def link(service: Service, key: str, **more: str | None) -> Answer:
    """Ask for a link, with the whole key as one segment of the path."""
    return service.ask("GET", f"/v1/copies/{quote(key, safe='')}/link", token=more.get("token"))


def read(service: Service, key: str, **headers: str) -> Answer:
    """Follow a link."""
    url = link(service, key).json["url"]
    return service.ask("GET", url, headers=headers)


@pytest.mark.parametrize(
    "key",
    [
        "a.txt",
        "folder/sub/a.txt",
        "übergröße/ï.txt",
        "100%/a b+c?d#e&f=g.txt",
        "link",
        "x/link",
        "quote\"and'back\\slash.txt",
        "😀",
    ],
)
def test_link_leads_to_the_bytes(plain: Service, key: str) -> None:
    """Whatever the key, as an attachment of its name, and as nothing that a browser runs."""
    content = f"what {key} holds".encode()
    plain.upload(key, content)
    answer = read(plain, key)
    assert answer.status == 200
    assert answer.body == content
    assert answer.headers["content-length"] == str(len(content))
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment;")
    assert disposition.endswith(f"filename*=UTF-8''{quote(key.rpartition('/')[2], safe='')}")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert "no-store" in answer.headers["cache-control"]


def test_link_to_an_object_of_another_program(service: Service, tmp_path: Path) -> None:
    """A key that we would not make leads to its bytes, as a file with a harmless name."""
    key = "new\nline.txt"
    (tmp_path / "files" / key).write_bytes(TEXT)
    scan(service.index, service.store)
    answer = read(service, key)
    assert answer.body == TEXT
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"new_line.txt\"; filename*=UTF-8''new_line.txt"
    )


def test_slashes_may_stand_as_they_are(plain: Service) -> None:
    """`a/b` and `a%2Fb` are the same key."""
    plain.upload("a/b", b"what a/b holds")
    assert plain.ask("GET", "/v1/copies/a/b/link").status == 200
    assert plain.ask("GET", "/v1/copies/a%2Fb/link").status == 200


@pytest.mark.parametrize(
    ("key", "media_type"),
    [
        ("a.jpg", "image/jpeg"),
        ("a.TXT", "text/plain; charset=utf-8"),
        ("a.html", "application/octet-stream"),
        ("a.svg", "application/octet-stream"),
        ("a.js", "application/octet-stream"),
        ("bare", "application/octet-stream"),
    ],
)
def test_type_is_one_that_can_be_shown_and_not_run(
    plain: Service, key: str, media_type: str
) -> None:
    """A preview needs pictures; pages and scripts are bytes."""
    plain.upload(key, key.encode())
    assert read(plain, key).headers["content-type"] == media_type


def test_link_needs_no_token_and_expires(guarded: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is followed by browsers, which send none; so it is short-lived."""
    token = guarded.token("photos")
    guarded.upload("a", TEXT, token=token)
    monkeypatch.setattr(links, "LIFETIME_SECONDS", 1)
    url = link(guarded, "a", token=token).json["url"]
    assert guarded.ask("GET", url).body == TEXT
    time.sleep(2.1)
    answer = guarded.ask("GET", url)
    assert (answer.status, answer.reason) == (410, "link-expired")


def test_answer_says_when_it_expires(plain: Service, text: str) -> None:
    """Five minutes from now."""
    expires = datetime.fromisoformat(link(plain, text).json["expires_at"]).timestamp()
    assert 290 < expires - time.time() <= 300


def test_key_without_a_copy_has_no_link(service: Service) -> None:
    """404, also for keys that no index can have."""
    for key in ("nothing", "a\u0000b", "..", "x" * 3_000):
        answer = link(service, key)
        assert answer.status == 404


def test_object_that_was_never_recorded_has_no_link(service: Service, tmp_path: Path) -> None:
    """By key from one's own index only: the store is no file server."""
    (tmp_path / "files" / "planted").write_bytes(TEXT)
    assert link(service, "planted").reason == "copy-unknown"


def test_copy_that_is_gone_has_no_link(service: Service, tmp_path: Path) -> None:
    """It must be live when it is requested."""
    service.upload("a", TEXT)
    (tmp_path / "files" / "a").unlink()
    assert link(service, "a").reason == "copy-unknown"


@pytest.mark.parametrize("content", [None, b"other", TEXT])
def test_link_is_for_the_object_as_it_was(
    service: Service, tmp_path: Path, content: bytes | None
) -> None:
    """If it was deleted, or replaced even by the same bytes, it is gone."""
    service.upload("a", TEXT)
    url = link(service, "a").json["url"]
    path = tmp_path / "files" / "a"
    if content is not None:
        path.with_name("new").write_bytes(content)
        path.with_name("new").rename(path)
    else:
        path.unlink()
    answer = service.ask("GET", url)
    assert (answer.status, answer.reason) == (410, "copy-changed")


def test_link_can_t_be_forged(service: Service) -> None:
    """Changed, made of a ticket, or of nothing: unknown."""
    service.upload("a", TEXT)
    sealed = parse_qs(urlsplit(link(service, "a").json["url"]).query)["link"][0]
    ticket = service.begin("b", b"other")["ticket"]
    secret = ticket_secrets(service.index)[0]
    strange = seal(b"\x93\x01", secret, purpose="link")
    for text in (sealed[:-4] + "AAAA", ticket, strange, "", "é", "A" * 100):
        answer = service.ask("GET", f"/v1/content?link={quote(text)}")
        assert (answer.status, answer.reason) == (404, "link-invalid")
    assert service.ask("GET", "/v1/content").status == 404
    status = service.ask("POST", "/v1/uploads/status", {"ticket": sealed})
    assert (status.status, status.reason) == (400, "ticket-invalid")


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-4", 0, 5),
        ("bytes=7-", 7, 12),
        ("bytes=-5", 7, 12),
        ("bytes=3-999", 3, 12),
        ("bytes=-99", 0, 12),
    ],
)
def test_one_range_is_answered(plain: Service, text: str, asked: str, first: int, end: int) -> None:
    """For players that seek, and downloads that resume (RFC 9110, 14)."""
    answer = read(plain, text, Range=asked)
    assert answer.status == 206
    assert answer.body == TEXT[first:end]
    assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/12"
    assert answer.headers["content-length"] == str(end - first)


@pytest.mark.parametrize("asked", ["bytes=12-", "bytes=99-100", "bytes=-0", "bytes=5-4"])
def test_range_that_is_not_there_is_a_416(plain: Service, text: str, asked: str) -> None:
    """With the length, so that the next try can be right."""
    answer = read(plain, text, Range=asked)
    assert (answer.status, answer.reason) == (416, "range-unsatisfiable")
    assert answer.headers["content-range"] == "bytes */12"


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes", "bytes=a-b"])
def test_other_ranges_are_ignored(plain: Service, text: str, asked: str) -> None:
    """All of it is always a right answer; so it is to a range of an older version."""
    assert read(plain, text, Range=asked).status == 200
    assert read(plain, text, Range="bytes=0-1", **{"If-Range": '"x"'}).body == TEXT


def test_head_tells_without_the_bytes(plain: Service, text: str) -> None:
    """The same headers, no body."""
    answer = plain.ask("HEAD", link(plain, text).json["url"])
    assert answer.status == 200
    assert answer.headers["content-length"] == "12"
    assert answer.body == b""


def test_large_object_is_streamed(service: Service) -> None:
    """In chunks, and all of them."""
    content = bytes(range(256)) * 8_192
    service.upload("large", content)
    assert digest(read(service, "large").body) == digest(content)
