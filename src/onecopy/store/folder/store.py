"""The folder store: objects are plain files, uploads in progress are in staging."""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from onecopy.content import Copy
from onecopy.digest import Digest
from onecopy.errors import (
    FileChanged,
    InvalidKey,
    InvalidSettings,
    OnecopyError,
    Unavailable,
    UploadUnknown,
)
from onecopy.key import LONGEST_KEY, check_key
from onecopy.listing import ListedCopy, Span
from onecopy.own_files import OwnFiles
from onecopy.platforms import NO_FOLLOW, read_at
from onecopy.store.folder import batches, staging
from onecopy.store.folder.copying import fill
from onecopy.store.folder.descriptors import open_object, opened
from onecopy.store.folder.directories import (
    ABSENT,
    HIDDEN,
    READ,
    Descent,
    check_folders,
    failure,
    folder_names,
    identity_of,
    look_error,
    object_of,
    open_or_create,
    split_key,
    translated,
)
from onecopy.store.folder.listing import is_as_listed, object_or_left_out, pages_of, tag
from onecopy.store.folder.marker import GONE, Marker, is_marked, write_mark
from onecopy.store.folder.stale import abort_stale
from onecopy.store.folder.starts import starts
from onecopy.store.folder.survey import IsOwn, survey
from onecopy.store.interface import (
    Absent,
    Incoming,
    KeyTaken,
    LeftOut,
    Object,
    Part,
    Seen,
    Unknown,
    Upload,
)
from onecopy.store.listings import Page
from onecopy.store.objects import objects_in, store_reason

DEFAULT = Path("onecopy-data/files")
"""The default path in the settings; its parent folders are created as well."""
_UPLOADS = b"uploads"
_ABSENT = Absent()


