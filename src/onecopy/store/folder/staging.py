"""Uploads that are on their way into a folder: staged beside it, published by a link.

In `.onecopy/uploads` an upload has two files, so that one sync of that folder makes a whole batch
of begins durable:

    <id>.<size>         the data: room for all of it is taken at once, parts are written in place
    <id>.<size>.parts   the journal: what is known of the parts; it goes last

Publishing is a link and then an unlink of the data: nothing is overwritten, and the key shows all
of the content or nothing. The journal stays until `abort`: by it a publication whose answer was
lost is known as ours. Whoever names an upload's id and size may continue it; tickets are signed.
"""

import errno
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from hashlib import md5, sha256
from typing import NamedTuple

from onecopy.content import Digests
from onecopy.digest import (
    MD5,
    SMALLEST_PART,
    Digest,
    compose,
    content_scheme,
    part_lengths,
    part_size,
)
from onecopy.errors import BadInput, FileChanged, InvalidKey, UploadUnknown, WrongBytes
from onecopy.hashing import hash_fd
from onecopy.store.folder.directories import ABSENT, NO_FOLLOW, Descent, described, made, opened
from onecopy.store.folder.journal import (
    PUBLISHED,
    Attempt,
    Line,
    Staged,
    names,
    received,
    unknown,
)
from onecopy.store.interface import Object, Part, Taken, Upload

_FILE = re.compile(r"([0-9a-f]{32}\.[0-9]+)(?:\.parts)?")
_IN_THE_WAY = frozenset({errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
"""What it says where something else than a folder or file has one of the key's names."""
_UNFIT = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ})
"""What the system says of a name that this file system can't hold."""


class _Proof(NamedTuple):
    """What was proved of a whole upload, and what its data look like, staged or published."""

    inode: int
    size: int
    mtime: int
    digests: Digests

    def fits(self, status: os.stat_result) -> bool:
        """Whether a file is the data, untouched since the last part was written."""
        return (status.st_ino, status.st_size, status.st_mtime_ns) == self[:3]


def begin(uploads: int, wanted: Sequence[Upload]) -> None:
    """Take room for uploads, durably; raises OSError, and leaves nothing of them behind then."""
    with ExitStack() as undoing:
        for upload in wanted:
            if _begin(uploads, upload):
                undoing.callback(abort, uploads, upload)
        os.fsync(uploads)
        undoing.pop_all()


def _begin(uploads: int, upload: Upload) -> bool:
    """Return whether nobody had begun it before."""
    data, journal = names(upload)
    lines, before = _status(uploads, journal), _status(uploads, data)
    if lines is not None and lines.st_size:  # Parts were sent; perhaps it is published already.
        return False
    if before is not None and before.st_nlink > 1:  # Somebody died who published it, or gave up.
        _unlink(uploads, data)
        before = None
    try:
        with opened(data, os.O_RDWR | os.O_CREAT | NO_FOLLOW, dir_fd=uploads) as fd:
            if os.fstat(fd).st_size < upload.size:
                _take_room(fd, upload.size)
        with opened(journal, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600, dir_fd=uploads):
            pass
    except OSError:
        if before is None:
            abort(uploads, upload)
        raise
    return before is None


def _take_room(fd: int, size: int) -> None:
    """Let a full disk be told before a byte is sent; raises OSError."""
    if not hasattr(os, "posix_fallocate"):
        os.truncate(fd, size)
        return
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        os.truncate(fd, size)


def parts(uploads: int, upload: Upload) -> list[Part]:
    """Return the parts that are durable, by number; raises UploadUnknown and OSError."""
    lines = received(uploads, upload)
    # An empty journal without data: somebody gave the upload up while another began it anew.
    if not lines and _status(uploads, names(upload)[0]) is None:
        raise unknown()
    return [
        Part(number, line.size, line.sha256)
        for number, line in sorted(lines.items())
        if line.sha256 is not None
    ]


def write(
    uploads: int, upload: Upload, number: int, body: Iterator[bytes], wanted: bytes | None
) -> Part:
    """Take the bytes of one part; see Receiver."""
    start, length = _span(upload.size, number)
    whole = sha256()
    weak = md5(usedforsecurity=False) if upload.size < SMALLEST_PART else None
    taken = 0
    with Staged.open(uploads, upload) as staged:
        attempt = Attempt(staged, number)
        for chunk in body:
            if taken + len(chunk) > length:
                raise WrongBytes(f"part {number} has {length} bytes, and more were sent")
            whole.update(chunk)
            if weak:
                weak.update(chunk)
            attempt.put(chunk, start + taken)
            taken += len(chunk)
        if taken < length:
            raise WrongBytes(f"part {number} has {length} bytes, and only {taken} were sent")
        if wanted not in (None, whole.digest()):
            raise WrongBytes(f"the bytes sent as part {number} do not have the SHA-256 given")
        attempt.finish(length, whole.digest(), weak.digest() if weak else None)
    return Part(number, length, whole.digest())


def _span(size: int, number: int) -> tuple[int, int]:
    """Return where a part begins and how long it is, in bytes; raises BadInput."""
    part = part_size(size) or size
    start = (number - 1) * part
    if number < 1 or (number > 1 and start >= size):
        raise BadInput(f"an upload of {size} bytes has no part {number}")
    return start, min(part, size - start)


