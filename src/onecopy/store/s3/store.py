"""The store itself: what is asked of the bucket, and when."""

import io
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast
from urllib.parse import quote

import msgspec
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from onecopy.aws.client import code_of, status_of
from onecopy.content import Digests
from onecopy.digest import MD5, Digest, MiB, content_scheme, hash_stream
from onecopy.errors import (
    BadInput,
    Failure,
    FileChanged,
    Forbidden,
    InvalidKey,
    InvalidSettings,
    OnecopyError,
    Unavailable,
    WrongBytes,
)
from onecopy.httpclient import HttpClient
from onecopy.key import LONGEST_KEY, RESERVED, check_key
from onecopy.store.interface import (
    Absent,
    Body,
    Completing,
    Object,
    Part,
    Send,
    Taken,
    Unknown,
    Upload,
)
from onecopy.store.s3.address import Address
from onecopy.store.s3.capabilities import Capabilities, probe_bucket
from onecopy.store.s3.connection import AT_ONCE, Connection, failure, translated
from onecopy.store.s3.head_object import Head, Heads
from onecopy.store.s3.object_info import described, is_expiring, is_small, parts_in, stated_over
from onecopy.store.s3.put import put
from onecopy.store.s3.signing import Signer
from onecopy.store.s3.uploads import Sending

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MARKER = f"{RESERVED}/store.json"
_MARK = "onecopy-store"
"""User metadata of the marker: the store's id, so that a HeadObject tells it."""
_ABSENT = Absent()
_EXPIRING = Unknown("store-expiring")
_PAGE = 1000
_T = TypeVar("_T")
_U = TypeVar("_U")


