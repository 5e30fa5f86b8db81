"""What this bucket can be trusted with, tried out: by word of mouth they can all do everything.

All is tried at the store's own marker, and whatever the bucket takes by mistake is that marker once
more: nothing is left behind but one unfinished upload that is given up.
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

_WRONG = b64encode(bytes(32)).decode()
"""No SHA-256 of anything that anybody knows."""
_NOT_IMPLEMENTED = 501


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a bucket does."""

    refuses_wrong_bytes: bool
    """Whether it compares the SHA-256 of what is sent with the one announced."""
    states_parts: bool
    """Whether it tells the SHA-256 of the parts that it has: resuming sends them again else."""
    refuses_overwriting: bool
    """Whether it honours `If-None-Match: *`, when an object is put and when one is completed."""


def probe_bucket(client: "S3Client", marker: dict[str, Any], body: bytes) -> Capabilities:
    """Try a bucket; `marker` names the marker as requests do, `body` is what it holds.

    Raises what `failure` makes of an answer that tells nothing.
    """
    right = b64encode(sha256(body).digest()).decode()
    place = {"Bucket": marker["Bucket"], "Key": marker["Key"]}
    upload: dict[str, Any] = dict(place)
    begun = _asked(client.create_multipart_upload, **marker, ChecksumAlgorithm="SHA256")
    upload["UploadId"] = begun["UploadId"]
    try:
        part: dict[str, Any] = {**upload, "PartNumber": 1, "Body": body}
        refuses_parts = _refused(client.upload_part, **part, ChecksumSHA256=_WRONG)
        sent = _asked(client.upload_part, **part, ChecksumSHA256=right)
        listed = _asked(client.list_parts, **upload).get("Parts", [{}])[0]
        whole = {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumSHA256": right}
        keeps_completing = _refused(
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
        and _refused(client.put_object, **put, ChecksumSHA256=_WRONG),
        states_parts=listed.get("ChecksumSHA256") == right,
        refuses_overwriting=keeps_completing
        and _refused(client.put_object, **put, ChecksumSHA256=right, IfNoneMatch="*"),
    )


def _asked(call: Any, **parameters: Any) -> Any:  # noqa: ANN401 - boto3's
    try:
        return call(**parameters)
    except ClientError as error:
        raise failure(error) from error


def _refused(call: Any, **parameters: Any) -> bool:  # noqa: ANN401 - boto3's
    """Whether the bucket refuses a request for what is in it; raises if it is for other reasons."""
    try:
        call(**parameters)
    except ClientError as error:
        if status_of(error) in (400, 404, 409, 412):
            return True
        if status_of(error) != _NOT_IMPLEMENTED:
            raise failure(error) from error
    return False
