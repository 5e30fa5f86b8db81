"""GetObject requests for ranges and small objects, without boto3, so that threads read quickly.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from onecopy.errors import Failure, FileChanged, Forbidden
from onecopy.httpclient import HttpClient, Response, TooLarge
from onecopy.retry import RetryPolicy, retry
from onecopy.store.interface import Object
from onecopy.store.s3.head_object import HEADERS, Head, parse_head, response_error
from onecopy.store.s3.signing import Signer

_RETRY = RetryPolicy(attempts=3)
_PARTIAL = 206
_CHANGED = frozenset({412, 416})
"""Another ETag than in `If-Match`; fewer bytes than the range begins at."""
_OK = 200
_ARCHIVED = b"InvalidObjectState"
_ERROR_BYTES = 64 * 1024
"""Bytes of an error response that are read in any case."""


class RangeClient:
    """Client for GetObject requests to one bucket."""

    def __init__(self, signer: Signer, http: HttpClient) -> None:
        self._signer = signer
        self._http = http

    def read(self, key: str, seen: Object, offset: int, length: int) -> bytes | bytearray:
        """Return bytes of the object at a full key; see Ranged.

        Raises FileNotFoundError, FileChanged, Unavailable, Forbidden and Failure.
        """
        return retry(lambda: self._request(key, seen, offset, length), _RETRY)

    def read_whole(self, key: str, limit: int) -> tuple[Head, bytes | bytearray]:
        """Return the head and the bytes of the object at a full key; see Whole."""
        return retry(lambda: self._request_whole(key, limit), _RETRY)

    def _request_whole(self, key: str, limit: int) -> tuple[Head, bytes | bytearray]:
        url, headers = self._signer.authorize("GET", key, HEADERS)
        try:
            response = self._http.request("GET", url, headers, max_bytes=max(limit, _ERROR_BYTES))
        except TooLarge as error:
            raise _changed(key) from error
        if response.status != _OK:
            raise _failure(response, key)
        head = parse_head(response.headers)
        if head.size > limit:
            raise _changed(key)
        return head, response.data

    def _request(self, key: str, seen: Object, offset: int, length: int) -> bytes | bytearray:
        headers = {"range": f"bytes={offset}-{offset + length - 1}"}
        if etag := _etag(seen):
            headers["if-match"] = f'"{etag}"'
        url, headers = self._signer.authorize("GET", key, headers)
        # A service that ignores `Range` must not send us the whole object.
        response = self._http.request("GET", url, headers, max_bytes=max(length, _ERROR_BYTES))
        _check(response, key, seen)
        if len(response.data) != length:
            raise _changed(key)
        return response.data


def _check(response: Response, key: str, seen: Object) -> None:
    """Raise the error that the response states, or FileChanged if it is of another object."""
    if response.status in _CHANGED:
        raise _changed(key)
    if response.status == _OK:
        raise Failure("the bucket ignores Range, so large objects cannot be read in parts")
    if response.status != _PARTIAL:
        raise _failure(response, key)
    # Compared as well, because not every service honours `If-Match`.
    if not _is_of(response.headers, seen):
        raise _changed(key)


def _failure(response: Response, key: str) -> Exception:
    """Return the error that a response states."""
    if response.status == 404:
        return FileNotFoundError(key)
    if response.status == 403 and _ARCHIVED in response.data:
        return Forbidden(f"{key!r} is archived: restore it, and check again", reason="archived")
    return response_error(response, "GetObject")


def _is_of(headers: Mapping[str, str], seen: Object) -> bool:
    etag, modified = headers.get("etag", "").strip('"'), headers.get("last-modified")
    time = int(parsedate_to_datetime(modified).timestamp()) * 1000 if modified else seen.stored_ms
    return time == seen.stored_ms and etag == (_etag(seen) or etag)


def _etag(seen: Object) -> str:
    """Return the ETag, with which an identity begins unless it was too long; or nothing."""
    etag, space, _ = seen.identity.partition(" ")
    return etag if space else ""


def _changed(key: str) -> FileChanged:
    return FileChanged(f"{key!r} changed while it was read")
