"""Keys of an OpenID Connect issuer (RFC 7517): found, kept, and read again when one is missing."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt import PyJWK, PyJWTError

from onecopy.errors import OnecopyError, Unavailable
from onecopy.http.options import Issuer
from onecopy.http.problems import Unauthenticated
from onecopy.http.threads import Threads
from onecopy.httpclient import HttpClient
from onecopy.urls import is_private

ALGORITHMS = ("RS256", "ES256")
"""The accepted signatures: never `none`, and none made with a secret that is shared."""
RETRY_SECONDS = 5.0
"""Shortest time between two reads, however many unknown keys are asked for."""
REFRESH_SECONDS = 600.0
"""Age at which the keys are read again, so that withdrawn ones stop working."""
KEEP_SECONDS = 24 * 3600.0
"""Time for which keys are trusted while the issuer cannot be reached."""
_TIMEOUT = 5
"""Seconds for the issuer to send or accept some bytes."""
_CONFIGURATION = "/.well-known/openid-configuration"
_MAX_BYTES = 1024 * 1024
_log = logging.getLogger("onecopy.http")
_T = TypeVar("_T")


class IssuerUnavailable(Unavailable):
    """The issuer's keys cannot be read, so a sign-in is neither accepted nor refused."""

    reason = "issuer-unavailable"


class _Configuration(msgspec.Struct):
    """The fields that we need of https://openid.net/specs/openid-connect-discovery-1_0.html."""

    issuer: str
    jwks_uri: str


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


class Keys:
    """The keys of an issuer. Use it from one event loop.

    They are read when they are first needed, and again for an unknown key. Known keys never wait
    for that, and only one thread reads at a time.
    """

    def __init__(self, issuer: Issuer, threads: Threads) -> None:
        self._issuer = issuer
        self._threads = threads
        self._keys: Mapping[str, PyJWK] = {}
        self._read_at = self._tried_at = -KEEP_SECONDS
        self._failure: str | None = None
        self._reading: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None) -> PyJWK:
        """Return a key; raises Unauthenticated if there is none, and IssuerUnavailable.

        A token may omit the id of its key if the issuer has only one.
        """
        known = self._find(key_id)
        age = time.monotonic() - self._tried_at
        if self._reading is None and age >= (RETRY_SECONDS if known is None else REFRESH_SECONDS):
            self._tried_at = time.monotonic()
            self._reading = asyncio.create_task(self._read())
        if known is None and self._reading is not None:
            await asyncio.shield(self._reading)
            known = self._find(key_id)
        if known is None and self._failure is not None:
            raise IssuerUnavailable(self._failure)
        if known is None:
            raise Unauthenticated("The key that signed this token is unknown to its issuer.")
        return known

    def _find(self, key_id: str | None) -> PyJWK | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id or "")

    async def _read(self) -> None:
        """Read the keys; if that fails, keep the known ones for a day."""
        try:
            self._keys = await self._threads.call(fetch_keys, self._issuer)
            self._read_at, self._failure = time.monotonic(), None
        except OnecopyError as error:
            self._failure = f"the keys of {self._issuer.url} cannot be read: {error}"
            _log.warning("%s", self._failure)
            if time.monotonic() - self._read_at > KEEP_SECONDS:
                self._keys = {}
        finally:
            self._reading = None


def fetch_keys(issuer: Issuer) -> Mapping[str, PyJWK]:
    """Return the issuer's keys by their ids; raises Unavailable and what HttpClient raises."""
    with HttpClient(timeout=_TIMEOUT) as http:
        url = issuer.jwks or _discover(http, issuer.url)
        return usable(_get(http, url, _KeySet).keys)


def _discover(http: HttpClient, issuer: str) -> str:
    """Return the URL of the keys in the issuer's configuration."""
    found = _get(http, issuer.rstrip("/") + _CONFIGURATION, _Configuration)
    if found.issuer != issuer:
        raise Unavailable(
            f"its configuration names the issuer {found.issuer!r}, not {issuer!r}: name it exactly "
            "so in --issuer"
        )
    return found.jwks_uri


def _get(http: HttpClient, url: str, kind: type[_T]) -> _T:
    if not is_private(url):
        raise Unavailable(f"{url} is plain HTTP, where others can replace keys: use https://")
    response = http.request("GET", url, {}, max_bytes=_MAX_BYTES)
    if response.status != 200:
        raise Unavailable(f"{url} answered {response.status}")
    try:
        return msgspec.json.decode(response.data, type=kind)
    except msgspec.DecodeError as error:
        raise Unavailable(f"{url} is not what was expected: {error}") from error


def usable(keys: list[dict[str, Any]]) -> Mapping[str, PyJWK]:
    """Return the public keys for signatures of ours by their ids; the others are left out."""
    found: dict[str, PyJWK] = {}
    for each in keys:
        with suppress(PyJWTError):  # a kind of key that PyJWT does not know
            key = PyJWK(each)
            is_public = isinstance(key.key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
            if is_public and each.get("use", "sig") == "sig" and key.algorithm_name in ALGORITHMS:
                found[str(each.get("kid", ""))] = key
    return found
