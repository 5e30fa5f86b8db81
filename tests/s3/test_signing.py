"""Our own signatures are those that botocore makes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import CredentialRetrievalError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onecopy.errors import Forbidden
from onecopy.store.s3.address import Address
from onecopy.store.s3.connection import Connection
from onecopy.store.s3.signing import Signer
from tests.s3.scripted import EXPIRED

ADDRESSES = {
    "amazon": "s3://some-bucket/?region=eu-central-1&addressing=virtual",
    "dots": "s3://some.bucket/?region=us-east-1",
    "other service": "s3://some-bucket/?endpoint=http://127.0.0.1:9000",
    "with a path": "s3://some-bucket/?endpoint=https://Example.org/s3/",
    "usual port": "s3://some-bucket/?endpoint=https://example.org:443",
    "host name": "s3://some-bucket/?endpoint=http://example.org:80&addressing=virtual",
}
NAMES = st.text("abcxyz-", min_size=1, max_size=10).map("x-amz-meta-{}".format)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
HEADERS = st.dictionaries(NAMES, VALUES, max_size=4)
QUERY = st.dictionaries(st.text("aB-é &+/", min_size=1), st.text(max_size=10), max_size=3)
KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


@cache
def connection(url: str, token: str = "") -> Connection:
    """Return the way to a bucket that nobody goes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_SESSION_TOKEN", token)
        return Connection(Address.parse(url), Address.parse(url).endpoint)


def same_second(ours: Callable[[], str], theirs: Callable[[], str]) -> tuple[str, str]:
    """Return both, signed in one and the same second."""
    while True:
        before, other, after = ours(), theirs(), ours()
        if before == after:
            return before, other


@pytest.mark.parametrize("url", ADDRESSES.values(), ids=ADDRESSES)
def test_the_address_is_the_client_s(url: str) -> None:
    """The address of a bucket is that of botocore's own client."""
    way = connection(url)
    asked = way.client.generate_presigned_url("head_object", {"Bucket": way.bucket, "Key": "k"})
    theirs, ours = urlsplit(asked), urlsplit(Signer(way).sign("HEAD", "k", {}, {}, 900))
    assert ours.hostname == theirs.hostname
    assert ours.path == theirs.path
    assert (ours.port or theirs.port) in (theirs.port, None)


@pytest.mark.parametrize("token", ["", "token/+="])
@pytest.mark.parametrize("url", ADDRESSES.values(), ids=ADDRESSES)
@given(key=KEYS, headers=HEADERS, query=QUERY)
@settings(deadline=None)
@example(key="a//b/../é ~+?#%&=", headers={"X-B": " a  b ", "x-a": ""}, query={"b": "=/", "B": "~"})
def test_a_url_for_others(
    url: str, token: str, key: str, headers: dict[str, str], query: dict[str, str]
) -> None:
    """A signed URL says the same as botocore's, whatever is in key, headers and query."""
    way = connection(url, token)
    signer = Signer(way)

    def theirs() -> str:
        asked = f"{way.root}/{quote(key, safe='/~')}"
        request = AWSRequest("PUT", asked, dict(headers), params=dict(query))
        frozen = ReadOnlyCredentials(*way.credentials.get_frozen_credentials()[:3])
        S3SigV4QueryAuth(frozen, "s3", way.region, expires=900).add_auth(request)
        return str(request.url)

    ours, other = map(
        urlsplit, same_second(lambda: signer.sign("PUT", key, headers, query, 900), theirs)
    )
    assert ours.path == other.path
    assert parse_qs(ours.query, True) == parse_qs(other.query, True)


@pytest.mark.parametrize("token", ["", "token/+="])
@pytest.mark.parametrize("url", ADDRESSES.values(), ids=ADDRESSES)
@given(key=KEYS, headers=HEADERS)
@settings(deadline=None)
def test_a_request_of_our_own(url: str, token: str, key: str, headers: dict[str, str]) -> None:
    """The headers of a request without a body are those that botocore sends."""
    way = connection(url, token)
    signer = Signer(way)

    def text(headers: dict[str, str]) -> str:
        return urlencode(sorted((name.lower(), value) for name, value in headers.items()))

    def theirs() -> str:
        request = AWSRequest("HEAD", f"{way.root}/{quote(key, safe='/~')}", dict(headers))
        # Over https botocore leaves the body out of what it signs, if it is allowed to.
        frozen = ReadOnlyCredentials(*way.credentials.get_frozen_credentials()[:3])
        S3SigV4Auth(frozen, "s3", way.region).add_auth(request)
        return text(dict(request.headers.items()))

    ours, other = same_second(lambda: text(signer.authorize("HEAD", key, headers)[1]), theirs)
    assert ours == other


def test_the_time_is_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the program runs."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        _, headers = Signer(connection(ADDRESSES["amazon"])).authorize("HEAD", "k", {})
    time.tzset()
    signed = datetime.strptime(f"{headers['x-amz-date']}+0000", "%Y%m%dT%H%M%SZ%z")
    assert abs(datetime.now(UTC) - signed) < timedelta(minutes=5)


@pytest.mark.parametrize(
    "error", [CredentialRetrievalError(provider="a role", error_msg="it has expired"), EXPIRED]
)
def test_credentials_that_cannot_be_renewed(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A role that has ended is refused like any credentials; other requests may follow."""
    way = connection(ADDRESSES["amazon"])
    signer = Signer(way)

    def fail() -> None:
        raise error

    for call in (
        lambda: signer.sign("PUT", "k", {}, {}, 900),
        lambda: signer.authorize("HEAD", "k", {}),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(way.credentials, "get_frozen_credentials", fail)
            with pytest.raises(Forbidden, match=r"no credentials for the bucket.*expired"):
                call()
        call()
