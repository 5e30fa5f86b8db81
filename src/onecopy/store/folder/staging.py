"""Staging of uploads into a folder; an upload is published by a hard link.

In `.onecopy/uploads` an upload has two files, so that one sync of that folder makes a whole batch
of new uploads durable:

    <id>.<size>         the data: it has its full size at once, and takes room as parts are written
    <id>.<size>.parts   the journal: the state of the parts; removed last

Publishing links the data file under the key and then unlinks it here: nothing is overwritten, and
the key shows the whole content or nothing. The journal stays until `abort`, so that a publication
whose answer was lost is recognised as ours. The id and size of an upload are enough to continue it;
clients get them only in signed tickets.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from hashlib import md5, sha256
from typing import NamedTuple

from onecopy.content import Digests
from onecopy.digest import MD5, SMALLEST_PART, Digest, part_lengths
from onecopy.errors import FileChanged, InvalidKey, UploadUnknown, WrongBytes
from onecopy.hashing import hash_fd
from onecopy.platforms import NO_FOLLOW, NON_BLOCKING
from onecopy.store.folder.descriptors import opened, opened_file
from onecopy.store.folder.directories import (
    ABSENT,
    Descent,
    check_folders,
    object_of,
    open_or_create,
)
from onecopy.store.folder.journal import (
    PUBLISHED,
    Attempt,
    Line,
    Staged,
    file_names,
    read_lines,
    upload_unknown,
)
from onecopy.store.interface import KeyTaken, Object, Part, Upload
from onecopy.store.parts import check_digest, part_span, parts_missing
from onecopy.text import count_text

_NAME_TAKEN = frozenset({errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
"""Errors if one of the key's names belongs to something other than a folder or file."""
_UNUSABLE_KEY = {
    **dict.fromkeys(
        (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ),
        "the store's file system does not support this name",
    ),
    errno.EXDEV: "it would be on another file system than the rest of the store",
}
"""Errors for a key that the file system cannot store, and the reason to report."""


class Proof(NamedTuple):
    """The proved digests of an upload, and the status of its data file, staged or published."""

    inode: int
    size: int
    mtime: int
    digests: Digests

    def fits(self, status: os.stat_result) -> bool:
        """Whether a file is the data file, unmodified since the last part was written."""
        return (status.st_ino, status.st_size, status.st_mtime_ns) == self[:3]


def begin(uploads: int, wanted: Sequence[Upload]) -> None:
    """Begin uploads durably; raises OSError, and then leaves nothing of them behind.

    They must fit on the disk as it is now. No room is reserved, so that an upload of which nothing
    is ever sent takes none from others.
    """
    left = room(uploads)
    with ExitStack() as undoing:
        for upload in wanted:
            if _begin_one(uploads, upload):
                undoing.callback(abort, uploads, upload)
                if left is not None and (left := left - upload.size) < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(uploads)
        undoing.pop_all()


def room(folder: int) -> int | None:
    """Return the bytes that are free on the disk of a folder; None if it does not say."""
    found = os.fstatvfs(folder)
    return found.f_bavail * found.f_frsize if found.f_blocks else None


def _begin_one(uploads: int, upload: Upload) -> bool:
    """Begin one upload; return whether it is a new one."""
    data, journal = file_names(upload)
    lines, before = _status(uploads, journal), _status(uploads, data)
    if lines is not None and lines.st_size:  # Parts were sent; perhaps it is published already.
        return False
    # A process died while publishing or aborting it.
    if before is not None and before.st_nlink > 1:
        _unlink(uploads, data)
        before = None
    try:
        with opened_file(data, os.O_RDWR | os.O_CREAT, dir_fd=uploads) as fd:
            if os.fstat(fd).st_size < upload.size:
                os.ftruncate(fd, upload.size)
        with opened_file(journal, os.O_RDWR | os.O_CREAT, 0o600, dir_fd=uploads):
            pass
    except OSError:
        if before is None:
            abort(uploads, upload)
        raise
    return before is None


def parts(uploads: int, upload: Upload) -> list[Part]:
    """Return the durable parts, by number; raises UploadUnknown and OSError."""
    lines = read_lines(uploads, upload)
    # An empty journal without a data file: one client aborted while another began it anew.
    if not lines and _status(uploads, file_names(upload)[0]) is None:
        raise upload_unknown()
    return [
        Part(number, line.size, line.sha256)
        for number, line in sorted(lines.items())
        if line.sha256 is not None
    ]


def write(
    uploads: int, upload: Upload, number: int, body: Iterator[bytes], wanted: bytes | None
) -> Part:
    """Write one part; see Receiver."""
    with Staged.open(uploads, upload) as staged:
        attempt, part, weak = receive(staged, upload, number, body, wanted)
        attempt.finish(part.size, part.sha256, weak)
    return part


class Received(NamedTuple):
    """A part whose bytes are in the data file, and neither durable nor noted yet."""

    attempt: Attempt
    part: Part
    md5: bytes | None


