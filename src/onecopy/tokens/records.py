"""The records of tokens in the state of an index.

    tokens               the kind of tenants that has tokens (kinds.py); once a list of tokens
    token:SHA256         a token
    token-tenant:NAME    a named tenant that has, or had, tokens

A token is found by its hash, whatever their number. The list of an earlier version, of some 300
tokens at most, is divided into records at first use. A token of it that was revoked leaves an empty
record, since another process may still be dividing the list.

A record has a checksum, since a changed byte could otherwise be another tenant, or another time.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from zlib import crc32

import msgspec

from onecopy.index.interface import State
from onecopy.index.stored import damaged, decoding, values_of
from onecopy.tenant import DEFAULT_TENANT
from onecopy.tokens.kinds import TOKENS, Kind, encode_kind, kind_of, read_kind
from onecopy.tokens.token import Principal, Token

TOKEN = "token:"  # noqa: S105 - the beginning of a name
_TENANT = "token-tenant:"
REVOKED = b""
"""The record of a token that was revoked, and had been in a list."""
_ID = re.compile("[0-9a-f]{16}")
_EARLY_ID = re.compile("[0-9a-f]{8}")
_CHECKSUM_LENGTH = 9

_decoder = msgspec.json.Decoder(Token)
_list_decoder = msgspec.json.Decoder(list[Token])


def list_tokens(state: State) -> Iterator[Token]:
    """Yield the records of all tokens, in no particular order; raises Damaged."""
    divide_list(state)
    return (decode_token(raw) for _, raw in values_of(state, TOKEN) if raw != REVOKED)


def find_token(state: State, sha256: str) -> Token | None:
    """Return the token with this hash, expired or not; raises Damaged."""
    raw = state.get(name_of(sha256))
    token = decode_token(raw) if raw else None
    if token is not None and token.sha256 != sha256:
        raise damaged(f"a token: it is recorded under the hash of another, {sha256}")
    return token


def revoke_token(state: State, token_id: str) -> bool:
    """Revoke a token by its id; return whether it existed. Servers follow within a second."""
    token = _with_id(state, token_id)
    return token is not None and _remove(state, token)


def revoke_created(state: State, token_id: str, creator: Principal) -> bool:
    """Revoke a token that was created by this one through the API; return whether there was one."""
    if not (creator.id and _ID.fullmatch(token_id)):
        return False  # a sign-in without a name is the creator of nothing
    token = _with_id(state, token_id)
    if token is None or (token.tenant, token.creator) != (creator.tenant, creator.id):
        return False
    return _remove(state, token)


def _remove(state: State, token: Token) -> bool:
    left = REVOKED if token.has_early_id else None
    name = name_of(token.sha256)
    while raw := state.get(name):
        if state.put_if(name, raw, left):
            return True
    return False


def _with_id(state: State, token_id: str) -> Token | None:
    divide_list(state)
    if _ID.fullmatch(token_id):
        begin_so = (raw for _, raw in state.values(name_of(token_id)) if raw != REVOKED)
        found: Iterator[Token] = map(decode_token, begin_so)
    else:
        found = list_tokens(state) if _EARLY_ID.fullmatch(token_id) else iter(())
    return next((token for token in found if token.id == token_id), None)


def change_token(
    state: State, sha256: str, change: Callable[[Token], Token]
) -> tuple[Token, Token] | None:
    """Change a token atomically; return it before and after, or None if it does not exist."""
    name = name_of(sha256)
    while raw := state.get(name):
        old = decode_token(raw)
        new = change(old)
        if new == old or state.put_if(name, raw, encode_token(new)):
            return old, new
    return None


def note_uses(state: State, uses: Mapping[str, int]) -> None:
    """Note when tokens were used, by hash, in milliseconds since 1970; once a day for each."""
    for sha256, used in uses.items():
        change_token(state, sha256, partial(_used, used=used))


def _used(token: Token, *, used: int) -> Token:
    return token if token.is_noted(used) else msgspec.structs.replace(token, used_ms=used)


def has_tokens(state: State) -> bool:
    """Return whether there are tokens, expired ones included: a server then requires them."""
    return next(list_tokens(state), None) is not None


def tenants_with_tokens(state: State) -> set[str]:
    """Return the tenants that have tokens, and named ones that had some."""
    if not has_tokens(state):
        return set()
    kind = read_kind(state)
    if kind == kind_of(DEFAULT_TENANT):
        return {DEFAULT_TENANT}
    if kind.claim:
        return {token.tenant for token in list_tokens(state)}
    return {name.removeprefix(_TENANT) for name, _ in values_of(state, _TENANT)}


def token_values(state: State) -> Iterator[tuple[str, bytes]]:
    """Yield the names and values of all records, to move them to another index."""
    divide_list(state)
    if (kind := state.get(TOKENS)) is not None:
        yield TOKENS, kind
        yield from values_of(state, _TENANT)
        yield from values_of(state, TOKEN)


def add_tenant(state: State, tenant: str) -> None:
    """Record that a tenant has tokens; `default` needs no record."""
    if tenant != DEFAULT_TENANT and state.get(_TENANT + tenant) is None:
        state.put_if(_TENANT + tenant, None, b"")


def divide_list(state: State) -> None:
    """Store each token of an earlier version's list as a record of its own; repeatable."""
    while (raw := state.get(TOKENS)) is not None and raw.startswith(b"["):
        tokens = decode_list(raw)
        for token in tokens:
            add_tenant(state, token.tenant)
            state.put_if(name_of(token.sha256), None, encode_token(token))
        # The last one decides: expired ones before it may be of the other kind.
        kind = kind_of(tokens[-1].tenant) if tokens else Kind("none")
        state.put_if(TOKENS, raw, encode_kind(kind))


def decode_list(raw: bytes) -> list[Token]:
    """Return the tokens of a list that an earlier version has stored; raises Damaged."""
    with decoding("the list of tokens"):
        return _list_decoder.decode(raw)


def name_of(sha256: str) -> str:
    """Return the name of the value with the token of this hash."""
    return TOKEN + sha256


def encode_token(token: Token) -> bytes:
    """Return a token as it is stored: a line of JSON, and its CRC-32 in hex."""
    document = msgspec.json.encode(token)
    return document + _checksum(document)


def decode_token(raw: bytes) -> Token:
    """Return a token that is stored; raises Damaged."""
    with decoding("a token"):  # a damaged value may be no bytes at all
        # A record of an earlier version has no checksum; it gets one when its use is noted.
        document = raw if raw.endswith(b"}") else raw[:-_CHECKSUM_LENGTH]
        if raw not in {document, document + _checksum(document)}:
            raise damaged("a token: its checksum is wrong")
        return _decoder.decode(document)


def _checksum(document: bytes) -> bytes:
    return b"\n%08x" % crc32(document)
