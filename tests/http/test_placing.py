"""`POST /v1/place`: the same over HTTP, with scopes, limits of tokens, and slow stores."""

import time
from threading import Event

import pytest

from onecopy.client import Client
from onecopy.content import Verdict
from onecopy.errors import NotAllowed
from onecopy.gate import Place
from onecopy.http.app import Options
from onecopy.tokens import Scope, create_token
from tests.gate.world import content_digest
from tests.http.conftest import Json, Service, Start, digest

BYTES = b"hello"


def placed(service: Service, key: str, content: bytes = BYTES, *, token: str | None = None) -> Json:
    """Place a small content; return the result."""
    file = {"key": key, "size": len(content), "digest": digest(content)}
    answer = service.ask("POST", "/v1/place", {"files": [file]}, token=token)
    assert answer.status == 200, answer.body
    return answer.json["results"][0]


def test_places(service: Service) -> None:
    """The copy under the new key is named, and a second request finds it."""
    service.upload("a", BYTES)
    result = placed(service, "b")
    assert (result["verdict"], result["reason"]) == ("duplicate", "placed")
    assert (result["copy"]["key"], result["copy"]["digests"][0]) == ("b", digest(BYTES))
    assert placed(service, "b")["reason"] == "already-there"
    assert placed(service, "c", b"other") == {"verdict": "new"}


def test_invalid_files(service: Service) -> None:
    """Each has an answer of its own."""
    service.upload("a", BYTES)
    good = {"key": "b", "size": 5, "digest": digest(BYTES)}
    files = [
        {**good, "digest": "sha256:00"},
        {**good, "key": "../x"},
        {**good, "size": -1},
        {**good, "colour": "red"},
        {**good, "digest": f"md5:{'0' * 32}"},
        {**good, "metadata": {"camera": "X100"}, "content_type": "text/plain"},
    ]
    answer = service.ask("POST", "/v1/place", {"files": files})
    assert [result["reason"] for result in answer.json["results"]] == [
        *("digest-invalid", "key-invalid", "size-invalid", "document-invalid", "digest-invalid"),
        "placed",
    ]


@pytest.mark.parametrize("scopes", [["upload"], ["read"], ["check", "upload", "read"]])
def test_scopes(guarded: Service, scopes: list[Scope]) -> None:
    """It writes, and it shows what is stored: so it takes both scopes."""
    may = {"upload", "read"} <= set(scopes)
    guarded.upload("a", BYTES, token=guarded.token())
    token = guarded.token("default", *scopes)
    features = guarded.ask("GET", "/v1/config", token=token).json["features"]
    assert ("place" in features) is may
    if may:
        assert placed(guarded, "b", token=token)["reason"] == "placed"
    else:
        file = {"key": "b", "size": 5, "digest": digest(BYTES)}
        answer = guarded.ask("POST", "/v1/place", {"files": [file]}, token=token)
        assert (answer.status, answer.reason) == (403, "not-allowed")


def test_other_tenants(guarded: Service) -> None:
    """P5: a digest gives access to nothing of others."""
    guarded.upload("a", BYTES, token=guarded.token("ana"))
    assert placed(guarded, "b", token=guarded.token("bob")) == {"verdict": "new"}


def test_limited_tokens(guarded: Service) -> None:
    """Only in its folder, and no more bytes than it has; what was not placed does not count."""
    guarded.upload("a", BYTES, token=guarded.token())
    token = create_token(
        guarded.index, scopes=("check", "upload", "read"), prefix="inbox/", max_bytes=12
    )[1]
    assert placed(guarded, "b", token=token)["reason"] == "key-outside-prefix"
    assert placed(guarded, "inbox/none", b"other", token=token) == {"verdict": "new"}
    assert placed(guarded, "inbox/1", token=token)["reason"] == "placed"
    assert placed(guarded, "inbox/1", token=token)["reason"] == "already-there"
    assert placed(guarded, "inbox/2", token=token)["reason"] == "placed"
    assert placed(guarded, "inbox/3", token=token)["reason"] == "token-bytes-exceeded"
    # Only 2 bytes are left, but a request whose answer was lost needs none.
    assert placed(guarded, "inbox/2", token=token)["reason"] == "already-there"
    assert placed(guarded, "inbox/2", b"other", token=token)["reason"] == "key-taken"


def test_a_limited_token_asks_how_far_it_is(
    guarded: Service, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes count once, even while it asks again because the copy takes long."""
    guarded.upload("a", BYTES, token=guarded.token())
    going, ready = Event(), Event()
    copy = guarded.store.copy  # type: ignore[attr-defined]

    def slow(*arguments: object) -> object:
        going.set()
        ready.wait(20)
        return copy(*arguments)

    monkeypatch.setattr(guarded.store, "copy", slow)
    service = start(Options(complete_seconds=0.05), tokens_required=True)
    token = create_token(service.index, scopes=("upload", "read"), max_bytes=5)[1]
    assert placed(service, "b", token=token)["reason"] == "placing"
    assert going.wait(20)
    assert placed(service, "b", token=token)["reason"] == "placing"
    assert placed(service, "c", token=token)["reason"] == "token-bytes-exceeded"
    ready.set()
    until = time.monotonic() + 20
    while placed(service, "b", token=token)["reason"] == "placing" and time.monotonic() < until:
        time.sleep(0.05)
    assert placed(service, "b", token=token)["reason"] == "already-there"


def test_a_slow_store(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some seconds the answer is how far it is; the copy is made, and found later."""
    service = start(Options(complete_seconds=0.1))
    service.upload("a", BYTES)
    copy = service.store.copy  # type: ignore[attr-defined]

    def slow(source: object, upload: object, report: object) -> object:
        report(3)  # type: ignore[operator]
        time.sleep(0.6)
        return copy(source, upload, report)

    monkeypatch.setattr(service.store, "copy", slow)
    assert placed(service, "b") == {
        "verdict": "unconfirmed",
        "reason": "placing",
        "bytes_read": 3,
    }
    until = time.monotonic() + 10
    while (result := placed(service, "b"))["reason"] == "placing" and time.monotonic() < until:
        time.sleep(0.05)
    assert result["reason"] == "already-there"


def test_the_client(guarded: Service) -> None:
    """The client of the library places as a gate does; a name that is not text is refused."""
    guarded.upload("a", BYTES, token=guarded.token())
    client = Client(guarded.url, guarded.token())
    assert "place" in client.config().features
    wanted = Place("b", 5, content_digest(BYTES), "text/plain", (("camera", "X100"),))
    answers = client.place([wanted, wanted._replace(key="c\udcff"), wanted._replace(key="d")])
    assert [answer.reason for answer in answers] == ["placed", "key-invalid", "placed"]
    assert answers[0].verdict is Verdict.DUPLICATE
    assert answers[0].copy is not None
    assert answers[0].copy.key == "b"
    client.close()
    other = Client(guarded.url, guarded.token("default", "check", "upload"))
    with pytest.raises(NotAllowed, match="lacks the scope read"):
        other.place([wanted])
    other.close()
