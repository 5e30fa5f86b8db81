"""An invalid file of a request has an answer of its own, and the others are answered as usual."""

import json
import os
from typing import Any

import msgspec
import pytest

from onecopy.digest import LARGEST_CONTENT
from onecopy.documents import CheckRequest, ContentDocument
from onecopy.errors import BadInput
from onecopy.gate import Limits
from onecopy.http.app import Options
from onecopy.http.decoding import Decoder
from tests.http.conftest import Json, Service, Start, digest

GOOD = {"key": "good", "size": 5, "digests": [digest(b"hello")]}
INVALID: list[tuple[dict[str, Any] | Any, str, str]] = [
    ({"size": -1}, "size-invalid", "invalid size -1: expected `int` >= 0"),
    (
        {"size": LARGEST_CONTENT + 1},
        "size-invalid",
        "invalid size 53687091200001: expected `int` <= 53687091200000",
    ),
    ({"size": "5"}, "size-invalid", 'invalid size "5": expected `int`, got `str`'),
    ({"size": None}, "size-invalid", "invalid size null: expected `int`, got `null`"),
    ({"size": 5.5}, "size-invalid", "invalid size 5.5: expected `int`, got `float`"),
    ({"size": 10**30}, "size-invalid", f"invalid size 1{'0' * 30}: expected `int` <="),
    ({"digests": None}, "digest-invalid", "invalid digests null: expected `array`"),
    ({"digests": [5]}, "digest-invalid", "invalid digests [5]: expected `str`, got `int`"),
    ({"digests": ["x" * 101]}, "digest-invalid", "…: expected `str` of length <= 100"),
    ({"digests": ["crc32:00"]}, "digest-invalid", "unknown scheme 'crc32'"),
    ({"digests": ["sha256:XY"]}, "digest-invalid", "invalid digest 'sha256:XY'"),
    ({"digests": [digest(b"")] * 9}, "limit-exceeded", "too many digests (limit 8 per file)"),
    ({"extra": 1}, "document-invalid", "invalid entry: object contains unknown field `extra`"),
]
INVALID_UPLOADS: list[tuple[dict[str, Any] | Any, str, str]] = [
    ({"key": "k" * 1025}, "key-invalid", "…: expected `str` of length <= 1024"),
    ({"key": "ü" * 600}, "key-invalid", "1200 bytes"),
    ({"key": None}, "key-invalid", "invalid key null: expected `str`, got `null`"),
    ({"content_type": "x" * 256}, "document-invalid", "invalid content_type"),
    ({"content_type": "\n"}, "bad-input", "invalid content type"),
    ({"anyway": "yes"}, "document-invalid", 'invalid anyway "yes": expected `bool`, got `str`'),
    ({"metadata": {"A": "b"}}, "document-invalid", 'invalid metadata {"A": "b"}: expected `str`'),
    ({"metadata": {"a": "é"}}, "document-invalid", "invalid metadata"),
]


def results(service: Service, path: str, field: str, entries: list[Any]) -> list[Json]:
    """Send a list, and return its results."""
    answer = service.ask("POST", path, {field: entries})
    assert answer.status == 200, answer.body
    found: list[Json] = answer.json["results"]
    assert len(found) == len(entries)
    return found


@pytest.mark.parametrize(("changes", "reason", "message"), INVALID)
def test_invalid_file_of_a_check(
    plain: Service, changes: dict[str, Any], reason: str, message: str
) -> None:
    """It is unconfirmed, with the value and the rule; the files beside it are answered."""
    good = {name: GOOD[name] for name in ("size", "digests")}
    first, bad, last = results(plain, "/v1/check", "files", [good, {**good, **changes}, good])
    assert first == last == {"verdict": "new"}
    assert (bad["verdict"], bad["reason"]) == ("unconfirmed", reason)
    assert message in bad["message"]


@pytest.mark.parametrize(("changes", "reason", "message"), [*INVALID, *INVALID_UPLOADS])
def test_invalid_file_of_a_begin(
    plain: Service, changes: dict[str, Any], reason: str, message: str
) -> None:
    """As in a check, for every field of an upload."""
    fresh = {**GOOD, "digests": [digest(os.urandom(5))]}  # else it waits for the test before
    bad, good = results(plain, "/v1/uploads", "files", [{**GOOD, "key": "a", **changes}, fresh])
    assert good["ticket"]
    assert (bad["verdict"], bad["reason"]) == ("unconfirmed", reason)
    assert message in bad["message"]


