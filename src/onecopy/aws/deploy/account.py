"""The account that is deployed to: clients of its services, and what their errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
import botocore.exceptions as boto

from onecopy.aws.client import code_of, said_by, session_of, status_of, unanswered
from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError
from onecopy.store.s3.address import is_amazons

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

_NOT_KNOWN = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Codes of credentials that are none, or none any more."""


class Account:
    """An account and a region, as the usual places of AWS name them (environment, profile)."""

    def __init__(self) -> None:
        with translated():
            self._session = boto3.Session(botocore_session=session_of())
            if not self._session.region_name:
                raise InvalidSettings("name the region to deploy to: AWS_REGION=eu-central-1")
            self.region = self._session.region_name

    @cached_property
    def id(self) -> str:
        """Its twelve digits; raises Forbidden if the credentials are none."""
        with translated():
            account: str = self._session.client("sts").get_caller_identity()["Account"]
        return account

    @cached_property
    def stacks(self) -> "CloudFormationClient":
        """CloudFormation."""
        return self._session.client("cloudformation")

    @cached_property
    def buckets(self) -> "S3Client":
        """S3."""
        return self._session.client("s3")

    @cached_property
    def tables(self) -> "DynamoDBClient":
        """DynamoDB."""
        return self._session.client("dynamodb")

    @cached_property
    def functions(self) -> "LambdaClient":
        """Lambda."""
        return self._session.client("lambda")

    @cached_property
    def parameters(self) -> "SSMClient":
        """Systems Manager, which keeps parameters."""
        return self._session.client("ssm")

    def where(self, bucket: str) -> dict[str, str]:
        """Return what a store's URL says of how the bucket is reached.

        It is named in the host, with the region. Without that a bucket that is new is redirected
        for its first hours, which browsers don't follow in their questions about CORS. But Amazon's
        certificates are for names without dots, and what stands in for S3 has none. An endpoint
        that is named spares each new process of a function 70 ms (docs/lambda.md); one that
        AWS_ENDPOINT_URL names, functions have to find for themselves.
        """
        endpoint = self.buckets.meta.endpoint_url
        if not is_amazons(endpoint):
            return {"addressing": "path"}
        return {"endpoint": endpoint, "addressing": "path" if "." in bucket else "virtual"}


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of boto3 into ours."""
    try:
        yield
    except boto.ClientError as error:
        raise _refusal(error) from error
    except boto.ProfileNotFound as error:
        raise InvalidSettings(str(error)) from error
    except boto.BotoCoreError as error:
        raise unanswered(error, "AWS", "AWS_PROFILE") from error


def _refusal(error: boto.ClientError) -> OnecopyError:
    said = said_by(error, f"AWS ({error.operation_name})")
    if code_of(error) in _NOT_KNOWN:
        return Forbidden(f"{said}: are these the right credentials?")
    if status_of(error) == 403 or code_of(error).startswith("AccessDenied"):
        return Forbidden(f"{said}; docs/aws.md says what deploying needs")
    return Failure(said)
