"""Copies of stored files, into uploads that are then published as any other.

What was copied is read back, and hashed: the digest is that of the new file's bytes (P2). They are
durable before they are published. The journal need not be: a copy that was interrupted is made
anew, and nobody has a ticket for it.
"""

import os
from collections.abc import Callable, Iterator
from hashlib import md5, sha256

from onecopy.digest import SMALLEST_PART, MiB, part_lengths
from onecopy.errors import FileChanged
from onecopy.platforms import read_at
from onecopy.store.folder.directories import identity_of
from onecopy.store.folder.journal import Attempt, Staged
from onecopy.store.interface import Object, Upload
from onecopy.store.parts import part_span


def fill(
    source: int, seen: Object, uploads: int, upload: Upload, report: Callable[[int], object]
) -> list[bytes]:
    """Copy the open file `source` into an upload; see Copier. May raise OSError."""
    sums: list[bytes] = []
    with Staged.open(uploads, upload) as staged:
        _require_unchanged(source, seen)
        for number, length in enumerate(part_lengths(upload.size), 1):
            start, _ = part_span(upload.size, number)
            attempt = Attempt(staged, number)
            _copy(attempt, source, start, length)
            strong, weak = _hash(staged.data, upload.size, start, length)
            attempt.note(length, strong, weak)
            sums.append(strong)
            report(length)
        _require_unchanged(source, seen)
        os.fsync(staged.data)
    return sums


def _require_unchanged(source: int, seen: Object) -> None:
    if identity_of(os.fstat(source)) != seen.identity:
        raise _changed()


def _copy(attempt: Attempt, source: int, start: int, length: int) -> None:
    done = 0
    while done < length:
        copied = attempt.copy(source, start + done, length - done)
        if not copied:
            raise _changed()
        done += copied


def _hash(fd: int, size: int, start: int, length: int) -> tuple[bytes, bytes | None]:
    """Return the SHA-256 of a part, and the MD5 of a content of one part."""
    strong, weak = sha256(), md5(usedforsecurity=False) if size < SMALLEST_PART else None
    for chunk in _chunks(fd, start, length):
        strong.update(chunk)
        if weak:
            weak.update(chunk)
    return strong.digest(), weak.digest() if weak else None


def _chunks(fd: int, start: int, length: int) -> Iterator[memoryview]:
    buffer, at, end = memoryview(bytearray(min(MiB, length))), start, start + length
    while at < end and (count := read_at(fd, buffer[: end - at], at)):
        yield buffer[:count]
        at += count


def _changed() -> FileChanged:
    return FileChanged("the stored file changed while it was copied")
