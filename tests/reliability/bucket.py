"""A bucket in memory whose listing states as much, or as little, as that of S3 may."""

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256

from onecopy.content import Digests
from onecopy.digest import (
    CRC64NVME,
    MD5,
    SMALLEST_PART,
    Digest,
    Scheme,
    content_scheme,
    hash_stream,
)
from onecopy.listing import ListedCopy, Span
from onecopy.own_files import OwnFiles
from onecopy.store.interface import Absent, Object, Unknown
from onecopy.store.listings import Page
from onecopy.store.memory import MemoryStore

STYLES = ("plain", "parts", "encrypted", "crc", "stated")
"""plain: an MD5. parts: an ETag over parts of 8 MiB. encrypted: a tag that says nothing. crc: a tag
that says nothing, and a look states the CRC. stated: a look states the content digest."""
_PARTS = Scheme("md5", SMALLEST_PART)


@cache
def digest_of(data: bytes, scheme: Scheme) -> Digest:
    """Return the true digest of a content under a scheme."""
    return hash_stream([data], len(data), [scheme]).digests[0]


class Bucket(MemoryStore):
    """Objects of which each was put in a style of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.contents: dict[str, tuple[str, bytes]] = {}
        """Identity of every object that was ever there -> its key and its bytes."""
        self._styles: dict[str, str] = {}
        self._second = 1

    def objects_now(self) -> dict[str, bytes]:
        """Return what is in the bucket, by key."""
        with self._lock:
            return {key: data for key, (_, data) in self._objects.items()}

    def put(self, key: str, data: bytes, style: str, *, same_second: bool = False) -> None:
        """Put or replace an object as others do; by default at a later second than all before."""
        with self._lock:
            self._second += not same_second
            stored = self._place(key, data)
            self._styles[stored.identity] = style
            if style in ("encrypted", "crc"):
                self._tags[stored.identity] = sha256(stored.identity.encode()).digest()[:16]
            elif style == "parts":
                self._tags[stored.identity] = digest_of(data, _PARTS).value

    def _place(self, key: str, content: bytes) -> Object:
        stored = super()._place(key, content)._replace(stored_ms=self._second * 1000)
        self._objects[key] = stored, content
        self.contents[stored.identity] = key, content
        return stored

    def list_pages(self, span: Span, own: OwnFiles) -> Iterator[Page]:
        """See Listable."""
        for page in super().list_pages(span, own):
            yield page._replace(copies=[self._listed(copy) for copy in page.copies])

    def _listed(self, copy: ListedCopy) -> ListedCopy:
        """Return what S3 lists of an object; an object that has just been replaced stays plain."""
        with self._lock:
            stored, data = self._objects.get(copy.key, (None, b""))
        style = self._styles.get(stored.identity, "plain") if stored else "plain"
        if stored is None or self._tags[stored.identity] != copy.tag:
            return copy
        parts = max(1, -(-len(data) // SMALLEST_PART)) if style == "parts" else 0
        return copy._replace(is_opaque=style in ("encrypted", "crc"), parts=parts)

    def describe(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        """See Describer."""
        return [self._described(each) for each in self.look(keys)]

    def _described(self, seen: Object | Absent | Unknown) -> Object | Absent | Unknown:
        if not isinstance(seen, Object) or not seen.size:
            return seen
        _, data = self.contents[seen.identity]
        scheme = {
            "plain": MD5,
            "parts": _PARTS,
            "crc": CRC64NVME,
            "stated": content_scheme(seen.size),
        }.get(self._styles.get(seen.identity, "plain"))
        stated = [digest_of(data, scheme)] if scheme else []
        return seen._replace(digests=Digests.proved(*stated))
