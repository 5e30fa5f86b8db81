"""Sign-ins: JSON Web Tokens (RFC 7519) of one issuer, which PyJWT verifies."""

from collections.abc import Collection, Mapping
from typing import Any

import jwt
from starlette.types import Scope as Asgi

from onecopy.http.auth import CLAIMS, Authenticator, bearer
from onecopy.http.jwks import ALGORITHMS, Keys
from onecopy.http.options import Issuer
from onecopy.http.problems import Unauthenticated
from onecopy.http.threads import Threads
from onecopy.tokens import PREFIX, Principal, Scope

LEEWAY_SECONDS = 30
"""Difference between the issuer's clock and ours that is tolerated."""
_MAX_CHARACTERS = 16 * 1024
"""Longest token: a longer one is refused before it is decoded."""
_MESSAGES: Mapping[type[Exception], str] = {
    jwt.ExpiredSignatureError: "This sign-in has expired; sign in again.",
    jwt.ImmatureSignatureError: "This sign-in is not valid yet; check the clocks.",
    jwt.InvalidIssuerError: "This token is from another issuer.",
}


class IssuerAuthenticator:
    """Verifies tokens of an issuer, whose claims decide; passes onecopy's own tokens on.

    `then` receives requests with verified claims, or with a token that begins with `onecopy_`.
    """

    def __init__(self, issuer: Issuer, threads: Threads, then: Authenticator) -> None:
        self._issuer = issuer
        self._keys = Keys(issuer, threads)
        self._then = then

    async def authenticate(self, request: Asgi, needs: Scope | None) -> Principal:
        """See Authenticator; raises IssuerUnavailable if the keys cannot be read."""
        token = bearer(request)
        if not token.startswith(PREFIX):
            request[CLAIMS] = await self._verify(token)
        return await self._then.authenticate(request, needs)

    async def _verify(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token; raises Unauthenticated."""
        try:
            key = await self._keys.find(_key_id(token))
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
        except (jwt.PyJWTError, RecursionError) as error:  # older ones do not expect deep JSON
            message = _MESSAGES.get(type(error), "This token is not valid.")
            raise Unauthenticated(message) from error
        if self._issuer.audience not in _audiences(claims):
            raise Unauthenticated("This token is for another audience.")
        return claims


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
