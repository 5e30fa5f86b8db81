"""HeadObject requests, without boto3, because they are the most frequent requests by far.

boto3 takes eight times the CPU time, which limits a batch of a thousand.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
"""

from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, Unavailable
from onecopy.httpclient import HttpClient, Response
from onecopy.retry import RETRYABLE_STATUSES, RetryPolicy, retry
from onecopy.store.s3.signing import Signer

CHECKSUM = "x-amz-checksum-sha256"
"""The header that states the SHA-256 of a request or an object."""
META = "x-amz-meta-"
"""How the names of headers with user metadata begin."""
HEADERS = {"x-amz-checksum-mode": "ENABLED"}
"""Headers with which a response states the checksums of an object."""
_RETRY = RetryPolicy(attempts=3)
_REGION = "x-amz-bucket-region"


class Head(NamedTuple):
    """A HeadObject response."""

    size: int
    """Bytes."""
    etag: str
    modified: int
    """Seconds since 1970, UTC."""
    checksum: str
    """SHA-256 in base64, followed by `-<parts>` if it is over parts; or empty."""
    crc64nvme: str
    """CRC-64/NVME of the whole object in base64; or empty."""
    version: str
    expiration: str
    encryption: str
    """Server-side encryption under which the ETag is not an MD5; or empty."""
    metadata: Mapping[str, str]
    """User metadata, by lower-case name."""
    storage_class: str = ""
    """Empty for STANDARD, as S3 states it."""
    archive: str = ""
    """The tier of INTELLIGENT_TIERING from which reading needs a restored copy; or empty."""
    restore: str = ""
    """The state of the restored copy of an archived object; or empty."""


class HeadClient:
    """Client for HeadObject requests to one bucket."""

    def __init__(self, signer: Signer, http: HttpClient) -> None:
        self._signer = signer
        self._http = http

    def head(self, key: str) -> Head | None:
        """Return the head of the object at a full key; None if there is no object.

        Raises Unavailable, Forbidden, InvalidSettings (wrong region) and Failure. A missing bucket
        also returns None: a HeadObject response does not tell them apart.
        """
        return retry(lambda: self._request(key), _RETRY)

    def _request(self, key: str) -> Head | None:
        url, headers = self._signer.authorize("HEAD", key, HEADERS)
        response = self._http.request("HEAD", url, headers)
        if response.status == 404:
            return None
        if response.status != 200:
            raise response_error(response, "HeadObject")
        try:
            return parse_head(response.headers)
        except (KeyError, ValueError) as error:  # such as the sign-in page of a gateway
            raise Failure(
                f"the bucket's answer to HeadObject is not that of S3: {error}"
            ) from error


def parse_head(headers: Mapping[str, str]) -> Head:
    """Return what the headers of a response to a HEAD, or to a GET of a whole object, state."""
    modified = int(parsedate_to_datetime(headers["last-modified"]).timestamp())
    return head_of(headers, int(headers["content-length"]), modified)


def head_of(headers: Mapping[str, str], size: int, modified: int) -> Head:
    """Return what the headers of a response state of an object with a size and a time."""
    encryption = headers.get("x-amz-server-side-encryption", "AES256")
    customer = headers.get("x-amz-server-side-encryption-customer-algorithm", "")
    return Head(
        size=size,
        etag=headers["etag"].strip('"'),
        modified=modified,
        checksum=headers.get(CHECKSUM, ""),
        crc64nvme=headers.get("x-amz-checksum-crc64nvme", ""),
        version=headers.get("x-amz-version-id", ""),
        expiration=headers.get("x-amz-expiration", ""),
        encryption=customer or ("" if encryption == "AES256" else encryption),
        metadata=metadata_of(headers),
        storage_class=headers.get("x-amz-storage-class", ""),
        archive=headers.get("x-amz-archive-status", ""),
        restore=headers.get("x-amz-restore", ""),
    )


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the user metadata that headers state, by lower-case name."""
    return {
        name.removeprefix(META): value for name, value in headers.items() if name.startswith(META)
    }


def metadata_headers(metadata: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the headers that state user metadata, given as (name, value)."""
    return {f"{META}{name}": value for name, value in metadata}


def response_error(response: Response, request: str) -> OnecopyError:
    """Translate the status of an error response to a request, such as `HeadObject`."""
    status = response.status
    if wrong := wrong_region(response):
        return wrong
    message = f"the bucket answered {status} to a {request} request"
    if status in RETRYABLE_STATUSES:
        return Unavailable(message)
    if status in (301, 400, 401, 403):
        return Forbidden(f"{message}; run `onecopy doctor` to see what is missing")
    return Failure(message)


def wrong_region(response: Response) -> InvalidSettings | None:
    """Return the error for a response that names another region than ours, or None."""
    region = response.headers.get(_REGION)
    if response.status in (301, 400) and region:
        return InvalidSettings(f"the bucket is in {region}: add region={region} to its URL")
    return None
