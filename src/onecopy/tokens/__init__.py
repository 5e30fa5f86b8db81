"""Bearer tokens, which grant a tenant's scopes to their bearers.

A token is 256 random bits. Only its SHA-256 is stored, so a token can't be recovered from the
index, and a lookup by that hash takes the same time for every token that is presented, and for any
number of them.

    token     a token, and who has presented it
    records   its record in the index: found, listed, changed, revoked
    creation  new records, and the removal of expired ones
    kinds     the default tenant and named ones exclude each other
    limits    the bytes that a token may upload
    marks     whether a service needs tokens
"""

from onecopy.tokens.creation import create_token, receive_kind
from onecopy.tokens.kinds import TOKENS
from onecopy.tokens.limits import count_bytes, give_back
from onecopy.tokens.marks import remember_tokens, requires_tokens
from onecopy.tokens.records import (
    decode_token,
    divide_list,
    find_token,
    has_tokens,
    list_tokens,
    name_of,
    note_uses,
    revoke_created,
    revoke_token,
    tenants_with_tokens,
    token_values,
)
from onecopy.tokens.token import (
    DEFAULT_SCOPES,
    MAX_LABEL,
    PREFIX,
    SCOPES,
    Principal,
    Scope,
    Token,
    hash_secret,
)

__all__ = [
    "DEFAULT_SCOPES",
    "MAX_LABEL",
    "PREFIX",
    "SCOPES",
    "TOKENS",
    "Principal",
    "Scope",
    "Token",
    "count_bytes",
    "create_token",
    "decode_token",
    "divide_list",
    "find_token",
    "give_back",
    "has_tokens",
    "hash_secret",
    "list_tokens",
    "name_of",
    "note_uses",
    "receive_kind",
    "remember_tokens",
    "requires_tokens",
    "revoke_created",
    "revoke_token",
    "tenants_with_tokens",
    "token_values",
]