@pytest.mark.parametrize(
    ("path", "document", "detail"),
    [
        ("probe", {"sizes": [5] * 10_001}, "too many sizes (limit 10000 per request)"),
        ("check", {"files": [GOOD] * 1_001}, "too many files (limit 1000 per request)"),
        ("uploads", {"files": [GOOD] * 1_001}, "too many files (limit 1000 per request)"),
        ("place", {"files": [5] * 1_001}, "too many files (limit 1000 per request)"),
        ("uploads/abort", {"tickets": ["t"] * 1_001}, "too many tickets (limit 1000 per request)"),
        (
            "uploads/parts",
            {"ticket": "t", "parts": [{"number": 1, "sha256": "0" * 64}] * 1_001},
            "too many parts (limit 1000 per request)",
        ),
    ],
)
def test_list_that_is_too_long(
    plain: Service, path: str, document: dict[str, Any], detail: str
) -> None:
    """The problem names the list and its limit, and says what to do."""
    answer = plain.ask("POST", f"/v1/{path}", document)
    assert (answer.status, answer.reason) == (413, "limit-exceeded")
    assert answer.json["detail"] == f"{detail}; split the request"


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("uploads/parts", {"ticket": "t", "parts": [{"number": 1, "sha256": "0" * 64 + "\n"}]}),
        ("uploads/complete", {"tickets": [{"ticket": "t", "md5": "0" * 32 + "\n"}]}),
        ("uploads/complete", {"tickets": [{"ticket": "t", "parts": ["0" * 64 + "\n"]}]}),
    ],
)
def test_digits_with_a_line_feed(plain: Service, path: str, document: dict[str, Any]) -> None:
    """They are not digits only, though `$` in a pattern would match before a line feed."""
    answer = plain.ask("POST", f"/v1/{path}", document)
    assert b"of length <=" in answer.body


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (5, "invalid entry: expected `object`, got `int`"),
        (None, "invalid entry: expected `object`, got `null`"),
        ([], "invalid entry: expected `object`, got `array`"),
        ({}, "invalid entry: object missing required field `size`"),
    ],
)
def test_entry_that_is_no_file(plain: Service, entry: object, message: str) -> None:
    """Whatever else stands in the list has an answer in its place, too."""
    bad, good = results(plain, "/v1/check", "files", [entry, {"size": 5, "digests": []}])
    assert bad == {"verdict": "unconfirmed", "reason": "document-invalid", "message": message}
    assert good["verdict"] == "new"


@pytest.mark.parametrize(
    ("entry", "reason", "message"),
    [
        ({"ticket": ""}, "ticket-invalid", 'invalid ticket "": expected `str` of length >= 1'),
        ({"ticket": 7}, "ticket-invalid", "invalid ticket 7: expected `str`, got `int`"),
        ({"ticket": "forged"}, "ticket-invalid", ""),
        ({"ticket": "t", "parts": ["00"]}, "digest-invalid", 'invalid parts ["00"]: expected'),
        ({}, "document-invalid", "invalid entry: object missing required field `ticket`"),
    ],
)
def test_invalid_entry_of_a_completion(
    service: Service, entry: object, reason: str, message: str
) -> None:
    """An upload beside it is completed."""
    begun = service.begin("a", b"hello")
    send = begun["send"]
    service.ask(send["method"], send["url"], body=b"hello", headers=send["headers"])
    entries = [entry, {"ticket": begun["ticket"]}]
    bad, good = results(service, "/v1/uploads/complete", "tickets", entries)
    assert good["copy"]["key"] == "a"
    assert (bad["verdict"], bad["reason"]) == ("unconfirmed", reason)
    assert message in bad.get("message", "")


def test_entry_that_is_not_utf_8(plain: Service) -> None:
    """Bytes that are no text are those of their own entry."""
    body = json.dumps({"files": [{"size": 5, "digests": ["X"]}, {"size": 5, "digests": []}]})
    headers = {"Content-Type": "application/json"}
    raw = body.encode().replace(b"X", b"caf\xe9")
    [bad, good] = plain.ask("POST", "/v1/check", body=raw, headers=headers).json["results"]
    assert bad["message"] == "invalid entry: it is not UTF-8"
    assert good["verdict"] == "new"


@pytest.mark.parametrize("rest", [b'"x\xbe": 1', b'"\xbe": 1', b'"x": "\xbe"'])
def test_entry_that_is_wrong_twice(rest: bytes) -> None:
    """A file with an invalid size, and what is not UTF-8 after it, has an answer of its own."""
    body = b'{"files": [{"size": -1, %b}, {"size": 5, "digests": []}]}' % rest
    wrong, good = Decoder(CheckRequest).decode(body).files
    assert isinstance(wrong, BadInput)
    assert good == ContentDocument(5, [])


def test_lower_limit_of_digests_concerns_its_file(start: Start) -> None:
    """A limit that the operator has set is that of one file, too."""
    service = start(Options(limits=Limits(digests=1)))
    good = {"size": 5, "digests": [digest(b"hello")]}
    bad = {"size": 5, "digests": [digest(b"hello"), digest(b"world")]}
    found = results(service, "/v1/check", "files", [bad, good])
    assert found == [
        {
            "verdict": "unconfirmed",
            "reason": "limit-exceeded",
            "message": "too many digests: 2 (limit 1 per file)",
        },
        {"verdict": "new"},
    ]


def test_valid_document_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of a valid request are not decoded singly, which would take longer."""
    body = json.dumps({"files": [{"size": 5, "digests": []}]}).encode()
    decoder = Decoder(CheckRequest)
    monkeypatch.setattr(msgspec.json, "decode", lambda *_, **__: pytest.fail("decoded again"))
    assert len(decoder.decode(body).files) == 1


@pytest.mark.parametrize("half", [r"\ud800", r"\udc80", r"\ud800\ud800", r"\ude00\ud83d"])
def test_half_of_a_surrogate_pair_is_named(plain: Service, half: str) -> None:
    """The parser says of some that the document is truncated; whole pairs are no error."""
    headers = {"Content-Type": "application/json"}
    body = r'{"files": [{"size": 5, "digests": ["\ud83d\ude00X"]}]}'
    answer = plain.ask("POST", "/v1/check", body=body.replace("X", half).encode(), headers=headers)
    assert (answer.status, answer.json["reason"]) == (400, "json-invalid")
    assert answer.json["detail"].startswith(f"{half[:6]} is half of a surrogate pair")
    answer = plain.ask("POST", "/v1/check", body=body[:-5].encode(), headers=headers)
    assert "truncated" in answer.json["detail"]
