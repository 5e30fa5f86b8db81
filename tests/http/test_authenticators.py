"""When tokens are read, and whom an authenticator refuses, without a server."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from onecopy.claims import ClaimRule
from onecopy.errors import NotAllowed, Unavailable
from onecopy.http import auth, token_cache, token_uses
from onecopy.http.auth import CLAIMS, ClaimsAuthenticator, TokenAuthenticator
from onecopy.http.problems import Unauthenticated
from onecopy.http.threads import Threads
from onecopy.index import Engine, open_index
from onecopy.index.interface import State
from onecopy.tokens import (
    Principal,
    Scope,
    create_token,
    has_tokens,
    list_tokens,
    revoke_token,
)

Request = dict[str, Any]


class Counted:
    """A state that counts how often a token is read and anything is written, and takes no time."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.reads = 0
        self.writes = 0
        self.error: Exception | None = None
        self.values = state.values

    def get(self, name: str) -> bytes | None:
        if name.startswith("token:"):
            self.reads += 1
            if self.error:
                raise self.error
        return self._state.get(name)

    def put_if(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        self.writes += 1
        return self._state.put_if(name, old, new)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        monkeypatch.setattr(asyncio, "sleep", self._sleep)
        for module in (auth, token_cache):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        await _yield(0)  # other requests begin now
        self.now += max(seconds, 0)


_yield = asyncio.sleep


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
    """Return an authenticator of tokens that keeps each for a second."""
    threads = Threads()
    yield TokenAuthenticator(cast("State", counted), threads)
    threads.close()


_loops: list[asyncio.Runner] = []


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """Run all requests of a test in one event loop, as a service does."""
    with asyncio.Runner() as runner:
        _loops.append(runner)
        yield
        _loops.pop()


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

    return _loops[-1].run(ask())


def who(principal: object) -> tuple[str, tuple[Scope, ...]]:
    """Return the tenant and the scopes of a principal."""
    assert isinstance(principal, Principal), principal
    return principal.tenant, principal.scopes


def test_a_token_is_kept_for_a_second(
    clock: Clock, counted: Counted, state: Engine, tokens: TokenAuthenticator
) -> None:
    """A known token causes one read per second, and a revoked one works no longer than that."""
    token, secret = create_token(state, tenant="photos", scopes=["check"])
    assert asked(tokens, secret) == [Principal("photos", ("check",), token)]
    revoke_token(state, token.id)
    clock.now += 0.999
    assert who(asked(tokens, secret)[0]) == ("photos", ("check",))
    assert counted.reads == 1
    clock.now = 101.0
    [refused] = asked(tokens, secret)
    assert isinstance(refused, Unauthenticated)
    assert "This token is unknown, expired or revoked; use another one." in str(refused)


def test_requests_share_a_read(
    clock: Clock, counted: Counted, state: Engine, tokens: TokenAuthenticator
) -> None:
    """Requests with the same token at the same time read it once, the first time and later."""
    _, secret = create_token(state)
    asked(tokens, *[secret] * 5)
    assert counted.reads == 1
    clock.now += 5
    asked(tokens, *[secret] * 5)
    assert counted.reads == 2


def test_a_token_that_expires(state: Engine, tokens: TokenAuthenticator) -> None:
    """It is accepted before, and refused after, although it is not read again."""
    now = datetime.now(UTC)
    _, early = create_token(state, expires_at=now + timedelta(hours=1))
    _, late = create_token(state, expires_at=now - timedelta(hours=1))
    accepted, refused = asked(tokens, early, late)
    assert who(accepted) == ("default", ("check", "upload", "read"))
    assert isinstance(refused, Unauthenticated)


def test_a_clock_that_has_just_started(
    clock: Clock, state: Engine, tokens: TokenAuthenticator
) -> None:
    """A token is read before the first answer, also in the first second after a start."""
    clock.now = 0.0
    _, secret = create_token(state)
    assert who(asked(tokens, secret)[0]) == ("default", ("check", "upload", "read"))


def test_unknown_tokens_cause_few_reads(
    clock: Clock, counted: Counted, tokens: TokenAuthenticator
) -> None:
    """A pause of 50 ms follows a read of an unknown token; requests with the same share it."""
    asked(tokens, "unknown")
    assert (counted.reads, clock.slept) == (1, [])  # no pause before the first
    asked(tokens, *["unknown"] * 5)
    assert (counted.reads, clock.slept) == (2, [0.05])
    clock.now += 0.02
    asked(tokens, "unknown")
    assert (counted.reads, clock.slept[1:]) == (3, [0.03])


def test_different_unknown_tokens(
    clock: Clock, counted: Counted, state: Engine, tokens: TokenAuthenticator
) -> None:
    """16 are read at the same time, then a pause; a new one among them waits, and is found."""
    _, secret = create_token(state)
    answers = asked(tokens, *map(str, range(39)), secret)
    assert who(answers[-1]) == ("default", ("check", "upload", "read"))
    assert all(isinstance(answer, Unauthenticated) for answer in answers[:-1])
    assert (counted.reads, clock.slept) == (40, [0.05, 0.05])


def test_known_tokens_do_not_wait_for_strangers(
    clock: Clock, state: Engine, tokens: TokenAuthenticator
) -> None:
    """A token that was found before is read again at once, however many strangers wait."""
    _, secret = create_token(state)
    asked(tokens, secret)
    clock.now += 2
    order: list[str] = []

    async def ask(name: str, secret: str) -> None:
        with suppress(Unauthenticated):
            await tokens.authenticate(bearing(secret), None)
        order.append(name)

    async def ask_all() -> None:
        strangers = (ask("stranger", str(number)) for number in range(40))
        await asyncio.gather(*strangers, ask("known", secret))

    _loops[-1].run(ask_all())
    # Pauses take no time here, so a slow thread may let two reads of strangers go before it.
    assert order.index("known") <= 2 * token_cache.MAX_READ


def test_too_many_strangers(
    clock: Clock, tokens: TokenAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those beyond a limit get `busy`, so that memory and time stay bounded."""
    monkeypatch.setattr(token_cache, "MAX_WAITING", 20)
    answers = asked(tokens, *map(str, range(50)))
    kinds = Counter(map(type, answers))
    assert kinds == {Unauthenticated: 20, Unavailable: 30}
    assert isinstance(asked(tokens, "later")[0], Unauthenticated)


def test_an_index_that_fails(
    clock: Clock, counted: Counted, state: Engine, tokens: TokenAuthenticator
) -> None:
    """Requests fail while it does, known tokens too, and are answered as soon as it answers."""
    _, secret = create_token(state)
    counted.error = Unavailable("the index does not answer")
    answers = asked(tokens, secret, "unknown", secret)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    counted.error = None
    found, unknown = asked(tokens, secret, "unknown")
    assert who(found)[0] == "default"
    assert isinstance(unknown, Unauthenticated)


def test_few_tokens_are_kept(
    clock: Clock,
    counted: Counted,
    state: Engine,
    tokens: TokenAuthenticator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Memory does not grow with the number of tokens: the one that was read first goes."""
    monkeypatch.setattr(token_cache, "MAX_TOKENS", 2)
    first, second, third = (create_token(state)[1] for _ in range(3))
    for secret in (first, second, third, second, third, first):
        assert who(asked(tokens, secret)[0])[0] == "default"
    assert counted.reads == 4


def test_the_last_use_is_noted_once(
    counted: Counted, state: Engine, tokens: TokenAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write after the answers, however many requests there were; none for a refused one."""
    monkeypatch.setattr(token_uses, "WRITE_SECONDS", 0.01)
    token, secret = create_token(state, scopes=["check"])

    async def use(needs: Scope) -> None:
        for _ in range(20):
            with suppress(NotAllowed):
                await tokens.authenticate(bearing(secret), needs)
        assert counted.writes == 0
        await asyncio.sleep(0.2)

    _loops[-1].run(use("upload"))
    assert counted.writes == 0
    _loops[-1].run(use("check"))
    assert counted.writes == 1
    [used] = list_tokens(state)
    assert used.used_at is not None
    assert (used.id, used.is_noted(token.created_ms)) == (token.id, True)


def test_a_use_that_cannot_be_noted(
    counted: Counted,
    state: Engine,
    tokens: TokenAuthenticator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged, answers are not affected, and the next use is noted."""
    monkeypatch.setattr(token_uses, "WRITE_SECONDS", 0.01)
    _, secret = create_token(state)

    async def use(error: Exception | None) -> None:
        await tokens.authenticate(bearing(secret), None)
        counted.error = error
        await asyncio.sleep(0.2)

    _loops[-1].run(use(Unavailable("the index does not answer")))
    assert "not noted" in caplog.text
    counted.error = None
    _loops[-1].run(use(None))
    assert next(list_tokens(state)).used_at is not None


def test_until_there_are_tokens(clock: Clock, state: Engine, tokens: TokenAuthenticator) -> None:
    """It is looked once a second, by one request; then tokens are required for good."""
    looks: list[bool] = []

    def are_there() -> bool:
        looks.append(has_tokens(state))
        return looks[-1]

    threads = Threads()
    until = auth.UntilTokens(are_there, threads, tokens)

    def ask(count: int = 1, secret: str | None = None) -> Sequence[object]:
        async def ask_all() -> Sequence[object]:
            request = bearing(secret) if secret else {"headers": []}
            requests = (until.authenticate(request, "upload") for _ in range(count))
            return await asyncio.gather(*requests, return_exceptions=True)

        return _loops[-1].run(ask_all())

    assert (who(ask()[0])[0], looks) == ("default", [])  # its creator has just looked
    clock.now += 1
    assert {who(each)[0] for each in ask(5)} == {"default"}
    token, secret = create_token(state)
    clock.now += 0.99
    assert who(ask()[0])[0] == "default"
    assert (looks, until.requires_tokens) == ([False], False)
    clock.now += 0.01
    assert [type(each) for each in ask(5)] == [Unauthenticated] * 5
    assert (looks, until.requires_tokens) == ([False, True], True)
    assert who(ask(1, secret)[0])[0] == "default"
    revoke_token(state, token.id)
    clock.now += 10
    assert isinstance(ask()[0], Unauthenticated)
    assert len(looks) == 2
    threads.close()


def test_a_token_lacks_a_scope(state: Engine, tokens: TokenAuthenticator) -> None:
    """The refusal names it."""
    _, secret = create_token(state, scopes=["check"])
    assert who(asked(tokens, secret, needs="check")[0]) == ("default", ("check",))
    [refused] = asked(tokens, secret, needs="upload")
    assert isinstance(refused, NotAllowed)
    assert str(refused) == "This token lacks the scope upload."


@pytest.mark.parametrize("kind", ["Bearer ", "bearer ", "BEARER   "])
def test_kinds_of_tokens(state: Engine, tokens: TokenAuthenticator, kind: str) -> None:
    """The word is in any case, and more spaces may follow."""
    _, secret = create_token(state)
    request = bearing(secret + " ", kind)
    assert _loops[-1].run(tokens.authenticate(request, None)).tenant == "default"


@pytest.mark.parametrize(
    "request_", [{"headers": []}, bearing("x", "Basic "), bearing("", "Bearer "), bearing("é", "")]
)
def test_no_token(tokens: TokenAuthenticator, request_: Request) -> None:
    """The reason says that it is missing, not that it is wrong."""
    with pytest.raises(
        Unauthenticated, match=r"^This request needs a token; send it as `Authorization: Bearer"
    ) as caught:
        _loops[-1].run(tokens.authenticate(request_, None))
    assert caught.value.reason == "token-missing"


def test_anyone_without_tokens(clock: Clock, tokens: TokenAuthenticator) -> None:
    """Everything is allowed but creating tokens, as the default tenant."""
    threads = Threads()
    anyone = auth.UntilTokens(lambda: False, threads, tokens).authenticate({}, "upload")
    assert _loops[-1].run(anyone) == Principal("default", ("check", "upload", "read", "metrics"))
    threads.close()


def test_claims_or_a_token(state: Engine, tokens: TokenAuthenticator) -> None:
    """Verified claims decide alone; without them the token does, with the same scopes needed."""
    _, secret = create_token(state, tenant="photos", scopes=["check"])
    claims = ClaimsAuthenticator(ClaimRule("claim:sub", "scope"), tokens)

    def ask(request: Request, needs: Scope | None) -> Principal:
        return _loops[-1].run(claims.authenticate(request, needs))

    signed_in: Request = {CLAIMS: {"sub": "alice", "scope": "check"}, "headers": []}
    alice = Principal("alice", ("check",), subject="alice")
    assert ask(signed_in, "check") == ask(signed_in, None) == alice
    assert (alice.id, alice.expires_at) == ("sub alice", None)
    for expires in ("1893553445", 1893553445.5):  # a gateway sends text; it may have a fraction
        signed_in[CLAIMS]["exp"] = expires
        assert ask(signed_in, None).expires_at == datetime.fromtimestamp(1893553445, UTC)
    with pytest.raises(NotAllowed, match=r"^Your sign-in lacks the scope upload\.$"):
        ask(signed_in, "upload")
    for request in (bearing(secret), {**bearing(secret), CLAIMS: None}):
        assert who(ask(request, "check")) == ("photos", ("check",))
        with pytest.raises(NotAllowed, match=r"^This token lacks the scope upload\.$"):
            ask(request, "upload")
