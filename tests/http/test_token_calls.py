"""Short-lived tokens, created through the API, and what they may do."""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from onecopy.client import Client
from onecopy.errors import NotAllowed
from onecopy.http.app import Options
from onecopy.http.auth import REFRESH_SECONDS
from onecopy.store.interface import Markable
from onecopy.tokens import Scope, create_token, list_tokens, revoke_token
from tests.http.conftest import Answer, Json, Service, Start, digest, starting
from tests.http.test_openapi import described

ALL: tuple[Scope, ...] = ("check", "upload", "read", "metrics", "tokens")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start one service that requires tokens, for tests that use tenants of their own."""
    with starting(tmp_path_factory.mktemp("tokens")) as start:
        yield start(tokens_required=True)


def created(service: Service, token: str, **document: object) -> Json:
    """Create a token; return the answer's document."""
    answer = asked(service, token, **document)
    assert answer.status == 200, answer.body
    return answer.json


def asked(service: Service, token: str, **document: object) -> Answer:
    """Request a token, by default for a quarter of an hour."""
    return service.ask("POST", "/v1/tokens", {"expires_in": 900, **document}, token=token)


def file(key: str, content: bytes) -> Json:
    """Return a file to begin."""
    return {"key": key, "size": len(content), "digests": [digest(content)]}


def begun(service: Service, token: str, *files: Json) -> list[Json]:
    """Begin uploads; return the results."""
    answer = service.ask("POST", "/v1/uploads", {"files": list(files)}, token=token)
    assert answer.status == 200, answer.body
    results: list[Json] = answer.json["results"]
    return results


def test_a_token_for_a_browser(shared: Service) -> None:
    """It has the creator's tenant and the scopes that it was given, and its label is listed."""
    creator = shared.token("shop", *ALL)
    made = created(shared, creator, scopes=["check"], label="Ana")
    expires = datetime.fromisoformat(made["expires_at"])
    assert timedelta(seconds=890) < expires - datetime.now(UTC) <= timedelta(seconds=900)
    config = shared.ask("GET", "/v1/config", token=made["token"])
    assert config.json["tenant"] == "shop"
    assert shared.ask("POST", "/v1/uploads", {"files": []}, token=made["token"]).status == 403
    [listed] = [token for token in list_tokens(shared.index) if token.id == made["id"]]
    assert (listed.label, listed.scopes) == ("Ana", ("check",))
    assert listed.creator != ""


def test_scopes_are_the_creators_without_tokens(shared: Service) -> None:
    """By default without metrics; a wider scope is refused; nobody hands on `tokens`."""
    creator = shared.token("shop", "check", "read", "metrics", "tokens")
    made = created(shared, creator)
    [listed] = [token for token in list_tokens(shared.index) if token.id == made["id"]]
    assert listed.scopes == ("check", "read")
    assert asked(shared, made["token"]).status == 403
    wider = asked(shared, creator, scopes=["check", "upload"])
    assert (wider.status, wider.reason) == (403, "not-allowed")
    assert "upload" in wider.json["detail"]
    own = asked(shared, creator, scopes=["tokens"])
    assert (own.status, own.reason) == (400, "document-invalid")
    bare = asked(shared, shared.token("shop", "tokens"))
    assert (bare.status, bare.reason) == (400, "scope-invalid")


@pytest.mark.parametrize(
    "document",
    [
        {"expires_in": 59},
        {"expires_in": 7 * 24 * 3600 + 1},
        {"expires_in": None},
        {"max_bytes": 0},
        {"max_bytes": 2**63},
        {"label": "x" * 201},
        {"scopes": []},
        {"tenant": "other"},
        {"prefix": "../other"},
    ],
)
def test_documents_that_are_refused(shared: Service, document: dict[str, object]) -> None:
    """A time between a minute and a week, a folder that a key can have, and no other tenant."""
    answer = asked(shared, shared.token("shop", *ALL), **document)
    assert answer.status == 400
    assert answer.reason in {"document-invalid", "key-invalid"}


def test_it_does_not_outlive_its_creator(shared: Service) -> None:
    """Its time ends with the creator's token, if that ends earlier."""
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=300)
    _, creator = create_token(shared.index, tenant="shop", scopes=ALL, expires_at=end)
    assert datetime.fromisoformat(created(shared, creator)["expires_at"]) == end


