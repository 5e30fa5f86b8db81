"""A token, and who has presented it: values, whatever keeps them."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Literal, NamedTuple, get_args

import msgspec

from onecopy.errors import BadInput, LimitExceeded
from onecopy.key import check_prefix
from onecopy.tenant import DEFAULT_TENANT, Tenant, check_tenant
from onecopy.timestamp import as_datetime, in_milliseconds, now

Scope = Literal["check", "upload", "read", "metrics", "tokens"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""`check`: probe and check; `upload`: all steps of an upload; `read`: links; `metrics`: metrics;
`tokens`: create tokens with at most the other scopes."""
DEFAULT_SCOPES: tuple[Scope, ...] = ("check", "upload", "read")
"""The scopes of a client that uploads, unless others are named."""

PREFIX = "onecopy_"
"""The beginning of every token, by which secret scanners and people recognise it."""
MAX_LABEL = 200
"""Characters of a label."""
_ID_LENGTH = 16
"""Characters of an id: 64 bits, so that no two of a million tokens have the same."""
_DAY_MS = 24 * 3600 * 1000


class Token(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored record of a token."""

    id: str
    """The beginning of `sha256`; a token made before that has a shorter one of its own."""
    tenant: str
    scopes: tuple[Scope, ...]
    label: str
    created_ms: int = msgspec.field(name="created_at")
    """`created_at` in milliseconds since 1970, as it is stored."""
    expires_ms: int | None = msgspec.field(name="expires_at")
    """`expires_at` in milliseconds since 1970, as it is stored."""
    sha256: str
    used_ms: int | None = msgspec.field(name="used_at", default=None)
    """A time on the day on which it was used last, in milliseconds since 1970."""
    creator: str = ""
    """Who created it through the API: the id of a token, or `sub NAME`; empty: an operator."""
    prefix: str = ""
    """The folder in which it may upload, with a `/` at its end; empty: everywhere."""
    max_bytes: int | None = None
    """The bytes of the uploads that it may begin; None: no limit."""
    begun_bytes: int = 0
    """The bytes of the uploads that it has begun, if they are limited."""

    @property
    def created_at(self) -> datetime:
        """When it was created, UTC."""
        return as_datetime(self.created_ms)

    @property
    def expires_at(self) -> datetime | None:
        """When it expires, UTC; None: never."""
        return None if self.expires_ms is None else as_datetime(self.expires_ms)

    @property
    def used_at(self) -> datetime | None:
        """A time on the day (UTC) on which it was used last; None: never, or not yet noted."""
        return None if self.used_ms is None else as_datetime(self.used_ms)

    @property
    def has_early_id(self) -> bool:
        """Whether its id is not the beginning of its hash."""
        return len(self.id) < _ID_LENGTH

    @property
    def limits_uploads(self) -> bool:
        """Whether it has a prefix, or a number of bytes."""
        return bool(self.prefix) or self.max_bytes is not None

    def is_expired(self, now: int) -> bool:
        """Return whether the token has expired at `now`, in milliseconds since 1970, UTC."""
        return self.expires_ms is not None and self.expires_ms <= now

    def is_noted(self, used: int) -> bool:
        """Return whether it is known to have been used on the day of `used` or later."""
        return self.used_ms is not None and self.used_ms // _DAY_MS >= used // _DAY_MS


class Principal(NamedTuple):
    """An authenticated caller: its tenant, its scopes, and who it is, if that is known."""

    tenant: str
    scopes: tuple[Scope, ...]
    token: Token | None = None
    """The token that it has presented."""
    subject: str = ""
    """The name in a sign-in."""
    until_ms: int | None = None
    """When its sign-in expires, in milliseconds since 1970."""

    @property
    def id(self) -> str:
        """The creator of the tokens that it creates; see Token."""
        if self.token is not None:
            return self.token.id
        return f"sub {self.subject}" if self.subject else ""

    @property
    def expires_at(self) -> datetime | None:
        """When its token or its sign-in expires, UTC; None: never, or it is not known."""
        until = self.until_ms if self.token is None else self.token.expires_ms
        return None if until is None else as_datetime(until)


def new_token(  # noqa: PLR0913 - one for each field
    *,
    tenant: str = DEFAULT_TENANT,
    scopes: Collection[Scope] = DEFAULT_SCOPES,
    label: str = "",
    expires_at: datetime | None = None,
    creator: str = "",
    prefix: str = "",
    max_bytes: int | None = None,
) -> tuple[Token, str]:
    """Return the record of a new token, and the token itself, which is never stored.

    It never expires if `expires_at` is None. Raises BadInput for an invalid tenant, scope or
    prefix, and LimitExceeded for a long label.
    """
    check_tenant(tenant)
    _check_scopes(scopes)
    _check_label(label)
    secret = PREFIX + secrets.token_urlsafe(32)
    sha256 = hash_secret(secret)
    token = Token(
        id=sha256[:_ID_LENGTH],
        tenant=tenant,
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        label=label,
        created_ms=now(),
        expires_ms=None if expires_at is None else in_milliseconds(expires_at),
        sha256=sha256,
        creator=creator,
        prefix=_folder(prefix, Tenant(tenant)),
        max_bytes=max_bytes,
    )
    return token, secret


def _check_scopes(scopes: Collection[Scope]) -> None:
    if not scopes or not set(scopes) <= set(SCOPES):
        raise BadInput(
            f"invalid scopes for a token: use one or more of {', '.join(SCOPES)}",
            reason="scope-invalid",
        )


def _check_label(label: str) -> None:
    if len(label) > MAX_LABEL:
        raise LimitExceeded(
            f"label too long: {len(label)} characters (limit {MAX_LABEL}); shorten it"
        )


def _folder(prefix: str, tenant: Tenant) -> str:
    """Return a prefix with one `/` at its end; raises InvalidKey."""
    check_prefix(tenant.prefix + prefix if prefix else "")
    return f"{prefix.removesuffix('/')}/" if prefix else ""


def hash_secret(secret: str) -> str:
    """Return the SHA-256 in hex under which a token is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()