class FolderStore:
    """A folder on a file system with hard links, and with locks that all its servers share."""

    kind = "folder"

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self.url = self._path.as_uri()
        self._makes_parents = path == DEFAULT
        self._marker = Marker(self.url)

    def identify(self, *, create: bool) -> str:
        if create and not self._marker.is_known:
            with translated():
                _make_folder(self._path, parents=self._makes_parents)
                with self._root() as root:
                    self._marker.create(root)
        with self._reached() as root:
            return self._marker.check(root)

    def is_vacant(self) -> bool:
        with translated():
            try:
                with os.scandir(self._path) as entries:
                    return next(entries, None) is None
            except FileNotFoundError:
                return True
            except NotADirectoryError:
                raise InvalidSettings(f"{self._path} is not a folder: name a folder") from None

    def mark(self, name: str) -> None:
        """See Markable."""
        with self._reached() as root, translated():
            write_mark(root, name)

    def is_marked(self, name: str) -> bool:
        """See Markable."""
        with self._reached() as root, translated():
            return is_marked(root, name)

    def look(self, keys: Sequence[str]) -> list[Seen]:
        try:
            with self._root() as root:
                answers = _look(root, keys)
                if not all(isinstance(answer, Object) for answer in answers):
                    # Checked afterwards: only then was an absent object absent from our folder.
                    self._marker.check(root)
        except OnecopyError as error:
            return [Unknown(store_reason(error))] * len(keys)
        return answers

    def open(self, key: str) -> BinaryIO:
        folder, name = split_key(key)
        with self._reached() as root, Descent(root) as descent:
            try:
                fd = open_object(descent.open(folder_names(folder)), name.encode())
            except ValueError:
                raise _no_object(key) from None
            except OSError as error:
                if error.errno in ABSENT:
                    raise _no_object(key) from error
                raise failure(error) from error
        return os.fdopen(fd, "rb")

    def read_range(self, seen: Object, offset: int, length: int) -> bytearray:
        """See Ranged."""
        buffer, done = bytearray(length), 0
        with self.open(seen.key) as stream, memoryview(buffer) as view:
            descriptor = stream.fileno()
            while done < length and (count := read_at(descriptor, view[done:], offset + done)):
                done += count
            identity = identity_of(os.fstat(descriptor))
        if done < length or identity != seen.identity:
            raise FileChanged(f"{seen.key!r} changed while it was read")
        return buffer

    def objects(self, prefix: str = "") -> Iterator[Object]:
        return objects_in(self._survey(prefix, lambda _name, _status: False))

    def survey(self, own: OwnFiles) -> Iterator[Object | LeftOut]:
        """See Surveyor."""
        return self._survey("", own.has)

    def _survey(self, prefix: str, is_own: IsOwn) -> Iterator[Object | LeftOut]:
        with self._reached() as root, translated():
            yield from map(object_or_left_out, survey(root, prefix, LONGEST_KEY, is_own))
            self._marker.check(root)  # A listing that ends without an error is complete.

    list_requests = 0
    """See Listable. A folder is read without requests."""

    def list_pages(self, span: Span, own: OwnFiles) -> Iterator[Page]:
        """See Listable. Pages have up to 10,000 copies; folders before the span are not read."""
        after = span.after.encode()
        with self._reached() as root, translated():
            found = survey(root, "", LONGEST_KEY, own.has, after=after)
            with closing(found):
                for page in pages_of(found, span):
                    self._marker.check(root)  # before anybody believes that something is gone
                    yield page

    def split(self, span: Span) -> None:
        """See Listable. One thread reads a folder as fast as several."""

    def is_as_listed(self, copy: Copy, listed: ListedCopy) -> bool:
        """See Listable."""
        return is_as_listed(copy, listed)

    def tag(self, identity: str) -> bytes:
        """See Starts."""
        return tag(identity)

    def starts(self, wanted: Iterable[tuple[str, int]]) -> Iterator[bytes | Absent | Unknown]:
        """See Starts."""
        with self._reached() as root, translated():
            yield from starts(root, wanted)

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        with self._reached() as root, translated():
            longest = os.fpathconf(root, "PC_NAME_MAX")
            with Descent(root) as descent:
                for upload in uploads:
                    _check_names(check_key(upload.key), longest)
                    check_folders(descent, upload.key)
            with open_or_create(root, [HIDDEN, _UPLOADS], 0o700) as folder:
                staging.begin(folder, uploads)
        return list(uploads)

    def parts(self, upload: Upload) -> list[Part]:
        with self._uploads() as (_, uploads), translated():
            return staging.parts(uploads, upload)

    def write(
        self, upload: Upload, number: int, body: Iterator[bytes], sha256: bytes | None
    ) -> Part:
        with self._uploads() as (_, uploads):
            return staging.write(uploads, upload, number, body, sha256)

    copies = True
    """See Copier."""

    def try_copying(self) -> bool:
        """See Copier."""
        return True

    def copy(
        self, source: Object, upload: Upload, report: Callable[[int], object]
    ) -> Sequence[bytes]:
        """See Copier. Never a hard link: writing to one file must not change another."""
        with self.open(source.key) as stream, self._uploads() as (_, uploads), translated():
            return fill(stream.fileno(), source, uploads, upload, report)

    def write_batch(self, files: Iterable[Incoming]) -> list[Part | OnecopyError]:
        """See BatchReceiver."""
        try:
            with self._uploads() as (_, uploads):
                return batches.write(uploads, files)
        except UploadUnknown as error:  # there are none
            return [error for _ in files]

    def complete(
        self,
        upload: Upload,
        digest: Digest,
        sums: Sequence[bytes] = (),  # noqa: ARG002 - the journal has them
    ) -> Object | KeyTaken:
        check_key(upload.key)
        with self._uploads() as (root, uploads), translated():
            return staging.publish(root, uploads, upload, digest)

    def complete_batch(self, uploads: Sequence[tuple[Upload, Digest]]) -> list[Object | None]:
        """See BatchReceiver."""
        try:
            with self._uploads() as (root, staged), translated():
                return batches.publish(root, staged, uploads)
        except UploadUnknown:  # there are none
            return [None] * len(uploads)

    def abort(self, upload: Upload) -> None:
        with suppress(UploadUnknown), self._uploads() as (_, uploads), translated():
            staging.abort(uploads, upload)

    def room(self) -> int | None:
        """See Bounded."""
        with self._reached() as root, translated():
            return staging.room(root)

    def abort_stale(self, seconds: float, unsent_seconds: float | None = None) -> int:
        """See Sweeper."""
        with (
            self._reached() as root,
            translated(),
            open_or_create(root, [HIDDEN, _UPLOADS], 0o700) as uploads,
        ):
            return abort_stale(uploads, seconds, unsent_seconds)

    def close(self) -> None:
        pass

    def _root(self) -> opened:
        """Open the folder anew each time: another file system may be mounted there now."""
        flags = READ & ~NO_FOLLOW  # The path to the store itself may be a symbolic link.
        try:
            return opened(self._path, flags)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Unavailable(
                f"there is no folder {self._path}: check the name of the store, and that its disk "
                f"is mounted; {GONE}"
            ) from error
        except OSError as error:
            raise failure(error) from error

    @contextmanager
    def _reached(self) -> Iterator[int]:
        """Open the folder; raises Unavailable unless it is certainly this store."""
        with self._root() as root:
            self._marker.check(root)
            yield root

    @contextmanager
    def _uploads(self) -> Iterator[tuple[int, int]]:
        """Open the folder and its uploads; raises UploadUnknown if there are none."""
        with self._reached() as root, Descent(root) as descent:
            try:
                uploads = descent.open([HIDDEN, _UPLOADS])
            except FileNotFoundError:
                raise UploadUnknown(
                    "the store has no unfinished uploads: begin this one again"
                ) from None
            except OSError as error:
                raise failure(error) from error
            yield root, uploads


