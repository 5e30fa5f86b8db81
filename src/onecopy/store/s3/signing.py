"""Requests that are signed, with AWS Signature Version 4.

In the query for whoever is given them, in a header for our own:
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from onecopy.store.s3.connection import Connection


class Signer:
    """Signs requests to one bucket: all headers that they are given, and nothing of the body.

    boto3 signs whole calls in five times as long, and keeps to itself which headers it signed.
    """

    def __init__(self, bucket: str, connection: Connection) -> None:
        client = connection.client
        asked = client.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket})
        self._root = urlunsplit([*urlsplit(asked)[:3], "", ""]).rstrip("/")
        self._region = client.meta.region_name
        self._credentials = connection.credentials

    @property
    def origin(self) -> str:
        """The web origin of the bucket, for which pages need permission."""
        scheme, host = urlsplit(self._root)[:2]
        return f"{scheme}://{host}"

    def sign(
        self, method: str, key: str, headers: Mapping[str, str], query: Mapping[str, str], ends: int
    ) -> str:
        """Return the URL of a request that begins within `ends` seconds, with just these headers.

        Raises what botocore raises for credentials that can't be renewed.
        """
        request = AWSRequest(method, self._url(key), dict(headers), params=dict(query))
        frozen = self._credentials.get_frozen_credentials()
        S3SigV4QueryAuth(frozen, "s3", self._region, expires=ends).add_auth(request)
        return str(request.url)

    def authorize(
        self, method: str, key: str, headers: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """Return the URL of a request without a body that we make ourselves, and its headers."""
        request = AWSRequest(method, self._url(key), dict(headers))
        frozen = self._credentials.get_frozen_credentials()
        S3SigV4Auth(frozen, "s3", self._region).add_auth(request)
        return str(request.url), dict(request.headers.items())

    def _url(self, key: str) -> str:
        return f"{self._root}/{quote(key, safe='/~')}"
