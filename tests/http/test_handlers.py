"""The way of an upload, through the service."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from onecopy.content import Digests, Listed
from onecopy.digest import SMALLEST_PART, Digest, compose, content_scheme
from onecopy.gate import Limits
from onecopy.http.app import Options
from onecopy.patterns import Patterns
from onecopy.store import tag as store_tag
from onecopy.store.interface import Object, Upload
from onecopy.store.objects import copy_of
from onecopy.timestamp import as_datetime
from onecopy.version import __version__
from tests.gate.world import content_digest
from tests.http.conftest import Service, Start, digest


def test_config_says_what_a_client_must_know(plain: Service) -> None:
    """The part size rule, the limits, the price and what this caller may do."""
    config = plain.ask("GET", "/v1/config").json
    assert config["version"] == __version__
    tag = store_tag(plain.store.identify(create=False))
    assert config["store"] == {"kind": "folder", "name": "files", "tag": tag}
    assert config["part_size"] == {
        "smallest": 8 << 20,
        "largest": 5 << 30,
        "most_parts": 10_000,
    }
    assert config["limits"] == {
        "sizes": 10_000,
        "files": 1_000,
        "digests": 8,
        "parts": 1_000,
        "key_bytes": 1024,
        "body_bytes": 8 << 20,
    }
    assert config["tenant"] == "default"
    assert config["price_per_gb_month"] == 0.023
    assert config["features"] == ["upload", "batch", "link", "duplicates", "place"]


def test_undecided_content_names_the_digest_to_compute(plain: Service) -> None:
    """A plain SHA-256 of a large content decides neither a check nor an upload of a known size."""
    data = bytes(9_500_000)
    Path(plain.store.url.removeprefix("file:"), "stored").write_bytes(data)
    [found] = plain.store.look(["stored"])
    assert isinstance(found, Object)
    copy = copy_of(found, "stored")._replace(digests=Digests.proved(content_digest(data)))
    plain.index.record("default", [copy])
    file = {"size": len(data), "digests": [f"sha256:{hashlib.sha256(data).hexdigest()}"]}
    # Only a check compares the other digest, too.
    for url, asked, also in [
        ("/v1/check", file, " as well"),
        ("/v1/uploads", {**file, "key": "a"}, ""),
    ]:
        [result] = plain.ask("POST", url, {"files": [asked]}).json["results"]
        assert result == {
            "verdict": "unconfirmed",
            "reason": "digest-needed",
            "message": "a known content also has 9,500,000 bytes, and may be the same: "
            f"compute sha256+8388608{also} to compare them",
        }
        longer = {**asked, "size": 9_500_001}
        [result] = plain.ask("POST", url, {"files": [longer]}).json["results"]
        assert result["verdict"] == "new"


def test_large_copies_are_confirmed_in_the_background(start: Start) -> None:
    """A check of what a request may not read states the progress, until the copy is confirmed."""
    service, data = start(Options(limits=Limits(read_bytes=0))), bytes(9_500_000)
    Path(service.store.url.removeprefix("file:"), "stored").write_bytes(data)
    [found] = service.store.look(["stored"])
    assert isinstance(found, Object)
    service.index.add([("default", copy_of(found, "stored"))])
    file = {"size": len(data), "digests": [str(content_digest(data))]}
    [result] = service.ask("POST", "/v1/check", {"files": [file]}).json["results"]
    assert result == {"verdict": "unconfirmed", "reason": "confirming", "bytes_read": 0}
    until = time.monotonic() + 20
    while result.get("reason") == "confirming" and time.monotonic() < until:
        assert 0 <= result["bytes_read"] <= len(data)
        time.sleep(0.01)
        [result] = service.ask("POST", "/v1/check", {"files": [file]}).json["results"]
    assert (result["verdict"], result["copy"]["key"]) == ("duplicate", "stored")


def test_content_is_new_then_uploaded_then_a_duplicate(service: Service) -> None:
    """The product: the second upload of a content is found out before a byte is sent."""
    assert service.check(b"hello") == [{"verdict": "new"}]
    stored = service.upload("greetings/one.txt", b"hello")
    assert stored["verdict"] == "new"
    assert stored["copy"]["key"] == "greetings/one.txt"
    [found] = service.check(b"hello")
    assert found["verdict"] == "duplicate"
    assert found["copy"] == stored["copy"]
    assert found["copy"]["size"] == 5
    assert digest(b"hello") in found["copy"]["digests"]
    begun = service.begin("greetings/two.txt", b"hello")
    assert begun["verdict"] == "duplicate"
    assert "ticket" not in begun
    with service.store.open("greetings/one.txt") as stream:
        assert stream.read() == b"hello"


def test_a_completion_that_takes_long_is_asked_for_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway in between does not wait for ever; the upload continues."""
    service = start(Options(complete_seconds=0.2))
    begun = service.begin("a", b"hello")
    send = begun["send"]
    service.ask(send["method"], send["url"], body=b"hello", headers=send["headers"])
    complete, may_end = service.store.complete, threading.Event()

    def slowly(upload: Upload, digest: Digest, sums: Sequence[bytes] = ()) -> object:
        assert may_end.wait(10)
        return complete(upload, digest, sums)

    monkeypatch.setattr(service.store, "complete", slowly)
    monkeypatch.setattr(service.store, "complete_batch", lambda uploads: [None] * len(uploads))
    tickets = {"tickets": [{"ticket": begun["ticket"]}, {"ticket": begun["ticket"]}]}
    [first, second] = service.ask("POST", "/v1/uploads/complete", tickets).json["results"]
    assert first == second == {"verdict": "unconfirmed", "reason": "completing"}
    may_end.set()
    done = first
    while done.get("reason") == "completing":
        [done] = service.ask(
            "POST", "/v1/uploads/complete", {"tickets": [{"ticket": begun["ticket"]}]}
        ).json["results"]
    assert (done["verdict"], done["copy"]["key"]) == ("new", "a")
    assert service.check(b"hello")[0]["verdict"] == "duplicate"