def publish(root: int, uploads: int, upload: Upload, digest: Digest) -> Object | Taken:
    """Let the data appear under their key; see Store.complete. May raise OSError."""
    place = upload.key.encode().split(b"/")
    try:
        with Staged.open(uploads, upload) as staged, staged.turn() as status:
            proof = _prove(upload, digest, staged.received())
            if not proof.fits(status):  # begun anew by a late caller
                raise unknown()
            published = _link(root, place, staged)
    except UploadUnknown:  # It may have been published before.
        lines = received(uploads, upload)
        if not lines:  # Somebody gave it up while another began it anew.
            raise
        proof = _prove(upload, digest, lines)
        published = _find(root, place, proof, lines.get(PUBLISHED))
    if published is None or not proof.fits(published):
        return Taken()
    return described(upload.key, published)._replace(digests=proof.digests)


def _prove(upload: Upload, digest: Digest, lines: dict[int, Line]) -> _Proof:
    """Make sure that all parts are there and make up the digest; raises WrongBytes."""
    ordered = [lines.get(number) for number in range(1, len(part_lengths(upload.size)) + 1)]
    there = [line for line in ordered if line is not None and line.sha256 is not None]
    if len(there) < len(ordered):
        raise WrongBytes(
            f"{len(there)} of {len(ordered)} parts are there: send the others first",
            reason="parts-missing",
        )
    sums = [line.sha256 for line in there if line.sha256]
    scheme = content_scheme(upload.size)
    if digest != (compose(scheme, sums) if scheme.part_size else Digest(scheme, sums[0])):
        raise WrongBytes("the parts do not make up the digest given")
    weak = [Digest(MD5, line.md5) for line in there if line.md5]
    return _Proof(
        inode=there[0].inode,
        size=upload.size,
        mtime=max(line.mtime for line in there),
        digests=Digests.proved(digest, *weak),
    )


def _link(root: int, place: Sequence[bytes], staged: Staged) -> os.stat_result | None:
    """Publish the data, durably before they leave the staging; None if the key is taken."""
    *folders, name = place
    try:
        with made(root, folders) as folder:
            if not staged.link(folder, name):
                return None
            os.fsync(folder)
            return staged.leave()
    except OSError as error:
        if error.errno in _IN_THE_WAY:
            return None
        if error.errno in _UNFIT:
            raise InvalidKey(f"the store's file system can't hold {_shown(place)}") from error
        if error.errno == errno.EXDEV:
            raise InvalidKey(
                f"{_shown(place)} would lie on another file system than the rest of the store"
            ) from error
        raise


def _shown(place: Sequence[bytes]) -> str:
    return repr(b"/".join(place).decode())


def _find(
    root: int, place: Sequence[bytes], proof: _Proof, noted: Line | None
) -> os.stat_result | None:
    """Return what has the key; None if it can't be ours. Raises UploadUnknown if nothing has it."""
    *folders, name = place
    flags = os.O_RDONLY | NO_FOLLOW | getattr(os, "O_NONBLOCK", 0)
    try:
        with Descent(root) as descent, opened(name, flags, dir_fd=descent.open(folders)) as fd:
            os.fsync(fd)  # Who published it may have died before.
            return _untouched(fd, proof, noted)
    except OSError as error:
        if error.errno in _IN_THE_WAY:
            return None
        if error.errno in ABSENT:
            raise unknown() from error
        raise


def _untouched(fd: int, proof: _Proof, noted: Line | None) -> os.stat_result | None:
    """Return what an object looks like if it still holds what was published, else None.

    Who writes over a file can set its modification time back, but not its ctime: unless that is
    the one that was noted when the data left the staging, the object is read.
    """
    status = os.fstat(fd)
    if not proof.fits(status) or (noted and noted.ctime == status.st_ctime_ns):
        return status
    digest = proof.digests.content_digest(proof.size)
    assert digest is not None  # noqa: S101 - `_prove` put it there
    with suppress(FileChanged):
        if hash_fd(fd, proof.size, [digest.scheme]).digests == (digest,):
            return status if os.fstat(fd).st_ctime_ns == status.st_ctime_ns else None
    return None


def abort(uploads: int, upload: Upload) -> None:
    """Drop the files of an upload; what was published has another name and stays.

    Not synced: should a crash bring them back, nobody has a use for them, and they become stale.
    """
    for name in reversed(names(upload)):  # Data alone can be begun again, a journal can't.
        _unlink(uploads, name)


def abort_stale(uploads: int, seconds: float) -> int:
    """Drop the uploads to which nothing was written for so long; return how many there were."""
    newest: dict[str, float] = {}
    with os.scandir(uploads) as entries:
        for entry in entries:
            if match := _FILE.fullmatch(entry.name):
                with suppress(FileNotFoundError):
                    written = entry.stat(follow_symlinks=False).st_mtime
                    newest[match[1]] = max(written, newest.get(match[1], written))
    stale = [name for name, written in newest.items() if written < time.time() - seconds]
    for name in stale:
        _unlink(uploads, f"{name}.parts")
        _unlink(uploads, name)
    return len(stale)


def _status(uploads: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=uploads, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _unlink(uploads: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=uploads)
