"""A local OpenID Connect issuer, which signs tokens as they are wanted."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.middleman import Answer, Handler, serving

AUDIENCE = "uploads"


@dataclass
class LocalIssuer:
    """Its address, its keys, and the requests that it got."""

    url: str = ""
    is_up: bool = True
    keys: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    more: list[dict[str, Any]] = field(default_factory=list)
    """Other keys to publish."""
    asked: list[str] = field(default_factory=list)

    def add(self, kid: str, curve: ec.EllipticCurve | None = None) -> None:
        """Make a key: of RSA, or on a curve."""
        rsa_key = curve is None and rsa.generate_private_key(65537, 2048)
        self.keys[kid] = rsa_key or ec.generate_private_key(curve or ec.SECP256R1())

    def token(
        self, kid: str = "one", algorithm: str = "RS256", *, without: str = "", **claims: object
    ) -> str:
        """Return a token that is valid for ten minutes, but for these claims."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": AUDIENCE, "exp": now + 600, "tenant": "photos"}
        payload = {name: value for name, value in {**usual, **claims}.items() if name != without}
        return jwt.encode(payload, self.keys[kid], algorithm, headers={"kid": kid})

    def answer(self, path: str) -> Answer:
        """Answer a request."""
        self.asked.append(path)
        if not self.is_up:
            return 500, {}, b""
        documents = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/jwks",
            },
            "/jwks": {"keys": [*map(_published, self.keys, self.keys.values()), *self.more]},
        }
        if path not in documents:
            return 404, {}, b""
        return 200, {"Content-Type": "application/json"}, json.dumps(documents[path]).encode()


def _published(kid: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    kinds: Any = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**kinds.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


@contextmanager
def issuing() -> Iterator[LocalIssuer]:
    """Run an issuer that has one key."""
    ours = LocalIssuer()
    ours.add("one")

    class Issuing(Handler):
        def answer(self, length: int) -> Answer:
            return ours.answer(self.path)

    with serving(Issuing) as url:
        ours.url = url
        yield ours
