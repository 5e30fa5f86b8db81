"""The files of a folder: those that may be equal are read, so that equal ones are proved."""

import os
from collections.abc import Callable, Iterator
from hashlib import file_digest, sha256
from itertools import islice

from onecopy.audit.figures import Gathered
from onecopy.audit.objects import Objects, Row
from onecopy.errors import FileChanged
from onecopy.files import File, Skipped, walk
from onecopy.key import is_recordable
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter
from onecopy.scan.groups import HEAD, Groups, Member, grouped
from onecopy.scan.groups import File as Same

_LARGEST = 1 << 62
_ROWS = 10_000
_TAG_BYTES = 16
_SECOND_NS = 1_000_000_000
_CLASS = "STANDARD"


def gather_folder(
    path: str, objects: Objects, accept: Filter, progress: Callable[[int], object]
) -> Gathered:
    """Add the files below a folder; hard links are names of one file.

    Reads the files that share their size and their first bytes. One that cannot be read is in
    doubt: it may be equal to any of its size.
    """
    root = path.rstrip(os.sep) + os.sep
    gathered = Gathered(path, "folder")
    with grouped(_members(root, gathered, accept, progress)) as groups:
        reading = _Reading(root, groups)
        reading.compare_heads()
        rows = reading.rows()
        while batch := list(islice(rows, _ROWS)):
            objects.add_rows(batch)
        gathered.rows.leave_out({"hard-link": reading.links})
    return gathered


def _members(
    root: str, gathered: Gathered, accept: Filter, progress: Callable[[int], object]
) -> Iterator[Member]:
    """Yield the files to use, and count all; their keys are paths below the folder."""
    rows = gathered.rows
    for found in walk(root, own=OwnFiles(), accept=accept, any_name=True):
        rows.read += 1
        progress(1)
        if isinstance(found, Skipped):
            (rows.leave_out if found.left_out else rows.reject)({found.reason: 1})
        elif not found.size:
            rows.leave_out({"empty": 1})
        elif not is_recordable(key := found.path.removeprefix(root)):
            rows.reject({"key-invalid": 1})
        else:
            yield Member(key, found.size, _tag(found), found.identity[3] // _SECOND_NS, False)


def _tag(file: File) -> bytes:
    """Return a tag that all names of a file have, as long as it does not change."""
    return sha256(repr(file.identity).encode()).digest()[:_TAG_BYTES]


class _Reading:
    """Reads what may be equal."""

    def __init__(self, root: str, groups: Groups) -> None:
        self._root = root
        self._groups = groups
        self._unreadable: set[int] = set()
        self.links = 0
        """Further names of files."""

    def compare_heads(self) -> None:
        """Choose the files that share their size and their first bytes."""
        self._groups.note(self._heads())
        self._groups.choose(everything=False)

    def _heads(self) -> Iterator[tuple[int, int, int]]:
        for file in self._groups.sharing():
            try:
                with open(self._root + file.key, "rb", buffering=0) as stream:  # noqa: PTH123 - quick
                    yield file.id, file.size, hash(stream.read(HEAD))
            except OSError:
                self._unreadable.add(file.id)

    def rows(self) -> Iterator[Row]:
        """Yield a row for each file."""
        chosen = self._groups.chosen(0, _LARGEST)
        following = next(chosen, None)
        for file in self._groups.files():
            is_chosen = following is not None and following.id == file.id
            digest = self._digest(file) if is_chosen else None
            following = next(chosen, None) if is_chosen else following
            doubt = file.id in self._unreadable or (is_chosen and digest is None)
            names = sorted(self._groups.names(file))
            self.links += len(names) - 1
            key, modified = names[0]
            yield key, file.size, digest or file.tag, 0, doubt, modified or 0, _CLASS

    def _digest(self, file: Same) -> bytes | None:
        """Return the SHA-256 of a file; None if it cannot be read, or has changed."""
        found = next(walk(self._root + file.key, any_name=True))
        if not isinstance(found, File) or _tag(found) != file.tag:
            return None
        try:
            with found.open() as descriptor, os.fdopen(os.dup(descriptor), "rb") as stream:
                return file_digest(stream, "sha256").digest()
        except (OSError, FileChanged):
            return None
