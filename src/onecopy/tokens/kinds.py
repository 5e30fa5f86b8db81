"""Which kind of tenants has tokens: the default tenant, or named ones, and never both.

The default tenant owns every key of the store, including the keys of named tenants (P5). A small
value of the index's state, `tokens`, records which kind it is, so that creating a token needs to
read no others:

1. If the value does not name the new token's kind, the creator looks for tokens of the other kind.
   If it finds none, it writes a claim of its own into the value, looks again, and only then makes
   its kind the recorded one.
2. It stores the token, reads the value once more, and takes the token back unless it still names
   this kind, and no claim.

Of two creators of different kinds, the one whose claim comes second looks for tokens after it.
So it finds the token of the other, or the other finds its claim.
"""

import secrets
from collections.abc import Callable
from typing import Literal

import msgspec

from onecopy.errors import BadInput
from onecopy.index.interface import State
from onecopy.index.stored import decoding
from onecopy.tenant import DEFAULT_TENANT

TOKENS = "tokens"
"""The name of the value in the index's state. If it exists, there are or were tokens."""


class Kind(msgspec.Struct, frozen=True, omit_defaults=True):
    """The kind of tenants that has tokens."""

    tenants: Literal["none", "default", "named"]
    claim: str = ""
    """Random, while it is not certain that there are no tokens of the other kind."""


_decoder = msgspec.json.Decoder(Kind)


def kind_of(tenant: str) -> Kind:
    """Return the kind of a tenant."""
    return Kind("default" if tenant == DEFAULT_TENANT else "named")


def read_kind(state: State) -> Kind:
    """Return the recorded kind; raises Damaged."""
    return decode_kind(state.get(TOKENS))


def encode_kind(kind: Kind) -> bytes:
    """Return the value that records a kind."""
    return msgspec.json.encode(kind)


def claim_kind(state: State, kind: Kind, has_others: Callable[[], bool]) -> None:
    """Record a kind, unless there are tokens of the other one; then raise BadInput."""
    while True:
        recorded = state.get(TOKENS)
        if decode_kind(recorded) == kind:
            return
        _refuse_if(found=has_others())
        claim = encode_kind(Kind(kind.tenants, secrets.token_hex(8)))
        if state.put_if(TOKENS, recorded, claim):
            found = has_others()  # again, now that their creators can see the claim
            state.put_if(TOKENS, claim, recorded if found else encode_kind(kind))
            _refuse_if(found=found)


def _refuse_if(*, found: bool) -> None:
    if found:
        raise BadInput(
            f"the tenant {DEFAULT_TENANT!r} owns the whole store, so it can't coexist with named "
            "tenants: use one or the other",
            reason="tenant-invalid",
        )


def decode_kind(recorded: bytes | None) -> Kind:
    """Return the kind in the value; raises Damaged."""
    if recorded is None:
        return Kind("none")
    with decoding("which tenants have tokens"):
        return _decoder.decode(recorded)
