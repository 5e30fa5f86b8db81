"""Bearer tokens, which grant a tenant's scopes to their bearers.

A token is 256 random bits. Only its SHA-256 is stored, so a token can't be recovered from the
index, and a lookup by that hash takes the same time for every token that is presented.
"""

import hashlib
import secrets
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Literal, NamedTuple, get_args

import msgspec

from onecopy.errors import BadInput, InvalidSettings, LimitExceeded
from onecopy.index.interface import State
from onecopy.index.stored import decoding
from onecopy.store.interface import Markable, Store
from onecopy.tenant import DEFAULT_TENANT, check_tenant
from onecopy.timestamp import as_datetime, in_milliseconds, now

Scope = Literal["check", "upload", "read", "metrics"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""`check`: probe and check; `upload`: all steps of an upload; `read`: links; `metrics`: metrics."""

PREFIX = "onecopy_"
"""The beginning of every token, by which secret scanners and people recognise it."""
TOKENS = "tokens"
"""The name in the index's state under which the tokens are stored."""
_MAX_BYTES = 64 * 1024
"""Limit of the encoded list of tokens, which is one value of the state."""

_MAX_LABEL = 200
"""Characters of a label."""


class Principal(NamedTuple):
    """An authenticated caller: its tenant and its scopes."""

    tenant: str
    scopes: tuple[Scope, ...]


class Token(msgspec.Struct, frozen=True):
    """The stored record of a token."""

    id: str
    tenant: str
    scopes: tuple[Scope, ...]
    label: str
    created_ms: int = msgspec.field(name="created_at")
    """`created_at` in milliseconds since 1970, as it is stored."""
    expires_ms: int | None = msgspec.field(name="expires_at")
    """`expires_at` in milliseconds since 1970, as it is stored."""
    sha256: str

    @property
    def created_at(self) -> datetime:
        """When it was created, UTC."""
        return as_datetime(self.created_ms)

    @property
    def expires_at(self) -> datetime | None:
        """When it expires, UTC; None: never."""
        return None if self.expires_ms is None else as_datetime(self.expires_ms)

    def is_expired(self, now: int) -> bool:
        """Return whether the token has expired at `now`, in milliseconds since 1970, UTC."""
        return self.expires_ms is not None and self.expires_ms <= now


_tokens = msgspec.json.Decoder(list[Token])


def create_token(
    state: State,
    *,
    tenant: str = DEFAULT_TENANT,
    scopes: Collection[Scope] = ("check", "upload", "read"),
    label: str = "",
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """Create a token; return its record, and the token itself, which is not stored.

    It never expires if `expires_at` is None. Expired tokens are removed. Raises BadInput for an
    invalid tenant or scope, and for a tenant that can't coexist with the tenants of other tokens;
    LimitExceeded for a long label, and when there are too many tokens.
    """
    check_tenant(tenant)
    if not scopes or not set(scopes) <= set(SCOPES):
        raise BadInput(
            f"invalid scopes for a token: use one or more of {', '.join(SCOPES)}",
            reason="scope-invalid",
        )
    if len(label) > _MAX_LABEL:
        raise LimitExceeded(
            f"label too long: {len(label)} characters (limit {_MAX_LABEL}); shorten it"
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        id=secrets.token_hex(4),
        tenant=tenant,
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        label=label,
        created_ms=now(),
        expires_ms=None if expires_at is None else in_milliseconds(expires_at),
        sha256=hash_secret(secret),
    )
    _change(state, lambda tokens: _add(tokens, token))
    return token, secret


def list_tokens(state: State) -> list[Token]:
    """Return the records of all tokens, oldest first."""
    return decode_tokens(state.get(TOKENS))


def revoke_token(state: State, token_id: str) -> bool:
    """Revoke a token by its id; return whether it existed. Servers follow within a second."""
    if all(token.id != token_id for token in list_tokens(state)):
        return False
    _change(state, lambda tokens: [token for token in tokens if token.id != token_id])
    return True


def has_tokens(state: State) -> bool:
    """Return whether there are tokens, expired ones included: a server then requires them."""
    return bool(list_tokens(state))


def requires_tokens(state: State, store: Store) -> bool:
    """Return whether a service needs tokens: it does if there are any.

    Raises InvalidSettings if the store was served with tokens and the index knows nothing of them:
    then it is not the index that had them, and nobody must get in without one.
    """
    if has_tokens(state):
        return True
    is_lost = state.get(TOKENS) is None and isinstance(store, Markable) and store.is_marked(TOKENS)
    if is_lost:
        raise InvalidSettings(
            f"{store.url} was served with tokens, but this index has never had any: name or "
            "restore the index that has them (docs/indexes.md), or create a token with `onecopy "
            f"token create`; to do without tokens, remove .onecopy/{TOKENS}.json from the store"
        )
    return False


def remember_tokens(store: Store) -> None:
    """Leave a mark in the store that it is served with tokens; raises as `Markable.mark` does."""
    if isinstance(store, Markable):
        store.mark(TOKENS)


def _add(tokens: list[Token], token: Token) -> list[Token]:
    """Return the tokens that have not expired, and a new one."""
    kept = [other for other in tokens if not other.is_expired(token.created_ms)]
    # The default tenant owns every key of the store, including the keys of named tenants (P5).
    if any((other.tenant == DEFAULT_TENANT) != (token.tenant == DEFAULT_TENANT) for other in kept):
        raise BadInput(
            f"the tenant {DEFAULT_TENANT!r} owns the whole store, so it can't coexist with named "
            "tenants: use one or the other",
            reason="tenant-invalid",
        )
    return [*kept, token]


def _change(state: State, change: Callable[[list[Token]], list[Token]]) -> None:
    """Change the list atomically, even if others change it concurrently."""
    changed = False
    while not changed:
        old = state.get(TOKENS)
        new = msgspec.json.encode(change(decode_tokens(old)))
        if len(new) > _MAX_BYTES:
            raise LimitExceeded(
                f"too many tokens: {len(new)} bytes (limit {_MAX_BYTES}); revoke some with "
                "`onecopy token revoke`"
            )
        changed = state.put_if(TOKENS, old, new)


def decode_tokens(raw: bytes | None) -> list[Token]:
    """Return the tokens in the value of the state, oldest first; raises Damaged."""
    if raw is None:
        return []
    with decoding("the list of tokens"):
        return _tokens.decode(raw)


def hash_secret(secret: str) -> str:
    """Return the SHA-256 in hex under which a token is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()
