"""ListObjectsV2 requests, without boto3, whose client takes ten times the CPU time.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from threading import Lock

from botocore.exceptions import ClientError

from onecopy.errors import Failure, OnecopyError
from onecopy.httpclient import HttpClient
from onecopy.httpclient import Response as HttpResponse
from onecopy.retry import RetryPolicy, retry
from onecopy.store.s3.connection import failure, translated
from onecopy.store.s3.head_object import wrong_region
from onecopy.store.s3.list_parser import Response, parse, read_tree
from onecopy.store.s3.signing import Signer

LONGEST_PAGE = 1000
"""Objects and folders in one response, at most."""
_QUERY = {"list-type": "2", "encoding-type": "url"}
"""Without the encoding, a control character in a key makes the response invalid XML."""
_RETRY = RetryPolicy(attempts=5)


class ListClient:
    """Client for ListObjectsV2 requests to one bucket."""

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
    ) -> Response:
        """Return one page of the keys that begin with `prefix`, in the service's order.

        It begins behind the key `after`, or where the page ended that returned `token`. Raises
        Unavailable, Forbidden, InvalidSettings (wrong region) and Failure.
        """
        position = {"continuation-token": token} if token else {"start-after": after}
        asked = {"prefix": prefix, "delimiter": delimiter, **position}
        query = {name: value for name, value in asked.items() if value}
        if limit < LONGEST_PAGE:
            query["max-keys"] = str(limit)
        return retry(lambda: self._request({**_QUERY, **query}), _RETRY)

    def _request(self, query: dict[str, str]) -> Response:
        with self._lock:
            self.requests += 1
        with translated():
            url, headers = self._signer.authorize("GET", "", {}, query)
        response = self._http.request("GET", url, headers)
        if response.status != 200:
            raise _response_error(response)
        return parse(response.data)


def _response_error(response: HttpResponse) -> OnecopyError:
    """Translate an error response as that of a botocore client."""
    try:
        fields = read_tree(response.data).fields
    except Failure:
        fields = {}  # a gateway answers in HTML, or not at all
    answer = {
        "Error": {name: fields.get(name, "") for name in ("Code", "Message")},
        "ResponseMetadata": {"HTTPStatusCode": response.status},
    }
    return wrong_region(response) or failure(ClientError(answer, "ListObjectsV2"))  # type: ignore[arg-type]
