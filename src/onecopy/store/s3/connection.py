"""The way to the bucket: a client of boto3, and what its errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import boto3
import botocore.exceptions as boto
from botocore.config import Config
from botocore.credentials import Credentials

from onecopy.amazon import code_of, said_by, status_of, unanswered
from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, StoreFull, Unavailable
from onecopy.store.s3.address import Address

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["AT_ONCE", "Connection", "code_of", "connect", "failure", "status_of", "translated"]

AT_ONCE = 32
"""Requests to the bucket at one time, of one process."""
_CONNECT = 5
_READ = 25
"""Seconds for which one try waits; three of them are longer than most gateways wait."""
_BUSY = frozenset(
    {
        "ConditionalRequestConflict",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)
_FULL = frozenset({"InsufficientCapacity", "QuotaExceeded", "XMinioStorageFull"})
_REFUSED = frozenset(
    {
        "AccessDenied",
        "AllAccessDisabled",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "Forbidden",
        "InvalidAccessKeyId",
        "InvalidToken",
        "PermanentRedirect",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)


class Connection(NamedTuple):
    """A client, and what its requests are signed with."""

    client: "S3Client"
    credentials: Credentials


def connect(address: Address, endpoint: str | None) -> Connection:
    """Return the way to the bucket at an endpoint; raises InvalidSettings and Forbidden.

    Checksums are ours to give: what the client would add by itself other S3 services don't all
    take.
    """
    # Other services than Amazon's seldom have a host name for each bucket.
    addressing = address.addressing or ("path" if endpoint else "auto")
    config = Config(
        signature_version="s3v4",
        connect_timeout=_CONNECT,
        read_timeout=_READ,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=AT_ONCE + 8,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3=cast(Any, {"addressing_style": addressing}),
    )
    try:
        session = boto3.Session(profile_name=address.profile, region_name=address.region)
        # Services of other makers take any region; Amazon's default is where buckets began.
        region = session.region_name or "us-east-1"
        client = session.client("s3", endpoint_url=endpoint, region_name=region, config=config)
        credentials = session.get_credentials()
    except (boto.BotoCoreError, ValueError) as error:
        raise InvalidSettings(f"can't use the bucket {address.bucket}: {error}") from error
    if credentials is None:
        raise failure(boto.NoCredentialsError())
    return Connection(client, credentials)


def failure(error: Exception) -> OnecopyError:
    """Return what an error of boto3 means to a caller of the store."""
    if isinstance(error, boto.ClientError):
        return _refusal(error)
    return unanswered(error, "the bucket", "the store's URL")


def _refusal(error: boto.ClientError) -> OnecopyError:
    code, status = code_of(error), status_of(error)
    message = said_by(error, "the bucket")
    if code in _FULL or status == 507:
        return StoreFull(message)
    if code in _BUSY or status in (429, 500, 502, 503, 504):
        return Unavailable(message)
    if code in _REFUSED or status in (301, 401, 403):
        return Forbidden(f"{message}; `onecopy doctor` says what is missing")
    if code == "NoSuchBucket":
        return Unavailable(f"{message}: is the bucket's name right?")
    return Failure(message)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of boto3 into those of the store."""
    try:
        yield
    except (boto.BotoCoreError, boto.ClientError) as error:
        raise failure(error) from error
