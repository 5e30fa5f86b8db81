"""The AWS account to deploy to: clients of its services, and translation of their errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
import botocore.exceptions as boto

from onecopy.aws.client import (
    code_of,
    failure_of,
    message_of,
    refreshing,
    session_of,
    status_of,
)
from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError
from onecopy.store.s3.address import is_amazons

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

_CREDENTIAL_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Error codes for invalid or expired credentials."""


class Account:
    """An account and a region, from the usual AWS configuration (environment, profile)."""

    def __init__(self) -> None:
        with translated():
            self._session = boto3.Session(botocore_session=session_of())
            if not self._session.region_name:
                raise InvalidSettings("no region to deploy to; set one, as AWS_REGION=eu-central-1")
            self.region = self._session.region_name

    @cached_property
    def id(self) -> str:
        """The twelve digits of the account; raises Forbidden if the credentials are invalid."""
        with translated():
            account: str = self._session.client("sts").get_caller_identity()["Account"]
        return account

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """CloudFormation."""
        return self._session.client("cloudformation")

    @cached_property
    def s3(self) -> "S3Client":
        """The S3 client of the account and region."""
        return self._session.client("s3")

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB."""
        return self._session.client("dynamodb")

    @cached_property
    def lambda_(self) -> "LambdaClient":
        """Lambda."""
        return self._session.client("lambda")

    @cached_property
    def ssm(self) -> "SSMClient":
        """Systems Manager, for parameters."""
        return self._session.client("ssm")

    @property
    def is_amazons(self) -> bool:
        """Whether this is AWS itself, and not a stand-in (AWS_ENDPOINT_URL)."""
        return is_amazons(self.lambda_.meta.endpoint_url)

    def endpoint_options(self, bucket: str) -> dict[str, str]:
        """Return the options of a store's URL for the endpoint of the bucket.

        The host contains the bucket and the region: without the region, S3 redirects requests to a
        new bucket for some hours, and browsers do not follow redirects of CORS preflights. Buckets
        with dots are addressed by path, since Amazon's certificates do not cover their hosts; so
        are other services than Amazon S3. Naming the endpoint saves 70 ms in every cold start of a
        function (docs/lambda.md). A custom endpoint (AWS_ENDPOINT_URL) is not named: the
        functions may have to reach it by another address.
        """
        endpoint = self.s3.meta.endpoint_url
        if not is_amazons(endpoint):
            return {"addressing": "path"}
        return {"endpoint": endpoint, "addressing": "path" if "." in bucket else "virtual"}


@contextmanager
def translated() -> Iterator[None]:
    """Translate errors of boto3 into errors of onecopy."""
    try:
        with refreshing():
            yield
    except boto.ClientError as error:
        raise _translate(error) from error
    except boto.ProfileNotFound as error:
        raise InvalidSettings(str(error)) from error
    except boto.BotoCoreError as error:
        raise failure_of(error, "AWS", "AWS_PROFILE") from error


def _translate(error: boto.ClientError) -> OnecopyError:
    message = message_of(error, f"AWS ({error.operation_name})")
    if code_of(error) in _CREDENTIAL_CODES:
        return Forbidden(f"{message}; check the credentials")
    if status_of(error) == 403 or code_of(error).startswith("AccessDenied"):
        return Forbidden(f"{message}; docs/aws.md lists the permissions that deploying needs")
    return Failure(message)
