"""The records of tokens: found by hash, changed, revoked; those of an earlier version."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import cast

import msgspec
import pytest

from onecopy.errors import Damaged, InvalidKey
from onecopy.index import Engine, open_index
from onecopy.index.interface import State
from onecopy.timestamp import now
from onecopy.tokens import (
    TOKENS,
    Principal,
    Token,
    count_bytes,
    create_token,
    divide_list,
    find_token,
    give_back,
    has_tokens,
    hash_secret,
    list_tokens,
    note_uses,
    revoke_created,
    revoke_token,
    tenants_with_tokens,
)

PAST = datetime(1970, 1, 2, tzinfo=UTC)
DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def state() -> Iterator[Engine]:
    """Return where tokens are kept."""
    index = open_index("memory:")
    yield index
    index.close()


def early(number: int, tenant: str = "photos", expires_ms: int | None = None) -> Token:
    """Return a token as an earlier version stored it, in a list."""
    sha256 = hash_secret(f"onecopy_{number}")
    return Token(f"{number:08x}", tenant, ("check",), f"n{number}", 5, expires_ms, sha256)


def store_list(state: State, *tokens: Token) -> bytes:
    """Store a list of tokens, with no other fields than an earlier version knew."""
    raw = msgspec.json.encode(tokens)
    assert b"creator" not in raw
    assert state.put_if(TOKENS, state.get(TOKENS), raw)
    return raw


def by_id(state: State) -> list[Token]:
    """Return all tokens, sorted."""
    return sorted(list_tokens(state), key=lambda token: token.id)


def test_a_token_is_found_by_its_hash(state: Engine) -> None:
    """By the whole hash of the whole token, and by nothing else."""
    token, secret = create_token(state, tenant="photos", label="the NAS")
    create_token(state, tenant="music")
    assert find_token(state, hash_secret(secret)) == token
    assert find_token(state, hash_secret(secret[:-1])) is None
    assert find_token(state, token.id) is None
    assert token.sha256.startswith(token.id)


def test_more_tokens_than_before(state: Engine) -> None:
    """A list in one value ended at some 311."""
    tokens = [create_token(state, label=str(number))[0] for number in range(400)]
    assert by_id(state) == sorted(tokens, key=lambda token: token.id)


def test_a_list_is_divided(state: Engine) -> None:
    """Its tokens work as before, are listed and revoked by their ids, and are divided once."""
    tokens = [early(number) for number in range(3)]
    store_list(state, *tokens)
    assert has_tokens(state)
    assert find_token(state, tokens[1].sha256) == tokens[1]
    assert by_id(state) == tokens
    assert tenants_with_tokens(state) == {"photos"}
    assert revoke_token(state, tokens[1].id)
    assert not revoke_token(state, tokens[1].id)
    assert find_token(state, tokens[1].sha256) is None
    made, _ = create_token(state, tenant="music")
    assert by_id(state) == sorted([tokens[0], tokens[2], made], key=lambda token: token.id)


def test_an_empty_list_is_divided(state: Engine) -> None:
    """All tokens were revoked: either kind of tenants may have the next one."""
    store_list(state)
    assert not has_tokens(state)
    create_token(state)
    assert tenants_with_tokens(state) == {"default"}


def test_a_list_with_expired_tokens(state: Engine) -> None:
    """They still close the service; the kind of tenants is that of the last one."""
    store_list(state, early(0, "default", expires_ms=9), early(1, "photos", expires_ms=9))
    assert has_tokens(state)
    assert tenants_with_tokens(state) >= {"photos"}
    create_token(state, tenant="default")
    assert [token.tenant for token in list_tokens(state)] == ["default"]


def test_dividing_is_interrupted(state: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next use resumes; no token is missing in between."""
    tokens = [early(number) for number in range(3)]
    store_list(state, *tokens)
    put_if, numbers = state.put_if, count()

    def killed(name: str, old: bytes | None, new: bytes | None) -> bool:
        if next(numbers) == 3:
            raise KeyboardInterrupt
        return put_if(name, old, new)

    monkeypatch.setattr(state, "put_if", killed)
    with pytest.raises(KeyboardInterrupt):
        divide_list(state)
    assert by_id(state) == tokens