def test_listed_content_is_a_duplicate_without_a_copy(start: Start) -> None:
    """A trusted list knows a content, and nobody knows where it is."""
    service = start(Options(trust={"default": frozenset({"claimed"})}))
    service.index.enlist([("default", Listed(Digest.parse(digest(b"hello"))))])
    assert service.check(b"hello") == [{"verdict": "duplicate", "reason": "listed"}]
    assert service.begin("a", b"hello") == {"verdict": "duplicate", "reason": "listed"}


def test_copy_that_was_deleted_is_no_duplicate(service: Service, tmp_path: Path) -> None:
    """P1: what was seen yesterday does not count."""
    service.upload("one", b"hello")
    (tmp_path / "files" / "one").unlink()
    assert service.check(b"hello") == [{"verdict": "new"}]


def test_probe_names_the_schemes_of_known_sizes(service: Service) -> None:
    """Sizes that nothing has are left out; the others say what to compute."""
    service.upload("five", b"hello")
    answer = service.ask("POST", "/v1/probe", {"sizes": [5, 6, 5]})
    assert answer.json == {"schemes": {"5": ["sha256"]}}


def test_bad_file_does_not_spoil_the_others(service: Service) -> None:
    """An answer in its place for each file, whatever the one before it was."""
    service.upload("five", b"hello")
    files = [
        {"size": 5, "digests": ["sha256:XYZ"]},
        {"size": 5, "digests": [digest(b"hello")]},
        {"size": 5, "digests": ["crc32:00000000"]},
        {"size": 5, "digests": [digest(b"world")]},
    ]
    results = service.ask("POST", "/v1/check", {"files": files}).json["results"]
    assert [result["verdict"] for result in results] == [
        "unconfirmed",
        "duplicate",
        "unconfirmed",
        "new",
    ]
    assert [result.get("reason") for result in results] == [
        "digest-invalid",
        None,
        "digest-invalid",
        None,
    ]
    assert "crc32" in results[2]["message"]


