"""A store in memory, for tests: the reference implementation. It ends with its process."""

import hashlib
import io
import itertools
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import BinaryIO

from onecopy.content import Copy, Digests
from onecopy.digest import MD5, SMALLEST_PART, Digest, part_lengths
from onecopy.errors import (
    BadInput,
    FileChanged,
    InvalidSettings,
    OnecopyError,
    UploadUnknown,
    WrongBytes,
)
from onecopy.key import check_key
from onecopy.listing import ListedCopy, Span
from onecopy.own_files import OwnFiles
from onecopy.store.interface import (
    Absent,
    Completing,
    Incoming,
    KeyTaken,
    Object,
    Part,
    Seen,
    Upload,
)
from onecopy.store.listings import Page
from onecopy.store.parts import check_digest, part_span, parts_missing
from onecopy.text import count_text
from onecopy.timestamp import now

_PAGE = 1000
"""Objects in a page of a listing."""
_SECOND_MS = 1000


def open_url(url: str) -> "MemoryStore":
    """Return a new, empty store; raises InvalidSettings."""
    if url != "memory:":
        raise InvalidSettings(f"invalid URL of a store in memory: {url!r}; expected memory:")
    return MemoryStore()


def names_server(url: str) -> bool:  # noqa: ARG001
    """Return False: the store is in memory."""
    return False


@dataclass
class _Staged:
    """An upload that is in progress or published."""

    parts: dict[int, tuple[Part, bytes]] = field(default_factory=dict)
    published: Object | None = None


