"""How AWS is spoken to, whichever service: whose settings count, and what errors mean."""

import botocore.exceptions as boto
from botocore.session import Session

from onecopy.errors import Failure, Forbidden, Unavailable

_LOST = (boto.ConnectionError, boto.HTTPClientError)
_NO_CREDENTIALS = (
    boto.CredentialRetrievalError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.SSOError,
    boto.TokenRetrievalError,
)


_REGION = {"region": ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)}


def session_of(profile: str | None = None) -> Session:
    """Return a session with what the usual places of AWS say; raises botocore's ProfileNotFound.

    AWS_REGION counts as it does for AWS's command line and its other SDKs; boto3 by itself looks
    at AWS_DEFAULT_REGION alone.
    """
    return Session(session_vars=_REGION, profile=profile)


def code_of(error: boto.ClientError) -> str:
    """Return the code of an error; a HEAD request gives the bare status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: boto.ClientError) -> int:
    """Return the status of an answer that was an error."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def said_by(error: boto.ClientError, what: str) -> str:
    """Return a sentence of what a service (`the bucket`) answered."""
    detail = error.response.get("Error", {}).get("Message", "")
    return f"{what} answers {code_of(error) or status_of(error)}: {detail}".rstrip(": ")


def unanswered(error: Exception, what: str, url: str) -> Failure:
    """Return what an error means that is no answer of `what`, which such a URL names."""
    if isinstance(error, _NO_CREDENTIALS):
        return Forbidden(
            f"no credentials for {what}: {error}; set AWS_ACCESS_KEY_ID and "
            f"AWS_SECRET_ACCESS_KEY, or name a profile in {url}"
        )
    if isinstance(error, _LOST):
        return Unavailable(f"can't reach {what}: {error}")
    return Failure(f"the client of {what} failed: {error}")
