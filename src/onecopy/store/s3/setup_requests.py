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
from onecopy.retry import RetryPolicy, retry
from onecopy.store.s3.connection import client_error, is_retryable
from onecopy.store.s3.head_object import CHECKSUM, metadata_headers, wrong_region
from onecopy.store.s3.signing import Signer
from onecopy.store.s3.xml_tree import Tree, read_tree

_RETRY = RetryPolicy(attempts=3)
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""Not `xml.sax.saxutils`, which imports a whole HTTP client."""
_HEADERS = {
    "ChecksumAlgorithm": "x-amz-checksum-algorithm",
    "ChecksumCRC64NVME": "x-amz-checksum-crc64nvme",
    "ChecksumSHA256": CHECKSUM,
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
_ELSEWHERE = frozenset({"Body", "Bucket", "Key", "Metadata", *_QUERY})
"""Parameters that are no header of this name."""


class _Busy(Unavailable):
    """A response after which the same request may succeed."""

    def __init__(self, error: ClientError) -> None:
        super().__init__(str(error))
        self.error = error


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
        fields = self._fields("CreateMultipartUpload", "POST", asked, {"uploads": ""})
        return {"UploadId": _stated("UploadId", fields, "CreateMultipartUpload")}

    def upload_part(self, **asked: Any) -> dict[str, str]:  # noqa: ANN401
        """Send a part; return its `ETag`."""
        headers = self._request("UploadPart", "PUT", asked).headers
        return {"ETag": _stated("etag", headers, "UploadPart")}

    def list_parts(self, **asked: Any) -> dict[str, list[dict[str, str]]]:  # noqa: ANN401
        """Return the `Parts` of a multipart upload."""
        response = self._request("ListParts", "GET", asked)
        return _listed(read_tree(response.data) if response.data else Tree(), "Part", "Parts")

    def list_objects_v2(self, **asked: Any) -> dict[str, list[dict[str, str]]]:  # noqa: ANN401
        """Return the `Contents` of a page of the bucket; their keys are encoded as in a URL."""
        query = {"list-type": "2", "encoding-type": "url"}  # any character is valid in XML then
        tree = read_tree(self._request("ListObjectsV2", "GET", asked, query).data)
        if tree.root != "ListBucketResult":
            raise Failure(f"the bucket's answer to ListObjectsV2 is not that of S3: {tree.root}")
        return _listed(tree, "Contents", "Contents")

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
        """Return the fields of a response; without a body, as some services send it, none."""
        response = self._request(name, method, asked, query)
        return read_tree(response.data).fields if response.data else {}

    def _request(
        self, name: str, method: str, asked: Mapping[str, Any], query: Mapping[str, str] = {}
    ) -> Response:
        """Make a request, again if it may succeed later.

        Raises ClientError for an error response, InvalidSettings if it names another region, and
        Unavailable without a response.
        """
        headers, sent = _headers(asked), {**query, **_query(asked)}
        body: bytes | None = asked.get("Body", b"") if method in ("PUT", "POST") else None

        def once() -> Response:
            url, signed = self._signer.authorize(
                method, asked.get("Key", ""), headers, sent, body or b""
            )
            response = self._http.request(method, url, signed, body)
            if error := _error(response, name):
                raise _Busy(error) if is_retryable(error) else error
            return response

        try:
            return retry(once, _RETRY)
        except _Busy as busy:
            raise busy.error from None


def _stated(name: str, fields: Mapping[str, str], request: str) -> str:
    """Return a field of an answer; raises Failure, as for the sign-in page of a gateway."""
    if name not in fields:
        raise Failure(f"the bucket's answer to {request} is not that of S3: it has no {name}")
    return fields[name]


def _headers(asked: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers for some parameters; raises KeyError for one that is not known."""
    named = metadata_headers(asked.get("Metadata", {}).items())
    return {_HEADERS[name]: asked[name] for name in asked if name not in _ELSEWHERE} | named


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


def _error(response: Response, name: str) -> ClientError | None:
    """Return botocore's error for a response, or None; raises InvalidSettings (wrong region)."""
    status, is_success = response.status, 200 <= response.status < 300
    # A response may state an error after its status, which S3 sends at once: botocore takes it for
    # a failure of the server.
    if is_success and b"<Error" not in response.data:
        return None
    if wrong := wrong_region(response):
        raise wrong
    return client_error(response.data, 500 if is_success else status, name)
