"""Detection of an S3 service's real features; the claims of services are unreliable.

Every probe writes to the store's own marker, so that a write accepted by mistake only stores the
same marker again. Apart from one multipart upload, which is aborted, nothing is left behind.
"""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from onecopy.aws.client import status_of
from onecopy.store.s3.connection import failure

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_WRONG_SHA256 = b64encode(bytes(32)).decode()
"""The SHA-256 of no known content."""
_NOT_IMPLEMENTED = 501


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The features of a bucket that we rely on."""

    refuses_wrong_bytes: bool
    """Whether it refuses bytes that do not have the SHA-256 in their request."""
    states_parts: bool
    """Whether it lists the SHA-256 of received parts. If not, resuming sends them again."""
    refuses_overwriting: bool
    """Whether it honours `If-None-Match: *`, in PutObject and CompleteMultipartUpload."""


def probe_bucket(client: "S3Client", marker: dict[str, Any], body: bytes) -> Capabilities:
    """Probe a bucket; `marker` are the request parameters of the marker, `body` its contents.

    Raises the translated error if a response is inconclusive.
    """
    right = b64encode(sha256(body).digest()).decode()
    upload: dict[str, Any] = {"Bucket": marker["Bucket"], "Key": marker["Key"]}
    begun = _call(client.create_multipart_upload, **marker, ChecksumAlgorithm="SHA256")
    upload["UploadId"] = begun["UploadId"]
    try:
        part: dict[str, Any] = {**upload, "PartNumber": 1, "Body": body}
        refuses_parts = _refused(client.upload_part, **part, ChecksumSHA256=_WRONG_SHA256)
        sent = _call(client.upload_part, **part, ChecksumSHA256=right)
        listed = _call(client.list_parts, **upload).get("Parts", [{}])[0]
        whole = {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumSHA256": right}
        refuses_completing = _refused(
            client.complete_multipart_upload,
            **upload,
            MultipartUpload={"Parts": [whole]},
            IfNoneMatch="*",
        )
    finally:
        _refused(client.abort_multipart_upload, **upload)
    put = {**marker, "Body": body}
    return Capabilities(
        refuses_wrong_bytes=refuses_parts
        and _refused(client.put_object, **put, ChecksumSHA256=_WRONG_SHA256),
        states_parts=listed.get("ChecksumSHA256") == right,
        refuses_overwriting=refuses_completing
        and _refused(client.put_object, **put, ChecksumSHA256=right, IfNoneMatch="*"),
    )


def _call(call: Any, **parameters: Any) -> Any:  # noqa: ANN401 - boto3's
    try:
        return call(**parameters)
    except ClientError as error:
        raise failure(error) from error


def _refused(call: Any, **parameters: Any) -> bool:  # noqa: ANN401 - boto3's
    """Whether the bucket refuses a request for its contents; raises if for other reasons."""
    try:
        call(**parameters)
    except ClientError as error:
        if status_of(error) in (400, 404, 409, 412):
            return True
        if status_of(error) != _NOT_IMPLEMENTED:
            raise failure(error) from error
    return False