class MemoryStore:
    """Objects and uploads in two dictionaries, under one lock."""

    kind = "memory"
    url = "memory:"

    def __init__(self) -> None:
        self._id = secrets.token_hex(16)
        self._lock = Lock()
        self._objects: dict[str, tuple[Object, bytes]] = {}
        self._uploads: dict[str, _Staged] = {}
        self._identities = itertools.count()
        self._marks: set[str] = set()
        self._tags: dict[str, bytes] = {}
        """Identity -> MD5."""

    def identify(self, *, create: bool) -> str:  # noqa: ARG002 - it always has one
        return self._id

    def is_vacant(self) -> bool:
        return False  # it always has an id

    def mark(self, name: str) -> None:
        """See Markable."""
        self._marks.add(name)

    def is_marked(self, name: str) -> bool:
        """See Markable."""
        return name in self._marks

    def look(self, keys: Sequence[str]) -> list[Seen]:
        with self._lock:
            found = [self._objects.get(key) for key in keys]
        return [stored[0] if stored else Absent() for stored in found]

    def open(self, key: str) -> BinaryIO:
        with self._lock:
            if key not in self._objects:
                raise FileNotFoundError(key)
            return io.BytesIO(self._objects[key][1])

    def read_range(self, seen: Object, offset: int, length: int) -> bytes:
        """See Ranged."""
        with self._lock:
            if seen.key not in self._objects:
                raise FileNotFoundError(seen.key)
            stored, content = self._objects[seen.key]
        found = content[offset : offset + length]
        if stored.identity != seen.identity or len(found) != length:
            raise FileChanged(f"{seen.key!r} changed while it was read")
        return found

    def objects(self, prefix: str = "") -> Iterator[Object]:
        with self._lock:
            # Python sorts text by code points, which is also the order of its UTF-8 bytes.
            found = sorted(stored for stored, _ in self._objects.values())
        return (stored for stored in found if stored.key.startswith(prefix))

    list_requests = 0
    """See Listable. Nothing is requested."""

    def list_pages(self, span: Span, own: OwnFiles) -> Iterator[Page]:  # noqa: ARG002 - none is here
        """See Listable. Tags are the MD5s."""
        found = self._within(span)
        for at in range(_PAGE, len(found) + 1, _PAGE):
            rest = Span(found[at - 1].key, span.through)
            yield self._page(found[at - _PAGE : at], Span(span.after, rest.after))
            span = rest
        yield self._page(found[len(found) // _PAGE * _PAGE :], span)

    def _page(self, found: Sequence[Object], span: Span) -> Page:
        copies = [
            ListedCopy(each.key, each.size, self._tags[each.identity], 0, False, _seconds(each))
            for each in found
            if each.size
        ]
        return Page(copies, [], len(found) - len(copies), span)

    def split(self, span: Span) -> str | None:
        """See Listable."""
        found = self._within(span)
        return found[len(found) // 2 - 1].key if len(found) > 1 else None

    def is_as_listed(self, copy: Copy, listed: ListedCopy) -> bool:
        """See Listable."""
        state = copy.size, self._tags.get(copy.identity), copy.stored_ms // _SECOND_MS
        return state == (listed.size, listed.tag, listed.modified)

    def _within(self, span: Span) -> list[Object]:
        return [each for each in self.objects() if span.has(each.key)]

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        for upload in uploads:
            check_key(upload.key)
        with self._lock:
            for upload in uploads:
                self._uploads.setdefault(upload.id, _Staged())
        return list(uploads)

    def parts(self, upload: Upload) -> list[Part]:
        with self._lock:
            return sorted(part for part, _ in self._staged(upload).parts.values())

    def write(
        self, upload: Upload, number: int, body: Iterator[bytes], sha256: bytes | None
    ) -> Part:
        _, length = part_span(upload.size, number)
        self.parts(upload)  # raises UploadUnknown before any byte is read
        content = _read_part(body, length)
        part = Part(number, len(content), hashlib.sha256(content).digest())
        if sha256 not in (None, part.sha256):
            raise WrongBytes(f"the bytes of part {number} do not have the given SHA-256")
        with self._lock:
            staged = self._staged(upload)
            if staged.published:
                raise UploadUnknown(
                    "this upload is already complete and accepts no more parts; begin another one"
                )
            staged.parts[number] = part, content
        return part

    def write_batch(self, files: Iterable[Incoming]) -> list[Part | OnecopyError]:
        """See BatchReceiver."""
        read = [(each, b"".join(each.body)) for each in files]
        return [self._write_one(each._replace(body=iter([content]))) for each, content in read]

    def _write_one(self, file: Incoming) -> Part | OnecopyError:
        try:
            return self.write(file.upload, 1, file.body, file.sha256)
        except (BadInput, UploadUnknown) as error:
            return error

    def complete_batch(self, uploads: Sequence[tuple[Upload, Digest]]) -> list[Object | None]:
        """See BatchReceiver."""
        return [self._complete_one(upload, digest) for upload, digest in uploads]

    def _complete_one(self, upload: Upload, digest: Digest) -> Object | None:
        try:
            done = self.complete(upload, digest)
        except (BadInput, UploadUnknown):
            return None
        return done if isinstance(done, Object) else None

    def complete(
        self,
        upload: Upload,
        digest: Digest,
        sums: Sequence[bytes] = (),  # noqa: ARG002 - it knows them
    ) -> Object | KeyTaken | Completing:
        with self._lock:
            staged = self._staged(upload)
            content = _join(upload, staged, digest)
            at_key, _ = self._objects.get(upload.key, (None, None))
            if staged.published:
                is_own = at_key == staged.published._replace(digests=Digests())
                return staged.published if is_own else KeyTaken()
            if at_key:
                return KeyTaken()
            digests = [digest]
            if upload.size < SMALLEST_PART:
                digests.append(Digest(MD5, _md5(content)))
            stored = self._place(upload.key, content)
            staged.published = stored._replace(digests=Digests.proved(*digests))
            return staged.published

    copies = True
    """See Copier."""

    def try_copying(self) -> bool:
        """See Copier."""
        return True

    def copy(
        self, source: Object, upload: Upload, report: Callable[[int], object]
    ) -> Sequence[bytes]:
        """See Copier."""
        content, at = self.read_range(source, 0, source.size), 0
        sums: list[bytes] = []
        for number, length in enumerate(part_lengths(upload.size), 1):
            part = self.write(upload, number, iter([content[at : at + length]]), None)
            sums.append(part.sha256)
            report(length)
            at += length
        return sums

    def abort(self, upload: Upload) -> None:
        with self._lock:
            self._uploads.pop(upload.id, None)

    def close(self) -> None:
        pass

    def place(self, key: str, content: bytes) -> Object:
        """Put or replace an object, as other users of the store may do."""
        with self._lock:
            return self._place(key, content)

    def remove(self, key: str) -> None:
        """Delete an object, as other users of the store may do."""
        with self._lock:
            self._objects.pop(key, None)

    def _place(self, key: str, content: bytes) -> Object:
        identity = str(next(self._identities))
        stored = Object(key, len(content), identity, now())
        self._tags[identity] = _md5(content)
        self._objects[key] = stored, content
        return stored

    def _staged(self, upload: Upload) -> _Staged:
        staged = self._uploads.get(upload.id)
        if staged is None:
            raise UploadUnknown("this upload was aborted or never begun: begin it again")
        return staged


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def _seconds(stored: Object) -> int:
    return stored.stored_ms // _SECOND_MS


def _read_part(body: Iterator[bytes], length: int) -> bytes:
    content = bytearray()
    for chunk in body:
        content += chunk
        if len(content) > length:
            break
    if len(content) != length:
        raise WrongBytes(
            f"wrong length of the part: {count_text(len(content), 'byte')} (expected {length:,})"
        )
    return bytes(content)


def _join(upload: Upload, staged: _Staged, digest: Digest) -> bytes:
    """Return the content if all parts were received and make up the digest."""
    count = len(part_lengths(upload.size))
    if len(staged.parts) < count:
        raise parts_missing(upload.size, len(staged.parts))
    sent = [staged.parts[number] for number in range(1, count + 1)]
    check_digest(digest, upload.size, [part.sha256 for part, _ in sent])
    return b"".join(content for _, content in sent)
