"""Tokens: made, kept hashed, looked up, revoked; and what a service does with them."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from onecopy.errors import BadInput, InvalidSettings, LimitExceeded
from onecopy.http.auth import REFRESH_SECONDS
from onecopy.http.loopback import require_loopback
from onecopy.index import Engine, open_index
from onecopy.tokens import PREFIX, Scope, create_token, has_tokens, list_tokens, revoke_token
from tests.http.conftest import Service, digest, starting


@pytest.fixture
def state() -> Engine:
    """Where tokens are kept."""
    return open_index("memory:")


def test_token_is_kept_hashed_only(state: Engine) -> None:
    """Who reads the index learns no token."""
    assert not has_tokens(state)
    token, secret = create_token(
        state, tenant="photos", scopes=["upload", "check"], label="the NAS", expires_at=None
    )
    values = [state.get("tokens") or b"", *(raw for _, raw in state.values("token:"))]
    assert secret.startswith(PREFIX)
    assert len(secret) == len(PREFIX) + 43
    assert not any(secret[len(PREFIX) :].encode() in raw for raw in values)
    assert token.scopes == ("check", "upload")
    assert list(list_tokens(state)) == [token]
    assert has_tokens(state)


def test_revoked_token_is_gone(state: Engine) -> None:
    """By its id, once."""
    token, _ = create_token(state)
    other, _ = create_token(state)
    assert revoke_token(state, token.id)
    assert not revoke_token(state, token.id)
    assert list(list_tokens(state)) == [other]


def test_tokens_made_at_once_are_all_kept(state: Engine) -> None:
    """Each has a record of its own."""

    def make() -> None:
        for _ in range(10):
            create_token(state)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({token.id for token in list_tokens(state)}) == 40


def test_times_are_datetimes(state: Engine) -> None:
    """A program need not know the unit; the index keeps milliseconds, as before."""
    expires = datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    create_token(state, expires_at=expires)
    [token] = list_tokens(state)
    assert token.expires_at == expires
    assert abs(token.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    [(_, raw)] = state.values("token:")
    assert b'"expires_at":1893553445678' in raw


def test_expired_tokens_make_room(state: Engine) -> None:
    """They go when the next one is made."""
    create_token(state, expires_at=datetime(1970, 1, 2, tzinfo=UTC))
    token, _ = create_token(state)
    assert list(list_tokens(state)) == [token]


@pytest.mark.parametrize("tenant", ["", "-a", "A", "a/b", "a.b", ".onecopy", "a" * 64, "é", "a\n"])
def test_tenant_is_a_folder_name(state: Engine, tenant: str) -> None:
    """It becomes the first folder of its keys: nothing that could name another."""
    with pytest.raises(BadInput):
        create_token(state, tenant=tenant)
    assert not has_tokens(state)


@pytest.mark.parametrize(("first", "second"), [("default", "photos"), ("photos", "default")])
def test_default_tenant_stands_alone(state: Engine, first: str, second: str) -> None:
    """P5: it owns the whole store, and so the others' keys."""
    token, _ = create_token(state, tenant=first)
    with pytest.raises(BadInput, match="coexist"):
        create_token(state, tenant=second)
    revoke_token(state, token.id)
    create_token(state, tenant=second)


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_scopes_are_known_ones(state: Engine, scopes: list[Scope]) -> None:
    """At least one, of those that there are."""
    with pytest.raises(BadInput, match="scope"):
        create_token(state, scopes=scopes)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_without_tokens_only_loopback_is_listened_on(host: str) -> None:
    """Anybody who reaches the address could ask."""
    with pytest.raises(InvalidSettings, match="token"):
        require_loopback(host)


def test_loopback_may_be_listened_on() -> None:
    """By each of its names."""
    for host in ("127.0.0.1", "localhost", "::1"):
        require_loopback(host)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start one service that requires tokens, for tests that make some of the default tenant."""
    with starting(tmp_path_factory.mktemp("single")) as start:
        yield start(tokens_required=True)


CALLS: list[tuple[str, str, object, Scope | None]] = [
    ("GET", "/v1/config", None, None),
    ("POST", "/v1/probe", {"sizes": []}, "check"),
    ("POST", "/v1/check", {"files": []}, "check"),
    ("POST", "/v1/uploads", {"files": []}, "upload"),
    ("POST", "/v1/uploads/parts", {"ticket": "t", "parts": []}, "upload"),
    ("PUT", "/v1/uploads/parts/1", None, "upload"),
    ("POST", "/v1/uploads/status", {"ticket": "t"}, "upload"),
    ("POST", "/v1/uploads/complete", {"tickets": []}, "upload"),
    ("POST", "/v1/uploads/abort", {"tickets": []}, "upload"),
    ("GET", "/v1/copies/k/link", None, "read"),
    ("GET", "/metrics", None, "metrics"),
    ("POST", "/v1/tokens", {"expires_in": 60}, "tokens"),
    ("DELETE", "/v1/tokens/0123456789abcdef", None, "tokens"),
]


@pytest.mark.parametrize(("method", "path", "document", "needs"), CALLS)
def test_every_call_asks_for_its_scope(
    single: Service, method: str, path: str, document: object, needs: Scope | None
) -> None:
    """401 without a token or with an unknown one, 403 without the scope, else not."""
    scopes: list[Scope] = ["check", "upload", "read", "metrics", "tokens"]
    without = single.token("default", *[scope for scope in scopes if scope != needs])
    with_it = single.token("default", needs or "check")
    bare = single.ask(method, path, document)
    assert (bare.status, bare.reason) == (401, "token-missing")
    assert bare.headers["www-authenticate"].startswith("Bearer ")
    wrong = single.ask(method, path, document, token=with_it[:-1])
    assert (wrong.status, wrong.reason) == (401, "token-invalid")
    if needs is not None:
        lacking = single.ask(method, path, document, token=without)
        assert (lacking.status, lacking.reason) == (403, "not-allowed")
        assert needs in lacking.json["detail"]
    assert single.ask(method, path, document, token=with_it).status not in {401, 403}


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json"])
def test_what_is_open_asks_for_no_token(single: Service, path: str) -> None:
    """Liveness and the description of the API."""
    assert single.ask("GET", path).status == 200


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic dTpw", "é", "bearer  x"])
def test_odd_authorization_headers_are_refused(single: Service, value: str) -> None:
    """Never a 500."""
    answer = single.ask("GET", "/v1/config", headers={"Authorization": value})
    assert answer.status == 401


def test_token_is_asked_for_before_the_body_is_read(single: Service) -> None:
    """Who has no token can't make us hold bytes."""
    answer = single.ask("POST", "/v1/check", body=b"x" * 1_000_000)
    assert answer.status == 401


