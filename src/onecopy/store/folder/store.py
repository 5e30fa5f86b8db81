"""The store itself: objects are plain files; what is under way is in staging."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from onecopy.digest import Digest
from onecopy.errors import InvalidKey, InvalidSettings, OnecopyError, Unavailable, UploadUnknown
from onecopy.key import LONGEST_KEY, check_key
from onecopy.store.folder import staging
from onecopy.store.folder.directories import (
    ABSENT,
    NO_FOLLOW,
    READ,
    Descent,
    described,
    failure,
    files,
    made,
    names,
    opened,
    split,
    translated,
)
from onecopy.store.interface import Absent, Object, Part, Taken, Unknown, Upload

DEFAULT = Path("onecopy-data/files")
"""The path in the settings' default; the folders above it are made, too."""
_OWN = b".onecopy"
_UPLOADS = b"uploads"
_MARKER = "store.json"
_ABSENT = Absent()


class _Marker(msgspec.Struct, frozen=True):
    """What `store.json` says."""

    id: str
    version: int = 1


class FolderStore:
    """A folder on a file system that has hard links, and takes locks from all who serve it."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._makes_parents = path == DEFAULT
        self._id: str | None = None

    @property
    def kind(self) -> str:
        return "folder"

    @property
    def url(self) -> str:
        return self._path.as_uri()

    def identify(self, *, create: bool) -> str:
        if create and self._id is None:
            with translated():
                _make_folder(self._path, parents=self._makes_parents)
                with self._root() as root:
                    if _read_marker(root) is None:
                        _mark(root)
        with self._reached() as root:
            return self._check_marker(root)

    def look(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        try:
            with self._root() as root:
                answers = _look(root, keys)
                if not all(isinstance(answer, Object) for answer in answers):
                    # After the looking: what was absent was so in a folder that is certainly ours.
                    self._check_marker(root)
        except OnecopyError as error:
            return [Unknown(f"store-{error.reason}")] * len(keys)
        return answers

    def open(self, key: str) -> BinaryIO:
        folder, name = split(key)
        with self._reached() as root, Descent(root) as descent:
            try:
                flags = os.O_RDONLY | os.O_NONBLOCK | NO_FOLLOW  # a pipe must not hold us up
                fd = os.open(name.encode(), flags, dir_fd=descent.open(names(folder)))
            except ValueError:
                raise _no_object(key) from None
            except OSError as error:
                if error.errno in ABSENT:
                    raise _no_object(key) from error
                raise failure(error) from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise _no_object(key)
        return os.fdopen(fd, "rb")

    def objects(self, prefix: str = "") -> Iterator[Object]:
        with self._reached() as root, translated():
            for path, status in files(root, prefix, LONGEST_KEY):
                try:
                    key = check_key(path.decode())
                except (InvalidKey, UnicodeDecodeError):
                    continue  # A name that is no key can't be spoken of anywhere.
                yield described(key, status)
            self._check_marker(root)  # What ends without an error was whole.

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        with self._reached() as root, translated():
            longest = os.fpathconf(root, "PC_NAME_MAX")
            for upload in uploads:
                _check_names(check_key(upload.key), longest)
            with made(root, [_OWN, _UPLOADS], 0o700) as folder:
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

    def complete(
        self,
        upload: Upload,
        digest: Digest,
        sums: Sequence[bytes] = (),  # noqa: ARG002 - it has them
    ) -> Object | Taken:
        check_key(upload.key)
        with self._uploads() as (root, uploads), translated():
            return staging.publish(root, uploads, upload, digest)

    def abort(self, upload: Upload) -> None:
        with suppress(UploadUnknown), self._uploads() as (_, uploads), translated():
            staging.abort(uploads, upload)

    def abort_stale(self, seconds: float) -> int:
        """Give up the uploads that got no byte for so long; return how many there were."""
        with self._reached() as root, translated(), made(root, [_OWN, _UPLOADS], 0o700) as uploads:
            return staging.abort_stale(uploads, seconds)

    def close(self) -> None:
        pass

    def _root(self) -> opened:
        """Open the folder anew each time: what is mounted there may have changed."""
        flags = READ & ~NO_FOLLOW  # The owner of the store may reach it by a link.
        with translated():
            return opened(self._path, flags)

    @contextmanager
    def _reached(self) -> Iterator[int]:
        """Open the folder; raises Unavailable unless it is certainly this store."""
        with self._root() as root:
            self._check_marker(root)
            yield root

    @contextmanager
    def _uploads(self) -> Iterator[tuple[int, int]]:
        """Open the folder, and that of the uploads; raises UploadUnknown if there is none."""
        with self._reached() as root, Descent(root) as descent:
            try:
                uploads = descent.open([_OWN, _UPLOADS])
            except FileNotFoundError:
                raise UploadUnknown("the store has no uploads: begin it again") from None
            except OSError as error:
                raise failure(error) from error
            yield root, uploads

    def _check_marker(self, root: int) -> str:
        """Return the id in the marker if it is the one first seen; raises Unavailable."""
        found = _read_marker(root)
        if found is None:
            raise Unavailable(
                f"{self.url} has no .onecopy/{_MARKER}: is the store's disk mounted there?"
            )
        if self._id not in (None, found):
            raise Unavailable(f"another store lies in {self.url} now")
        self._id = found
        return found


def _make_folder(path: Path, *, parents: bool) -> None:
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise InvalidSettings(f"{path} is no folder") from None
        return
    except FileNotFoundError:
        if not parents:
            raise InvalidSettings(
                f"{path.parent} does not exist: mount or make it, or give another store"
            ) from None
        _make_folder(path.parent, parents=True)
        path.mkdir()
    with opened(str(path.parent), os.O_RDONLY) as above:
        os.fsync(above)


def _mark(root: int) -> None:
    """Give the folder an id, unless it has one: of several who do it at once, one wins."""
    with made(root, [_OWN]) as own:
        draft = f"{_MARKER}.{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW
        try:
            with opened(draft, flags, dir_fd=own) as fd:
                os.write(fd, msgspec.json.encode(_Marker(secrets.token_hex(16))) + b"\n")
                os.fsync(fd)
            with suppress(FileExistsError):
                os.link(draft, _MARKER, src_dir_fd=own, dst_dir_fd=own)
        except OSError as error:
            if error.errno in _NO_LINKS:
                raise InvalidSettings(
                    "this file system has no hard links, by which the store publishes: take another"
                ) from error
            raise
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=own)
        os.fsync(own)


def _read_marker(root: int) -> str | None:
    """Return the id in the marker; None if there is no marker."""
    with translated(), Descent(root) as descent:
        try:
            with opened(_MARKER, os.O_RDONLY | NO_FOLLOW, dir_fd=descent.open([_OWN])) as fd:
                text = os.read(fd, 4096)
        except FileNotFoundError:
            return None
    try:
        marker = _marker_decoder.decode(text)
    except msgspec.DecodeError as error:
        raise Unavailable(f".onecopy/{_MARKER} can't be read: {error}") from error
    if marker.version != 1:
        raise InvalidSettings(
            f".onecopy/{_MARKER} has version {marker.version}: a newer onecopy made it"
        )
    return marker.id


_marker_decoder = msgspec.json.Decoder(_Marker)
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})


def _look(root: int, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
    """Look at keys folder by folder, each opened once."""
    answers: list[Object | Absent | Unknown] = [_ABSENT] * len(keys)
    places: dict[str, list[int]] = {}
    for at, key in enumerate(keys):
        places.setdefault(split(key)[0], []).append(at)
    with Descent(root) as descent:
        for folder in sorted(places):
            try:
                fd = descent.open(names(folder))
            except (OSError, ValueError) as error:
                for at in places[folder]:
                    answers[at] = _unseen(error)
                continue
            for at in places[folder]:
                answers[at] = _look_at(fd, keys[at], len(folder))
    return answers


def _look_at(folder: int, key: str, start: int) -> Object | Absent | Unknown:
    try:
        status = os.stat(key[start:].encode(), dir_fd=folder, follow_symlinks=False)
    except (OSError, ValueError) as error:
        return _unseen(error)
    # A link, folder or device is no object of ours, whatever was there before.
    return described(key, status) if stat.S_ISREG(status.st_mode) else _ABSENT


def _unseen(error: OSError | ValueError) -> Absent | Unknown:
    """Return what is known of a file that can't be looked at; ValueError: no file has this name."""
    if isinstance(error, OSError) and error.errno not in ABSENT:
        return Unknown(f"store-{failure(error).reason}")
    return _ABSENT


def _no_object(key: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key)


def _check_names(key: str, longest: int) -> None:
    """Refuse what could not be published in the end, before its bytes are sent."""
    for name in key.split("/"):
        if len(name.encode()) > longest:
            raise InvalidKey(
                f"{name[:40]!r}… has {len(name.encode())} bytes, and a name in this folder may "
                f"have {longest}"
            )
