"""The two files of one upload on its way, and how senders take turns at them.

Several processes may serve one upload. Every change is a turn under a lock of the data; a process
that dies lets go of it. An attempt to send a part supersedes the ones before it, and looks in every
turn whether it still stands: so a sender that was cut off and comes back late spoils neither what
was sent in its place nor what was published.

Each line of the journal is a JSON array, written by one append: a part's number and the attempt
that sends it, and once its bytes are durable their length, SHA-256 and MD5 (below 8 MiB), with
inode and modification time of the data. The last line for a part wins; what a crash has torn is no
JSON and is passed over.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import msgspec

from onecopy.errors import BadInput, Unavailable, UploadUnknown
from onecopy.store.folder.directories import NO_FOLLOW, opened, translated
from onecopy.store.interface import Upload

_ID = re.compile("[0-9a-f]{32}")


class Line(msgspec.Struct, frozen=True, array_like=True):
    """What the journal says of a part; without SHA-256 as long as its bytes are on their way."""

    number: int
    attempt: str
    size: int = 0
    sha256: bytes | None = None
    md5: bytes | None = None
    inode: int = 0
    mtime: int = 0
    ctime: int = 0


PUBLISHED = 0
"""The number of the line that says what the data looked like when they had left the staging."""

_decoder = msgspec.json.Decoder(Line)
_encoder = msgspec.json.Encoder()


def names(upload: Upload) -> tuple[str, str]:
    """Return the names of the data and of the journal; raises BadInput."""
    if not _ID.fullmatch(upload.id):
        raise BadInput(f"an upload's id has 32 lower-case hexadecimal digits, not {upload.id!r}")
    # With the size in the name, the parts of one upload lie in one way only.
    name = f"{upload.id}.{upload.size}"
    return name, f"{name}.parts"


def unknown() -> UploadUnknown:
    """Return the error for an upload that is not, or no longer, on its way."""
    return UploadUnknown("this upload was given up, completed or never begun: begin it again")


def received(uploads: int, upload: Upload) -> dict[int, Line]:
    """Return the last line for each part; raises UploadUnknown and OSError."""
    try:
        with opened(names(upload)[1], os.O_RDONLY | NO_FOLLOW, dir_fd=uploads) as journal:
            return _last_lines(_read(journal))
    except FileNotFoundError:
        raise unknown() from None


def _last_lines(text: bytes) -> dict[int, Line]:
    lines: dict[int, Line] = {}
    for row in text.split(b"\n"):
        with suppress(msgspec.DecodeError):
            line = _decoder.decode(row)
            lines[line.number] = line
    return lines


def _read(journal: int, start: int = 0) -> bytes:
    size = os.fstat(journal).st_size
    return os.pread(journal, size - start, start) if size > start else b""


class Staged:
    """Both files of an upload while somebody works on it."""

    def __init__(self, uploads: int, upload: Upload, data: int, journal: int) -> None:
        self.data = data
        self.journal = journal
        self._uploads = uploads
        self._names = names(upload)

    @staticmethod
    @contextmanager
    def open(uploads: int, upload: Upload) -> Iterator["Staged"]:
        """Open the files; raises UploadUnknown, also for what has been published."""
        with ExitStack() as fds:
            with translated():
                try:
                    data, journal = (
                        fds.enter_context(opened(name, os.O_RDWR | how | NO_FOLLOW, dir_fd=uploads))
                        for name, how in zip(names(upload), (0, os.O_APPEND), strict=True)
                    )
                except FileNotFoundError:
                    raise unknown() from None
            yield Staged(uploads, upload, data, journal)

    @contextmanager
    def turn(self) -> Iterator[os.stat_result]:
        """Keep all others from the files; yields what the data look like.

        Raises UploadUnknown if they are no longer staged. Errors of the system become ours.
        """
        import fcntl  # there is none on Windows

        with translated():
            fcntl.flock(self.data, fcntl.LOCK_EX)
            try:
                status = os.fstat(self.data)
                if not self._are_here(status, os.fstat(self.journal)):
                    raise unknown()
                yield status
            finally:
                fcntl.flock(self.data, fcntl.LOCK_UN)

    def _are_here(self, *statuses: os.stat_result) -> bool:
        """Whether both files still have their names, which somebody may have begun anew."""
        try:
            return all(
                os.path.samestat(status, os.stat(name, dir_fd=self._uploads, follow_symlinks=False))
                for name, status in zip(self._names, statuses, strict=True)
            )
        except FileNotFoundError:
            return False

    def received(self) -> dict[int, Line]:
        """Return the last line for each part, in a turn."""
        return _last_lines(_read(self.journal))

    def link(self, folder: int, name: bytes) -> bool:
        """Let the data appear in a folder, in a turn; False if something else is there."""
        try:
            os.link(
                self._names[0],
                name,
                src_dir_fd=self._uploads,
                dst_dir_fd=folder,
                follow_symlinks=False,
            )
        except FileExistsError:  # perhaps ours, by somebody who died in between
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
            return os.path.samestat(there, os.fstat(self.data))
        except FileNotFoundError:
            if self._are_here(os.fstat(self.data), os.fstat(self.journal)):
                raise
            raise unknown() from None  # `abort` takes no turns
        return True

    def leave(self) -> os.stat_result:
        """Take the data out of the staging, note and return what they look like for good."""
        with suppress(FileNotFoundError):  # `abort` takes no turns
            os.unlink(self._names[0], dir_fd=self._uploads)
        os.fsync(self.data)
        status = os.fstat(self.data)
        # Not synced: should it be lost, the object is read again to know it as ours.
        self.append(Line(PUBLISHED, "", ctime=status.st_ctime_ns))
        return status

    def append(self, line: Line) -> int:
        """Add a line, in a turn; return its bytes.

        It begins with the line feed, for the one before it may be torn.
        """
        row = b"\n" + _encoder.encode(line)
        rest = memoryview(row)
        while rest:
            rest = rest[os.write(self.journal, rest) :]
        return len(row)


class Attempt:
    """One sending of one part, until a later one begins."""

    def __init__(self, staged: Staged, number: int) -> None:
        self._staged = staged
        self._number = number
        self._id = secrets.token_hex(8)
        self._mark = b"\n[%d," % number
        self._seen = 0
        with staged.turn() as status:
            self._check_unpublished(status)
            resent = self._mark in self._news()
            self._append(Line(number, self._id))
            if resent:  # What was durable no longer is, before it is overwritten.
                os.fsync(staged.journal)

    def put(self, chunk: bytes, at: int) -> None:
        """Write into the data; raises UploadUnknown, and Unavailable once it is superseded."""
        with self._turn():
            rest = memoryview(chunk)
            while rest:
                written = os.pwrite(self._staged.data, rest, at)
                rest, at = rest[written:], at + written

    def finish(self, size: int, sha256: bytes, md5: bytes | None) -> None:
        """Make the part durable: the bytes before the line. Raises as `put` does."""
        with translated():
            os.fsync(self._staged.data)
        with self._turn() as status:
            line = Line(
                self._number, self._id, size, sha256, md5, status.st_ino, status.st_mtime_ns
            )
            self._append(line)
        with translated():
            os.fsync(self._staged.journal)

    @contextmanager
    def _turn(self) -> Iterator[os.stat_result]:
        with self._staged.turn() as status:
            self._check_unpublished(status)
            if self._mark in self._news():
                raise Unavailable(f"part {self._number} is being sent by another request now")
            yield status

    def _check_unpublished(self, status: os.stat_result) -> None:
        """Raise UploadUnknown if the data are an object already: somebody died while publishing."""
        if status.st_nlink != 1:
            raise unknown()

    def _news(self) -> bytes:
        """Return what the journal has got since it was last asked for."""
        news = _read(self._staged.journal, self._seen)
        self._seen += len(news)
        return news

    def _append(self, line: Line) -> None:
        self._seen += self._staged.append(line)
