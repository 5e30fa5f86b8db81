"""Detection of an S3 service's real features; the claims of services are unreliable.

Every probe writes to the store's own marker, so that a write accepted by mistake only stores the
same marker again. Apart from two multipart uploads, which are aborted, nothing is left behind.
"""

from base64 import b64encode
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

from onecopy.aws.client import status_of
from onecopy.crc64 import of_few
from onecopy.digest import Algorithm
from onecopy.store.s3.setup_requests import SetupClient

_WRONG_SHA256 = b64encode(bytes(32)).decode()
"""The SHA-256 of no known content."""
_WRONG_CRC64NVME = b64encode(bytes(8)).decode()
"""The CRC of an empty content."""
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
    compares_crc64nvme: bool = False
    """Whether it refuses bytes that do not have the CRC in their request, in PutObject and as the
    whole of a multipart upload. False if cached before this was probed; `onecopy doctor` probes
    anew."""
    copies: bool | None = None
    """Whether it copies objects as `store.copying.Copier` demands; None if that is not known."""

    @property
    def compared(self) -> frozenset[Algorithm]:
        """The checksums that the bucket compares with the bytes."""
        found: dict[Algorithm, bool] = {
            "sha256": self.refuses_wrong_bytes,
            "crc64nvme": self.compares_crc64nvme,
        }
        return frozenset(algorithm for algorithm, is_compared in found.items() if is_compared)


def probe_bucket(client: SetupClient, marker: dict[str, Any], body: bytes) -> Capabilities:
    """Probe a bucket; `marker` are the request parameters of the marker, `body` its contents.

    Raises ClientError if a response is inconclusive.
    """
    sha256_of_body = b64encode(sha256(body).digest()).decode()
    begun: Any = client.create_multipart_upload(**marker, ChecksumAlgorithm="SHA256")
    upload = {"Bucket": marker["Bucket"], "Key": marker["Key"], "UploadId": begun["UploadId"]}
    try:
        by_parts = _probe_parts(client, upload, body, sha256_of_body)
    finally:
        _refused(client.abort_multipart_upload, **upload)
    put = partial(_refused, client.put_object, **marker, Body=body)
    return Capabilities(
        by_parts.refuses_wrong_bytes and put(ChecksumSHA256=_WRONG_SHA256),
        by_parts.states_parts,
        by_parts.refuses_overwriting and put(ChecksumSHA256=sha256_of_body, IfNoneMatch="*"),
        _compares_crc64nvme(client, marker, body),
    )


def _probe_parts(
    client: SetupClient, upload: dict[str, Any], body: bytes, sha256_of_body: str
) -> Capabilities:
    """Probe with a part of a multipart upload, and by completing it over the marker."""
    part: Any = {**upload, "PartNumber": 1, "Body": body}
    refuses_wrong_bytes = _refused(client.upload_part, **part, ChecksumSHA256=_WRONG_SHA256)
    sent = client.upload_part(**part, ChecksumSHA256=sha256_of_body)
    listed = client.list_parts(**upload).get("Parts", [{}])[0]
    whole = {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumSHA256": sha256_of_body}
    complete = partial(_refused, client.complete_multipart_upload, **upload, IfNoneMatch="*")
    return Capabilities(
        refuses_wrong_bytes,
        states_parts=listed.get("ChecksumSHA256") == sha256_of_body,
        refuses_overwriting=complete(MultipartUpload={"Parts": [whole]}),
    )


def _compares_crc64nvme(client: SetupClient, marker: dict[str, Any], body: bytes) -> bool:
    """Probe with wrong CRCs: of an object, of a part, and of all parts together.

    S3 does. A service that does not know the checksum may answer anything but success or 5xx.
    """
    try:
        return _refused(
            client.put_object, **marker, Body=body, ChecksumCRC64NVME=_WRONG_CRC64NVME
        ) and _compares_crcs_of_parts(client, marker, body)
    except ClientError as error:
        if status_of(error) >= 500 and status_of(error) != _NOT_IMPLEMENTED:
            raise
        return False


def _compares_crcs_of_parts(client: SetupClient, marker: dict[str, Any], body: bytes) -> bool:
    whole, wrong = {"ChecksumType": "FULL_OBJECT"}, {"ChecksumCRC64NVME": _WRONG_CRC64NVME}
    begin: Any = client.create_multipart_upload
    begun = begin(**marker, ChecksumAlgorithm="CRC64NVME", **whole)
    upload = {"Bucket": marker["Bucket"], "Key": marker["Key"], "UploadId": begun["UploadId"]}
    part: Any = {**upload, "PartNumber": 1, "Body": body}
    try:
        if not _refused(client.upload_part, **part, **wrong):
            return False
        right = b64encode(of_few(body)).decode()
        etag = client.upload_part(**part, ChecksumCRC64NVME=right)["ETag"]
        parts = [{"PartNumber": 1, "ETag": etag, "ChecksumCRC64NVME": right}]
        complete = partial(_refused, client.complete_multipart_upload, **upload)
        return complete(MultipartUpload={"Parts": parts}, **whole, **wrong)
    finally:
        _refused(client.abort_multipart_upload, **upload)


def _refused(call: Any, **parameters: Any) -> bool:  # noqa: ANN401 - boto3's
    """Whether the bucket refuses a request for its contents; raises if for other reasons."""
    try:
        call(**parameters)
    except ClientError as error:
        if status_of(error) in (400, 404, 409, 412):
            return True
        if status_of(error) != _NOT_IMPLEMENTED:
            raise
    return False
