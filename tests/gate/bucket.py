"""A world with a bucket, which others change with a client of their own."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest

from onecopy.digest import SMALLEST_PART
from onecopy.gate import bind
from onecopy.key import RESERVED
from onecopy.store import Store, open_store
from onecopy.store.s3 import connection
from onecopy.store.s3.store import S3Store
from onecopy.testing.index.complete import open_complete
from tests.gate.world import World
from tests.standins import Standin

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CLIENTS: dict[str, "S3Client"] = {}
"""One for each server, since making one takes a tenth of a second."""
_OPENED: dict[tuple[str, str, int], "S3Client"] = {}
"""Those that stores have made, by endpoint, secret and time-out, for the same reason."""
_BUCKETS: dict[str, str] = {}
"""One for each server, since the first object in a bucket takes its time."""


@dataclass
class BucketWorld(World):
    """An index below `root` and a store below a prefix of a bucket."""

    store: S3Store
    standin: Standin
    bucket: str
    prefix: str
    away: list[dict[str, Any]] = field(default_factory=list)
    """What lay there when it was unmounted."""

    @staticmethod
    def new(
        root: Path, standin: Standin, bucket: str = "", prefix: str = "", *, endpoint: str = ""
    ) -> "BucketWorld":
        """Open an index and a place in a bucket, by default a new one, bound to each other.

        `endpoint` is for the store alone, where somebody stands in between.
        """
        if not bucket:
            bucket = _BUCKETS.get(standin.endpoint, "")
            if bucket not in standin.buckets:
                bucket = _BUCKETS[standin.endpoint] = standin.bucket()
        prefix = prefix or f"some/{uuid4().hex}"
        root.mkdir(parents=True, exist_ok=True)
        index = open_complete(f"sqlite:{root}/index.sqlite")
        store = open_bucket(standin, bucket, prefix, endpoint=endpoint)
        bind(index, store)
        return BucketWorld(root, index, store, standin, bucket, prefix)

    def by(self, endpoint: str) -> "BucketWorld":
        """Return the same world as a process sees it that reaches the bucket in another way."""
        store = open_bucket(self.standin, self.bucket, self.prefix, endpoint=endpoint)
        return replace(self, store=store)

    @property
    def client(self) -> "S3Client":
        """The client of somebody else."""
        if self.standin.endpoint not in _CLIENTS:
            _CLIENTS[self.standin.endpoint] = self.standin.client()
        return _CLIENTS[self.standin.endpoint]

    def full(self, key: str) -> dict[str, Any]:
        """Name an object as requests do."""
        return {"Bucket": self.bucket, "Key": f"{self.prefix}/{key}"}

    def everything(self) -> dict[str, Any]:
        """Return the keys of everything in the store, as requests name them."""
        return {"Bucket": self.bucket, "Prefix": f"{self.prefix}/"}

    def place(self, key: str, data: bytes) -> None:
        """Put an object into the bucket behind our back, without a checksum."""
        self.client.put_object(**self.full(key), Body=data)

    def remove(self, key: str) -> None:
        """Delete an object behind our back."""
        self.client.delete_object(**self.full(key))

    def touch(self, key: str) -> int:
        """Put the same bytes there again; return the object's time in ms since 1970."""
        self.place(key, self.read(key))
        modified = self.client.head_object(**self.full(key))["LastModified"]
        return int(modified.timestamp() * 1000)

    def read(self, key: str) -> bytes:
        return self.client.get_object(**self.full(key))["Body"].read()

    def lying(self) -> list[str]:
        """Return the actual contents of the store, its marker included."""
        pages = self.client.get_paginator("list_objects_v2").paginate(**self.everything())
        found = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return [key.removeprefix(f"{self.prefix}/") for key in found]

    def objects(self) -> dict[str, bytes]:
        """Return the actual contents of the bucket, read with none of our code."""
        return {key: self.read(key) for key in self.lying() if not key.startswith(RESERVED)}

    def staged(self) -> list[str]:
        """Return the ids of the multipart uploads that are under way."""
        listed = self.client.list_multipart_uploads(**self.everything())
        return sorted(upload["UploadId"] for upload in listed.get("Uploads", ()))

    def unmount(self) -> None:
        """Make the bucket look as one of its name does that somebody else has made."""
        for key in self.lying():
            found = self.client.get_object(**self.full(key))
            kept = {"Body": found["Body"].read(), "Metadata": found["Metadata"]}
            self.away.append({**self.full(key), **kept})
            self.remove(key)

    def mount(self) -> None:
        """Bring it back."""
        while self.away:
            self.client.put_object(**self.away.pop())

    def published_by_sending(self, data: bytes) -> bool:
        return len(data) < SMALLEST_PART

    def states_parts(self) -> bool:
        return self.standin.name != "seaweedfs"  # it compares them, and keeps them to itself

    @property
    def takes_both(self) -> bool:
        """Whether two requests that create an object at one key in one moment may both succeed.

        S3 refuses one of them. SeaweedFS looks first and writes then, so that the last one stays:
        of two multipart uploads that are completed, and of a copy and a PUT, but not of two PUTs.
        """
        return self.standin.name == "seaweedfs"

    def another_store(self) -> Store:
        return open_bucket(self.standin, self.bucket, f"{self.prefix}/another")

    def reopened(self) -> "BucketWorld":
        self.close()
        return BucketWorld.new(self.root, self.standin, self.bucket, self.prefix)


def open_bucket(
    standin: Standin, bucket: str, prefix: str, *, endpoint: str = "", secret_key: str = ""
) -> S3Store:
    """Open a store in a bucket, by default with the server's own address and credentials."""
    reached = replace(
        standin,
        endpoint=endpoint or standin.endpoint,
        secret_key=secret_key or standin.secret_key,
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in reached.environment().items():
            patch.setenv(name, value)
        store = cast(S3Store, open_store(reached.store_url(bucket, prefix)))
        alike = (reached.endpoint, reached.secret_key, connection._READ_SECONDS)
        if alike not in _OPENED:
            _OPENED[alike] = store.client
        vars(store._connection)["client"] = _OPENED[alike]
    return store
