"""The default tenant and named ones never have tokens at the same time."""

import random
import threading
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from onecopy.errors import BadInput, Unavailable
from onecopy.index import Engine, open_index
from onecopy.index.interface import State
from onecopy.tokens import create_token, list_tokens, revoke_token, tenants_with_tokens
from onecopy.tokens.kinds import TOKENS, Kind, read_kind


@pytest.fixture
def state() -> Iterator[Engine]:
    """Return where tokens are kept."""
    index = open_index("memory:")
    yield index
    index.close()


class Turns:
    """Lets one of several threads make one call at a time, in an order that is drawn."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._own = threading.local()
        self._went: list[threading.Semaphore] = []
        self._paused = threading.Semaphore(0)

    def run(self, *works: Callable[[], object]) -> None:
        """Run the works, each in a thread, until all have ended."""
        self._went = [threading.Semaphore(0) for _ in works]
        self._alive = set(range(len(works)))
        threads = [threading.Thread(target=self._work, args=each) for each in enumerate(works)]
        for thread in threads:
            thread.start()
            self._paused.acquire()
        while self._alive:
            self._went[self._random.choice(sorted(self._alive))].release()
            self._paused.acquire()
        for thread in threads:
            thread.join()

    def _work(self, number: int, work: Callable[[], object]) -> None:
        self._own.number = number
        self.wait()
        work()
        self._alive.discard(number)
        self._paused.release()

    def wait(self) -> None:
        """Wait for the turn of this thread."""
        self._paused.release()
        self._went[self._own.number].acquire()


class InTurns:
    """A state whose calls wait for their turn."""

    def __init__(self, state: State, turns: Turns) -> None:
        self._state = state
        self._turns = turns

    def __getattr__(self, name: str) -> Callable[..., object]:
        method: Callable[..., object] = getattr(self._state, name)

        def call(*arguments: object) -> object:
            self._turns.wait()
            return method(*arguments)

        return call


@pytest.mark.parametrize("before", [None, "default", "photos"])
def test_creators_at_the_same_time(before: str | None) -> None:
    """In whatever order their steps are made, one kind wins; a refused token is not stored."""
    outcomes: set[tuple[bool, ...]] = set()
    for seed in range(150):
        state, turns = open_index("memory:"), Turns(seed)
        if before:  # the kind is recorded, and no token is left
            revoke_token(state, create_token(state, tenant=before)[0].id)
        stepped, made = cast("State", InTurns(state, turns)), dict[str, bool]()

        def create(tenant: str, state: State = stepped, made: dict[str, bool] = made) -> None:
            try:
                create_token(state, tenant=tenant)
                made[tenant] = True
            except BadInput:
                made[tenant] = False

        turns.run(*(lambda t=t: create(t) for t in ("default", "photos", "music")))
        stored = {token.tenant for token in list_tokens(state)}
        assert stored == {tenant for tenant, is_made in made.items() if is_made}
        assert "default" not in stored or stored == {"default"}
        assert tenants_with_tokens(state) >= stored
        outcomes.add(tuple(made[tenant] for tenant in sorted(made)))
    assert len(outcomes) > 1


def test_a_claim_that_was_left(state: Engine) -> None:
    """A creator that was killed between its steps keeps nobody out."""
    create_token(state, tenant="photos")
    kind = state.get(TOKENS)
    state.put_if(TOKENS, kind, b'{"tenants":"default","claim":"00ff"}')
    assert tenants_with_tokens(state) == {"photos"}
    with pytest.raises(BadInput, match="coexist"):
        create_token(state)
    create_token(state, tenant="music")
    assert read_kind(state) == Kind("named")
    assert tenants_with_tokens(state) == {"photos", "music"}


def test_an_index_that_fails_between_the_steps(
    state: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is created, and a later attempt succeeds."""
    values, calls = state.values, list[str]()

    def fail(prefix: str, after: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        calls.append(prefix)
        if len(calls) == 2:
            raise Unavailable("the index does not answer")
        return values(prefix, after, limit)

    monkeypatch.setattr(state, "values", fail)
    with pytest.raises(Unavailable):
        create_token(state)
    assert list(list_tokens(state)) == []
    create_token(state)
    assert tenants_with_tokens(state) == {"default"}


def test_tenants(state: Engine) -> None:
    """Named tenants that had tokens own their keys, until there are no tokens at all."""
    assert tenants_with_tokens(state) == set()
    first, _ = create_token(state, tenant="photos")
    second, _ = create_token(state, tenant="music")
    assert tenants_with_tokens(state) == {"photos", "music"}
    revoke_token(state, first.id)
    assert tenants_with_tokens(state) == {"photos", "music"}
    revoke_token(state, second.id)
    assert tenants_with_tokens(state) == set()
    create_token(state)
    assert tenants_with_tokens(state) == {"default"}