def test_a_folder(shared: Service) -> None:
    """Uploads begin, are sent and completed below it only; other files of a request as usual."""
    creator = shared.token("folder", *ALL)
    ana = created(shared, creator, prefix="ana")["token"]
    inside, beside, above = begun(
        shared, ana, file("ana/a", b"1"), file("anabel/a", b"2"), file("ana", b"3")
    )
    assert "ticket" in inside
    assert [beside["reason"], above["reason"]] == ["key-outside-prefix"] * 2
    assert "'ana/'" in beside["message"]
    assert shared.upload("ana/b", b"4", token=ana)["verdict"] == "new"
    ticket = begun(shared, creator, file("bob/a", b"5"))[0]["ticket"]
    part = {"ticket": ticket, "parts": [{"number": 1, "sha256": "0" * 64}]}
    sent = shared.ask("POST", "/v1/uploads/parts", part, token=ana)
    assert (sent.status, sent.reason) == (400, "key-outside-prefix")
    part["ticket"] = inside["ticket"]
    assert shared.ask("POST", "/v1/uploads/parts", part, token=ana).status == 200
    documents = {"tickets": [{"ticket": inside["ticket"]}, {"ticket": ticket}, {"ticket": "x"}]}
    done = shared.ask("POST", "/v1/uploads/complete", documents, token=ana).json["results"]
    assert [result["reason"] for result in done] == [
        "parts-missing",
        "key-outside-prefix",
        "ticket-invalid",
    ]


def test_a_ticket_of_another_folder(shared: Service) -> None:
    """Somebody who has it can't send, see or abort the upload with a token for one folder."""
    creator = shared.token("tickets", *ALL)
    ana = created(shared, creator, prefix="ana")["token"]
    own, other = begun(shared, creator, file("ana/a", b"1"), file("bob/a", b"2"))

    def send(upload: Json, content: bytes, token: str) -> Answer:
        ask = upload["send"]
        return shared.ask(
            ask["method"], ask["url"], body=content, headers=ask["headers"], token=token
        )

    tickets = {"tickets": [{"ticket": other["ticket"]}]}
    assert send(other, b"2", creator).status == 200
    for refused in (
        send(other, b"2", ana),
        shared.ask("POST", "/v1/uploads/status", {"ticket": other["ticket"]}, token=ana),
        shared.ask(
            "POST", "/v1/uploads/abort", {"tickets": [other["ticket"], own["ticket"]]}, token=ana
        ),
    ):
        assert (refused.status, refused.reason) == (400, "key-outside-prefix")
    done = shared.ask("POST", "/v1/uploads/complete", tickets, token=creator).json["results"]
    assert done[0]["verdict"] == "new"
    assert send(own, b"1", ana).status == 404, "it was aborted, although the other was not"


def test_bytes(shared: Service) -> None:
    """Each upload counts when it begins; what did not begin does not count."""
    creator = shared.token("bytes", *ALL)
    assert shared.upload("stored", b"duplicate!", token=creator)["verdict"] == "new"
    limited = created(shared, creator, max_bytes=10)["token"]
    first, large, known = begun(
        shared, limited, file("a", b"12345678"), file("b", b"123"), file("c", b"duplicate!")
    )
    assert "ticket" in first
    assert (large["reason"], known["reason"]) == ("token-bytes-exceeded",) * 2
    assert "limit 10 in total" in large["message"]
    fresh = created(shared, creator, max_bytes=10)["token"]
    assert begun(shared, fresh, file("c", b"duplicate!"))[0]["verdict"] == "duplicate"
    assert "ticket" in begun(shared, fresh, file("d", b"0123456789"))[0]
    assert begun(shared, fresh, file("e", b"1"))[0]["reason"] == "token-bytes-exceeded"


def test_revoking(shared: Service) -> None:
    """Its creator can, within a second; nobody else learns that it exists."""
    creator, other = shared.token("shop", *ALL), shared.token("shop", *ALL)
    made = created(shared, creator)
    path = f"/v1/tokens/{made['id']}"
    assert shared.ask("GET", "/v1/config", token=made["token"]).status == 200
    [own] = [token for token in list_tokens(shared.index) if token.id == made["id"]]
    for id_, token in ((made["id"], other), ("0" * 16, creator), (own.creator, creator)):
        unknown = shared.ask("DELETE", f"/v1/tokens/{id_}", token=token)
        assert (unknown.status, unknown.reason) == (404, "token-unknown")
    assert shared.ask("DELETE", path, token=creator).status == 204
    assert shared.ask("DELETE", path, token=creator).status == 404
    time.sleep(REFRESH_SECONDS)
    assert shared.ask("GET", "/v1/config", token=made["token"]).status == 401


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/tokens"), ("DELETE", "/v1/tokens/x")])
def test_a_service_without_tokens(plain: Service, method: str, path: str) -> None:
    """Nobody closes it through the API; the answer says who creates the first token."""
    answer = plain.ask(method, path, {"expires_in": 60})
    assert (answer.status, answer.reason) == (403, "tokens-not-accepted")
    assert "onecopy token create" in answer.json["detail"]


