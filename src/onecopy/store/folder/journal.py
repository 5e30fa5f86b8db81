"""The data file and the journal of one upload, which concurrent senders share under a lock.

Several processes may serve one upload. Every change is made while the data file is locked; the lock
of a process that dies is released. An attempt to send a part supersedes earlier attempts, and every
attempt checks under the lock that it has not been superseded. So a sender that lost its connection
and returns late damages neither the bytes that were sent instead nor the published object.

Each line of the journal is a JSON array, written by one append: a part's number and the attempt
that sends it; and, once its bytes are durable, their length, SHA-256 and MD5 (below 8 MiB), with
inode and modification time of the data file. The last line for a part wins. A line that a crash has
torn is not valid JSON and is skipped.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import msgspec

from onecopy.errors import BadInput, PartSuperseded, UploadUnknown
from onecopy.platforms import copy_range, lock, unlock
from onecopy.store.folder.descriptors import opened_file, write_all
from onecopy.store.folder.directories import translated
from onecopy.store.interface import Upload

_ID = re.compile("[0-9a-f]{32}")


class Line(msgspec.Struct, frozen=True, array_like=True):
    """A line of the journal about a part; without SHA-256 until the part's bytes are durable."""

    number: int
    attempt: str
    size: int = 0
    sha256: bytes | None = None
    md5: bytes | None = None
    inode: int = 0
    mtime: int = 0
    ctime: int = 0


PUBLISHED = 0
"""The number of the line with the ctime of the data file once it has left staging."""

_decoder = msgspec.json.Decoder(Line)
_encoder = msgspec.json.Encoder()


def file_names(upload: Upload) -> tuple[str, str]:
    """Return the names of the data file and the journal; raises BadInput."""
    if not _ID.fullmatch(upload.id):
        raise BadInput(f"invalid upload id {upload.id!r}: use 32 lower-case hexadecimal digits")
    # With the size in the name, the layout of an upload's parts never changes.
    name = f"{upload.id}.{upload.size}"
    return name, f"{name}.parts"


def upload_unknown() -> UploadUnknown:
    """Return the error for an upload that is not in progress."""
    return UploadUnknown("this upload was aborted, completed or never begun: begin it again")


def read_lines(uploads: int, upload: Upload) -> dict[int, Line]:
    """Return the latest line of each part received; raises UploadUnknown and OSError."""
    try:
        return read_journal(uploads, file_names(upload)[1])
    except FileNotFoundError:
        raise upload_unknown() from None


def read_journal(uploads: int, name: str) -> dict[int, Line]:
    """Return the latest line of each part in a journal; raises OSError."""
    with opened_file(name, os.O_RDONLY, dir_fd=uploads) as journal:
        return _last_lines(_read(journal))


def _last_lines(text: bytes) -> dict[int, Line]:
    lines: dict[int, Line] = {}
    for row in text.splitlines():
        with suppress(msgspec.DecodeError):
            line = _decoder.decode(row)
            lines[line.number] = line
    return lines


def _read(journal: int, start: int = 0) -> bytes:
    return os.pread(journal, os.fstat(journal).st_size, start)


