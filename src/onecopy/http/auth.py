"""Authentication of requests: by bearer token, by verified claims, or of nobody (loopback only)."""

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
"""Where an ASGI scope holds the verified claims; None or nothing: there was no authorizer."""
FRESH = 1.0
"""Seconds after which a server looks again at which tokens there are."""

SOON = 0.05
"""Seconds between two looks for a token that is not known."""

_ANYBODY = Principal(DEFAULT_TENANT, SCOPES)


class Authenticator(Protocol):
    """Who may come in, and as whom."""

    async def admit(self, request: Asgi, needs: Scope | None) -> Principal:
        """Return who it is; raises Unauthenticated, or NotAllowed if they lack a scope."""
        ...


class NoAuthentication:
    """Lets in everybody who reaches it, as the default tenant: behind LoopbackOnly."""

    async def admit(self, request: Asgi, needs: Scope | None) -> Principal:  # noqa: ARG002
        return _ANYBODY


class TokenAuthenticator:
    """Lets in who brings a token with the scope that is needed."""

    def __init__(self, state: State, threads: Threads, fresh: float = FRESH) -> None:
        self._state = state
        self._threads = threads
        self._fresh = fresh
        self._raw: bytes | None = None
        self._by_hash: dict[str, Token] = {}
        self._looked = -fresh
        self._looking = asyncio.Lock()

    async def admit(self, request: Asgi, needs: Scope | None) -> Principal:
        kind, _, secret = (
            (header(request, b"authorization") or b"").decode("latin-1").partition(" ")
        )
        if kind.lower() != "bearer" or not secret:
            raise Unauthenticated("This needs a bearer token.", reason="token-missing")
        token = await self._find(hash_secret(secret.strip()))
        if token is None or token.is_expired(now_ms()):
            raise Unauthenticated("This token is not known, or no longer.")
        if needs is not None and needs not in token.scopes:
            raise NotAllowed(f"This token lacks the scope {needs}.")
        return Principal(token.tenant, token.scopes)

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
            raw = await self._threads.call(self._state.get, TOKENS)
            if raw != self._raw:
                self._by_hash = {token.sha256: token for token in decode_tokens(raw)}
                self._raw = raw
            self._looked = asked


class ClaimsAuthenticator:
    """Lets in whom an authorizer has let in, with the scope that is needed; asks others' tokens."""

    def __init__(self, rule: ClaimRule, others: Authenticator) -> None:
        self._rule = rule
        self._others = others

    async def admit(self, request: Asgi, needs: Scope | None) -> Principal:
        claims = request.get(CLAIMS)
        if claims is None:
            return await self._others.admit(request, needs)
        principal = self._rule.principal(claims)
        if needs is not None and needs not in principal.scopes:
            raise NotAllowed(f"Your sign-in lacks the scope {needs}.")
        return principal
