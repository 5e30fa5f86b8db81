"""Who may ask: bearer tokens, or anybody on this machine.

A token is 256 random bits; only its SHA-256 is kept, so that whoever reads the index can't use it,
and finding it by that hash takes the same time whatever was presented.
"""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Collection
from typing import Literal, NamedTuple, Protocol, get_args

import msgspec
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Asgi

from onecopy.errors import BadInput, InvalidSettings, LimitExceeded, NotAllowed
from onecopy.gate import Tenant
from onecopy.http.body import header
from onecopy.http.problems import Unauthenticated
from onecopy.http.threads import Threads
from onecopy.index.interface import State

Scope = Literal["check", "upload", "read", "metrics"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""`check`: probe and check; `upload`: the way of an upload; `read`: links; `metrics`: figures."""

PREFIX = "onecopy_"
"""What every token begins with, so that secret scanners and people know it."""
DEFAULT_TENANT = Tenant().name
FRESH = 1.0
"""Seconds after which a server looks again at which tokens there are."""

SOON = 0.05
"""Seconds between two looks for a token that is not known."""

_NAME = "tokens"
_MOST_BYTES = 64 * 1024
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


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
        created_at=_now(),
        expires_at=expires_at,
        sha256=_hash(secret),
    )
    _change(state, lambda tokens: _with(tokens, token))
    return token, secret


def list_tokens(state: State) -> list[Token]:
    """Return what is kept of every token, oldest first."""
    return _decode(state.get(_NAME))


def revoke_token(state: State, token_id: str) -> bool:
    """Drop a token by its id; return whether it was there. Servers follow within a second."""
    if all(token.id != token_id for token in list_tokens(state)):
        return False
    _change(state, lambda tokens: [token for token in tokens if token.id != token_id])
    return True


def has_tokens(state: State) -> bool:
    """Return whether there are any, expired ones included: then a server must ask for them."""
    return bool(list_tokens(state))


def is_tenant(name: str) -> bool:
    """Return whether this can name a tenant: it becomes the first folder of its keys."""
    return _TENANT.fullmatch(name) is not None


def check_tenant(name: str) -> None:
    """Raise BadInput unless this can name a tenant."""
    if not is_tenant(name):
        raise BadInput(
            f"{name[:80]!r} can't name a tenant: 1 to 63 of a-z, 0-9 and -, not - at first",
            reason="tenant-invalid",
        )


def require_loopback(host: str) -> None:
    """Raise InvalidSettings unless the address is one that only this machine can reach."""
    if host not in {*_LOOPBACK, "::1"}:
        raise InvalidSettings(
            f"without tokens anybody who reaches {host} could ask and upload: make one with "
            "`onecopy token create`, or listen on 127.0.0.1"
        )


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
        old = state.get(_NAME)
        new = msgspec.json.encode(change(_decode(old)))
        if len(new) > _MOST_BYTES:
            raise LimitExceeded("there are too many tokens: revoke some with `onecopy token`")
        changed = state.put_if(_NAME, old, new)


def _decode(raw: bytes | None) -> list[Token]:
    return [] if raw is None else _tokens.decode(raw)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> int:
    return time.time_ns() // 1_000_000


class Visitor(NamedTuple):
    """Who came in: as which tenant, and what they may do."""

    tenant: str
    scopes: tuple[Scope, ...]


_ANYBODY = Visitor(DEFAULT_TENANT, SCOPES)


class Door(Protocol):
    """Who may come in, and as whom."""

    async def admit(self, request: Asgi, needs: Scope | None) -> Visitor:
        """Return who it is; raises Unauthenticated, or NotAllowed if they lack a scope."""
        ...


class OpenDoor:
    """Lets in everybody who reaches it, as the default tenant: behind LoopbackOnly."""

    async def admit(self, request: Asgi, needs: Scope | None) -> Visitor:  # noqa: ARG002
        return _ANYBODY


class TokenDoor:
    """Lets in who brings a token with the scope that is needed."""

    def __init__(self, state: State, threads: Threads, fresh: float = FRESH) -> None:
        self._state = state
        self._threads = threads
        self._fresh = fresh
        self._raw: bytes | None = None
        self._by_hash: dict[str, Token] = {}
        self._looked = -fresh
        self._looking = asyncio.Lock()

    async def admit(self, request: Asgi, needs: Scope | None) -> Visitor:
        kind, _, secret = (
            (header(request, b"authorization") or b"").decode("latin-1").partition(" ")
        )
        if kind.lower() != "bearer" or not secret:
            raise Unauthenticated("This needs a bearer token.", reason="token-missing")
        token = await self._find(_hash(secret.strip()))
        if token is None or token.is_expired(_now()):
            raise Unauthenticated("This token is not known, or no longer.")
        if needs is not None and needs not in token.scopes:
            raise NotAllowed(f"This token lacks the scope {needs}.")
        return Visitor(token.tenant, token.scopes)

    async def _find(self, sha256: str) -> Token | None:
        """Find a token; one that is not known may have been made a moment ago."""
        now = time.monotonic()
        if now - self._looked >= self._fresh:
            await self._look(now - self._fresh)
        if sha256 not in self._by_hash:
            await self._look(now)
        return self._by_hash.get(sha256)

    async def _look(self, since: float) -> None:
        """Read the tokens, unless somebody has since; the list is decoded only if it changed."""
        async with self._looking:
            if self._looked > since:
                return
            # So strangers, whom every look is in vain for, can't make us look all the time.
            await asyncio.sleep(self._looked + SOON - time.monotonic())
            asked = time.monotonic()
            raw = await self._threads.call(self._state.get, _NAME)
            if raw != self._raw:
                self._by_hash = {token.sha256: token for token in _decode(raw)}
                self._raw = raw
            self._looked = asked


class LoopbackOnly:
    """Middleware for a server without tokens: refuses what a foreign web page could send.

    A page whose name was made to point at 127.0.0.1 (DNS rebinding) sends its own name in `Host`;
    any page of another site sends its own `Origin` with whatever is not a plain GET.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str], bare_origin: str | None = None
    ) -> None:
        self._app = app
        names = b"|".join(re.escape(name.lower().encode()) for name in (*_LOOPBACK, *hosts))
        self._host = re.compile(rb"(?:" + names + rb")(?::[0-9]{1,5})?")
        self._bare_origin = None if bare_origin is None else bare_origin.encode()

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._check(scope)
        await self._app(scope, receive, send)

    def _check(self, scope: Asgi) -> None:
        hosts = [value.lower() for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or self._host.fullmatch(hosts[0]) is None:
            raise NotAllowed(
                "This server answers to this machine only, by 127.0.0.1 or localhost.",
                reason="host-not-allowed",
            )
        origin = header(scope, b"origin")
        if scope["path"] == "/" and origin is not None and origin == self._bare_origin:
            return  # the bare question, and nothing else, is for this one
        if origin not in (None, b"http://" + hosts[0], b"https://" + hosts[0]):
            raise NotAllowed(
                "This server does not answer pages of other sites.", reason="origin-not-allowed"
            )
