"""Clients for AWS: which settings count, and what errors mean."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.exceptions as boto
import pytest
from botocore.credentials import RefreshableCredentials

from onecopy.aws.client import failure_of, session_of
from onecopy.aws.deploy import account
from onecopy.aws.deploy.account import Account
from onecopy.errors import Failure, Forbidden, Unavailable
from onecopy.index.dynamodb import errors as dynamodb
from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.connections import connect
from onecopy.store.s3 import connection

URL = "s3://bucket"

_CONFIG = """
[default]
region = eu-south-1
[profile photos]
region = eu-north-1
"""


@pytest.mark.parametrize(
    "error",
    [
        boto.ConnectTimeoutError(endpoint_url="http://there.test"),
        boto.ConnectionClosedError(endpoint_url="http://there.test"),
        boto.EndpointConnectionError(endpoint_url="http://there.test"),
        boto.ProxyConnectionError(proxy_url="http://proxy.test"),
        boto.ReadTimeoutError(endpoint_url="http://there.test"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_answer_may_be_asked_for_again(error: Exception) -> None:
    """However the connection failed."""
    assert type(failure_of(error, "the bucket", URL)) is Unavailable


def test_other_errors_may_not() -> None:
    """Neither missing credentials nor what we don't know."""
    assert type(failure_of(boto.NoCredentialsError(), "the bucket", URL)) is Forbidden
    assert type(failure_of(boto.DataNotFoundError(data_path="x"), "the bucket", URL)) is Failure


def for_stacks(call: Callable[[], object]) -> object:
    """Call it as what deploys does."""
    with account.translated():
        return call()


def for_buckets(call: Callable[[], object]) -> object:
    """Call it as a store does."""
    with connection.translated():
        return call()


@pytest.mark.parametrize("translated", [for_stacks, for_buckets, dynamodb.send])
def test_credentials_that_remain_expired(translated: Callable[..., object]) -> None:
    """A source that gives expired credentials is no defect, although botocore's error is one."""
    expired: Any = dict.fromkeys(("access_key", "secret_key", "token"), "old")
    expired["expiry_time"] = "2020-01-01T00:00:00Z"
    credentials = RefreshableCredentials.create_from_metadata(expired, lambda: expired, "a role")
    with pytest.raises(Forbidden, match=r"no credentials for .*still expired; set AWS_"):
        translated(credentials.get_frozen_credentials)


@pytest.mark.parametrize("translated", [for_stacks, for_buckets, dynamodb.send])
def test_a_defect_remains_one(translated: Callable[..., object]) -> None:
    """Other errors of that kind are not translated."""

    def fail() -> None:
        raise RuntimeError("cannot schedule new futures after shutdown")

    with pytest.raises(RuntimeError, match="shutdown"):
        translated(fail)


@pytest.fixture
def _profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text(_CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("_profiles")
@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "eu-south-1"),
        ({"AWS_PROFILE": "photos"}, "eu-north-1"),
        ({"AWS_DEFAULT_REGION": "us-west-1"}, "us-west-1"),
        ({"AWS_REGION": "us-west-2"}, "us-west-2"),
        ({"AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-west-1"}, "us-west-2"),
        ({"AWS_REGION": "us-west-2", "AWS_PROFILE": "photos"}, "us-west-2"),
    ],
)
def test_region(variables: dict[str, str], region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both variables name it, AWS_REGION before the other, and both before the profile."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Account().region == region
    table = Address.parse("dynamodb://known")
    assert connect(table).meta.region_name == region


@pytest.mark.usefixtures("_profiles")
def test_region_of_a_profile_that_is_named() -> None:
    """A URL may name one."""
    assert session_of("photos").get_config_variable("region") == "eu-north-1"
