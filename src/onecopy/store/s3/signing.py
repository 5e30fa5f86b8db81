"""Signed requests (AWS Signature Version 4).

The signature is in the query for requests handed to clients, and in a header for our own:
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from onecopy.httpclient import host
from onecopy.store.s3.connection import Connection, translated

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

    from onecopy.aws.environment import EnvironmentCredentials

_ALGORITHM = "AWS4-HMAC-SHA256"
_NO_BODY = sha256().hexdigest()
_ANY_BODY = "UNSIGNED-PAYLOAD"
_Pairs = Mapping[str, str]
_NO_QUERY: _Pairs = {}


class Signer:
    """Signs requests to one bucket, with all their headers and without their body.

    botocore takes four times as long, and boto3 twice that; neither returns the headers that it
    signed.
    """

    def __init__(self, connection: Connection) -> None:
        parts = urlsplit(connection.root)
        self._host = host(parts)
        self.origin = f"{parts.scheme}://{self._host}"
        """The web origin of the bucket, to which pages need access (CORS)."""
        self._root = parts.path
        self._region = connection.region
        self._credentials = connection.credentials

    def sign(self, method: str, key: str, headers: _Pairs, query: _Pairs, seconds: int) -> str:
        """Return the URL of a request with exactly these headers, valid for `seconds`.

        Raises Forbidden, Unavailable or Failure if the credentials cannot be renewed.
        """
        keys, now = self._keys(), _now()
        signed = self._headers_to_sign(headers)
        parameters = {
            **query,
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{keys.access_key}/{self._scope(now)}",
            "X-Amz-Date": now,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": ";".join(signed),
        }
        if keys.token:
            parameters["X-Amz-Security-Token"] = keys.token
        path, text = self._path(key), _query(parameters)
        signature = self._signature(
            keys.secret_key or "", now, (method, path, text), signed, _ANY_BODY
        )
        return f"{self.origin}{path}?{text}&X-Amz-Signature={signature}"

    def authorize(
        self,
        method: str,
        key: str,
        headers: _Pairs,
        query: _Pairs = _NO_QUERY,
        body: bytes = b"",
    ) -> tuple[str, dict[str, str]]:
        """Return the URL and the headers of a request that we make ourselves.

        Without a key it is a request to the bucket. Raises what `sign` raises.
        """
        keys, now = self._keys(), _now()
        digest = sha256(body).hexdigest() if body else _NO_BODY
        sent = {**headers, "x-amz-content-sha256": digest, "x-amz-date": now}
        if keys.token:
            sent["x-amz-security-token"] = keys.token
        path, text, signed = self._path(key), _query(query), self._headers_to_sign(sent)
        signature = self._signature(
            keys.secret_key or "", now, (method, path, text), signed, digest
        )
        sent["authorization"] = (
            f"{_ALGORITHM} Credential={keys.access_key}/{self._scope(now)}, "
            f"SignedHeaders={';'.join(signed)}, Signature={signature}"
        )
        return f"{self.origin}{path}?{text}" if text else self.origin + path, sent

    def key_of(self, url: str) -> str:
        """Return the key in a URL that this signer returned."""
        return unquote(url.partition("?")[0].removeprefix(f"{self.origin}{self._root}/"))

    def _keys(self) -> "ReadOnlyCredentials | EnvironmentCredentials":
        try:
            return self._credentials.get_frozen_credentials()
        except Exception:  # entered only now: it takes as long as signing
            with translated():
                raise

    def _path(self, key: str) -> str:
        return f"{self._root}/{quote(key, safe='/~')}"

    def _scope(self, now: str) -> str:
        return f"{now[:8]}/{self._region}/s3/aws4_request"

    def _headers_to_sign(self, headers: _Pairs) -> dict[str, str]:
        """Return the headers to sign: with the host, sorted, with spaces collapsed."""
        named = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
        named["host"] = self._host
        return dict(sorted(named.items()))

    def _signature(
        self, secret: str, now: str, line: tuple[str, str, str], signed: _Pairs, body: str
    ) -> str:
        """Sign a request: `line` is method, path and query, `body` the SHA-256 of the body."""
        headers = "".join(f"{name}:{value}\n" for name, value in signed.items())
        request = "\n".join((*line, headers, ";".join(signed), body))
        digest = sha256(request.encode()).hexdigest()
        text = "\n".join((_ALGORITHM, now, self._scope(now), digest))
        return _mac(_signing_key(secret, now[:8], self._region), text).hex()


@lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    """Quote a text of a query; most are the same in many requests."""
    return quote(text, safe="")


def _now() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def _query(query: _Pairs) -> str:
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


@lru_cache(maxsize=8)
def _signing_key(secret: str, day: str, region: str) -> bytes:
    """Return the signing key of a day."""
    key = f"AWS4{secret}".encode()
    for text in (day, region, "s3", "aws4_request"):
        key = _mac(key, text)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
