"""What the errors of boto3 mean."""

import botocore.exceptions as boto
import pytest

from onecopy.amazon import unanswered
from onecopy.errors import Failure, Forbidden, Unavailable

URL = "s3://bucket"


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
    assert type(unanswered(error, "the bucket", URL)) is Unavailable


def test_other_errors_may_not() -> None:
    """Neither missing credentials nor what we don't know."""
    assert type(unanswered(boto.NoCredentialsError(), "the bucket", URL)) is Forbidden
    assert type(unanswered(boto.DataNotFoundError(data_path="x"), "the bucket", URL)) is Failure
