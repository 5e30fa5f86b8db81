"""Authentication of requests: by bearer token, by verified claims, or none (loopback only)."""

import asyncio
import time
from typing import Protocol

from starlette.types import Scope as Asgi

from onecopy.claims import ClaimRule
from onecopy.errors import NotAllowed
from onecopy.http.body import header
from onecopy.http.problems import Unauthenticated
from onecopy.http.threads import Threads
from onecopy.index.interface import State
from onecopy.tenant import DEFAULT_TENANT
from onecopy.timestamp import now as now_ms
from onecopy.tokens import SCOPES, TOKENS, Principal, Scope, Token, decode_tokens, hash_secret

CLAIMS = "onecopy.claims"
"""Key of the verified claims in an ASGI scope; None or absent if there was no authorizer."""
REFRESH_SECONDS = 1.0
"""Age at which the list of tokens is read again."""
MIN_REFRESH_SECONDS = 0.05
"""Shortest time between two reads of the list, when unknown tokens keep coming."""

_ANYONE = Principal(DEFAULT_TENANT, SCOPES)


class Authenticator(Protocol):
    """Decides who sent a request, and whether they may make it."""

    async def authenticate(self, request: Asgi, needs: Scope | None) -> Principal:
        """Return the sender; raises Unauthenticated, or NotAllowed if they lack the scope."""
        ...


class NoAuthentication:
    """Accepts every request as the default tenant; only safe behind LoopbackOnly."""

    async def authenticate(self, request: Asgi, needs: Scope | None) -> Principal:  # noqa: ARG002
        return _ANYONE


class TokenAuthenticator:
    """Accepts requests with a bearer token that the index lists and that has the scope.

    The list is kept for `refresh_seconds`, so a revoked token works for at most that long.
    """

    def __init__(
        self, state: State, threads: Threads, refresh_seconds: float = REFRESH_SECONDS
    ) -> None:
        self._state = state
        self._threads = threads
        self._refresh_seconds = refresh_seconds
        self._raw: bytes | None = None
        self._by_hash: dict[str, Token] = {}
        self._read_at = -refresh_seconds
        self._reading = asyncio.Lock()

    async def authenticate(self, request: Asgi, needs: Scope | None) -> Principal:
        token = await self._find(hash_secret(bearer(request)))
        if token is None or token.is_expired(now_ms()):
            raise Unauthenticated("This token is unknown, expired or revoked.")
        if needs is not None and needs not in token.scopes:
            raise NotAllowed(f"This token lacks the scope {needs}.")
        return Principal(token.tenant, token.scopes)

    async def _find(self, sha256: str) -> Token | None:
        """Find a token; read the list again for an unknown one, which may have just been made."""
        now = time.monotonic()
        if now - self._read_at >= self._refresh_seconds:
            await self._read(now - self._refresh_seconds)
        if sha256 not in self._by_hash:
            await self._read(now)
        return self._by_hash.get(sha256)

    async def _read(self, since: float) -> None:
        """Read the list unless another request has read it `since`; decode it only if changed."""
        async with self._reading:
            if self._read_at > since:
                return
            # Unknown tokens always cause a read: this limits the load that strangers can cause.
            await asyncio.sleep(self._read_at + MIN_REFRESH_SECONDS - time.monotonic())
            began = time.monotonic()
            raw = await self._threads.call(self._state.get, TOKENS)
            if raw != self._raw:
                self._by_hash = {token.sha256: token for token in decode_tokens(raw)}
                self._raw = raw
            self._read_at = began


class ClaimsAuthenticator:
    """Accepts requests with claims that an authorizer in front of the service has verified.

    Requests without claims go to the authenticator `otherwise`.
    """

    def __init__(self, rule: ClaimRule, otherwise: Authenticator) -> None:
        self._rule = rule
        self._otherwise = otherwise

    async def authenticate(self, request: Asgi, needs: Scope | None) -> Principal:
        claims = request.get(CLAIMS)
        if claims is None:
            return await self._otherwise.authenticate(request, needs)
        principal = self._rule.principal(claims)
        if needs is not None and needs not in principal.scopes:
            raise NotAllowed(f"Your sign-in lacks the scope {needs}.")
        return principal


def bearer(request: Asgi) -> str:
    """Return the secret of the bearer token; raises Unauthenticated if there is none."""
    value = (header(request, b"authorization") or b"").decode("latin-1")
    kind, _, secret = value.partition(" ")
    if kind.lower() != "bearer" or not secret:
        raise Unauthenticated("This request needs a bearer token.", reason="token-missing")
    return secret.strip()
