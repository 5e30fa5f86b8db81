"""Requests that make and probe a store, without botocore.

Its client takes as long to load as sending two hundred small files, which often are the first ones
in a new bucket. The calls have the names and parameters of botocore's, and raise its ClientError.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from onecopy.errors import Failure, Unavailable
from onecopy.httpclient import HttpClient, Response
from onecopy.retry import RETRYABLE_STATUSES, RetryPolicy, retry
from onecopy.store.s3.signing import Signer
from onecopy.store.s3.xml_tree import Tree, read_tree

_RETRY = RetryPolicy(attempts=3)
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""Not `xml.sax.saxutils`, which imports a whole HTTP client."""
_META = "x-amz-meta-"
_HEADERS = {
    "ChecksumAlgorithm": "x-amz-checksum-algorithm",
    "ChecksumCRC64NVME": "x-amz-checksum-crc64nvme",
    "ChecksumSHA256": "x-amz-checksum-sha256",
    "ChecksumType": "x-amz-checksum-type",
    "ContentType": "content-type",
    "IfNoneMatch": "if-none-match",
}
_QUERY = {
    "MaxKeys": "max-keys",
    "PartNumber": "partNumber",
    "Prefix": "prefix",
    "UploadId": "uploadId",
}


class _Busy(Unavailable):
    """A response after which the same request may succeed."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"the bucket answered {response.status}")
        self.response = response


class SetupClient:
    """Client for the requests that make and probe a store in one bucket."""

    def __init__(self, signer: Signer, http: HttpClient) -> None:
        self._signer = signer
        self._http = http

    def put_object(self, **asked: Any) -> None:  # noqa: ANN401 - as botocore's
        """Store an object."""
        self._request("PutObject", "PUT", asked)

    def create_multipart_upload(self, **asked: Any) -> dict[str, str]:  # noqa: ANN401
        """Begin a multipart upload; return its `UploadId`."""
        return self._fields("CreateMultipartUpload", "POST", asked, {"uploads": ""})

    def upload_part(self, **asked: Any) -> dict[str, str]:  # noqa: ANN401
        """Send a part; return its `ETag`."""
        return {"ETag": self._request("UploadPart", "PUT", asked).headers.get("etag", "")}

    def list_parts(self, **asked: Any) -> dict[str, list[dict[str, str]]]:  # noqa: ANN401
        """Return the `Parts` of a multipart upload."""
        response = self._request("ListParts", "GET", asked)
        return _listed(read_tree(response.data), "Part", "Parts")

    def list_objects_v2(self, **asked: Any) -> dict[str, list[dict[str, str]]]:  # noqa: ANN401
        """Return the `Contents` of a page of the bucket."""
        response = self._request("ListObjectsV2", "GET", asked, {"list-type": "2"})
        return _listed(read_tree(response.data), "Contents", "Contents")

    def complete_multipart_upload(
        self,
        *,
        MultipartUpload: Mapping[str, Any],  # noqa: N803 - as botocore's
        **asked: Any,  # noqa: ANN401
    ) -> dict[str, str]:
        """Complete a multipart upload."""
        body = _completion(MultipartUpload["Parts"])
        return self._fields("CompleteMultipartUpload", "POST", {**asked, "Body": body})

    def abort_multipart_upload(self, **asked: Any) -> None:  # noqa: ANN401
        """Abort a multipart upload."""
        self._request("AbortMultipartUpload", "DELETE", asked)

    def _fields(
        self, name: str, method: str, asked: Mapping[str, Any], query: Mapping[str, str] = {}
    ) -> dict[str, str]:
        """Return the fields of a response; it may state an error with the status 200."""
        tree = read_tree(self._request(name, method, asked, query).data)
        if tree.root == "Error":
            raise _error(tree.fields, 500, name)
        return tree.fields

    def _request(
        self, name: str, method: str, asked: Mapping[str, Any], query: Mapping[str, str] = {}
    ) -> Response:
        """Make a request, again if it may succeed later.

        Raises ClientError for an error response, and Unavailable without a response.
        """

        def once() -> Response:
            url, headers = self._signer.authorize(
                method, asked.get("Key", ""), _headers(asked), {**query, **_query(asked)}, body
            )
            has_body = method in ("PUT", "POST")
            response = self._http.request(method, url, headers, body if has_body else None)
            if response.status in RETRYABLE_STATUSES:
                raise _Busy(response)
            return response

        body: bytes = asked.get("Body", b"")
        try:
            response = retry(once, _RETRY)
        except _Busy as busy:
            response = busy.response
        if not 200 <= response.status < 300:
            raise _response_error(response, name)
        return response


def _headers(asked: Mapping[str, Any]) -> dict[str, str]:
    headers = {_HEADERS[name]: value for name, value in asked.items() if name in _HEADERS}
    named = asked.get("Metadata", {})
    return {**headers, **{f"{_META}{name}": value for name, value in named.items()}}


def _query(asked: Mapping[str, Any]) -> dict[str, str]:
    return {_QUERY[name]: str(value) for name, value in asked.items() if name in _QUERY}


def _completion(parts: list[dict[str, Any]]) -> bytes:
    """Return the body that completes a multipart upload."""
    each = (
        "".join(
            f"<{name}>{str(value).translate(_ESCAPED)}</{name}>" for name, value in part.items()
        )
        for part in parts
    )
    inner = "".join(f"<Part>{fields}</Part>" for fields in each)
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    return (
        f'<CompleteMultipartUpload xmlns="{namespace}">{inner}</CompleteMultipartUpload>'.encode()
    )


def _listed(tree: Tree, item: str, name: str) -> dict[str, list[dict[str, str]]]:
    """Return what is listed as botocore does, which leaves an empty list out."""
    found = [{key: texts[0] for key, texts in each.items()} for each in tree.items[item]]
    return {name: found} if found else {}


def _response_error(response: Response, name: str) -> ClientError:
    try:
        fields = read_tree(response.data).fields
    except Failure:
        fields = {}  # a gateway answers in HTML, or not at all
    return _error(fields, response.status, name)


def _error(fields: Mapping[str, str], status: int, name: str) -> ClientError:
    answer: Any = {
        "Error": {key: fields.get(key, "") for key in ("Code", "Message")},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, name)
