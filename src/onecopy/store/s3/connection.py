"""The way to the bucket: by requests that we sign or a client of botocore, and its errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import botocore.exceptions as boto
from botocore.config import Config
from botocore.credentials import Credentials

from onecopy.aws.client import code_of, said_by, session_of, status_of, unanswered
from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, StoreFull, Unavailable
from onecopy.store.s3.address import Address

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

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


class Connection:
    """The way to a bucket at an endpoint; raises InvalidSettings and Forbidden.

    What is needed for each request is here at once. The client of botocore for all others is made
    when one comes: that takes as long as to send a hundred small files.
    """

    def __init__(self, address: Address, endpoint: str | None) -> None:
        self.bucket = address.bucket
        self._endpoint = endpoint
        # Other services than Amazon's seldom have a host name for each bucket.
        self._addressing = address.addressing or ("path" if endpoint else "auto")
        with self._usable():
            self._session = session_of(address.profile)
            known = address.region or self._session.get_config_variable("region")
            credentials = self._session.get_credentials()
        # Services of other makers take any region; Amazon's default is where buckets began.
        self.region = str(known or "us-east-1")
        if credentials is None:
            raise failure(boto.NoCredentialsError())
        self.credentials: Credentials = credentials
        """What requests are signed with."""

    @cached_property
    def client(self) -> "S3Client":
        """A client for what is asked seldom.

        Checksums are ours to give: what the client would add by itself other S3 services don't all
        take.
        """
        config = Config(
            signature_version="s3v4",
            connect_timeout=_CONNECT,
            read_timeout=_READ,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=AT_ONCE + 8,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3=cast(Any, {"addressing_style": self._addressing}),
        )
        with self._usable():
            made: Any = self._session.create_client(
                "s3", self.region, endpoint_url=self._endpoint, config=config
            )
        return cast("S3Client", made)

    @property
    def root(self) -> str:
        """The bucket's address; where an endpoint does not say it, the client knows it."""
        if self._endpoint and self._addressing == "path":
            return f"{self._endpoint.rstrip('/')}/{self.bucket}"
        if self._endpoint and self._addressing == "virtual":
            return self._endpoint.rstrip("/").replace("://", f"://{self.bucket}.", 1)
        asked = self.client.generate_presigned_url("list_objects_v2", {"Bucket": self.bucket})
        return asked.partition("?")[0].rstrip("/")

    def close(self) -> None:
        """Close the client's connections, if there is one."""
        if "client" in self.__dict__:
            self.client.close()

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except (boto.BotoCoreError, ValueError) as error:
            raise InvalidSettings(f"can't use the bucket {self.bucket}: {error}") from error


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
