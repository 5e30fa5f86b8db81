"""The bucket store: its marker, its objects, and uploads into it."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast
from urllib.parse import quote

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from onecopy.aws.client import code_of, refreshing
from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import Algorithm, Digest, MiB
from onecopy.errors import (
    BadInput,
    Failure,
    FileChanged,
    Forbidden,
    InvalidKey,
    OnecopyError,
    Unavailable,
    WrongBytes,
)
from onecopy.httpclient import HttpClient
from onecopy.key import (
    LONGEST_KEY,
    check_key,
    download_name,
    download_type,
    is_recordable,
    resolves_dots,
)
from onecopy.listing import ListedCopy, Span
from onecopy.own_files import OwnFiles
from onecopy.store.interface import (
    Absent,
    Body,
    Completing,
    KeyTaken,
    LeftOut,
    Object,
    Part,
    Seen,
    Send,
    Unknown,
    Upload,
)
from onecopy.store.listings import Page, Versions
from onecopy.store.objects import hash_object, objects_in, store_reason
from onecopy.store.s3.address import Address, is_amazons
from onecopy.store.s3.capabilities import Capabilities, probe_bucket
from onecopy.store.s3.connection import MAX_REQUESTS, Connection, translated
from onecopy.store.s3.copying import Copying
from onecopy.store.s3.head_object import Head, HeadClient
from onecopy.store.s3.key_order import Order
from onecopy.store.s3.list_entries import is_as_listed
from onecopy.store.s3.list_objects import ListClient
from onecopy.store.s3.listed_times import ListedTimes
from onecopy.store.s3.listing import is_listed, listed
from onecopy.store.s3.marker import Marker, marker_body
from onecopy.store.s3.object_info import (
    digests_over_parts,
    etag_and_version,
    is_expiring,
    is_kept,
    is_listed_so,
    is_small,
    object_of,
    part_count,
)
from onecopy.store.s3.part_sizes import PartSizes
from onecopy.store.s3.put import put
from onecopy.store.s3.ranges import RangeClient
from onecopy.store.s3.sent import SentObjects
from onecopy.store.s3.setup_requests import SetupClient
from onecopy.store.s3.signing import Signer
from onecopy.store.s3.span_listing import SpanLister
from onecopy.store.s3.splitting import Splitter
from onecopy.store.s3.uploads import Uploads
from onecopy.store.s3.versions import count_versions, keeps_versions
from onecopy.workers import spread

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT = Absent()
_EXPIRING = Unknown("store-expiring")
_BATCH = 1000
"""Objects of a listing that are looked at in one batch."""
_T = TypeVar("_T")
_U = TypeVar("_U")


class S3Store:
    """A bucket, or the part of it below a prefix."""

    kind = "s3"

    def __init__(self, address: Address) -> None:
        self.address = address
        """The address of the bucket, and its options."""
        self.url = address.url
        self.storage_class = address.storage_class or "STANDARD"
        self._connection = Connection(address, address.endpoint)
        public, signer = address.public_endpoint, Signer(self._connection)
        self._http = HttpClient(MAX_REQUESTS + 16, network=self._connection.network)
        self._heads = HeadClient(signer, self._http)
        self._ranges = RangeClient(signer, self._http)
        self._signer = Signer(Connection(address, public)) if public else signer
        """Signs requests for the address at which clients reach the bucket."""
        self.origin = self._signer.origin
        self.credentials = self._connection.credentials
        """The credentials that our requests are signed with."""
        self.network = self._connection.network
        """The proxies and CA certificates with which we reach the bucket."""
        self._lists = ListClient(signer, self._http)
        order = Order.BYTES if is_amazons(signer.origin) else Order.EITHER
        self._spans = SpanLister(self._lists, address.prefix, order)
        self._splitter = Splitter(self._lists, address.prefix)
        is_other = address.endpoint is not None and not is_amazons(address.endpoint)
        self.region = None if is_other else self._connection.region
        """See Remote."""
        self._times = ListedTimes(self._lists)
        sent = SentObjects(self._times)
        self._uploads = Uploads(address, self._connection, self._signer, self._heads, sent)
        self._copying = Copying(address, signer, self._http, self._heads, self._uploads)
        self._part_sizes = PartSizes(address, self._connection)
        self._pool = ThreadPoolExecutor(MAX_REQUESTS, "onecopy-s3")
        self._setup = SetupClient(signer, self._http)
        self._marker = Marker(address, self._setup, self._heads)
        self._capabilities: Capabilities | None = None

    @property
    def client(self) -> "S3Client":
        """The botocore client."""
        return self._connection.client

    @property
    def capabilities(self) -> Capabilities:
        """The features of the bucket; probed on first use unless they were cached."""
        if self._capabilities is None:
            store_id = self.identify(create=True)
            marker = self._marker.request(store_id)
            with translated():
                found = probe_bucket(self._setup, marker, marker_body(store_id))
                self._capabilities = replace(found, copies=self._copying.probe(self._setup, marker))
        return self._capabilities

    def probe(self, cached: bytes | None) -> bytes | None:
        if cached is not None:
            self._capabilities = msgspec.json.decode(cached, type=Capabilities)
            return cached
        try:
            return msgspec.json.encode(self.capabilities)
        except Forbidden:  # read-only access: then a SHA-256 that the bucket states is not trusted
            return None

    # The marker

    def identify(self, *, create: bool) -> str:
        return self._marker.identify(create=create)

    def mark(self, name: str) -> None:
        """See Markable."""
        self._marker.mark(name)

    def is_marked(self, name: str) -> bool:
        """See Markable."""
        return self._marker.is_marked(name)

    def is_vacant(self) -> bool:
        return self._marker.is_vacant()

    # Objects

    def look(self, keys: Sequence[str]) -> list[Seen]:
        return self._check_absent(self._map(self._look_at, keys))

    def describe(self, keys: Sequence[str]) -> list[Seen]:
        return self._check_absent(self._map(self._describe, keys))

    def _check_absent(self, answers: list[Seen]) -> list[Seen]:
        """Return the answers, with Absent only if the bucket is certainly this store."""
        if _ABSENT in answers:
            # Checked afterwards: only then was an absent object absent from our bucket.
            try:
                self._marker.check()
            except OnecopyError as error:
                return [Unknown(store_reason(error))] * len(answers)
        return answers

    def _look_at(self, key: str) -> Seen:
        head = self._head(key)
        return self._object(key, head) if isinstance(head, Head) else head

    def _head(self, key: str) -> Head | Absent | Unknown:
        if not is_recordable(key):
            return _ABSENT
        try:
            head = self._heads.head(self.address.prefix + key)
        except OnecopyError as error:
            return Unknown(store_reason(error))
        if head is None:
            return _ABSENT
        return _EXPIRING if is_expiring(head) else head

    def _object(self, key: str, head: Head) -> Object:
        """Return an object without any SHA-256 that was not compared with the bytes (P2)."""
        return object_of(key, head, compared=self._compared)

    @property
    def _compared(self) -> frozenset[Algorithm]:
        """The checksums that the bucket is known to compare; looking does not probe."""
        return self._capabilities.compared if self._capabilities else frozenset()

    def open(self, key: str) -> BinaryIO:
        if not is_recordable(key):
            raise FileNotFoundError(key)
        with translated():
            try:
                answer = self.client.get_object(**self.address.place(key))
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    raise FileNotFoundError(key) from error
                raise
        return cast(BinaryIO, io.BufferedReader(_Body(answer["Body"]), MiB))

    def read_range(self, seen: Object, offset: int, length: int) -> bytes | bytearray:
        """See Ranged."""
        return self._ranges.read(self.address.prefix + seen.key, seen, offset, length)

    def read_whole(self, key: str, limit: int) -> tuple[Object, bytes | bytearray]:
        """See Whole."""
        if not is_recordable(key):
            raise FileNotFoundError(key)
        head, data = self._ranges.read_whole(self.address.prefix + key, limit)
        if is_expiring(head):
            raise Failure(f"the bucket will delete {key!r} soon", reason=_EXPIRING.reason)
        return self._object(key, head), data

    def objects(self, prefix: str = "") -> Iterator[Object]:
        return objects_in(self._survey(prefix))

    def survey(self, own: OwnFiles) -> Iterator[Object | LeftOut]:  # noqa: ARG002 - none is here
        """See Surveyor."""
        return self._survey("")

    def _survey(self, prefix: str) -> Iterator[Object | LeftOut]:
        """Look at every listed object, because a listing has no checksums."""
        found = listed(self.client, self.address, prefix)
        while page := list(islice(found, _BATCH)):
            yield from (each for each in page if isinstance(each, LeftOut))
            keys = [each for each in page if isinstance(each, str)]
            for key, seen in zip(keys, self._map(self._describe, keys), strict=True):
                if isinstance(seen, Object):
                    yield seen
                elif isinstance(seen, Unknown):
                    yield self._unknown(key, seen)
                elif is_listed(self.client, self.address, key):
                    yield LeftOut(key, "key-changed")
        self._marker.check()

    def _unknown(self, key: str, seen: Unknown) -> LeftOut:
        """Return an object that cannot be looked at; raises Unavailable if no other can either."""
        if seen != _EXPIRING:
            self._marker.check()
        return LeftOut(key, seen.reason)

    def _describe(self, key: str) -> Seen:
        """Look at an object, and at the sizes of its parts if its digests depend on them."""
        head = self._head(key)
        if not isinstance(head, Head):
            return head
        seen = self._object(key, head)
        if Evidence.PROVED in seen.digests.values() or not (count := part_count(head)):
            return seen
        try:
            with refreshing():
                lengths = self._part_sizes.of(key, head.size, count)
        except (BotoCoreError, ClientError):
            return seen  # without digests: it can still be read
        digests = digests_over_parts(head, lengths, compared=self._compared)
        return seen._replace(digests=seen.digests.merged(digests))

    # Listings

    @property
    def list_requests(self) -> int:
        """See Listable."""
        return self._lists.requests

    def list_pages(self, span: Span, own: OwnFiles) -> Iterator[Page]:  # noqa: ARG002 - none is here
        """See Listable."""
        return self._spans.pages(span)

    def split(self, span: Span) -> str | None:
        """See Listable."""
        return self._splitter.split(span)

    def etag_and_version(self, seen: Object) -> tuple[str, str] | None:
        """See Tagged."""
        return etag_and_version(seen.identity)

    def is_as_listed(self, copy: Copy, listed: ListedCopy) -> bool:
        """See Listable."""
        return is_as_listed(copy, listed)

    def count_versions(self) -> Versions | None:
        """See Versioned."""
        if not keeps_versions(self.client, self.address.bucket):
            return None
        return count_versions(self._lists, self.address.prefix)

    # Uploads

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        for upload in uploads:
            self._check_key(upload.key)
        if uploads and not self.capabilities.refuses_overwriting:
            raise BadInput(
                "this bucket ignores If-None-Match, so an upload could overwrite an object: use "
                "another S3 service; run `onecopy doctor` for details",
                reason="store-overwrites",
            )
        large = iter(self._map(self._uploads.begin, [u for u in uploads if not is_small(u.size)]))
        return [upload if is_small(upload.size) else next(large) for upload in uploads]

    def _check_key(self, key: str) -> None:
        check_key(key)
        check_key(self.address.prefix + key, LONGEST_KEY)

    def sign(self, upload: Upload, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        return self._uploads.sign(upload, parts)

    def send(self, send: Send, body: Body, length: int) -> None:
        self._uploads.note(send, put(self._http, send, body, length), length)

    def sent(self, uploads: Sequence[Upload]) -> list[Object | None]:
        """See Sender."""
        heads = self._uploads.sent(uploads)
        return [
            self._object(upload.key, head) if head and head.size == upload.size else None
            for upload, head in zip(uploads, heads, strict=True)
        ]

    def link(self, key: str, seconds: int) -> str:
        return self._link(key, seconds, {})

    def pinned_link(self, key: str, seconds: int, identity: str) -> str | None:
        """See Presigner."""
        _, version = etag_and_version(identity) or ("", "")
        url = self._link(key, seconds, {"versionId": version} if is_kept(version) else {})
        return url if is_kept(version) else None

    def _link(self, key: str, seconds: int, version: Mapping[str, str]) -> str:
        if resolves_dots(key):
            raise InvalidKey(
                f"no link can lead to {key!r}: browsers resolve . and .. in its address; copy the "
                "object to another name"
            )
        name = quote(download_name(key), safe="")
        query = {
            "response-content-disposition": f"attachment; filename*=UTF-8''{name}",
            "response-content-type": download_type(key),
            "response-cache-control": "private, no-store",
            **version,
        }
        return self._signer.sign("GET", self.address.prefix + key, {}, query, seconds)

    def parts(self, upload: Upload) -> list[Part]:
        return self._uploads.parts(upload)

    def complete(
        self, upload: Upload, digest: Digest, sums: Sequence[bytes] = ()
    ) -> Object | KeyTaken | Completing:
        head = self._uploads.complete(upload, digest, sums)
        if isinstance(head, KeyTaken | Completing):
            return head
        seen = self._object(upload.key, head)
        if seen.size != upload.size:
            raise _other_bytes(upload)
        if seen.digests.content_digest(seen.size) == digest:
            return seen
        return seen._replace(digests=self._read_back(upload, digest))

    def _read_back(self, upload: Upload, digest: Digest) -> Digests:
        """Return digests proved by reading the object, for a bucket that cannot prove them."""
        try:
            hashed = hash_object(self, upload.key, upload.size)
        except (FileChanged, FileNotFoundError) as error:
            raise Unavailable(
                "the object changed while it was read back: complete the upload again"
            ) from error
        if hashed.digests[0] != digest:
            raise _other_bytes(upload)
        return Digests.proved(*hashed.digests)

    @property
    def copies(self) -> bool | None:
        """See Copier."""
        return self._capabilities.copies if self._capabilities else None

    def try_copying(self) -> bool:
        """See Copier."""
        if self.capabilities.copies is None:
            marker = self._marker.request(self.identify(create=False))
            with translated():
                copies = self._copying.probe(self._setup, marker)
            self._capabilities = replace(self.capabilities, copies=copies)
        return bool(self.copies)

    def recognize(self, seen: Sequence[Object]) -> list[bool]:
        """See Recognizer."""
        prefix = self.address.prefix
        times = self._times.find(prefix + each.key for each in seen)
        return [is_listed_so(prefix + each.key, each.identity, times) for each in seen]

    def copy(
        self, source: Object, upload: Upload, report: Callable[[int], object]
    ) -> Sequence[bytes]:
        """See Copier."""
        return self._copying.copy(source, upload, report)

    def abort(self, upload: Upload) -> None:
        self._uploads.abort(upload)

    def unfinished(self, seconds: float) -> Iterator[Upload]:
        """See Lister; yields our uploads and those of others."""
        return self._uploads.unfinished(seconds)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._copying.close()
        self._connection.close()
        self._http.close()

    def _map(self, call: Callable[[_T], _U], items: Sequence[_T]) -> list[_U]:
        """Return the results of a call for each item, in order; calls run in parallel."""
        if len(items) == 1:  # not worth another thread
            return [call(items[0])]
        return spread(self._pool, MAX_REQUESTS, call, items)


class _Body(io.RawIOBase):
    """The body of a response as a Python stream."""

    def __init__(self, body: Any) -> None:  # noqa: ANN401 - botocore has no type for it
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - as in its base class
        with translated():
            chunk: bytes = self._body.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._body.close()
        super().close()


def _other_bytes(upload: Upload) -> WrongBytes:
    return WrongBytes(
        f"the object at {upload.key!r} does not have the announced digest: upload it again"
    )
