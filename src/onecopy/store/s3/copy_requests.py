"""Requests that copy an object within the bucket, without boto3: no bytes pass through here.

An object that is copied as a whole, or in the parts of its content digest, gets the SHA-256 of the
new bytes from the bucket itself. The source must still have the ETag, and the version, that it had
when it was looked at.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple
from urllib.parse import quote

from onecopy.errors import Failure, FileChanged, Forbidden, Unavailable, UploadUnknown
from onecopy.httpclient import HttpClient, Response
from onecopy.retry import RetryPolicy, retry
from onecopy.store.s3.head_object import CHECKSUM, response_error
from onecopy.store.s3.object_info import is_kept, parse_checksum
from onecopy.store.s3.signing import Signer
from onecopy.store.s3.xml_tree import error_fields, read_tree

_RETRY = RetryPolicy(attempts=5)
_IF_ABSENT = {"if-none-match": "*"}
_DEFAULTS = {"x-amz-storage-class": "STANDARD"}
"""Named although it is the default of S3: SeaweedFS keeps the class of the source otherwise."""
_AS_SET = {
    "x-amz-checksum-algorithm": "SHA256",
    "x-amz-metadata-directive": "REPLACE",
    "x-amz-tagging-directive": "REPLACE",
}
"""The new object gets the metadata and tags of its own request, not those of the source."""
_REFUSED = 412
_RETRYABLE = frozenset({"ConditionalRequestConflict", "InternalError", "SlowDown"})
"""Codes that may come with the status 200, since S3 answers before it has copied."""
_WRONG_ETAG = "0" * 32
_HEADERS = {"ETag": "etag", "ChecksumSHA256": CHECKSUM}


class Source(NamedTuple):
    """The object to copy, and the state that it must still have."""

    key: str
    """Full key in the bucket."""
    etag: str
    version: str = ""

    def headers(self, bucket: str) -> dict[str, str]:
        """Return the headers that name it."""
        place = quote(f"/{bucket}/{self.key}")
        version = f"?versionId={quote(self.version, safe='')}" if is_kept(self.version) else ""
        return {
            "x-amz-copy-source": place + version,
            "x-amz-copy-source-if-match": f'"{self.etag}"',
        }


class CopyClient:
    """Client for requests that copy objects of one bucket."""

    def __init__(self, bucket: str, signer: Signer, http: HttpClient) -> None:
        self._bucket = bucket
        self._signer = signer
        self._http = http

    def copy_object(
        self, source: Source, key: str, headers: Mapping[str, str]
    ) -> Mapping[str, str] | None:
        """Copy a whole object to a full key; return what the bucket states of the new object.

        As the headers of a response to its PUT would. None if a condition was violated: the key is
        taken, perhaps by an earlier attempt whose answer was lost, or the source has changed.
        Raises FileNotFoundError if there is no source, Unavailable, Forbidden and Failure.
        """
        sent = {**source.headers(self._bucket), **_DEFAULTS, **headers, **_AS_SET, **_IF_ABSENT}
        return retry(partial(self._request, "CopyObject", key, sent, {}), _RETRY)

    def copy_part(
        self, source: Source, key: str, upload_id: str, number: int, span: tuple[int, int]
    ) -> bytes:
        """Copy a span (offset, length) of an object as a part of a multipart upload.

        Returns the SHA-256 that the bucket computed; empty if it states none. Raises what
        `copy_object` raises, FileChanged, and UploadUnknown.
        """
        offset, length = span
        ranged = {"x-amz-copy-source-range": f"bytes={offset}-{offset + length - 1}"}
        sent = {**source.headers(self._bucket), **ranged}
        query = {"partNumber": str(number), "uploadId": upload_id}
        stated = retry(partial(self._request, "UploadPartCopy", key, sent, query), _RETRY)
        if stated is None:
            raise FileChanged(f"{source.key!r} changed while it was copied")
        return parse_checksum(stated.get(CHECKSUM))[0]

    def refuses(self, key: str, headers: Mapping[str, str], upload_id: str, etag: str) -> bool:
        """Probe with an object of ours, which is copied onto itself if a condition is ignored.

        Returns whether the bucket refuses to overwrite it, and to copy an object with another
        ETag, as a whole and as a part; and whether it states the SHA-256 of a copied part. A part
        has no range here: S3 copies ranges of objects above 5 MiB only.
        """
        source, query = Source(key, etag), {"partNumber": "1", "uploadId": upload_id}
        other = source._replace(etag=_WRONG_ETAG).headers(self._bucket)
        own, whole = source.headers(self._bucket), {**_DEFAULTS, **headers, **_AS_SET}
        try:
            is_safe = (
                self._request("CopyObject", key, {**other, **whole}, {}) is None
                and self._request("CopyObject", key, {**own, **whole, **_IF_ABSENT}, {}) is None
                and self._request("UploadPartCopy", key, other, query) is None
            )
            part = self._request("UploadPartCopy", key, own, query) if is_safe else None
        except Unavailable:
            raise
        except (Failure, FileNotFoundError, UploadUnknown):  # it may not know such a request
            return False
        return bool(part and parse_checksum(part.get(CHECKSUM))[0])

    def _request(
        self, name: str, key: str, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Mapping[str, str] | None:
        """Return what the answer states, as headers, or None if a condition was violated."""
        url, sent = self._signer.authorize("PUT", key, headers, query)
        response = self._http.request("PUT", url, sent, b"")
        if response.status == _REFUSED:
            return None
        is_success = response.status == 200
        fields = read_tree(response.data).fields if is_success else error_fields(response.data)
        code = fields.get("Code")
        if is_success and not code:
            return {**response.headers, **_headers(fields)}
        raise _error(response, code, name)


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields about the new object by the names of the headers that have the same."""
    return {name: fields[field] for field, name in _HEADERS.items() if field in fields}


def _error(response: Response, code: str | None, name: str) -> Exception:
    """Return the error that an answer states: by its code, as it may come with the status 200."""
    if code in _RETRYABLE:
        return Unavailable(f"the bucket answered {code} to a {name} request")
    if code == "NoSuchUpload":
        return UploadUnknown("the bucket does not have this upload: begin it again")
    if code in ("NoSuchKey", "NoSuchVersion") or response.status == 404:
        return FileNotFoundError(code or "NoSuchKey")
    if code == "InvalidObjectState":
        return Forbidden("the stored copy is archived: restore it first", reason="archived")
    if response.status == 200:
        return Failure(f"the bucket answered {code} to a {name} request")
    return response_error(response, name)
