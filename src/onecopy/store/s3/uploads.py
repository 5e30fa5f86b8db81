"""Uploads into a bucket: begin, sign, complete, abort.

A content below 8 MiB is one PUT, which creates the object; a larger one is a multipart upload.
Every request that sends bytes is signed with their SHA-256 and length in headers, so that the
bucket refuses other bytes. Every request that creates an object has `If-None-Match: *`, so that
nothing is overwritten. If the response of a completion is lost, the object at the key shows what
happened: our objects carry the upload's id.

    response to a completion         object at the key   result
    ───────────────────────────────  ──────────────────  ──────────────────────────────────
    200                              ours                the object
    412, or 404: no such upload      ours                the object: completed before
    412, or 404                      another             KeyTaken
    412, or 404                      none                UploadUnknown: begin it again; aborted
    400 about the parts              any                 WrongBytes: the parts don't match
    409, 5xx                         ours                the object: only the response was lost
    409, 5xx                         none or another     Unavailable: try again
    none                             ours                the object: only the response was lost
    none                             none or another     Completing: try again
    403, 400 about the credentials   none or another     Forbidden
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from onecopy.aws.client import code_of, refreshing, status_of
from onecopy.digest import SMALLEST_PART, Digest
from onecopy.errors import Failure, Unavailable, UploadUnknown, WrongBytes
from onecopy.httpclient import Response
from onecopy.store.interface import Completing, KeyTaken, Part, Send, Upload
from onecopy.store.parts import check_digest, check_parts, part_span
from onecopy.store.s3.address import Address
from onecopy.store.s3.connection import Connection, failure, translated
from onecopy.store.s3.head_object import (
    CHECKSUM,
    META,
    Head,
    HeadClient,
    head_of,
    metadata_headers,
    metadata_of,
)
from onecopy.store.s3.object_info import (
    MARK,
    is_from_upload,
    is_small,
    parse_checksum,
)
from onecopy.store.s3.sent import SentObjects
from onecopy.store.s3.signing import Signer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SIGNED_SECONDS = 900
"""Lifetime of a signed request."""
_IF_ABSENT = {"if-none-match": "*"}
_MAX_ABORTS = 5
_LOCKS = 4096


class Uploads:
    """The uploads into one bucket."""

    def __init__(
        self,
        address: Address,
        connection: Connection,
        signer: Signer,
        heads: HeadClient,
        sent: SentObjects,
    ) -> None:
        self._address = address
        self._connection = connection
        self._signer = signer
        self._heads = heads
        self._sent = sent
        # SeaweedFS first checks that the key is free and writes afterwards: of several concurrent
        # completions at one key more than one succeeds, and all but the last are overwritten.
        self._locks = [Lock() for _ in range(_LOCKS)]

    @property
    def _client(self) -> "S3Client":
        return self._connection.client

    def lock(self, key: str) -> Lock:
        """Return the lock under which this process creates an object with a single request."""
        return self._locks[hash(key) % _LOCKS]

    def begin(self, upload: Upload) -> Upload:
        """Begin a multipart upload; a small upload begins when it is sent."""
        with translated():
            response = self._client.create_multipart_upload(
                **self._address.place(upload.key),
                **_parameters(self.object_headers(upload)),
                ChecksumAlgorithm="SHA256",
            )
        return upload._replace(store_id=response["UploadId"])

    def object_headers(self, upload: Upload) -> dict[str, str]:
        """Return the headers of the request that creates the object."""
        headers = metadata_headers([*upload.metadata, (MARK, upload.id)])
        if upload.content_type:
            headers["content-type"] = upload.content_type
        return {**headers, **self._address.object_headers}

    def sign(self, upload: Upload, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        """See Presigner."""
        return [self._sign(upload, number, sha256) for number, sha256 in parts]

    def _sign(self, upload: Upload, number: int, sha256: bytes) -> Send:
        headers, query = {CHECKSUM: b64encode(sha256).decode()}, {}
        if is_small(upload.size):
            headers |= {**_IF_ABSENT, **self.object_headers(upload)}
        else:
            query = {"partNumber": str(number), "uploadId": upload.store_id}
        # Every HTTP client sends this header itself, and browsers let nobody set it: it is signed,
        # so that the bucket refuses a part of any other length, and not returned.
        signed = {**headers, "content-length": str(part_span(upload.size, number)[1])}
        url = self._signer.sign(
            "PUT", self._address.prefix + upload.key, signed, query, SIGNED_SECONDS
        )
        return Send(number, "PUT", url, headers)

    def note(self, send: Send, response: Response, size: int) -> None:
        """Remember the answer to a request that created an object, if it states a checksum."""
        headers = {**send.headers, **response.headers}
        is_created = response.status == 200 and META + MARK in headers and "etag" in headers
        if is_created and response.headers.get(CHECKSUM) == send.headers.get(CHECKSUM):
            self._sent.add(self._signer.key_of(send.url), head_of(headers, size, 0))

    def note_copy(self, upload: Upload, stated: Mapping[str, str] | None) -> bool:
        """Remember what the bucket stated of an object that it made by copying; see CopyClient.

        If it stated no checksum, or made none, what is at the key is looked at, in the thread that
        copied it. Return whether there is an object.
        """
        if stated and "etag" in stated and CHECKSUM in stated:
            head: Head | None = head_of({**self.object_headers(upload), **stated}, upload.size, 0)
        else:
            head = self._find(upload)
        self._sent.add(self._address.prefix + upload.key, head)
        return head is not None

    def sent(self, uploads: Sequence[Upload]) -> list[Head | None]:
        """Return the heads of the objects that were sent by these uploads; see Sender."""
        prefix = self._address.prefix
        heads = self._sent.take([prefix + upload.key for upload in uploads])
        return [
            head if head and is_from_upload(head, upload.id) else None
            for upload, head in zip(uploads, heads, strict=True)
        ]

    def parts(self, upload: Upload) -> list[Part]:
        """See Store; the SHA-256 is empty if the bucket does not list it."""
        if is_small(upload.size):
            head = self._find(upload)
            whole = parse_checksum(head.checksum)[0] if head else b""
            return [Part(1, upload.size, whole)] if head else []
        return [
            Part(part["PartNumber"], part["Size"], parse_checksum(part.get("ChecksumSHA256"))[0])
            for part in self._list_parts(upload)
        ]

    def _upload_parameters(self, upload: Upload) -> dict[str, Any]:
        """Return the parameters of botocore that name a multipart upload."""
        return {**self._address.place(upload.key), "UploadId": upload.store_id}

    def _list_parts(self, upload: Upload) -> list[Any]:
        """Return the parts of a multipart upload; raises UploadUnknown."""
        if not upload.store_id:
            raise _upload_unknown()
        pages = self._client.get_paginator("list_parts").paginate(**self._upload_parameters(upload))
        with _translated():
            parts = [part for page in pages for part in page.get("Parts", ())]
        # SeaweedFS lists every attempt to send a part; the last one counts.
        parts.sort(key=lambda part: part["LastModified"])
        last = {part["PartNumber"]: part for part in parts}
        if not last and self._find_own(upload):  # completed; its parts disappear first
            raise _upload_unknown()
        return [last[number] for number in sorted(last)]

    def complete(
        self, upload: Upload, digest: Digest, claimed: Sequence[bytes]
    ) -> Head | KeyTaken | Completing:
        """Create the object from the parts that were sent, and return its head."""
        if is_small(upload.size):
            return self._own_or_taken(upload)
        try:
            parts = self._list_parts(upload)
        except UploadUnknown:  # aborted, or completed before
            return self._own_or_taken(upload)
        sums = _checked_sums(upload, parts, digest, claimed)
        try:
            with self.lock(upload.key), refreshing():
                self._complete(upload, parts, sums)
        except ClientError as error:
            return self._recover(upload, error)
        except BotoCoreError:  # perhaps only the response was lost
            return self._find_own(upload) or Completing()
        return self._own_or_taken(upload)

    def _complete(self, upload: Upload, parts: Sequence[Any], sums: Sequence[bytes]) -> None:
        """Complete a multipart upload; the bucket compares the checksums with its own."""
        named: list[Any] = [
            {
                "PartNumber": part["PartNumber"],
                "ETag": part["ETag"],
                "ChecksumSHA256": b64encode(value).decode(),
            }
            for part, value in zip(parts, sums, strict=True)
        ]
        self._client.complete_multipart_upload(
            **self._upload_parameters(upload), MultipartUpload={"Parts": named}, IfNoneMatch="*"
        )

    def _recover(self, upload: Upload, error: ClientError) -> Head | KeyTaken:
        """Find out what an error response means; see the table above."""
        status, translated_error = status_of(error), failure(error)
        if status in (404, 412):
            try:
                return self._own_or_taken(upload)
            except UploadUnknown:
                if status == 412:  # nothing has the key any longer, but the bucket keeps the parts
                    self.abort(upload)
                raise
        if status == 400 and type(translated_error) is Failure:  # an expired token also answers 400
            raise WrongBytes(
                f"the bucket refused the parts ({code_of(error)}): begin the upload again"
            ) from error
        own = self._find_own(upload)
        if own is None:
            raise translated_error from error
        return own

    def _own_or_taken(self, upload: Upload) -> Head | KeyTaken:
        head = self._find(upload)
        if head is None:
            raise _upload_unknown()
        return head if is_from_upload(head, upload.id) else KeyTaken()

    def _find_own(self, upload: Upload) -> Head | None:
        head = self._find(upload)
        return head if head and is_from_upload(head, upload.id) else None

    def _find(self, upload: Upload) -> Head | None:
        """Return the head of the object at the upload's key, or None."""
        return self._heads.head(self._address.prefix + upload.key)

    def abort(self, upload: Upload) -> None:
        """Abort a multipart upload; an object is never touched.

        Parts that arrive during the request survive it, so it is repeated until none are left.
        """
        if is_small(upload.size) or not upload.store_id:
            return
        with suppress(UploadUnknown):
            for _ in range(_MAX_ABORTS):
                with _translated():
                    self._client.abort_multipart_upload(**self._upload_parameters(upload))
                if not self._list_parts(upload):
                    return
            raise Unavailable("parts of this upload are still arriving: abort it later")

    def unfinished(self, seconds: float) -> Iterator[Upload]:
        """Yield the multipart uploads below our prefix that began at least `seconds` ago."""
        latest = datetime.now(UTC) - timedelta(seconds=seconds)
        paginator = self._client.get_paginator("list_multipart_uploads")
        with translated():
            for page in paginator.paginate(**self._address.below()):
                for found in page.get("Uploads", ()):
                    if found["Initiated"] <= latest:
                        key = found["Key"].removeprefix(self._address.prefix)
                        yield Upload("", key, SMALLEST_PART, found["UploadId"])