class Slow:
    """A process that has read the list, and divides it much later."""

    def __init__(self, state: State, raw: bytes) -> None:
        self._state = state
        self._raws = [raw]
        self.put_if = state.put_if

    def get(self, name: str) -> bytes | None:
        if name == TOKENS and self._raws:
            return self._raws.pop()
        return self._state.get(name)


def test_a_revoked_token_does_not_return(state: Engine) -> None:
    """Not even if another process is still dividing the list."""
    raw = store_list(state, early(0), early(1))
    assert revoke_token(state, early(0).id)
    divide_list(cast("State", Slow(state, raw)))
    assert by_id(state) == [early(1)]
    assert find_token(state, early(0).sha256) is None


@pytest.mark.parametrize("raw", [b"[{", b"[{}]", b"{", b'{"tenants":"all"}', b""])
def test_damage(state: Engine, raw: bytes) -> None:
    """A value that onecopy never wrote is damage, not an absence of tokens."""
    state.put_if(TOKENS, None, raw)
    with pytest.raises(Damaged):
        create_token(state)


def test_a_damaged_token(state: Engine) -> None:
    """It is damage, too, and nobody gets in by it."""
    token, secret = create_token(state)
    name = f"token:{token.sha256}"
    state.put_if(name, state.get(name), b"{}")
    with pytest.raises(Damaged, match="a token"):
        find_token(state, hash_secret(secret))


def test_no_flipped_byte_grants_anything(state: Engine) -> None:
    """A changed byte would be another tenant, or a later end: each is found by the checksum."""
    end = datetime(2100, 1, 1, tzinfo=UTC)
    token, secret = create_token(state, tenant="photos", expires_at=end, label="é", max_bytes=1)
    name = f"token:{token.sha256}"
    good = state.get(name)
    assert good
    raw: bytes | None = good
    for at, byte in enumerate(good):
        for other in (byte ^ 1, byte ^ 0x80, ord("}"), ord("9")):
            flipped = good[:at] + bytes([other]) + good[at + 1 :]
            assert state.put_if(name, raw, flipped)
            raw = flipped
            if flipped != good:
                with pytest.raises(Damaged):
                    find_token(state, hash_secret(secret))


def test_a_token_under_the_name_of_another(state: Engine) -> None:
    """A damaged index may return another record than the one that was asked for."""
    one, secret = create_token(state, tenant="photos")
    other, _ = create_token(state, tenant="music")
    state.put_if(name := f"token:{one.sha256}", state.get(name), state.get(f"token:{other.sha256}"))
    with pytest.raises(Damaged, match="hash of another"):
        find_token(state, hash_secret(secret))


def test_a_record_without_a_checksum(state: Engine) -> None:
    """An earlier version wrote none; it works, and gets one when its use is noted."""
    token, secret = create_token(state, tenant="photos")
    name = f"token:{token.sha256}"
    state.put_if(name, state.get(name), msgspec.json.encode(token))
    assert find_token(state, hash_secret(secret)) == token
    note_uses(state, {token.sha256: 1})
    assert state.get(name) != msgspec.json.encode(find_token(state, token.sha256))
    assert next(list_tokens(state)).used_ms == 1


@pytest.mark.parametrize("text", ["", "zz", "é", "0" * 8, "0" * 16, "0" * 15, "a:b", "0" * 300])
def test_an_id_of_no_token(state: Engine, text: str) -> None:
    """Nothing is revoked, whatever is given."""
    token, _ = create_token(state)
    assert not revoke_token(state, text)
    assert not revoke_token(state, token.id[:8])
    assert not revoke_created(state, text, Principal("default", ()))
    assert list(list_tokens(state)) == [token]