class Staged:
    """The two open files of an upload."""

    def __init__(self, uploads: int, upload: Upload, data: int, journal: int) -> None:
        self.data = data
        self.journal = journal
        self._uploads = uploads
        self._names = file_names(upload)

    @staticmethod
    @contextmanager
    def open(uploads: int, upload: Upload) -> Iterator["Staged"]:
        """Open the files; raises UploadUnknown, also for a published upload."""
        with ExitStack() as fds:
            with translated():
                try:
                    data, journal = (
                        fds.enter_context(opened_file(name, os.O_RDWR | flag, dir_fd=uploads))
                        for name, flag in zip(file_names(upload), (0, os.O_APPEND), strict=True)
                    )
                except FileNotFoundError:
                    raise upload_unknown() from None
            yield Staged(uploads, upload, data, journal)

    @contextmanager
    def locked(self) -> Iterator[os.stat_result]:
        """Lock the files, and yield the status of the data file.

        Raises UploadUnknown if they are no longer staged. OSError is translated.
        """
        with translated():
            lock(self.data)
            try:
                status = os.fstat(self.data)
                if not self._are_staged(status, os.fstat(self.journal)):
                    raise upload_unknown()
                yield status
            finally:
                unlock(self.data)

    def _are_staged(self, *statuses: os.stat_result) -> bool:
        """Whether both files still have their names; the upload may have been begun anew."""
        try:
            return all(
                os.path.samestat(status, os.stat(name, dir_fd=self._uploads, follow_symlinks=False))
                for name, status in zip(self._names, statuses, strict=True)
            )
        except FileNotFoundError:
            return False

    def read_lines(self) -> dict[int, Line]:
        """Return the latest line of each part received; the files must be locked."""
        return _last_lines(_read(self.journal))

    def link(self, folder: int, name: bytes) -> bool:
        """Link the data file into a folder; return False if the name is taken. Needs the lock."""
        try:
            data, _ = self._names
            os.link(data, name, src_dir_fd=self._uploads, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:  # perhaps ours, linked by a process that died since
            taken_by = os.stat(name, dir_fd=folder, follow_symlinks=False)
            return os.path.samestat(taken_by, os.fstat(self.data))
        except FileNotFoundError:
            if self._are_staged(os.fstat(self.data), os.fstat(self.journal)):
                raise
            raise upload_unknown() from None  # `abort` does not lock
        return True

    def leave(self) -> os.stat_result:
        """Remove the data file from staging; note and return its final status. Needs the lock."""
        self.unlink()
        os.fsync(self.data)
        return self.note_published()

    def unlink(self) -> None:
        """Remove the data file from staging; the name under which it was published stays."""
        with suppress(FileNotFoundError):  # `abort` does not lock
            os.unlink(self._names[0], dir_fd=self._uploads)

    def note_published(self) -> os.stat_result:
        """Note and return the status of the data file, which has left staging durably."""
        status = os.fstat(self.data)
        # Not synced: if this line is lost, the object is read again to recognise it as ours.
        self.append(Line(PUBLISHED, "", ctime=status.st_ctime_ns))
        return status

    def append(self, line: Line) -> int:
        """Append a line and return its length in bytes; the files must be locked.

        It starts with a line feed, because the line before it may be torn. Once the data file has
        left staging, nobody else appends a line about a part, and no lock is needed.
        """
        row = b"\n" + _encoder.encode(line)
        write_all(self.journal, row)
        return len(row)


class Attempt:
    """One attempt to send a part; a later attempt supersedes it."""

    def __init__(self, staged: Staged, number: int) -> None:
        self._staged = staged
        self._number = number
        self._id = secrets.token_hex(8)
        self._mark = b"\n[%d," % number
        self._seen = 0
        with staged.locked() as status:
            self._check_unpublished(status)
            resent = self._mark in self._read_new()
            self._append(Line(number, self._id))
            if resent:  # The earlier attempt must not count once its bytes are overwritten.
                os.fsync(staged.journal)

    def put(self, chunk: bytes, at: int) -> None:
        """Write to the data file; raises UploadUnknown and PartSuperseded."""
        with self._current():
            rest = memoryview(chunk)
            while rest:
                written = os.pwrite(self._staged.data, rest, at)
                rest, at = rest[written:], at + written

    def resume(self, staged: Staged) -> None:
        """Continue with the files of the upload, which were opened again.

        Raises UploadUnknown if they are others: then the upload has been begun anew.
        """
        with translated():
            text = _read(staged.journal)
        own = b'"%s"' % self._id.encode()
        start = text.find(own)
        if start < 0:
            raise upload_unknown()
        self._staged, self._seen = staged, start + len(own)

    def copy(self, source: int, at: int, length: int) -> int:
        """Copy bytes from another file to the same place; return how many. Raises as `put` does."""
        with self._current():
            return copy_range(source, self._staged.data, at, length)

    def finish(self, size: int, sha256: bytes, md5: bytes | None) -> None:
        """Make the part durable, its bytes before its line. Raises as `put` does."""
        with translated():
            os.fsync(self._staged.data)
        self.note(size, sha256, md5)
        with translated():
            os.fsync(self._staged.journal)

    def note(self, size: int, sha256: bytes, md5: bytes | None) -> None:
        """Note the part, whose bytes are durable. Raises as `put` does."""
        with self._current() as status:
            line = Line(
                self._number, self._id, size, sha256, md5, status.st_ino, status.st_mtime_ns
            )
            self._append(line)

    @contextmanager
    def _current(self) -> Iterator[os.stat_result]:
        with self._staged.locked() as status:
            self._check_unpublished(status)
            if self._mark in self._read_new():
                raise PartSuperseded(
                    f"part {self._number} is now being sent by a newer request: let that one finish"
                )
            yield status

    def _check_unpublished(self, status: os.stat_result) -> None:
        """Raise UploadUnknown if the data file is linked as an object, by a process that died."""
        if status.st_nlink != 1:
            raise upload_unknown()

    def _read_new(self) -> bytes:
        """Return the bytes appended to the journal since it was last read."""
        new = _read(self._staged.journal, self._seen)
        self._seen += len(new)
        return new

    def _append(self, line: Line) -> None:
        self._seen += self._staged.append(line)
