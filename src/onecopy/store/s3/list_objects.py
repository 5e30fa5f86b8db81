"""Requests that list a bucket, without boto3, whose client takes ten times the CPU time.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from threading import Lock

from onecopy.httpclient import HttpClient
from onecopy.retry import RetryPolicy, retry
from onecopy.store.s3.connection import client_error, failure
from onecopy.store.s3.head_object import wrong_region
from onecopy.store.s3.list_parser import ListResponse, parse
from onecopy.store.s3.signing import Signer
from onecopy.store.s3.xml_tree import Tree, read_tree

LONGEST_PAGE = 1000
"""Objects and folders in one response, at most."""
_RETRY = RetryPolicy(attempts=5)


class ListClient:
    """Client for requests that list one bucket."""

    def __init__(self, signer: Signer, http: HttpClient) -> None:
        self._signer = signer
        self._http = http
        self._lock = Lock()
        self.requests = 0
        """The number of requests so far, with those that failed."""

    def list(
        self,
        prefix: str,
        *,
        after: str = "",
        token: str | None = None,
        delimiter: str = "",
        limit: int = LONGEST_PAGE,
    ) -> ListResponse:
        """Return one page of the keys that begin with `prefix`, in the service's order.

        It begins behind the key `after`, or where the page ended that returned `token`. Raises
        Unavailable, Forbidden, InvalidSettings (wrong region) and Failure.
        """
        position = {"continuation-token": token} if token else {"start-after": after}
        asked = {"prefix": prefix, "delimiter": delimiter, **position}
        query = {name: value for name, value in asked.items() if value}
        if limit < LONGEST_PAGE:
            query["max-keys"] = str(limit)
        return parse(self._request({"list-type": "2", **query}))

    def list_versions(self, prefix: str, key: str = "", version: str = "") -> Tree:
        """Return one page of the versions of the objects whose keys begin with `prefix`.

        It begins behind a version of a key. Raises what `list` raises.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
        """
        asked = {"prefix": prefix, "key-marker": key, "version-id-marker": version}
        query = {name: value for name, value in asked.items() if value}
        return read_tree(self._request({"versions": "", **query}))

    def _request(self, query: dict[str, str]) -> bytes | bytearray:
        """Return the response to a request, which is repeated if it may succeed later.

        Without the encoding, a control character in a key makes the response invalid XML.
        """
        return retry(lambda: self._attempt({**query, "encoding-type": "url"}), _RETRY)

    def _attempt(self, query: dict[str, str]) -> bytes | bytearray:
        with self._lock:
            self.requests += 1
        url, headers = self._signer.authorize("GET", "", {}, query)
        response = self._http.request("GET", url, headers)
        if response.status != 200:
            raise wrong_region(response) or failure(
                client_error(response.data, response.status, "ListObjects")
            )
        return response.data