def test_created_tokens_are_revoked_by_their_creator(state: Engine) -> None:
    """Another tenant's, an operator's and another creator's are as if they were not there."""
    creator, _ = create_token(state, tenant="photos")
    own, _ = create_token(state, tenant="photos", creator=creator.id)
    principal = Principal("photos", (), creator)
    signed_in = Principal("photos", (), subject="ana")
    for other in (signed_in, Principal("music", (), creator), Principal("photos", ())):
        assert not revoke_created(state, own.id, other)
    for other in (principal, Principal("photos", ())):  # a sign-in may be without a name
        assert not revoke_created(state, creator.id, other)
    assert revoke_created(state, own.id, principal)
    assert list(list_tokens(state)) == [creator]


def test_expired_tokens_are_removed_by_and_by(state: Engine) -> None:
    """Each creation removes some: they stay below a small part, however many expire."""
    for _ in range(200):
        create_token(state, expires_at=PAST)
    kept = [create_token(state)[0] for _ in range(30)]
    left = [token for token in list_tokens(state) if token.is_expired(now())]
    assert len(left) < 40
    assert {token.id for token in kept} <= {token.id for token in list_tokens(state)}


def test_uses_are_noted_once_a_day(state: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later use of the same day writes nothing, and a revoked token stays away."""
    token, _ = create_token(state)
    gone, _ = create_token(state)
    revoke_token(state, gone.id)
    time = 20_000 * DAY_MS + 7
    note_uses(state, {token.sha256: time, gone.sha256: time})
    [noted] = list_tokens(state)
    assert noted.used_at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time)
    monkeypatch.setattr(state, "put_if", None)
    note_uses(state, {token.sha256: time + 1})
    monkeypatch.undo()
    note_uses(state, {token.sha256: time + DAY_MS})
    assert next(list_tokens(state)).used_ms == time + DAY_MS


def test_bytes_are_counted(state: Engine) -> None:
    """Files that fit are counted in order; what is given back can be used again."""
    token, _ = create_token(state, max_bytes=10)
    assert count_bytes(state, token, [4, 7, 6, 0, 1]) == [True, False, True, True, False]
    assert count_bytes(state, token, [1]) == [False]
    give_back(state, token, 6)
    assert next(list_tokens(state)).begun_bytes == 4
    give_back(state, token, 100)
    assert count_bytes(state, token, [10]) == [True]
    revoke_token(state, token.id)
    assert count_bytes(state, token, [0]) == [False]
    free, _ = create_token(state)
    assert count_bytes(state, free, [2**63]) == [True]


def test_no_byte_is_counted_twice_or_lost(state: Engine) -> None:
    """Requests at the same time share the limit exactly."""
    token, _ = create_token(state, max_bytes=100)
    fits: list[bool] = []

    def begin() -> None:
        for _ in range(40):
            fits.extend(count_bytes(state, token, [1]))

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fits.count(True) == 100
    assert next(list_tokens(state)).begun_bytes == 100


@pytest.mark.parametrize(
    ("given", "stored"), [("", ""), ("a", "a/"), ("a/", "a/"), ("a/b c/", "a/b c/")]
)
def test_prefixes(state: Engine, given: str, stored: str) -> None:
    """A prefix is a folder: `ana` does not include `anabel`."""
    assert create_token(state, prefix=given)[0].prefix == stored


@pytest.mark.parametrize(
    "prefix", ["/", "/a", "a//", "../b", "a/../b", ".onecopy", "a\n", "é" * 600]
)
def test_prefixes_that_no_key_has(state: Engine, prefix: str) -> None:
    """They are refused, as keys are."""
    with pytest.raises(InvalidKey):
        create_token(state, tenant="photos", prefix=prefix)
    assert not has_tokens(state)