@pytest.mark.parametrize("key", ["../up", "", "a//b", ".onecopy/x", "a\u0000b", "ü" * 600])
def test_key_that_no_store_may_hold_is_refused_by_name(plain: Service, key: str) -> None:
    """The file is unconfirmed with the reason, and its neighbour is begun."""
    good = {"key": "good", "size": 5, "digests": [digest(os.urandom(5))]}
    bad = {**good, "key": key}
    results = plain.ask("POST", "/v1/uploads", {"files": [bad, good]}).json["results"]
    assert results[0]["verdict"] == "unconfirmed"
    assert results[0]["reason"] == "key-invalid"
    assert results[1]["ticket"]


def test_large_content_goes_in_parts_and_is_resumed(service: Service) -> None:
    """A multipart upload: parts requested, one sent, status, the other one, complete."""
    content = os.urandom(SMALLEST_PART) + b"the rest"
    parts = [content[:SMALLEST_PART], content[SMALLEST_PART:]]
    hashes = [hashlib.sha256(part).digest() for part in parts]
    [begun] = service.ask(
        "POST", "/v1/uploads", {"files": [{"key": "large", "size": len(content)}]}
    ).json["results"]
    assert begun["verdict"] == "new"
    assert "send" not in begun
    wanted = [{"number": at, "sha256": value.hex()} for at, value in enumerate(hashes, 1)]
    sends = service.ask(
        "POST", "/v1/uploads/parts", {"ticket": begun["ticket"], "parts": wanted}
    ).json["send"]
    for send, part in list(zip(sends, parts, strict=True))[:1]:
        answer = service.ask(send["method"], send["url"], body=part, headers=send["headers"])
        assert answer.json == {"number": 1, "size": SMALLEST_PART, "sha256": hashes[0].hex()}
    unfinished = {"tickets": [{"ticket": begun["ticket"]}]}
    [early] = service.ask("POST", "/v1/uploads/complete", unfinished).json["results"]
    assert early["verdict"] == "unconfirmed"
    status = service.ask("POST", "/v1/uploads/status", {"ticket": begun["ticket"]}).json
    assert [part["number"] for part in status["parts"]] == [1]
    headers = {**sends[1]["headers"], "Onecopy-Ticket": status["ticket"]}
    service.ask("PUT", sends[1]["url"], body=parts[1], headers=headers)
    finish = {"ticket": status["ticket"], "parts": [value.hex() for value in hashes]}
    [stored] = service.ask("POST", "/v1/uploads/complete", {"tickets": [finish]}).json["results"]
    whole = compose(content_scheme(len(content)), hashes)
    assert stored["verdict"] == "new"
    assert str(whole) in stored["copy"]["digests"]
    check = {"files": [{"size": len(content), "digests": [str(whole)]}]}
    [found] = service.ask("POST", "/v1/check", check).json["results"]
    assert found["verdict"] == "duplicate"


def test_empty_file_is_uploaded(service: Service) -> None:
    """It has no content, so it is stored and not indexed."""
    assert service.upload("empty", b"")["verdict"] == "new"
    with service.store.open("empty") as stream:
        assert stream.read() == b""


def test_same_idempotency_key_begins_the_same_upload(service: Service) -> None:
    """A `begin` whose answer was lost is repeated without leaving a second upload."""
    file = {"key": "k", "size": 5, "digests": [digest(b"hello")]}

    def begin(idempotency_key: str) -> str:
        answer = service.ask(
            "POST",
            "/v1/uploads",
            {"files": [file]},
            headers={"Idempotency-Key": idempotency_key},
        )
        [result] = answer.json["results"]
        send = result["send"]
        service.ask("PUT", send["url"], body=b"hello", headers=send["headers"])
        return str(result["ticket"])

    def parts(ticket: str) -> int:
        return len(service.ask("POST", "/v1/uploads/status", {"ticket": ticket}).json["parts"])

    first = begin("a")
    answer = service.ask("POST", "/v1/uploads", {"files": [file]}, headers={"Idempotency-Key": "a"})
    assert parts(answer.json["results"][0]["ticket"]) == 1
    other = service.ask("POST", "/v1/uploads", {"files": [file]}, headers={"Idempotency-Key": "b"})
    assert other.json["results"] == [{"verdict": "unconfirmed", "reason": "uploading"}]
    assert parts(first) == 1


