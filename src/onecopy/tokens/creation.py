"""Creating tokens; the default tenant and named ones exclude each other (kinds.py)."""

import secrets
from collections.abc import Collection
from datetime import datetime
from functools import partial

from onecopy.index.interface import State
from onecopy.tenant import DEFAULT_TENANT
from onecopy.timestamp import now
from onecopy.tokens.kinds import Kind, claim_kind, decode_kind, kind_of, read_kind
from onecopy.tokens.records import (
    REVOKED,
    TOKEN,
    add_tenant,
    decode_token,
    divide_list,
    encode_token,
    list_tokens,
    name_of,
)
from onecopy.tokens.token import DEFAULT_SCOPES, Scope, Token, new_token

_LOOKED_AT = 20
"""Tokens of which each creation removes the expired ones: so at most about a twentieth of the
tokens are expired ones, if tokens are created all the time."""


def create_token(  # noqa: PLR0913 - one for each field
    state: State,
    *,
    tenant: str = DEFAULT_TENANT,
    scopes: Collection[Scope] = DEFAULT_SCOPES,
    label: str = "",
    expires_at: datetime | None = None,
    creator: str = "",
    prefix: str = "",
    max_bytes: int | None = None,
) -> tuple[Token, str]:
    """Create a token; return its record, and the token itself, which is not stored.

    Removes some expired tokens. Raises what `new_token` raises, and BadInput for a tenant that
    can't coexist with the tenants of other tokens.
    """
    token, secret = new_token(
        tenant=tenant,
        scopes=scopes,
        label=label,
        expires_at=expires_at,
        creator=creator,
        prefix=prefix,
        max_bytes=max_bytes,
    )
    divide_list(state)
    while not _store(state, token):
        pass
    _remove_some_expired(state)
    return token, secret


def _store(state: State, token: Token) -> bool:
    """Store a token; return False if another process has claimed the other kind at that moment."""
    kind = kind_of(token.tenant)
    claim_kind(state, kind, partial(_has_others, state, kind))
    add_tenant(state, token.tenant)
    raw = encode_token(token)
    state.put_if(name_of(token.sha256), None, raw)
    if read_kind(state) == kind:
        return True
    state.put_if(name_of(token.sha256), raw, None)
    return False


def _has_others(state: State, kind: Kind) -> bool:
    """Return whether a token of the other kind of tenants is valid now."""
    time = now()
    return any(
        kind_of(token.tenant) != kind and not token.is_expired(time) for token in list_tokens(state)
    )


def receive_kind(state: State, raw: bytes) -> None:
    """Record the kind of the tokens that will be moved here; raises BadInput if it can't be."""
    divide_list(state)
    kind = Kind(decode_kind(raw).tenants)
    if kind.tenants != "none":
        claim_kind(state, kind, partial(_has_others, state, kind))


def _remove_some_expired(state: State) -> None:
    """Remove the expired ones of some tokens, which follow a random hash."""
    time, after = now(), TOKEN + secrets.token_hex(4)
    some = state.values(TOKEN, after, _LOOKED_AT)
    some += state.values(TOKEN, "", _LOOKED_AT - len(some)) if len(some) < _LOOKED_AT else []
    for name, raw in some:
        if raw != REVOKED and decode_token(raw).is_expired(time):
            state.put_if(name, raw, None)
