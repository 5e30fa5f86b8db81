"""The rows of the cache of digests: their format, and the checks before one is used.

    path (8)   identity (40)   day (2)   packed digests   checksum (4)

`path` is a hash: of the folder, then of the name, so that the files of a folder are neighbours.
"""

import os
import sys
from collections.abc import Collection, Sequence
from functools import lru_cache
from hashlib import blake2b
from struct import Struct, error
from zlib import crc32

from onecopy.content import Digests, Evidence
from onecopy.digest import SHA256, Digest, Scheme
from onecopy.files import File

PATH_BYTES = 8
_CHECKSUM_BYTES = 4
_HEAD = Struct("<8s3Q2qH")
_IDENTITY, _DAY = Struct("<3Q2q"), Struct("<H")
_SHORTEST = _HEAD.size + _CHECKSUM_BYTES
_SHA256_BYTES = 1 + SHA256.length
"""Length of the packed digests of nearly all files."""
_FOLDERS = 1000
"""Folders whose hashes are remembered."""
_NAMES = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
"""Encoding of names as in `os.fsencode`, which takes three times as long."""


class Rows:
    """Makes rows and reads them, with the secret of a cache."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._seed = crc32(secret)
        self._here = os.path.abspath("") + os.sep  # noqa: PTH100
        self._folder = lru_cache(_FOLDERS)(self._hash_folder)

    def path(self, path: str) -> bytes:
        """Return the hash of a path, with which its row begins."""
        at = path.rfind(os.sep) + 1
        name = crc32(path[at:].encode(*_NAMES), self._seed)
        return self._folder(path[:at]) + name.to_bytes(4, "big")

    def _hash_folder(self, folder: str) -> bytes:
        # With a drive, it only has to be the same each time.
        path = folder if folder.startswith(os.sep) else self._here + folder
        return blake2b(path.encode(*_NAMES), digest_size=4, key=self._secret).digest()

    def pack(self, file: File, digests: Sequence[Digest], day: int) -> bytes | None:
        """Return the row of a file that was read on a day, in days since 1970.

        None if a number of its identity is too large, as in some file systems.
        """
        try:
            head = _HEAD.pack(self.path(file.path), *file.identity, day)
        except error:  # a number is beyond its range
            return None
        row = head + _packed(digests)
        return row + self._checksum(row)

    def _checksum(self, row: bytes) -> bytes:
        return crc32(row, self._seed).to_bytes(_CHECKSUM_BYTES, "big")

    def unpack(
        self, row: bytes, file: File, schemes: Collection[Scheme], days: range
    ) -> tuple[Digest, ...] | None:
        """Return the digests of a file by its schemes; None if it has to be read.

        That is, if it changed, if it was not read on one of these days, if a digest is missing, or
        if the row is damaged.
        """
        end = len(row) - _CHECKSUM_BYTES
        is_same = _IDENTITY.unpack_from(row, PATH_BYTES) == file.identity
        if not is_same or self._checksum(row[:end]) != row[end:]:
            return None
        (day,) = _DAY.unpack_from(row, _HEAD.size - _DAY.size)
        return _chosen(_unpacked(row[_HEAD.size : end]), schemes) if day in days else None


def split(data: bytes, length: int) -> dict[bytes, bytes]:
    """Return the rows of one length, which are joined in `data`, by the hashes of their paths."""
    if length < _SHORTEST:
        return {}
    starts = range(0, len(data) - length + 1, length)
    return {data[at : at + PATH_BYTES]: data[at : at + length] for at in starts}


def _packed(digests: Sequence[Digest]) -> bytes:
    if len(digests) == 1 and digests[0].scheme is SHA256:  # the common case, kept cheap
        return b"\0" + digests[0].value
    return Digests.of((digest, Evidence.CLAIMED) for digest in digests).packed


def _unpacked(packed: bytes) -> tuple[Digest, ...]:
    if len(packed) == _SHA256_BYTES and packed[0] == 0:  # the common case, kept cheap
        return (Digest(SHA256, packed[1:]),)
    return tuple(Digests(packed))


def _chosen(digests: tuple[Digest, ...], schemes: Collection[Scheme]) -> tuple[Digest, ...] | None:
    """Return the digests of these schemes, in their order; None if one is missing."""
    if [digest.scheme for digest in digests] == schemes:  # the common case, kept cheap
        return digests
    known = {digest.scheme: digest for digest in digests}
    if not all(scheme in known for scheme in schemes):
        return None
    return tuple(known[scheme] for scheme in schemes)