def test_a_deployment_with_an_issuer(start: Start) -> None:
    """The answer says that only sign-ins are accepted, whatever the sender may do."""
    service = start(Options(own_tokens=False), tokens_required=True)
    answer = asked(service, service.token("shop", "check"))
    assert (answer.status, answer.reason) == (403, "tokens-not-accepted")
    assert "issuer" in answer.json["detail"]


def test_the_first_token_closes_the_service(start: Start) -> None:
    """A running service notices within a second, marks its store, and stays closed."""
    service = start()
    assert service.ask("GET", "/v1/config").status == 200
    token, secret = create_token(service.index)
    time.sleep(REFRESH_SECONDS)
    for _ in range(2):
        answer = service.ask("GET", "/v1/config")
        assert (answer.status, answer.reason) == (401, "token-missing")
    assert service.ask("GET", "/v1/config", token=secret).status == 200
    assert isinstance(service.store, Markable)
    assert service.store.is_marked("tokens")
    document = service.ask("GET", "/openapi.json").json
    assert document["paths"]["/v1/check"]["post"]["security"] == [{"token": []}]
    revoke_token(service.index, token.id)
    time.sleep(REFRESH_SECONDS)
    assert service.ask("GET", "/v1/config").status == 401


def test_the_last_use_is_noted(shared: Service) -> None:
    """Some time after the answer, and with the day only."""
    token, secret = create_token(shared.index, tenant="uses")
    assert shared.ask("GET", "/v1/config", token=secret).status == 200
    until = time.monotonic() + 10
    used = None
    while used is None and time.monotonic() < until:
        time.sleep(0.1)
        [used] = [t.used_at for t in list_tokens(shared.index) if t.sha256 == token.sha256]
    assert used is not None
    assert abs(used - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_client(shared: Service) -> None:
    """A program creates one with a call."""
    client = Client(shared.url, shared.token("client", *ALL))
    made = client.create_token(60, scopes=["upload"], prefix="a", max_bytes=5, label="b")
    client.close()
    [listed] = [token for token in list_tokens(shared.index) if token.id == made.id]
    assert (listed.scopes, listed.prefix, listed.max_bytes) == (("upload",), "a/", 5)
    assert listed.expires_at == made.expires_at
    other = Client(shared.url, made.token)
    with pytest.raises(NotAllowed, match="scope tokens"):
        other.create_token(60)
    other.close()


schema = schemathesis.openapi.from_dict(described()).include(path_regex="^/v1/tokens")


@schema.parametrize()
@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_calls_do_what_their_document_says(shared: Service, case: schemathesis.Case[Any]) -> None:
    """With a token that may create others; a prefix is refused if no key can have it."""
    headers = {"Authorization": f"Bearer {shared.token('fuzzed', *ALL)}"}
    case.call_and_validate(
        base_url=shared.url, headers=headers, excluded_checks=[positive_data_acceptance]
    )


PIECES = b"", b'"', b"-", b"null", b"[" * 2000, b"\\ud800", b"\x00", b"\xff"
"""What is put in the place of some bytes."""


def mutated(body: bytes, chance: Random) -> bytes:
    """Return a body with some bytes removed, repeated or replaced."""
    data = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at, end = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
        data[at:end] = chance.choice([*PIECES, data[at:end] * 2])
    return bytes(data)


@pytest.mark.soak
def test_mutated_bodies(shared: Service, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a body is made into, the answer is a token or a problem of the sender's."""
    creator, chance = shared.token("mutated", *ALL), Random(14)
    documents = (
        b'{"expires_in": 900, "scopes": ["check", "upload"], "label": "Ana"}',
        b'{"expires_in": 60, "prefix": "inbox/ana", "max_bytes": 1000000000}',
    )
    for number in range(5000):
        body = mutated(documents[number % 2], chance)
        headers = {"Content-Type": "application/json"}
        answer = shared.ask("POST", "/v1/tokens", body=body, headers=headers, token=creator)
        assert answer.status in {200, 400, 403, 413}, body
        assert answer.status == 200 or answer.reason
    for _ in range(500):
        path = f"/v1/tokens/{quote(mutated(b'0123456789abcdef', chance), safe='')}"
        assert shared.ask("DELETE", path, token=creator).status in {404, 405, 431}, path
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
