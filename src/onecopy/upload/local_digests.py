"""Digests of local files: from the cache, or computed by reading the files."""

from collections.abc import Sequence
from time import time_ns

from onecopy.digest import Digest, Hashed, Scheme
from onecopy.digest_cache import DigestCache
from onecopy.files import File
from onecopy.hashing import hash_files
from onecopy.upload.checked import Checked
from onecopy.upload.result import Progress
from onecopy.workers import Workers

Wanted = tuple[Checked, File, list[Scheme]]
"""A file whose digests are needed, and by which schemes."""


class LocalDigests:
    """Finds the digests of files that are being checked."""

    def __init__(self, workers: Workers, progress: Progress, cache: DigestCache | None) -> None:
        self._workers = workers
        self._progress = progress
        self._cache = cache

    def find(self, wanted: Sequence[Wanted]) -> None:
        """Set the digests of each file, or the error that occurred while it was read."""
        if unread := self._find_in_cache(wanted):
            self._read(unread)

    def _find_in_cache(self, wanted: Sequence[Wanted]) -> Sequence[Wanted]:
        """Set the digests that are in the cache; return the files that have to be read."""
        if self._cache is None or not wanted:
            return wanted
        found = self._cache.find([(file, schemes) for _, file, schemes in wanted])
        unread = []
        for each, digests in zip(wanted, found, strict=True):
            if digests is None:
                unread.append(each)
            else:
                each[0].digests = digests
        return unread

    def _read(self, wanted: Sequence[Wanted]) -> None:
        """Hash files, and keep their digests in the cache."""
        began, unkept = time_ns(), list[tuple[File, tuple[Digest, ...]]]()
        files = [(file, schemes) for _, file, schemes in wanted]
        hashed = hash_files(files, progress=self._report_read)
        try:
            for (item, _, _), (file, read) in zip(wanted, hashed, strict=True):
                if isinstance(read, Hashed):
                    item.digests = read.digests
                    unkept.append((file, read.digests))
                else:
                    item.error = read
        finally:  # also what was read before an interruption
            if self._cache:
                self._cache.keep(unkept, began)

    def _report_read(self, length: int) -> None:
        self._workers.check()
        self._progress(0, length)
