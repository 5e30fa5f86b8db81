"""Looking at objects: a HeadObject that is as cheap as can be, for it is the request made most.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
boto3 takes eight times the CPU time for it, which is what bounds a batch of a thousand.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, Unavailable
from onecopy.httpclient import HttpClient, Response
from onecopy.retry import RetryPolicy, retry
from onecopy.store.s3.signing import Signer

_HEADERS = {"x-amz-checksum-mode": "ENABLED"}
_RETRY = RetryPolicy(tries=3)
_REGION = "x-amz-bucket-region"
_META = "x-amz-meta-"


class Head(NamedTuple):
    """What the answer says of an object."""

    size: int
    """Bytes."""
    etag: str
    modified: int
    """Seconds since 1970, UTC."""
    checksum: str
    """SHA-256 in base64, with `-<parts>` behind it if it is over parts; or empty."""
    version: str
    expiration: str
    encryption: str
    """Server-side encryption with which the ETag is no MD5; or empty."""
    metadata: Mapping[str, str]
    """User metadata by lower-case names."""


class Heads:
    """Looks at the objects of one bucket."""

    def __init__(self, signer: Signer, connections: HttpClient) -> None:
        self._signer = signer
        self._connections = connections

    def at(self, key: str) -> Head | None:
        """Return what lies at a full key; None if nothing does.

        Raises Unavailable, Forbidden and InvalidSettings (another region). No object and no bucket
        look the same.
        """
        return retry(lambda: self._ask(key), _RETRY)

    def _ask(self, key: str) -> Head | None:
        url, headers = self._signer.authorize("HEAD", key, _HEADERS)
        answer = self._connections.request("HEAD", url, headers)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _refusal(answer)
        return _head(answer.headers)


def _head(headers: Mapping[str, str]) -> Head:
    encryption = headers.get("x-amz-server-side-encryption", "AES256")
    customer = headers.get("x-amz-server-side-encryption-customer-algorithm", "")
    return Head(
        size=int(headers["content-length"]),
        etag=headers["etag"].strip('"'),
        modified=int(parsedate_to_datetime(headers["last-modified"]).timestamp()),
        checksum=headers.get("x-amz-checksum-sha256", ""),
        version=headers.get("x-amz-version-id", ""),
        expiration=headers.get("x-amz-expiration", ""),
        encryption=customer or ("" if encryption == "AES256" else encryption),
        metadata={
            name.removeprefix(_META): value
            for name, value in headers.items()
            if name.startswith(_META)
        },
    )


def _refusal(answer: Response) -> OnecopyError:
    """Return what an answer without a body means."""
    status, region = answer.status, answer.headers.get(_REGION)
    if status in (301, 400) and region:
        return InvalidSettings(f"the bucket lies in {region}: add region={region} to its URL")
    message = f"the bucket answers {status} to a HeadObject"
    if status in (408, 429, 500, 502, 503, 504):
        return Unavailable(message)
    if status in (301, 400, 401, 403):
        return Forbidden(f"{message}; `onecopy doctor` says what is missing")
    return Failure(message)