@pytest.mark.parametrize("key", ["a" * 256, "with space", ""])
def test_idempotency_key_has_a_form(plain: Service, key: str) -> None:
    """1 to 255 visible characters."""
    answer = plain.ask("POST", "/v1/uploads", {"files": []}, headers={"Idempotency-Key": key})
    assert answer.status == 400
    assert answer.reason == "bad-input"


def test_aborted_upload_is_unknown(service: Service) -> None:
    """Aborting removes the staged bytes; requests for them afterwards are a 404."""
    begun = service.begin("k", b"hello")
    answer = service.ask("POST", "/v1/uploads/abort", {"tickets": [begun["ticket"]]})
    assert answer.status == 204
    assert answer.body == b""
    assert "content-type" not in answer.headers
    answer = service.ask("POST", "/v1/uploads/status", {"ticket": begun["ticket"]})
    assert answer.status == 404
    assert answer.reason == "upload-unknown"


def test_forged_ticket_spoils_no_other_abort(service: Service) -> None:
    """The others of the list are aborted, and the answer says that one of them is invalid."""
    ticket = service.begin("k", b"hello")["ticket"]
    answer = service.ask("POST", "/v1/uploads/abort", {"tickets": ["forged", ticket]})
    assert (answer.status, answer.reason) == (400, "ticket-invalid")
    answer = service.ask("POST", "/v1/uploads/status", {"ticket": ticket})
    assert answer.reason == "upload-unknown"


def test_forged_ticket_is_bad_input(service: Service) -> None:
    """A ticket that we did not sign says nothing of what it lacks."""
    ticket = service.begin("k", b"hello")["ticket"]
    forged = ticket[:-2] + ("AA" if ticket[-2:] != "AA" else "BB")
    answer = service.ask("POST", "/v1/uploads/status", {"ticket": forged})
    assert answer.status == 400
    assert answer.reason == "ticket-invalid"


def test_urls_can_be_kept_back(start: Start) -> None:
    """With `show_urls` off nobody learns where the store is."""
    service = start(Options(show_urls=False))
    stored = service.upload("one", b"hello")
    [found] = service.check(b"hello")
    assert "url" not in stored["copy"]
    assert "url" not in found["copy"]
    assert "url" not in service.ask("GET", "/v1/config").json["store"]


def test_the_path_of_a_folder_is_not_shown(start: Start, tmp_path: Path) -> None:
    """Neither by the store nor by a copy, unless the operator wants it; people see a name."""
    service = start(Options(store_name="Photos of the archive"))
    service.upload("one", b"hello")
    answers = [service.ask("GET", "/v1/config").body, json.dumps(service.check(b"hello")).encode()]
    assert not [answer for answer in answers if str(tmp_path).encode() in answer]
    assert service.ask("GET", "/v1/config").json["store"]["name"] == "Photos of the archive"
    shown = start(Options(show_path=True))
    assert shown.ask("GET", "/v1/config").json["store"]["url"] == service.store.url
    assert shown.check(b"hello")[0]["copy"]["url"] == f"{service.store.url}/one"


def test_times_beyond_the_calendar_are_shown_at_its_end() -> None:
    """A file may claim any year; the answer stays a date."""
    assert as_datetime(10**18).year == 9999
    assert as_datetime(-(10**18)).year == 1970
    assert as_datetime(1_500).microsecond == 500_000


def test_trash(start: Start) -> None:
    """A service obeys its own patterns, and reports them; the result names the copy."""
    service = start(Options(trash=Patterns(["/old/"])))
    assert service.ask("GET", "/v1/config").json["trash"] == ["/old/"]
    service.upload("old/a", b"bytes")
    [found] = service.check(b"bytes")
    assert (found["verdict"], found["reason"]) == ("new", "in-trash")
    assert found["copy"]["key"] == "old/a"
    assert service.upload("a", b"bytes")["verdict"] == "new"
    [found] = service.check(b"bytes")
    assert (found["verdict"], found["copy"]["key"]) == ("duplicate", "a")