def _make_folder(path: Path, *, parents: bool) -> None:
    """Make the folder of a store unless there is one; raises InvalidSettings."""
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise InvalidSettings(f"{path} is not a folder") from None
        return
    except FileNotFoundError:
        if not parents:
            raise InvalidSettings(
                f"{path.parent} does not exist: mount or create it, or name another store"
            ) from None
        _make_folder(path.parent, parents=True)
        path.mkdir()
    with opened(str(path.parent), os.O_RDONLY) as above:
        os.fsync(above)


def _look(root: int, keys: Sequence[str]) -> list[Seen]:
    """Look at keys folder by folder; each folder is opened once."""
    answers: list[Seen] = [_ABSENT] * len(keys)
    places: dict[str, list[int]] = {}
    for at, key in enumerate(keys):
        places.setdefault(split_key(key)[0], []).append(at)
    with Descent(root) as descent:
        for folder in sorted(places):
            try:
                fd = descent.open(folder_names(folder))
            except (OSError, ValueError) as error:
                for at in places[folder]:
                    answers[at] = look_error(error)
                continue
            for at in places[folder]:
                answers[at] = _look_at(fd, keys[at], len(folder))
    return answers


def _look_at(folder: int, key: str, start: int) -> Seen:
    try:
        status = os.stat(key[start:].encode(), dir_fd=folder, follow_symlinks=False)
    except (OSError, ValueError) as error:
        return look_error(error)
    # A link, folder or device is not an object, even if an object was here before.
    return object_of(key, status) if stat.S_ISREG(status.st_mode) else _ABSENT


def _no_object(key: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key)


def _check_names(key: str, longest: int) -> None:
    """Refuse a key that cannot be published, before its bytes are sent."""
    for name in key.split("/"):
        if len(name.encode()) > longest:
            raise InvalidKey(
                f"name too long: {name[:40]!r}… has {len(name.encode())} bytes (limit {longest} in "
                "this folder); rename it"
            )