def test_revocation_acts_within_a_second(guarded: Service) -> None:
    """A running server looks again."""
    secret = guarded.token()
    assert guarded.ask("GET", "/v1/config", token=secret).status == 200
    for token in list_tokens(guarded.index):
        revoke_token(guarded.index, token.id)
    time.sleep(REFRESH_SECONDS)
    assert guarded.ask("GET", "/v1/config", token=secret).status == 401


def test_new_token_is_known_at_once(single: Service) -> None:
    """Whatever was known a moment ago."""
    for _ in range(3):
        assert single.ask("GET", "/v1/config", token=single.token()).status == 200


def test_expired_token_is_refused_at_once(single: Service) -> None:
    """Its time is looked at with every request."""
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    _, secret = create_token(single.index, expires_at=soon)
    assert single.ask("GET", "/v1/config", token=secret).status == 200
    time.sleep(0.35)
    assert single.ask("GET", "/v1/config", token=secret).status == 401


def test_features_are_those_of_the_token(single: Service) -> None:
    """A client need not offer what it may not do."""
    config = single.ask("GET", "/v1/config", token=single.token("default", "check")).json
    assert config["features"] == []
    config = single.ask("GET", "/v1/config", token=single.token("default", "read")).json
    assert config["features"] == ["link", "duplicates"]


def test_host_is_free_with_tokens(single: Service) -> None:
    """The token is the guard, whatever name the server goes by."""
    headers = {"Host": "copies.example.org", "Origin": "https://elsewhere.example"}
    answer = single.ask("GET", "/v1/config", headers=headers, token=single.token())
    assert answer.status == 200


def test_tenants_learn_nothing_of_each_other(guarded: Service) -> None:
    """P5: another's contents, keys, tickets and links are as if they were not there."""
    alice, bob = guarded.token("alice"), guarded.token("bob")
    assert guarded.upload("secret.txt", b"hello", token=alice)["verdict"] == "new"

    assert guarded.check(b"hello", token=bob) == [{"verdict": "new"}]
    probe = guarded.ask("POST", "/v1/probe", {"sizes": [5]}, token=bob)
    assert probe.json == {"schemes": {}}
    for key in ("secret.txt", "alice/secret.txt", "../alice/secret.txt", "never.txt"):
        there = guarded.ask("GET", f"/v1/copies/{key.replace('/', '%2F')}/link", token=bob)
        never = guarded.ask("GET", "/v1/copies/never/link", token=bob)
        assert (there.status, there.body) == (never.status, never.body)

    ticket = guarded.begin("other.txt", b"other", token=alice)["ticket"]
    foreign = guarded.ask("POST", "/v1/uploads/status", {"ticket": ticket}, token=bob)
    forged = guarded.ask("POST", "/v1/uploads/status", {"ticket": "x" + ticket}, token=bob)
    assert (foreign.status, foreign.body) == (forged.status, forged.body)
    put = guarded.ask(
        "PUT", "/v1/uploads/parts/1", body=b"x", headers={"Onecopy-Ticket": ticket}, token=bob
    )
    assert (put.status, put.reason) == (400, "ticket-invalid")

    assert guarded.upload("secret.txt", b"hello", token=bob)["copy"]["key"] == "secret.txt"
    with guarded.store.open("bob/secret.txt") as stream:
        assert stream.read() == b"hello"
    found = guarded.check(b"hello", token=alice)[0]
    assert found["copy"]["key"] == "secret.txt"


def test_named_tenant_has_room_for_its_prefix(guarded: Service) -> None:
    """The longest key leaves room for the tenant's name before it."""
    token = guarded.token("alice")
    longest = guarded.ask("GET", "/v1/config", token=token).json["limits"]["key_bytes"]
    assert longest == 1024 - len("alice/")
    names = "/".join(["k" * 200] * 5)
    key = (names + "/" + "k" * 200)[:longest]
    file = {"key": key, "size": 1, "digests": [digest(b"x")]}
    results = guarded.ask(
        "POST", "/v1/uploads", {"files": [file, {**file, "key": key + "k"}]}, token=token
    ).json["results"]
    assert "ticket" in results[0]
    assert results[1]["reason"] == "key-invalid"


def test_long_label_is_refused(state: Engine) -> None:
    """A label is kept whole or refused, never cut."""
    token, _ = create_token(state, label="x" * 200)
    assert token.label == "x" * 200
    with pytest.raises(LimitExceeded, match=r"label too long: 201 characters \(limit 200\)"):
        create_token(state, label="x" * 201)
