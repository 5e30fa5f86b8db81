"""Sessions, error codes and messages shared by all AWS clients."""

import botocore.exceptions as boto
from botocore.session import Session

from onecopy.errors import Failure, Forbidden, Unavailable

_CONNECTION_ERRORS = (boto.ConnectionError, boto.HTTPClientError)
_CREDENTIAL_ERRORS = (
    boto.CredentialRetrievalError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.SSOError,
    boto.TokenRetrievalError,
)
_REGION = {"region": ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)}


def session_of(profile: str | None = None) -> Session:
    """Return a session with the usual AWS configuration; raises botocore's ProfileNotFound.

    AWS_REGION is read as in the AWS CLI and the other SDKs; boto3 alone reads AWS_DEFAULT_REGION
    only.
    """
    return Session(session_vars=_REGION, profile=profile)


def code_of(error: boto.ClientError) -> str:
    """Return the error code; after a HEAD request, which has no body, the status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: boto.ClientError) -> int:
    """Return the HTTP status of an error response; 0 if it is not known."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def message_of(error: boto.ClientError, service: str) -> str:
    """Return a message that names the service (`the bucket`), and its error code and message."""
    detail = error.response.get("Error", {}).get("Message", "")
    return f"{service} answers {code_of(error) or status_of(error)}: {detail}".rstrip(": ")


def failure_of(error: Exception, service: str, url: str) -> Failure:
    """Return our error for a botocore error that is not a response of the service.

    `url` is where a user can name a profile: the URL of the store or index, or AWS_PROFILE.
    """
    if isinstance(error, _CREDENTIAL_ERRORS):
        return Forbidden(
            f"no credentials for {service}: {error}; set AWS_ACCESS_KEY_ID and "
            f"AWS_SECRET_ACCESS_KEY, or name a profile in {url}"
        )
    if isinstance(error, _CONNECTION_ERRORS):
        return Unavailable(f"can't reach {service}: {error}")
    return Failure(f"the client of {service} failed: {error}")
