"""Access to a bucket: its address, its client, and what the errors of botocore mean."""

from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from onecopy.doctor.bucket import examine_bucket
from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, StoreFull, Unavailable
from onecopy.store.s3.address import Address
from onecopy.store.s3.connection import MAX_REQUESTS, Connection, failure, translated
from tests.s3.scripted import ADDRESS, EXPIRED, Client, connect, connection, open_store, refusal

DOCTOR = "; run `onecopy doctor` to see what is missing"


@pytest.mark.parametrize(
    ("status", "code", "error", "end"),
    [
        (400, "InsufficientCapacity", StoreFull, ""),
        (507, "", StoreFull, ""),
        (507, "AccessDenied", StoreFull, ""),
        (400, "RequestTimeout", Unavailable, ""),
        (503, "", Unavailable, ""),
        (409, "ConditionalRequestConflict", Unavailable, ""),
        (429, "AccessDenied", Unavailable, ""),
        (400, "ExpiredToken", Forbidden, DOCTOR),
        (301, "", Forbidden, DOCTOR),
        (401, "", Forbidden, DOCTOR),
        (403, "", Forbidden, DOCTOR),
        (404, "NoSuchBucket", Unavailable, ": check the name of the bucket"),
        (404, "NoSuchKey", Failure, ""),
        (418, "", Failure, ""),
    ],
)
def test_an_error_response(status: int, code: str, error: type[OnecopyError], end: str) -> None:
    """Its code or status says what it is; the message names the bucket and the code."""
    found = failure(refusal(status, code))
    assert type(found) is error
    assert str(found) == f"the bucket answers {code or status}{end}"


def test_no_response() -> None:
    """A bucket that does not answer is unavailable."""
    for error in (
        EndpointConnectionError(endpoint_url="http://127.0.0.1:9000"),
        ReadTimeoutError(endpoint_url="http://127.0.0.1:9000"),
    ):
        found = failure(error)
        assert type(found) is Unavailable
        assert "the bucket" in str(found)


def test_errors_are_translated() -> None:
    """What is raised within becomes an error of the contract, with its cause."""
    cause = refusal(403)
    with pytest.raises(Forbidden) as caught, translated():
        raise cause
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("s3://some-bucket/p?endpoint=http://host:1", "http://host:1/some-bucket"),
        ("s3://some-bucket?endpoint=http://host:1/", "http://host:1/some-bucket"),
        ("s3://some-bucket?endpoint=http://host:1&addressing=path", "http://host:1/some-bucket"),
        (
            "s3://some-bucket?endpoint=http://host:1/&addressing=virtual",
            "http://some-bucket.host:1",
        ),
        ("s3://some-bucket?region=us-east-1", "https://some-bucket.s3.amazonaws.com"),
        ("s3://some-bucket?region=eu-west-1", "https://some-bucket.s3.eu-west-1.amazonaws.com"),
        ("s3://some-bucket?region=af-south-1", "https://some-bucket.s3.af-south-1.amazonaws.com"),
        ("s3://some.bucket?region=eu-west-1", "https://s3.eu-west-1.amazonaws.com/some.bucket"),
        (
            "s3://some-bucket?region=eu-west-1&addressing=path",
            "https://s3.eu-west-1.amazonaws.com/some-bucket",
        ),
    ],
)
def test_root(url: str, root: str) -> None:
    """Where the bucket is: the endpoint's path by default; on AWS a host name of its region.

    The host name without a region leads elsewhere for regions since 2019, and for new buckets.
    """
    assert connect(Address.parse(url)).root == root


def test_the_client_waits_less_than_a_gateway() -> None:
    """Its limits, and no checksums of its own, which not every service accepts."""
    config = connect(ADDRESS).client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (5, 25)  # type: ignore[attr-defined]
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}  # type: ignore[attr-defined]
    assert config.max_pool_connections == MAX_REQUESTS + 8  # type: ignore[attr-defined]
    assert config.request_checksum_calculation == "when_required"  # type: ignore[attr-defined]
    assert config.response_checksum_validation == "when_required"  # type: ignore[attr-defined]
    assert config.signature_version == "s3v4"  # type: ignore[attr-defined]
    s3 = {"addressing_style": "path", "use_accelerate_endpoint": False}
    assert config.s3 == s3  # type: ignore[attr-defined]
    assert connect(ADDRESS).client.meta.endpoint_url == "http://127.0.0.1:9000"


def test_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL's, else the environment's, else AWS's default."""
    assert connect(ADDRESS).region == "us-east-1"
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert Connection(Address("some-bucket"), None).region == "eu-west-1"
    assert Connection(Address("some-bucket", region="eu-west-3"), None).region == "eu-west-3"
    assert Connection(Address("some-bucket"), None).client.meta.region_name == "eu-west-1"


def test_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to give some."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(Forbidden, match=r"no credentials for the bucket.*the store's URL"):
        Connection(Address("some-bucket"), None)


def test_a_profile_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error of the settings, which names the bucket and the profile."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(InvalidSettings, match=r"cannot use the bucket some-bucket: .*nobody"):
        Connection(Address("some-bucket", profile="nobody"), None)


def test_close() -> None:
    """A client that was never needed is not made to be closed."""
    made = connect(ADDRESS)
    made.close()
    assert "client" not in vars(made)
    client = Client(close=None)
    connection(client).close()
    assert client.asked("close") == [{}]


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer is not the bucket's, and names both."""
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    message = str(failure(refusal(407)))
    assert "the bucket" in message
    assert "proxy.test" in message


def test_doctor_with_credentials_that_remain_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names them, as every other command does."""
    store, source = open_store(Client(), {}), Mock(side_effect=EXPIRED)
    monkeypatch.setattr(store, "credentials", Mock(get_frozen_credentials=source))
    with pytest.raises(Forbidden, match=r"no credentials for the bucket.*expired"):
        next(examine_bucket(store, [], create=False, fix_cors=False))


def test_other_errors_are_not_translated() -> None:
    """A defect stays one."""
    with pytest.raises(KeyError), translated():
        raise KeyError
    assert not isinstance(failure(refusal(418)), ClientError)
