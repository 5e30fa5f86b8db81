"""Access to the bucket: credentials, the botocore client, and the translation of errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import botocore.exceptions as boto

from onecopy.aws.client import (
    code_of,
    denied_by_proxy,
    failure_of,
    message_of,
    network_of,
    refreshing,
    session_of,
    status_of,
    usable_network,
)
from onecopy.aws.environment import (
    EnvironmentCredentials,
    environment_credentials,
    environment_region,
)
from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, StoreFull, Unavailable
from onecopy.network import Network
from onecopy.retry import RETRYABLE_STATUSES
from onecopy.store.s3.address import Address
from onecopy.store.s3.xml_tree import error_fields

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client

MAX_REQUESTS = 32
"""Concurrent requests of one process to the bucket."""
_CONNECT_SECONDS = 5
_READ_SECONDS = 25
"""Timeout of one attempt; three attempts take longer than most gateways wait."""
_WITHOUT_REGION = ("s3", "s3-fips.us-east-1")
_RETRYABLE = frozenset(
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
    """Access to a bucket at an endpoint; raises InvalidSettings and Forbidden.

    Region and credentials are loaded at once, for the requests that we sign; by botocore, unless
    there is an endpoint and the environment says the rest. The botocore client is created on first
    use. Importing botocore, and creating its client, each take as long as sending a hundred small
    files.
    """

    def __init__(self, address: Address, endpoint: str | None) -> None:
        self.bucket = address.bucket
        self._profile = address.profile
        self._endpoint = endpoint
        # Services other than AWS rarely have a host name for each bucket.
        self._addressing = address.addressing or ("path" if endpoint else "auto")
        self.credentials, known, self.network = self._access()
        """What requests are signed with; and the proxies and CA certificates that botocore uses."""
        # Other services accept any region; us-east-1 is the default of AWS.
        self.region = address.region or known or "us-east-1"

    def _access(self) -> "tuple[Credentials | EnvironmentCredentials, str, Network]":
        """Return the credentials, the configured region if there is one, and the network."""
        # Without an endpoint, the URL of the bucket comes from botocore in any case.
        found = environment_credentials() if self._endpoint and not self._profile else None
        if found:
            return found, environment_region(), usable_network()
        with self._usable():
            known = str(self._session.get_config_variable("region") or "")
            credentials = self._session.get_credentials()
            network = network_of(self._session)
        if credentials is None:
            raise failure(boto.NoCredentialsError())
        return credentials, known, network

    @cached_property
    def _session(self) -> "Session":
        return session_of(self._profile)

    @cached_property
    def client(self) -> "S3Client":
        """The botocore client, for the less frequent requests.

        It adds no checksums of its own, because not every S3 service accepts them.
        """
        from botocore.config import Config

        config = Config(
            signature_version="s3v4",
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=MAX_REQUESTS + 8,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3=cast(Any, self._host_options()),
        )
        with self._usable():
            if isinstance(self.credentials, EnvironmentCredentials):
                self._session.set_credentials(*self.credentials)
            client: Any = self._session.create_client(
                "s3", self.region, endpoint_url=self._endpoint, config=config
            )
        return cast("S3Client", client)

    def _host_options(self) -> dict[str, str | bool]:
        """Return how botocore finds the host of a request.

        With an endpoint it fails if the configuration files demand a host of S3 Accelerate, which
        may be meant for other buckets.
        """
        accelerate = {"use_accelerate_endpoint": False} if self._endpoint else {}
        return {"addressing_style": self._addressing, **accelerate}

    @property
    def root(self) -> str:
        """The bucket's URL: from the endpoint, or else from the botocore client."""
        if self._endpoint and self._addressing == "path":
            return f"{self._endpoint.rstrip('/')}/{self.bucket}"
        if self._endpoint and self._addressing == "virtual":
            return self._endpoint.rstrip("/").replace("://", f"://{self.bucket}.", 1)
        url = self.client.generate_presigned_url("list_objects_v2", {"Bucket": self.bucket})
        root = url.partition("?")[0].rstrip("/")
        # botocore signs for the host without a region, at which regions since 2019 and new buckets
        # cannot be reached (https://github.com/boto/boto3/issues/3015); with FIPS for us-east-1.
        if root in {f"https://{self.bucket}.{name}.amazonaws.com" for name in _WITHOUT_REGION}:
            return self.client.meta.endpoint_url.replace("://", f"://{self.bucket}.", 1)
        return root

    def close(self) -> None:
        """Close the connections of the botocore client, if it was created."""
        if "client" in self.__dict__:
            self.client.close()

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except (boto.BotoCoreError, ValueError) as error:
            raise InvalidSettings(f"cannot use the bucket {self.bucket}: {error}") from error


def failure(error: Exception) -> OnecopyError:
    """Translate an error of botocore into one of the store's contract."""
    if isinstance(error, boto.ClientError):
        return _response_error(error)
    return failure_of(error, "the bucket", "the store's URL")


def client_error(body: bytes | bytearray, status: int, request: str) -> boto.ClientError:
    """Return botocore's error for an error response to a request, such as `PutObject`."""
    fields = error_fields(body)
    answer: Any = {
        "Error": {name: fields.get(name, "") for name in ("Code", "Message")},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return boto.ClientError(answer, request)


def is_retryable(error: boto.ClientError) -> bool:
    """Return whether the same request may succeed later."""
    return code_of(error) in _RETRYABLE or status_of(error) in RETRYABLE_STATUSES


def _response_error(error: boto.ClientError) -> OnecopyError:
    if denied := denied_by_proxy(error, "the bucket"):
        return denied
    code, status = code_of(error), status_of(error)
    message = message_of(error, "the bucket")
    if code in _FULL or status == 507:
        return StoreFull(message)
    if is_retryable(error):
        return Unavailable(message)
    if code in _REFUSED or status in (301, 401, 403):
        return Forbidden(f"{message}; run `onecopy doctor` to see what is missing")
    if code == "NoSuchBucket":
        return Unavailable(f"{message}: check the name of the bucket")
    return Failure(message)


@contextmanager
def translated() -> Iterator[None]:
    """Translate the errors of botocore into those of the store's contract."""
    try:
        with refreshing():
            yield
    except (boto.BotoCoreError, boto.ClientError) as error:
        raise failure(error) from error
