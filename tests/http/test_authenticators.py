"""When the list of tokens is read, and whom an authenticator refuses, without a server."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from onecopy.claims import ClaimRule
from onecopy.errors import NotAllowed
from onecopy.http import auth
from onecopy.http.auth import CLAIMS, ClaimsAuthenticator, NoAuthentication, TokenAuthenticator
from onecopy.http.problems import Unauthenticated
from onecopy.http.threads import Threads
from onecopy.index import Engine, open_index
from onecopy.index.interface import State
from onecopy.tokens import (
    SCOPES,
    Principal,
    Scope,
    Token,
    create_token,
    decode_tokens,
    list_tokens,
    revoke_token,
)

Request = dict[str, Any]


class Counted:
    """A state that counts how often it is read, and takes no time."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.reads = 0

    def get(self, name: str) -> bytes | None:
        self.reads += 1
        return self._state.get(name)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        monkeypatch.setattr(auth, "time", SimpleNamespace(monotonic=lambda: self.now))
        events = SimpleNamespace(Lock=asyncio.Lock, sleep=self._sleep)
        monkeypatch.setattr(auth, "asyncio", events)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        await asyncio.sleep(0)  # other requests begin now
        self.now += max(seconds, 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the time."""
    return Clock(monkeypatch)


@pytest.fixture
def state() -> Iterator[Engine]:
    """Return where tokens are kept."""
    index = open_index("memory:")
    yield index
    index.close()


@pytest.fixture
def counted(state: Engine) -> Counted:
    """Return the same, counting reads."""
    return Counted(state)


@pytest.fixture
def tokens(counted: Counted) -> Iterator[TokenAuthenticator]:
    """Return an authenticator of tokens that keeps the list for a second."""
    threads = Threads()
    yield TokenAuthenticator(cast("State", counted), threads)
    threads.close()


def bearing(secret: str, kind: str = "Bearer ") -> Request:
    """Return a request with a token."""
    return {"headers": [(b"authorization", (kind + secret).encode("latin-1"))]}


def asked(
    tokens: TokenAuthenticator, *secrets: str, needs: Scope | None = None
) -> Sequence[object]:
    """Return the principals of requests made at the same time, or why they were refused."""

    async def ask() -> Sequence[object]:
        requests = (tokens.authenticate(bearing(secret), needs) for secret in secrets)
        return await asyncio.gather(*requests, return_exceptions=True)

    return asyncio.run(ask())


def test_the_list_is_kept_for_a_second(
    clock: Clock, counted: Counted, state: Engine, tokens: TokenAuthenticator
) -> None:
    """Known tokens cause one read per second, and a revoked one works no longer than that."""
    token, secret = create_token(state, tenant="photos", scopes=["check"])
    assert asked(tokens, secret) == [Principal("photos", ("check",))]
    revoke_token(state, token.id)
    clock.now += 0.999
    assert asked(tokens, secret) == [Principal("photos", ("check",))]
    assert counted.reads == 1
    clock.now = 101.0
    [refused] = asked(tokens, secret)
    assert isinstance(refused, Unauthenticated)
    assert "This token is unknown, expired or revoked." in str(refused)


def test_known_tokens_share_a_read(
    clock: Clock, counted: Counted, state: Engine, tokens: TokenAuthenticator
) -> None:
    """Requests at the same time read an old list once."""
    _, secret = create_token(state)
    asked(tokens, secret)
    clock.now += 5
    asked(tokens, *[secret] * 5)
    assert counted.reads == 2


def test_a_token_that_expires(state: Engine, tokens: TokenAuthenticator) -> None:
    """It is accepted before, and refused after, although the list is not read again."""
    now = datetime.now(UTC)
    _, early = create_token(state, expires_at=now + timedelta(hours=1))
    _, late = create_token(state, expires_at=now - timedelta(hours=1))
    accepted, refused = asked(tokens, early, late)
    assert accepted == Principal("default", ("check", "upload", "read"))
    assert isinstance(refused, Unauthenticated)


def test_a_clock_that_has_just_started(
    clock: Clock, state: Engine, tokens: TokenAuthenticator
) -> None:
    """The list is read before the first answer, also in the first second after a start."""
    clock.now = 0.0
    _, secret = create_token(state)
    assert asked(tokens, secret) == [Principal("default", ("check", "upload", "read"))]


def test_unknown_tokens_cause_few_reads(
    clock: Clock, counted: Counted, tokens: TokenAuthenticator
) -> None:
    """Requests at the same time share a read; the next waits until 50 ms after the last."""
    asked(tokens, "unknown")
    assert (counted.reads, clock.slept[1:]) == (2, [0.05])
    asked(tokens, *["unknown"] * 5)
    assert (counted.reads, clock.slept[2:]) == (3, [0.05])
    clock.now += 0.02
    asked(tokens, "unknown")
    assert (counted.reads, clock.slept[3:]) == (4, [0.03])


def test_a_new_token_needs_no_second(
    clock: Clock, state: Engine, tokens: TokenAuthenticator
) -> None:
    """An unknown one causes a read, because it may have just been made."""
    _, first = create_token(state)
    asked(tokens, first)
    _, second = create_token(state, scopes=["check"])
    assert asked(tokens, second) == [Principal("default", ("check",))]
    assert len(list_tokens(state)) == 2


def test_an_unchanged_list_is_not_decoded_again(
    clock: Clock, state: Engine, tokens: TokenAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service with many tokens decodes them when one is made or revoked."""
    decoded: list[bytes | None] = []

    def decode(raw: bytes | None) -> Sequence[Token]:
        decoded.append(raw)
        return decode_tokens(raw)

    monkeypatch.setattr(auth, "decode_tokens", decode)
    _, secret = create_token(state)
    for _ in range(3):
        asked(tokens, secret)
        clock.now += 1
    assert decoded == [state.get("tokens")]
    create_token(state)
    asked(tokens, secret)
    assert decoded[1:] == [state.get("tokens")]


def test_a_token_lacks_a_scope(state: Engine, tokens: TokenAuthenticator) -> None:
    """The refusal names it."""
    _, secret = create_token(state, scopes=["check"])
    assert asked(tokens, secret, needs="check") == [Principal("default", ("check",))]
    [refused] = asked(tokens, secret, needs="upload")
    assert isinstance(refused, NotAllowed)
    assert str(refused) == "This token lacks the scope upload."


@pytest.mark.parametrize("kind", ["Bearer ", "bearer ", "BEARER   "])
def test_kinds_of_tokens(state: Engine, tokens: TokenAuthenticator, kind: str) -> None:
    """The word is in any case, and more spaces may follow."""
    _, secret = create_token(state)
    request = bearing(secret + " ", kind)
    assert asyncio.run(tokens.authenticate(request, None)).tenant == "default"


@pytest.mark.parametrize(
    "request_", [{"headers": []}, bearing("x", "Basic "), bearing("", "Bearer "), bearing("é", "")]
)
def test_no_token(tokens: TokenAuthenticator, request_: Request) -> None:
    """The reason says that it is missing, not that it is wrong."""
    with pytest.raises(Unauthenticated, match=r"^This request needs a bearer token\.$") as caught:
        asyncio.run(tokens.authenticate(request_, None))
    assert caught.value.reason == "token-missing"


def test_anyone_without_tokens() -> None:
    """Everything is allowed, as the default tenant."""
    anyone = NoAuthentication().authenticate({}, "upload")
    assert asyncio.run(anyone) == Principal("default", SCOPES)


def test_claims_or_a_token(state: Engine, tokens: TokenAuthenticator) -> None:
    """Verified claims decide alone; without them the token does, with the same scopes needed."""
    _, secret = create_token(state, tenant="photos", scopes=["check"])
    claims = ClaimsAuthenticator(ClaimRule("claim:sub", "scope"), tokens)

    def ask(request: Request, needs: Scope | None) -> Principal:
        return asyncio.run(claims.authenticate(request, needs))

    signed_in: Request = {CLAIMS: {"sub": "alice", "scope": "check"}, "headers": []}
    assert ask(signed_in, "check") == ask(signed_in, None) == Principal("alice", ("check",))
    with pytest.raises(NotAllowed, match=r"^Your sign-in lacks the scope upload\.$"):
        ask(signed_in, "upload")
    for request in (bearing(secret), {**bearing(secret), CLAIMS: None}):
        assert ask(request, "check") == Principal("photos", ("check",))
        with pytest.raises(NotAllowed, match=r"^This token lacks the scope upload\.$"):
            ask(request, "upload")
