"""A bucket in memory, to which clients send bytes directly: quicker than any server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from onecopy.digest import SMALLEST_PART, Digest
from onecopy.errors import WrongBytes
from onecopy.store.interface import (
    Absent,
    Body,
    Completing,
    KeyTaken,
    Object,
    Part,
    Send,
    Unknown,
    Upload,
)
from onecopy.store.parts import digest_of_parts
from tests.gate.memory import MemoryFolder, MemoryWorld


class MemoryBucket(MemoryFolder):
    """A store that signs requests, and publishes what is sent in one piece; see Presigner."""

    kind = "s3"
    url = "s3://bucket"
    origin = "https://bucket"

    def __init__(self) -> None:
        super().__init__()
        self.lists_sums = True
        self.completing = set[str]()
        """Keys of uploads that take long to complete."""
        self.looked: list[str] = []
        self._signed: dict[str, tuple[Upload, int, bytes]] = {}

    def look(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        self.looked += keys
        return super().look(keys)

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        return [_named(upload) for upload in super().begin(uploads)]

    def sign(self, upload: Upload, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        urls = [f"{self.origin}/{upload.key}?partNumber={number}" for number, _ in parts]
        self._signed.update(
            (url, (upload, number, sha256))
            for url, (number, sha256) in zip(urls, parts, strict=True)
        )
        return [
            Send(number, "PUT", url, {"x-amz-checksum-sha256": sha256.hex()})
            for url, (number, sha256) in zip(urls, parts, strict=True)
        ]

    def send(self, send: Send, body: Body, length: int) -> None:
        upload, number, sha256 = self._signed[send.url]
        part = self.write(upload, number, body(), sha256)
        assert part.size == length
        if upload.size < SMALLEST_PART:
            super().complete(upload, digest_of_parts(upload.size, [sha256]))

    def copy(
        self, source: Object, upload: Upload, report: Callable[[int], object]
    ) -> Sequence[bytes]:
        sums = super().copy(source, upload, report)
        if upload.size >= SMALLEST_PART:
            return sums
        super().complete(upload, digest_of_parts(upload.size, sums))
        return ()

    def link(self, key: str, seconds: int) -> str:
        return f"{self.origin}/{key}?expires={seconds}"

    def pinned_link(self, key: str, seconds: int, identity: str) -> str | None:
        return None

    def parts(self, upload: Upload) -> list[Part]:
        found = super().parts(upload)
        return found if self.lists_sums else [part._replace(sha256=b"") for part in found]

    def complete(
        self, upload: Upload, digest: Digest, sums: Sequence[bytes] = ()
    ) -> Object | KeyTaken | Completing:
        if upload.key in self.completing:
            return Completing()
        if not self.lists_sums and digest_of_parts(upload.size, sums) != digest:
            raise WrongBytes("the parts do not make up the digest")
        return super().complete(upload, digest, sums)


def _named(upload: Upload) -> Upload:
    """Return an upload as S3 names it: only one in parts has a name."""
    return upload._replace(store_id=f"id-{upload.id}") if upload.size >= SMALLEST_PART else upload


@dataclass
class DirectWorld(MemoryWorld):
    """An index and a bucket, both in memory."""

    memory: MemoryBucket

    @classmethod
    def new(cls, memory: MemoryFolder | None = None) -> Self:
        return super().new(memory or MemoryBucket())

    @property
    def bucket(self) -> MemoryBucket:
        """The store, with what tests set."""
        return self.memory
