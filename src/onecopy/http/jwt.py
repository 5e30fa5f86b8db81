"""Sign-ins: JSON Web Tokens (RFC 7519) of one issuer, which PyJWT verifies."""

import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import jwt
from starlette.types import Scope as Asgi

from onecopy.http.auth import CLAIMS, Authenticator, bearer
from onecopy.http.jwks import ALGORITHMS, Keys
from onecopy.http.options import Issuer
from onecopy.http.problems import Unauthenticated
from onecopy.http.threads import Threads
from onecopy.tokens import PREFIX, Principal, Scope, hash_secret

LEEWAY_SECONDS = 30
"""Difference between the issuer's clock and ours that is tolerated."""
MAX_KEPT = 4096
"""Verified tokens that are kept, of some KB each; the one that was verified first is dropped
first."""
_MAX_CHARACTERS = 16 * 1024
"""Longest token: a longer one is refused before it is decoded."""
_MESSAGES: Mapping[type[Exception], str] = {
    jwt.ExpiredSignatureError: "This sign-in has expired; sign in again.",
    jwt.ImmatureSignatureError: "This sign-in is not valid yet; check the clocks.",
    jwt.InvalidIssuerError: "This token is from another issuer.",
}


class _Verified(NamedTuple):
    claims: Mapping[str, Any]
    key_id: str | None
    key: jwt.PyJWK
    until: int
    """When the token expires for us, in seconds since 1970."""


class IssuerAuthenticator:
    """Verifies tokens of an issuer, whose claims decide; passes onecopy's own tokens on.

    `then` receives requests with verified claims, or with a token that begins with `onecopy_`. A
    token is verified once, and again whenever the keys of the issuer were read.
    """

    def __init__(self, issuer: Issuer, threads: Threads, then: Authenticator) -> None:
        self._issuer = issuer
        self._keys = Keys(issuer, threads)
        self._then = then
        self._kept: OrderedDict[str, _Verified] = OrderedDict()

    async def authenticate(self, request: Asgi, needs: Scope | None) -> Principal:
        """See Authenticator; raises IssuerUnavailable if the keys cannot be read."""
        token = bearer(request)
        if not token.startswith(PREFIX):
            request[CLAIMS] = await self._claims(token)
        return await self._then.authenticate(request, needs)

    async def _claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token; raises Unauthenticated."""
        sha256 = hash_secret(token)
        kept = self._kept.get(sha256)
        try:
            key_id = kept.key_id if kept else _key_id(token)
            key = await self._keys.find(key_id)
            if kept and kept.key is key and time.time() < kept.until:
                return kept.claims
            self._kept.pop(sha256, None)
            claims = self._verify(token, key)
        except (jwt.PyJWTError, RecursionError) as error:  # older ones do not expect deep JSON
            message = _MESSAGES.get(type(error), "This token is not valid.")
            raise Unauthenticated(message) from error
        self._keep(sha256, _Verified(claims, key_id, key, int(claims["exp"]) + LEEWAY_SECONDS))
        return claims

    def _verify(self, token: str, key: jwt.PyJWK) -> Mapping[str, Any]:
        """Return the claims of a token; raises Unauthenticated, and PyJWTError."""
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            issuer=self._issuer.url,
            leeway=LEEWAY_SECONDS,
            options={
                "require": ["exp", "iss"],
                "verify_aud": False,  # Cognito's access tokens have none: see _audiences
                "enforce_minimum_key_length": True,
            },
        )
        if self._issuer.audience not in _audiences(claims):
            raise Unauthenticated("This token is for another audience.")
        return claims

    def _keep(self, sha256: str, verified: _Verified) -> None:
        self._kept[sha256] = verified
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)


def _key_id(token: str) -> str | None:
    """Return the id of the key that a token names; raises Unauthenticated, or PyJWTError."""
    if len(token) > _MAX_CHARACTERS:
        raise Unauthenticated(
            f"This token is too long: {len(token)} characters (limit {_MAX_CHARACTERS})."
        )
    header = jwt.get_unverified_header(token)
    if header.get("alg") not in ALGORITHMS:
        raise Unauthenticated(f"This token is not signed with {' or '.join(ALGORITHMS)}.")
    return header.get("kid")


def _audiences(claims: Mapping[str, Any]) -> Collection[object]:
    """Return the audiences of a token; without any, its client, as API Gateway does."""
    named = claims.get("aud", claims.get("client_id"))
    return named if isinstance(named, list) else [named]
