"""Many small uploads at once, which share their flushes.

All files are written, then flushed, then noted as received. To publish them, all are linked, then
the folders are flushed, then all leave staging, then they are flushed. So the file system has many
files to write at a time, and a folder is flushed once. The order for each single file is the one
of `staging`, and no lock is held while another is awaited. While bytes are awaited, the files that
have arrived are closed: clients that send slowly occupy no descriptors.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from threading import BoundedSemaphore
from typing import NamedTuple, TypeVar

from onecopy.digest import Digest
from onecopy.errors import BadInput, OnecopyError, PartSuperseded, StoreFull, UploadUnknown
from onecopy.key import check_key
from onecopy.platforms import raise_descriptor_limit
from onecopy.store.folder.descriptors import opened_file
from onecopy.store.folder.directories import object_of, open_or_create, translated
from onecopy.store.folder.journal import Staged, file_names
from onecopy.store.folder.staging import Proof, Received, prove, receive
from onecopy.store.interface import Incoming, Object, Part, Upload

_OF_ONE_FILE = (BadInput, StoreFull, PartSuperseded, UploadUnknown)
"""Errors that do not concern the other files of a batch."""
_FLUSHING_THREADS = 8
"""A file system makes the files durable together that are flushed at the same time."""
_MAX_OPEN = 225
"""Descriptors of the files that are published together: enough for a hundred in one folder. Fewer
if the process may open few: an eighth of them."""
_turns = BoundedSemaphore(2)
"""Batches that are flushed or published at a time. So all batches of a process together need 450
descriptors, fewer than the service reserves; more of them at a time would not be faster."""
_MIN_THREADED = 4
"""Files from which on threads are worth starting."""


_T = TypeVar("_T")
_R = TypeVar("_R")


class _Linked(NamedTuple):
    """An upload whose data file has been linked under its key."""

    upload: Upload
    staged: Staged
    proof: Proof


def write(uploads: int, files: Iterable[Incoming]) -> list[Part | OnecopyError]:
    """Write the only part of each upload; see BatchReceiver."""
    received = [(file.upload, _receive(uploads, file)) for file in files]
    arrived = [upload for upload, each in received if isinstance(each, Received)]
    with _turns:
        with translated():
            _each(partial(_flush_data, uploads), arrived)
        return [_note(uploads, *each) for each in received]


def _receive(uploads: int, file: Incoming) -> Received | OnecopyError:
    upload, body, sha256 = file
    try:
        with Staged.open(uploads, upload) as staged:
            return receive(staged, upload, 1, body, sha256)
    except _OF_ONE_FILE as error:
        return error


def _flush_data(uploads: int, upload: Upload) -> None:
    """Make the bytes of a file durable; if it is gone, `_note` finds that out."""
    name, _ = file_names(upload)
    with suppress(FileNotFoundError), opened_file(name, os.O_RDWR, dir_fd=uploads) as data:
        os.fsync(data)


def _note(uploads: int, upload: Upload, received: Received | OnecopyError) -> Part | OnecopyError:
    """Note a file as received, if it still is the one whose bytes are durable."""
    if isinstance(received, OnecopyError):
        return received
    attempt, part, md5 = received
    try:
        with Staged.open(uploads, upload) as staged:
            attempt.resume(staged)
            attempt.note(part.size, part.sha256, md5)
    except _OF_ONE_FILE as error:
        return error
    return part


def publish(
    root: int, uploads: int, wanted: Sequence[tuple[Upload, Digest]]
) -> list[Object | None]:
    """Publish uploads; see BatchReceiver. Raises OSError."""
    published: list[Object | None] = []
    for group in _groups(wanted):
        published += _publish(root, uploads, group)
    return published


def _groups(wanted: Sequence[tuple[Upload, Digest]]) -> Iterator[Sequence[tuple[Upload, Digest]]]:
    """Yield uploads, in order, by as many as may be open: data, journal, and each folder once."""
    available = raise_descriptor_limit()
    most = _MAX_OPEN if available is None else min(_MAX_OPEN, available // 8)
    start, folders = 0, set[str]()
    for at, (upload, _) in enumerate(wanted):
        folders.add(upload.key.rpartition("/")[0])
        if 2 * (at + 1 - start) + len(folders) > most:
            yield wanted[start:at]
            start, folders = at, {upload.key.rpartition("/")[0]}
    if wanted:
        yield wanted[start:]


def _publish(
    root: int, uploads: int, wanted: Sequence[tuple[Upload, Digest]]
) -> list[Object | None]:
    with _turns, ExitStack() as open_files:
        folders = _Folders(root, open_files)
        links = [_link(open_files, folders, uploads, *each) for each in wanted]
        linked = [each for each in links if each]
        _flush(folders.opened)
        for each in linked:
            each.staged.unlink()
        _flush([each.staged.data for each in linked])
        return [_published(each) if each else None for each in links]


class _Folders:
    """The folders into which a batch is published, each opened once."""

    def __init__(self, root: int, open_files: ExitStack) -> None:
        self._root = root
        self._open_files = open_files
        self._by_path: dict[str, int] = {}

    @property
    def opened(self) -> Sequence[int]:
        """The descriptors of all of them."""
        return list(self._by_path.values())

    def open(self, path: str) -> int:
        """Open a folder, durably creating what is missing of it; raises OSError."""
        if path not in self._by_path:
            names = path.encode().split(b"/") if path else []
            opened = open_or_create(self._root, names)
            self._by_path[path] = self._open_files.enter_context(opened)
        return self._by_path[path]


def _link(
    open_files: ExitStack, folders: _Folders, uploads: int, upload: Upload, digest: Digest
) -> _Linked | None:
    """Link a data file under its key; None if that is not possible, whatever the reason is."""
    folder, _, name = upload.key.rpartition("/")
    try:
        check_key(upload.key)
        staged = open_files.enter_context(Staged.open(uploads, upload))
        with staged.locked() as status:
            proof = prove(upload, digest, staged.read_lines())
            fits = proof.fits(status) and staged.link(folders.open(folder), name.encode())
    except (OnecopyError, OSError):
        return None
    return _Linked(upload, staged, proof) if fits else None


def _published(linked: _Linked) -> Object | None:
    """Return the object, unless somebody has changed it since."""
    status = linked.staged.note_published()
    if not linked.proof.fits(status):
        return None
    return object_of(linked.upload.key, status)._replace(digests=linked.proof.digests)


def _flush(descriptors: Sequence[int]) -> None:
    """Make files or folders durable; raises OSError."""
    _each(os.fsync, descriptors)


def _each(call: Callable[[_T], _R], values: Sequence[_T]) -> list[_R]:
    """Make calls that flush, several at a time."""
    if len(values) < _MIN_THREADED:
        return [call(value) for value in values]
    with ThreadPoolExecutor(_FLUSHING_THREADS, "flush") as pool:
        return list(pool.map(call, values))