def _checked_sums(
    upload: Upload, parts: Sequence[Any], digest: Digest, claimed: Sequence[bytes]
) -> Sequence[bytes]:
    """Return the SHA-256 of the parts; raises WrongBytes unless they make up `digest` (P2).

    If the bucket does not list them, the claimed ones are returned, for the bucket to compare.
    """
    check_parts(upload.size, [(part["PartNumber"], part["Size"]) for part in parts])
    listed: Sequence[bytes] = [parse_checksum(part.get("ChecksumSHA256"))[0] for part in parts]
    sums = listed if all(listed) else claimed
    check_digest(digest, upload.size, sums)
    return sums


def _parameters(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return headers as the parameters of botocore."""
    named = {_PARAMETERS[name]: value for name, value in headers.items() if name in _PARAMETERS}
    return {**named, "Metadata": metadata_of(headers)}


_PARAMETERS = {
    "content-type": "ContentType",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-storage-class": "StorageClass",
}


@contextmanager
def _translated() -> Iterator[None]:
    """Translate the errors of a request about an upload; 404 means that there is none."""
    with translated():
        try:
            yield
        except ClientError as error:
            if status_of(error) == 404:
                raise _upload_unknown() from error
            raise


def _upload_unknown() -> UploadUnknown:
    return UploadUnknown("the bucket does not have this upload: begin it again")
