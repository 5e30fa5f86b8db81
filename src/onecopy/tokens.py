"""Bearer tokens: who may use the service, as which tenant, and for what.

A token is 256 random bits. Only its SHA-256 is stored, so that nobody who reads the index can use
it, and looking it up by that hash takes the same time for every token that is presented.
"""

import hashlib
import secrets
from collections.abc import Callable, Collection
from typing import Literal, NamedTuple, get_args

import msgspec

from onecopy.errors import BadInput, LimitExceeded
from onecopy.index.interface import State
from onecopy.tenant import DEFAULT_TENANT, check_tenant
from onecopy.timestamp import now

Scope = Literal["check", "upload", "read", "metrics"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""`check`: probe and check; `upload`: the way of an upload; `read`: links; `metrics`: figures."""

PREFIX = "onecopy_"
"""What every token begins with, so that secret scanners and people know it."""
TOKENS = "tokens"
"""The name in the index's state under which the tokens are stored."""
_MAX_BYTES = 64 * 1024
"""Bytes of all tokens together: what one value of the state holds."""


class Principal(NamedTuple):
    """An authenticated caller: its tenant, and what it may do."""

    tenant: str
    scopes: tuple[Scope, ...]


class Token(msgspec.Struct, frozen=True):
    """What is kept of a token; times in milliseconds since 1970, UTC."""

    id: str
    tenant: str
    scopes: tuple[Scope, ...]
    label: str
    created_at: int
    expires_at: int | None
    sha256: str

    def is_expired(self, now: int) -> bool:
        """Whether its time was over at `now`, in milliseconds since 1970."""
        return self.expires_at is not None and self.expires_at <= now


_tokens = msgspec.json.Decoder(list[Token])


def create_token(
    state: State,
    *,
    tenant: str = DEFAULT_TENANT,
    scopes: Collection[Scope] = ("check", "upload", "read"),
    label: str = "",
    expires_at: int | None = None,
) -> tuple[Token, str]:
    """Make a token; return what is kept of it, and the token itself, which is kept nowhere.

    `expires_at` in milliseconds since 1970, UTC; None for never. Tokens that have expired are
    dropped on the way. Raises BadInput for names that can't be used or don't go together, and
    LimitExceeded when there are too many.
    """
    check_tenant(tenant)
    if not scopes or not set(scopes) <= set(SCOPES):
        raise BadInput(f"a token needs scopes, of {', '.join(SCOPES)}", reason="scope-invalid")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        id=secrets.token_hex(4),
        tenant=tenant,
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        label=label[:200],
        created_at=now(),
        expires_at=expires_at,
        sha256=hash_secret(secret),
    )
    _change(state, lambda tokens: _with(tokens, token))
    return token, secret


def list_tokens(state: State) -> list[Token]:
    """Return what is kept of every token, oldest first."""
    return decode_tokens(state.get(TOKENS))


def revoke_token(state: State, token_id: str) -> bool:
    """Drop a token by its id; return whether it was there. Servers follow within a second."""
    if all(token.id != token_id for token in list_tokens(state)):
        return False
    _change(state, lambda tokens: [token for token in tokens if token.id != token_id])
    return True


def has_tokens(state: State) -> bool:
    """Return whether there are any, expired ones included: then a server must ask for them."""
    return bool(list_tokens(state))


def _with(tokens: list[Token], token: Token) -> list[Token]:
    """Return the tokens with one more, without those that have expired."""
    kept = [other for other in tokens if not other.is_expired(token.created_at)]
    # The default tenant owns every key of the store, so theirs would lie among its own (P5).
    if any((other.tenant == DEFAULT_TENANT) != (token.tenant == DEFAULT_TENANT) for other in kept):
        raise BadInput(
            f"the tenant {DEFAULT_TENANT!r} owns the whole store and can't stand beside tenants "
            "with names: use one or the other",
            reason="tenant-invalid",
        )
    return [*kept, token]


def _change(state: State, change: Callable[[list[Token]], list[Token]]) -> None:
    """Change the list as one atomic act, whoever else changes it meanwhile."""
    changed = False
    while not changed:
        old = state.get(TOKENS)
        new = msgspec.json.encode(change(decode_tokens(old)))
        if len(new) > _MAX_BYTES:
            raise LimitExceeded("there are too many tokens: revoke some with `onecopy token`")
        changed = state.put_if(TOKENS, old, new)


def decode_tokens(raw: bytes | None) -> list[Token]:
    """Return the tokens in the state's value, oldest first."""
    return [] if raw is None else _tokens.decode(raw)


def hash_secret(secret: str) -> str:
    """Return the SHA-256 in hex under which a token is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()