def receive(
    staged: Staged, upload: Upload, number: int, body: Iterator[bytes], wanted: bytes | None
) -> Received:
    """Write the bytes of a part to the data file; raises as `write` does."""
    start, length = part_span(upload.size, number)
    strong = sha256()
    weak = [md5(usedforsecurity=False)] if upload.size < SMALLEST_PART else []
    written, whole = 0, count_text(length, "byte")
    attempt = Attempt(staged, number)
    for chunk in body:
        if written + len(chunk) > length:
            raise WrongBytes(f"part {number} is too long: more than {whole} arrived")
        for each in (strong, *weak):
            each.update(chunk)
        attempt.put(chunk, start + written)
        written += len(chunk)
    if written < length:
        raise WrongBytes(f"part {number} is too short: {written:,} of {whole} arrived")
    if wanted not in (None, strong.digest()):
        raise WrongBytes(f"the bytes of part {number} do not have the given SHA-256")
    part = Part(number, length, strong.digest())
    return Received(attempt, part, weak[0].digest() if weak else None)


def publish(root: int, uploads: int, upload: Upload, digest: Digest) -> Object | KeyTaken:
    """Publish the data file under its key; see Store.complete. May raise OSError."""
    path = upload.key.encode().split(b"/")
    try:
        with Staged.open(uploads, upload) as staged, staged.locked() as status:
            proof = prove(upload, digest, staged.read_lines())
            if not proof.fits(status):  # begun anew by a late request
                raise upload_unknown()
            published = _link(root, path, staged)
    except UploadUnknown:  # It may have been published before.
        lines = read_lines(uploads, upload)
        if not lines:  # One client aborted it while another began it anew.
            raise
        proof = prove(upload, digest, lines)
        published = _find_published(root, path, proof, lines.get(PUBLISHED))
    if published is None or not proof.fits(published):
        return KeyTaken()
    return object_of(upload.key, published)._replace(digests=proof.digests)


def prove(upload: Upload, digest: Digest, lines: dict[int, Line]) -> Proof:
    """Check that all parts were received and make up the digest; raises WrongBytes."""
    numbers = range(1, len(part_lengths(upload.size)) + 1)
    durable = [line for number in numbers if (line := lines.get(number)) and line.sha256]
    if len(durable) < len(numbers):
        raise parts_missing(upload.size, len(durable))
    check_digest(digest, upload.size, [line.sha256 for line in durable if line.sha256])
    weak = [Digest(MD5, line.md5) for line in durable if line.md5]
    mtime = max(line.mtime for line in durable)
    return Proof(durable[0].inode, upload.size, mtime, Digests.proved(digest, *weak))


def _link(root: int, path: Sequence[bytes], staged: Staged) -> os.stat_result | None:
    """Publish the data file durably, then unlink it here; return None if the key is taken."""
    *folders, name = path
    try:
        with open_or_create(root, folders) as folder:
            if not staged.link(folder, name):
                return None
            os.fsync(folder)
            return staged.leave()
    except OSError as error:
        key = b"/".join(path).decode()
        if error.errno in _NAME_TAKEN:
            with Descent(root) as descent:
                check_folders(descent, key)
            return None
        if error.errno in _UNUSABLE_KEY:
            raise InvalidKey(f"cannot store {key!r}: {_UNUSABLE_KEY[error.errno]}") from error
        raise


def _find_published(
    root: int, path: Sequence[bytes], proof: Proof, noted: Line | None
) -> os.stat_result | None:
    """Return the status of the object at the key; None if it cannot be ours.

    Raises UploadUnknown if the key is free.
    """
    *folders, name = path
    flags = os.O_RDONLY | NO_FOLLOW | NON_BLOCKING
    try:
        with Descent(root) as descent, opened(name, flags, dir_fd=descent.open(folders)) as fd:
            os.fsync(fd)  # Its publisher may have died before this sync.
            return _status_if_unchanged(fd, proof, noted)
    except OSError as error:
        if error.errno in _NAME_TAKEN:
            return None
        if error.errno in ABSENT:
            raise upload_unknown() from error
        raise


def _status_if_unchanged(fd: int, proof: Proof, noted: Line | None) -> os.stat_result | None:
    """Return the status of an object if it still holds the published bytes, else None.

    Whatever overwrites a file can reset its modification time, but not its ctime. Unless the ctime
    is the one noted when the data file left staging, the object is read.
    """
    status = os.fstat(fd)
    if not proof.fits(status) or (noted and noted.ctime == status.st_ctime_ns):
        return status
    digest = proof.digests.content_digest(proof.size)
    assert digest is not None  # noqa: S101 - `prove` put it there
    with suppress(FileChanged):
        if hash_fd(fd, proof.size, [digest.scheme]).digests == (digest,):
            return status if os.fstat(fd).st_ctime_ns == status.st_ctime_ns else None
    return None


def abort(uploads: int, upload: Upload) -> None:
    """Remove the files of an upload; a published object has another name and stays.

    Not synced: if a crash brings them back, they are unused, and become stale.
    """
    # The journal first: a data file alone can be begun again, a journal cannot.
    for name in reversed(file_names(upload)):
        _unlink(uploads, name)


def _status(uploads: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=uploads, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _unlink(uploads: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=uploads)