class S3Store:
    """A bucket, or what lies below a prefix in it."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection = Connection(address, address.endpoint)
        public, signer = address.public_endpoint, Signer(self._connection)
        self._connections = HttpClient(AT_ONCE + 16)
        self._heads = Heads(signer, self._connections)
        self._signer = Signer(Connection(address, public)) if public else signer
        """Signs for the address by which clients reach the bucket."""
        self._sending = Sending(address, self._connection, self._signer, self._heads)
        self._pool = ThreadPoolExecutor(AT_ONCE, "onecopy-s3")
        self._id: str | None = None
        self._abilities: Capabilities | None = None

    @property
    def kind(self) -> str:
        return "s3"

    @property
    def url(self) -> str:
        return self._address.url

    @property
    def address(self) -> Address:
        """Where the bucket is."""
        return self._address

    @property
    def client(self) -> "S3Client":
        """The client by which it is asked, for `onecopy doctor`."""
        return self._connection.client

    @property
    def credentials(self) -> Credentials:
        """What our requests are signed with."""
        return self._connection.credentials

    @property
    def abilities(self) -> Capabilities:
        """What the bucket can be trusted with: tried when it is first asked for."""
        if self._abilities is None:
            store_id = self.identify(create=True)
            with translated():
                self._abilities = probe_bucket(
                    self.client, self._marker(store_id), _marker_body(store_id)
                )
        return self._abilities

    def believe(self, known: bytes | None) -> bytes | None:
        if known is not None:
            self._abilities = msgspec.json.decode(known, type=Capabilities)
            return known
        try:
            return msgspec.json.encode(self.abilities)
        except Forbidden:  # we may only read: then no SHA-256 that it states is believed
            return None

    # The marker

    def identify(self, *, create: bool) -> str:
        found = self._read_marker()
        if found is None and create and self._id is None:
            found = self._mark()
        return self._check_marker(found)

    def _marker(self, store_id: str) -> dict[str, Any]:
        return {
            "Bucket": self._address.bucket,
            "Key": self._address.prefix + _MARKER,
            "ContentType": "application/json",
            "Metadata": {_MARK: store_id},
        }

    def _mark(self) -> str | None:
        """Give the bucket an id; of several who do it at once, one wins."""
        store_id = secrets.token_hex(16)
        marker = self._marker(store_id)
        try:
            self.client.put_object(**marker, Body=_marker_body(store_id), IfNoneMatch="*")
        except (BotoCoreError, ClientError) as error:
            if not isinstance(error, ClientError) or status_of(error) not in (409, 412, 501):
                raise failure(error) from error
            if status_of(error) == 501:  # overwriting can't be refused; `abilities` will tell
                with translated():
                    self.client.put_object(**marker, Body=_marker_body(store_id))
        return self._read_marker()

    def _read_marker(self) -> str | None:
        """Return the id in the marker; None if there is no marker."""
        head = self._heads.at(self._address.prefix + _MARKER)
        if head is None:
            self._check_bucket()
            return None
        return head.metadata.get(_MARK)

    def _check_bucket(self) -> None:
        """Raise InvalidSettings if there is no such bucket: a HeadObject does not tell.

        A HeadBucket would, but not to those who may list our prefix only.
        """
        try:
            self.client.list_objects_v2(
                Bucket=self._address.bucket, Prefix=self._address.prefix, MaxKeys=1
            )
        except ClientError as error:
            if status_of(error) == 404:
                raise InvalidSettings(
                    f"there is no bucket {self._address.bucket}: make it, or give another store"
                ) from error
            raise failure(error) from error
        except BotoCoreError as error:
            raise failure(error) from error

    def _check_marker(self, found: str | None) -> str:
        if found is None:
            raise Unavailable(f"{self.url} has no {_MARKER}: is it the right bucket?")
        if self._id not in (None, found):
            raise Unavailable(f"another store lies in {self.url} now")
        self._id = found
        return found

    # Objects

    def look(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        return self._checked(self._each(self._look_at, keys))

    def describe(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        return self._checked(self._each(self._seen_whole, keys))

    def _checked(self, answers: list[Object | Absent | Unknown]) -> list[Object | Absent | Unknown]:
        """Take nothing for absent in a bucket that is not ours."""
        if _ABSENT in answers:
            # After the looking: what was absent was so in a bucket that is certainly ours.
            try:
                self._check_marker(self._read_marker())
            except OnecopyError as error:
                return [_unseen(error)] * len(answers)
        return answers

    def _look_at(self, key: str) -> Object | Absent | Unknown:
        if not _is_key(key):
            return _ABSENT
        try:
            head = self._heads.at(self._address.prefix + key)
        except OnecopyError as error:
            return _unseen(error)
        if head is None:
            return _ABSENT
        return _EXPIRING if is_expiring(head) else self._described(key, head)

    def _described(self, key: str, head: Head) -> Object:
        """Describe an object; a SHA-256 that nobody compared with the bytes is left out (P2)."""
        return described(key, head, compared=self._compares)

    @property
    def _compares(self) -> bool:
        """Whether the bucket is known to compare SHA-256 with the bytes; a look does not try it."""
        return self._abilities is not None and self._abilities.refuses_wrong_bytes

    def _place(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._address.bucket, "Key": self._address.prefix + key}

    def open(self, key: str) -> BinaryIO:
        if not _is_key(key):
            raise FileNotFoundError(key)
        try:
            answer = self.client.get_object(**self._place(key))
        except ClientError as error:
            if code_of(error) == "NoSuchKey":
                raise FileNotFoundError(key) from error
            raise failure(error) from error
        except BotoCoreError as error:
            raise failure(error) from error
        return cast(BinaryIO, io.BufferedReader(_Body(answer["Body"]), MiB))

    def objects(self, prefix: str = "") -> Iterator[Object]:
        """See Store. Each page of a list is looked at object by object, for a list tells little."""
        listed = self._list(prefix)
        while page := list(islice(listed, _PAGE)):
            for seen in self._each(self._seen_whole, page):
                if isinstance(seen, Object):
                    yield seen
                elif isinstance(seen, Unknown) and seen != _EXPIRING:
                    raise Unavailable("the bucket stopped answering", reason=seen.reason)
        self._check_marker(self._read_marker())

    def _list(self, prefix: str) -> Iterator[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self._address.bucket, Prefix=self._address.prefix + prefix
        )
        with translated():
            for page in pages:
                for listed in page.get("Contents", ()):
                    key = listed["Key"].removeprefix(self._address.prefix)
                    # What is no key can't be spoken of anywhere; and some take a//b for a/b.
                    if key.startswith(prefix) and _is_key(key):
                        yield key

    def _seen_whole(self, key: str) -> Object | Absent | Unknown:
        """Look at an object, and at the sizes of its parts where that says what its digests are."""
        seen = self._look_at(key)
        if not isinstance(seen, Object) or seen.digests:
            return seen
        head = self._heads.at(self._address.prefix + key)
        if head is None or not (count := parts_in(head)):
            return seen
        try:
            lengths = self._part_sizes(key, head.size, count)
        except (BotoCoreError, ClientError):
            return seen  # it can be read
        digests = stated_over(head, lengths, compared=self._compares)
        return self._described(key, head)._replace(digests=digests)

    def _part_sizes(self, key: str, size: int, count: int) -> list[int]:
        """Return the sizes of the parts of which an object was made, as far as the bucket tells."""
        attributes = self.client.get_object_attributes(
            **self._place(key), ObjectAttributes=["ObjectParts"]
        )
        parts = attributes.get("ObjectParts", {}).get("Parts", [])
        if len(parts) == count:
            return [part["Size"] for part in parts]
        first = self.client.head_object(**self._place(key), PartNumber=1)["ContentLength"]
        rest = size - first * (count - 1)
        return [first] * (count - 1) + [rest] if 0 < rest <= first else [0]

    # Uploads

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        for upload in uploads:
            self._check_key(upload.key)
        if uploads and not self.abilities.refuses_overwriting:
            raise BadInput(
                "this bucket does not refuse to overwrite objects (If-None-Match), so that nothing "
                "can be uploaded into it safely; `onecopy doctor` says more",
                reason="store-overwrites",
            )
        large = iter(self._each(self._sending.begin, [u for u in uploads if not is_small(u.size)]))
        return [upload if is_small(upload.size) else next(large) for upload in uploads]

    def _check_key(self, key: str) -> None:
        check_key(key)
        check_key(self._address.prefix + key, LONGEST_KEY)

    @property
    def origin(self) -> str:
        return self._signer.origin

    def sign(self, upload: Upload, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        return self._sending.sign(upload, parts)

    def send(self, send: Send, body: Body, length: int) -> None:
        put(self._connections, send, body, length)

    def link(self, key: str, seconds: int) -> str:
        name = key.rpartition("/")[2]
        query = {
            "response-content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "response-cache-control": "private, no-store",
        }
        return self._signer.sign("GET", self._address.prefix + key, {}, query, seconds)

    def parts(self, upload: Upload) -> list[Part]:
        return self._sending.parts(upload)

    def complete(
        self, upload: Upload, digest: Digest, sums: Sequence[bytes] = ()
    ) -> Object | Taken | Completing:
        head = self._sending.complete(upload, digest, sums)
        if isinstance(head, Taken | Completing):
            return head
        seen = self._described(upload.key, head)
        if seen.size != upload.size:
            raise _other_bytes(upload)
        if seen.digests.content_digest(seen.size) == digest:
            return seen
        return seen._replace(digests=self._read_back(upload, digest))

    def _read_back(self, upload: Upload, digest: Digest) -> Digests:
        """Prove what a bucket can't prove: the bytes are read."""
        schemes = [content_scheme(upload.size), *([MD5] if is_small(upload.size) else [])]
        try:
            with self.open(upload.key) as stream:
                chunks = iter(lambda: stream.read(MiB), b"")
                hashed = hash_stream(chunks, upload.size, schemes)
        except (FileChanged, FileNotFoundError) as error:
            raise Unavailable("the object changed while it was read back") from error
        if hashed.digests[0] != digest:
            raise _other_bytes(upload)
        return Digests.proved(*hashed.digests)

    def abort(self, upload: Upload) -> None:
        self._sending.abort(upload)

    def unfinished(self, seconds: float) -> Iterator[Upload]:
        """Yield the uploads that were begun so many seconds ago, ours and others'."""
        return self._sending.unfinished(seconds)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._connection.close()
        self._connections.close()

    def _each(self, call: Callable[[_T], _U], items: Sequence[_T]) -> list[_U]:
        """Return what a call answers to each item, many at a time."""
        if len(items) == 1:  # no other thread is worth it
            return [call(items[0])]
        return list(self._pool.map(call, items))


class _Body(io.RawIOBase):
    """The body of an answer as a stream of Python."""

    def __init__(self, body: Any) -> None:  # noqa: ANN401 - botocore has no name for it
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - as its base says it
        with translated():
            chunk: bytes = self._body.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._body.close()
        super().close()


def _is_key(key: str) -> bool:
    try:
        check_key(key)
    except InvalidKey:
        return False
    return True


def _unseen(error: OnecopyError) -> Unknown:
    """Return what is known of an object that can't be looked at, or of a bucket that is no more."""
    return Unknown(f"store-{error.reason if isinstance(error, Failure) else Unavailable.reason}")


def _other_bytes(upload: Upload) -> WrongBytes:
    return WrongBytes(f"what lies at {upload.key!r} now is not what was announced: others' bytes")


def _marker_body(store_id: str) -> bytes:
    return msgspec.json.encode({"id": store_id, "version": 1}) + b"\n"
