"""Copies within the bucket, into uploads that are then completed as any other.

Below 8 MiB one request creates the object; from there on, each part of the content digest is copied
into a multipart upload. So the bucket states the content digest of the new object. Storage class,
encryption and metadata are those of an upload, whatever the source has.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import accumulate, count
from typing import Any

from onecopy.digest import part_lengths
from onecopy.errors import Failure, FileChanged, Unavailable
from onecopy.httpclient import HttpClient
from onecopy.store.interface import Object, Upload
from onecopy.store.s3.address import Address
from onecopy.store.s3.connection import MAX_REQUESTS
from onecopy.store.s3.copy_requests import CopyClient, Source
from onecopy.store.s3.head_object import HeadClient, metadata_headers
from onecopy.store.s3.object_info import etag_and_version, identity, is_small
from onecopy.store.s3.setup_requests import SetupClient
from onecopy.store.s3.signing import Signer
from onecopy.store.s3.uploads import Uploads


class Copying:
    """Copies objects of one bucket."""

    def __init__(
        self,
        address: Address,
        signer: Signer,
        http: HttpClient,
        heads: HeadClient,
        uploads: Uploads,
    ) -> None:
        self._address = address
        self._client = CopyClient(address.bucket, signer, http)
        self._heads = heads
        self._uploads = uploads

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        """Threads of their own, so that looks do not wait for the parts of a large copy."""
        return ThreadPoolExecutor(MAX_REQUESTS, "onecopy-s3-copy")

    def probe(self, client: SetupClient, marker: dict[str, Any]) -> bool | None:
        """Find out by copying the marker onto itself whether the bucket copies safely; see Copier.

        `marker` are the parameters of the request that writes it. None if the bucket cannot answer
        now. May raise ClientError.
        """
        head = self._heads.head(marker["Key"])
        if head is None:
            return None
        named = metadata_headers(marker["Metadata"].items())
        headers = {"content-type": marker["ContentType"], **named}
        begun: Any = client.create_multipart_upload(**marker, ChecksumAlgorithm="SHA256")
        upload_id = begun["UploadId"]
        try:
            return self._client.refuses(marker["Key"], headers, upload_id, head.etag)
        except Unavailable:
            return None
        finally:
            place = {"Bucket": marker["Bucket"], "Key": marker["Key"]}
            client.abort_multipart_upload(**place, UploadId=upload_id)

    def copy(
        self, source: Object, upload: Upload, report: Callable[[int], object]
    ) -> Sequence[bytes]:
        """See Copier."""
        named = self._source(source)
        if not is_small(upload.size):
            return self._copy_parts(named, upload, report)
        self._copy_whole(named, upload)
        report(upload.size)
        return ()

    def _source(self, seen: Object) -> Source:
        key = self._address.prefix + seen.key
        if found := etag_and_version(seen.identity):
            return Source(key, *found)
        head = self._heads.head(key)  # the identity is a hash, as it would be too long
        if head is None:
            raise FileNotFoundError(key)
        if identity(head) != seen.identity:
            raise FileChanged(f"{key!r} changed before it was copied")
        return Source(key, head.etag, head.version)

    def _copy_whole(self, source: Source, upload: Upload) -> None:
        key, headers = self._address.prefix + upload.key, self._uploads.object_headers(upload)
        with self._uploads.lock(upload.key):
            stated = self._client.copy_object(source, key, headers)
        if not self._uploads.note_copy(upload, stated) and stated is None:
            raise FileChanged(f"{source.key!r} changed before it was copied")

    def _copy_parts(
        self, source: Source, upload: Upload, report: Callable[[int], object]
    ) -> Sequence[bytes]:
        key, lengths = self._address.prefix + upload.key, part_lengths(upload.size)

        def copy(number: int, offset: int, length: int) -> bytes:
            span = offset, length
            found = self._client.copy_part(source, key, upload.store_id, number, span)
            report(length)
            return found

        offsets = accumulate(lengths[:-1], initial=0)
        sums = list(self._pool.map(copy, count(1), offsets, lengths))
        if not all(sums):
            raise Failure("the bucket states no SHA-256 of parts that it copied")
        return sums

    def close(self) -> None:
        """Release the threads."""
        if "_pool" in self.__dict__:
            self._pool.shutdown(cancel_futures=True)
