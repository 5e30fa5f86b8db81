"""Uploads into a bucket: begun, signed, completed, given up.

A content below 8 MiB is one PUT, which makes the object; a larger one is a multipart upload. Every
request that brings bytes is signed with their SHA-256 as a header, so that the bucket refuses
others, and every one that makes an object with `If-None-Match: *`, so that nothing is overwritten.
An answer that was lost is found out by looking at the object: ours carries the upload's id.

    what completing meets            object at the key   answer
    ───────────────────────────────  ──────────────────  ──────────────────────────────────
    200                              ours                the object
    412, or 404: no such upload      ours                the object: it was done before
    412, or 404                      another             Taken
    412, or 404                      none                UploadUnknown: begin it again
    400 of the parts                 …                   WrongBytes: they don't fit
    409, 5xx                         ours                the object: only the answer was lost
    409, 5xx                         none or another     Unavailable: ask again
    no answer                        ours                the object: only the answer was lost
    no answer                        none or another     Completing: ask again
    403, 400 of the credentials      none or another     Forbidden
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from onecopy.aws.client import code_of, status_of
from onecopy.digest import SMALLEST_PART, Digest, compose, content_scheme, part_lengths
from onecopy.errors import Failure, Unavailable, UploadUnknown, WrongBytes
from onecopy.store.interface import Completing, Part, Send, Taken, Upload
from onecopy.store.s3.address import Address
from onecopy.store.s3.connection import Connection, failure, translated
from onecopy.store.s3.head_object import Head, Heads
from onecopy.store.s3.object_info import MARK, checksum, is_of, is_small
from onecopy.store.s3.signing import Signer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SIGNED = 900
"""Seconds for which a signed request may begin."""
CHECKSUM = "x-amz-checksum-sha256"
_META = "x-amz-meta-"
_NO_OVERWRITING = {"if-none-match": "*"}
_ABORTS = 5
_TURNS = 256


class Sending:
    """The uploads into one bucket."""

    def __init__(
        self, address: Address, connection: Connection, signer: Signer, heads: Heads
    ) -> None:
        self._address = address
        self._connection = connection
        self._signer = signer
        self._heads = heads
        # SeaweedFS looks whether the key is free, and writes afterwards: of several who complete
        # at one key in the same moment more than one succeeds, and all but the last are lost.
        self._turns = [Lock() for _ in range(_TURNS)]

    @property
    def _client(self) -> "S3Client":
        return self._connection.client

    def begin(self, upload: Upload) -> Upload:
        """Begin a multipart upload; a small one begins when it is sent."""
        with translated():
            begun = self._client.create_multipart_upload(
                **self._place(upload.key),
                **_parameters(self._made_with(upload)),
                ChecksumAlgorithm="SHA256",
            )
        return upload._replace(store_id=begun["UploadId"])

    def _place(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._address.bucket, "Key": self._address.prefix + key}

    def _made_with(self, upload: Upload) -> dict[str, str]:
        """Return the headers with which an object is made."""
        headers = {f"{_META}{name}": value for name, value in upload.metadata}
        headers[f"{_META}{MARK}"] = upload.id
        if upload.content_type:
            headers["content-type"] = upload.content_type
        return {**headers, **self._address.made_with}

    def sign(self, upload: Upload, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        """See Presigner."""
        return [self._sign(upload, number, sha256) for number, sha256 in parts]

    def _sign(self, upload: Upload, number: int, sha256: bytes) -> Send:
        headers, query = {CHECKSUM: b64encode(sha256).decode()}, {}
        if is_small(upload.size):
            headers |= {**_NO_OVERWRITING, **self._made_with(upload)}
        else:
            query = {"partNumber": str(number), "uploadId": upload.store_id}
        url = self._signer.sign("PUT", self._address.prefix + upload.key, headers, query, SIGNED)
        return Send(number, "PUT", url, headers)

    def parts(self, upload: Upload) -> list[Part]:
        """See Store; what the bucket does not state the SHA-256 of has an empty one."""
        if is_small(upload.size):
            head = self._find(upload)
            whole = checksum(head.checksum)[0] if head else b""
            return [Part(1, upload.size, whole)] if head else []
        return [
            Part(part["PartNumber"], part["Size"], checksum(part.get("ChecksumSHA256"))[0])
            for part in self._listed(upload)
        ]

    def _listed(self, upload: Upload) -> list[Any]:
        """Return the parts of a multipart upload; raises UploadUnknown."""
        if not upload.store_id:
            raise _unknown()
        pages = self._client.get_paginator("list_parts").paginate(
            **self._place(upload.key), UploadId=upload.store_id
        )
        try:
            parts = [part for page in pages for part in page.get("Parts", ())]
            # SeaweedFS lists every sending of a part; the last one counts.
            parts.sort(key=lambda part: part["LastModified"])
            last = {part["PartNumber"]: part for part in parts}
        except ClientError as error:
            if status_of(error) == 404:
                raise _unknown() from error
            raise failure(error) from error
        except BotoCoreError as error:
            raise failure(error) from error
        if not last and self._find_own(upload):  # its parts go before it does
            raise _unknown()
        return [last[number] for number in sorted(last)]

    def complete(
        self, upload: Upload, digest: Digest, said: Sequence[bytes]
    ) -> Head | Taken | Completing:
        """Make the object of an upload that was sent, and return what it looks like."""
        if is_small(upload.size):
            return self._found(upload)
        try:
            parts = self._listed(upload)
        except UploadUnknown:  # given up, or completed before
            return self._found(upload)
        sums = _sums(upload, parts, digest, said)
        try:
            with self._turns[hash(upload.key) % _TURNS]:
                self._complete(upload, parts, sums)
        except ClientError as error:
            return self._after(upload, error)
        except BotoCoreError:  # perhaps only the answer was lost
            return self._find_own(upload) or Completing()
        return self._found(upload)

    def _complete(self, upload: Upload, parts: Sequence[Any], sums: Sequence[bytes]) -> None:
        """Let the bucket make the object; it compares the checksums with those that it took."""
        named: list[Any] = [
            {
                "PartNumber": part["PartNumber"],
                "ETag": part["ETag"],
                "ChecksumSHA256": b64encode(value).decode(),
            }
            for part, value in zip(parts, sums, strict=True)
        ]
        self._client.complete_multipart_upload(
            **self._place(upload.key),
            UploadId=upload.store_id,
            MultipartUpload={"Parts": named},
            IfNoneMatch="*",
        )

    def _after(self, upload: Upload, error: ClientError) -> Head | Taken:
        """Find out what an error means; see the table above."""
        status, meant = status_of(error), failure(error)
        if status in (404, 412):
            return self._found(upload)
        if status == 400 and type(meant) is Failure:  # an expired token is a 400, too
            raise WrongBytes(f"the bucket refuses the parts: {code_of(error)}") from error
        own = self._find_own(upload)
        if own is None:
            raise meant from error
        return own

    def _found(self, upload: Upload) -> Head | Taken:
        head = self._find(upload)
        if head is None:
            raise _unknown()
        return head if is_of(head, upload.id) else Taken()

    def _find_own(self, upload: Upload) -> Head | None:
        head = self._find(upload)
        return head if head and is_of(head, upload.id) else None

    def _find(self, upload: Upload) -> Head | None:
        """Look at what lies at the key of an upload; None if nothing does."""
        return self._heads.at(self._address.prefix + upload.key)

    def abort(self, upload: Upload) -> None:
        """Give up a multipart upload; an object is never touched.

        Parts that arrive meanwhile outlive it, so it is repeated until the bucket knows of none.
        """
        if is_small(upload.size) or not upload.store_id:
            return
        for _ in range(_ABORTS):
            try:
                self._client.abort_multipart_upload(
                    **self._place(upload.key), UploadId=upload.store_id
                )
                if not self._listed(upload):
                    return
            except UploadUnknown:
                return
            except ClientError as error:
                if status_of(error) == 404:
                    return
                raise failure(error) from error
            except BotoCoreError as error:
                raise failure(error) from error
        raise Unavailable("parts of this upload are still arriving: give it up later")

    def unfinished(self, seconds: float) -> Iterator[Upload]:
        """Yield the multipart uploads below our prefix that were begun so many seconds ago."""
        latest = datetime.now(UTC) - timedelta(seconds=seconds)
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._address.bucket, Prefix=self._address.prefix
        )
        with translated():
            for page in pages:
                for found in page.get("Uploads", ()):
                    if found["Initiated"] <= latest:
                        key = found["Key"].removeprefix(self._address.prefix)
                        yield Upload("", key, SMALLEST_PART, found["UploadId"])


def _sums(
    upload: Upload, parts: Sequence[Any], digest: Digest, said: Sequence[bytes]
) -> Sequence[bytes]:
    """Return the SHA-256 of the parts; raises WrongBytes unless they are those of the content (P2).

    Not all buckets list them: then those are taken that the client says, for the bucket to compare.
    """
    lengths = part_lengths(upload.size)
    there = [(part["PartNumber"], part["Size"]) for part in parts]
    if there != list(enumerate(lengths, 1)):
        raise WrongBytes(
            f"{len(there)} of {len(lengths)} parts are there: send the others first",
            reason="parts-missing",
        )
    listed: Sequence[bytes] = [checksum(part.get("ChecksumSHA256"))[0] for part in parts]
    sums = listed if all(listed) else said
    if len(sums) != len(lengths) or compose(content_scheme(upload.size), sums) != digest:
        raise WrongBytes("the parts do not make up the digest given")
    return sums


def _parameters(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return headers as boto3 wants them."""
    metadata = {
        name.removeprefix(_META): value for name, value in headers.items() if name.startswith(_META)
    }
    named = {_PARAMETERS[name]: value for name, value in headers.items() if name in _PARAMETERS}
    return {**named, "Metadata": metadata}


_PARAMETERS = {
    "content-type": "ContentType",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-storage-class": "StorageClass",
}


def _unknown() -> UploadUnknown:
    return UploadUnknown("the bucket does not know this upload: begin it again")
