"""Authentication of requests: by bearer token, by verified claims, or none (loopback only)."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from starlette.types import Scope as Asgi

from onecopy.claims import ClaimRule
from onecopy.errors import NotAllowed
from onecopy.http.body import header
from onecopy.http.problems import Unauthenticated
from onecopy.http.threads import Threads
from onecopy.http.token_cache import TokenCache
from onecopy.http.token_uses import TokenUses
from onecopy.index.interface import State
from onecopy.tenant import DEFAULT_TENANT
from onecopy.timestamp import now as now_ms
from onecopy.tokens import SCOPES, Principal, Scope, hash_secret

CLAIMS = "onecopy.claims"
"""Key of the verified claims in an ASGI scope; None or absent if there was no authorizer."""
REFRESH_SECONDS = 1.0
"""Age at which a token is read again, and after which it is looked whether there are any."""

_ANYONE = Principal(DEFAULT_TENANT, tuple(scope for scope in SCOPES if scope != "tokens"))
"""The sender while there are no tokens; only safe behind LoopbackOnly. Without the scope `tokens`:
the first token, which closes the service, is created by its operator."""


class Authenticator(Protocol):
    """Decides who sent a request, and whether they may make it."""

    async def authenticate(self, request: Asgi, needs: Scope | None) -> Principal:
        """Return the sender; raises Unauthenticated, or NotAllowed if they lack the scope."""
        ...


class UntilTokens:
    """Accepts every request as the default tenant until there are tokens; then `tokens` decides.

    `are_there` returns whether there are; it is called in a thread, once in REFRESH_SECONDS.
    """

    def __init__(
        self,
        are_there: Callable[[], bool],
        threads: Threads,
        tokens: Authenticator,
        *,
        requires_tokens: bool = False,
    ) -> None:
        self.requires_tokens = requires_tokens
        """Whether there are tokens; once there are, it stays so."""
        self._are_there = are_there
        self._threads = threads
        self._tokens = tokens
        self._looked_at = time.monotonic()  # `requires_tokens` is of now
        self._looking = asyncio.Lock()

    async def authenticate(self, request: Asgi, needs: Scope | None) -> Principal:
        now = time.monotonic()
        if not self.requires_tokens and now - self._looked_at >= REFRESH_SECONDS:
            await self._look(now - REFRESH_SECONDS)
        return await self._tokens.authenticate(request, needs) if self.requires_tokens else _ANYONE

    async def _look(self, since: float) -> None:
        """Look for tokens, unless another request has done so `since`."""
        async with self._looking:
            if self._looked_at <= since:
                began = time.monotonic()
                self.requires_tokens = await self._threads.call(self._are_there)
                self._looked_at = began


class TokenAuthenticator:
    """Accepts requests with a bearer token that the index has and that has the scope.

    A token is kept for `refresh_seconds`, so a revoked one works for at most that long.
    """

    def __init__(
        self, state: State, threads: Threads, refresh_seconds: float = REFRESH_SECONDS
    ) -> None:
        self._tokens = TokenCache(state, threads, refresh_seconds)
        self._uses = TokenUses(state, threads)

    async def authenticate(self, request: Asgi, needs: Scope | None) -> Principal:
        token, now = await self._tokens.find(hash_secret(bearer(request))), now_ms()
        if token is None or token.is_expired(now):
            raise Unauthenticated("This token is unknown, expired or revoked; use another one.")
        if needs is not None and needs not in token.scopes:
            raise NotAllowed(f"This token lacks the scope {needs}.")
        self._uses.note(token, now)
        return Principal(token.tenant, token.scopes, token)


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
        detail = "This request needs a token; send it as `Authorization: Bearer TOKEN`."
        raise Unauthenticated(detail, reason="token-missing")
    return secret.strip()
