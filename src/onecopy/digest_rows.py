"""The rows of the cache of digests: their format, and the checks before an entry is used.

A row has the files whose inodes are neighbours. Files that are walked one after the other often
are, since they were created one after the other; so a few rows have many of them, and no row is
large. A row is a checksum (8 bytes) and sections. A section has the entries that were made on one
day, and whose digests are equally long, in the order in which the files were walked:

    day (2)   length of packed digests (2)   number of entries (4)   keys   packed digests

    key: hash of the path (4)   identity (40)

Packed digests have the form of `Digests`, but for a SHA-256 alone, which nearly all files have.
"""

import os
import sys
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import repeat
from struct import Struct, error
from typing import NamedTuple
from zlib import crc32

from onecopy.content import Digests, Evidence
from onecopy.digest import SHA256, Digest, Scheme
from onecopy.files import File

_CHECKSUM_BYTES = 8
_SECTION, _KEY = Struct("<HHI"), Struct("<I3Q2q")
_PATH_BYTES = 4
_NO_KEY = bytes(_KEY.size)
"""That of no file: a file without a time of status change is not kept."""
_NEIGHBOURS = 10
"""Bits in which the inodes of neighbours differ."""
SHA256_BYTES = SHA256.length
"""Length of the packed digests of nearly all files; no others are as long."""
_FEW = 32
"""Entries that are looked for one by one."""
_MOST = 8 << _NEIGHBOURS
"""Entries of a row; there are more than neighbours if several devices have the same inodes."""
_LARGEST = 2**63 - 1
"""The largest place, beyond which no file has a key."""
_NAMES = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
"""Encoding of names as in `os.fsencode`, which takes three times as long."""
Kept = tuple[File, Sequence[Digest], int]
"""A file, its digests, and the day on which it was read, in days since 1970."""
_Entry = tuple[int, bytes, bytes]
"""Day, key and packed digests."""


class _Section(NamedTuple):
    day: int
    length: int
    """Bytes of each value."""
    keys: bytes
    packed: bytes

    def values(self) -> list[bytes]:
        """Return the packed digests of each entry."""
        return _cut(self.packed, self.length)

    def has(self, key: bytes, packed: bytes) -> bool:
        """Return whether there is this entry, without dividing the section into entries."""
        at = self.keys.find(key)
        while at > 0 and at % _KEY.size:  # not the beginning of an entry
            at = self.keys.find(key, at + 1)
        start = at // _KEY.size * self.length
        return at >= 0 and self.packed[start : start + self.length] == packed

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield each key with its packed digests."""
        return zip(_cut(self.keys, _KEY.size), self.values(), strict=True)


class Rows:
    """Makes rows and reads them, with the secret of a cache."""

    def __init__(self, secret: bytes) -> None:
        here = os.path.abspath("") + os.sep  # noqa: PTH100
        self._secret = secret
        self._seed = crc32(secret)
        # With a drive, a path only has to be the same each time.
        self._seed_here = crc32(here.encode(*_NAMES), self._seed)

    def places(self, files: Iterable[File]) -> "array[int]":
        """Return the places of the rows that may have these files, each once, in their order."""
        inodes = [identity[1] >> _NEIGHBOURS for _, _, _, identity in files]
        return array("q", [inode & _LARGEST for inode in dict.fromkeys(inodes)])

    def _keys(self, files: Sequence[File]) -> list[bytes]:
        """Return the keys of files; `_NO_KEY` for one with a number that is too large.

        Some file systems have such numbers.
        """
        paths = self._hashes([path for path, _, _, _ in files])
        identities = zip(*[identity for _, _, _, identity in files], strict=True)
        try:
            return list(map(_KEY.pack, paths, *identities))
        except error:
            return [_NO_KEY] if len(files) == 1 else [self._keys([file])[0] for file in files]

    def _hashes(self, paths: Sequence[str]) -> Iterable[int]:
        """Return the hashes of the absolute paths."""
        text = "\0".join(paths)  # together, in a third of the time; no path has this character
        absolute = f"\0{text}".count(f"\0{os.sep}")
        if 0 < absolute < len(paths):
            return [each for path in paths for each in self._hashes([path])]
        seed = self._seed if absolute else self._seed_here
        return map(crc32, text.encode(*_NAMES).split(b"\0"), repeat(seed))

    def packed(
        self, files: Sequence[File], rows: Mapping[int, bytes], days: Collection[int]
    ) -> list[bytes | None]:
        """Return the packed digests of files that are in rows, if they were read on these days."""
        sections = [
            section
            for place, row in rows.items()
            for section in self._sections(place, row)
            if section.day in days
        ]
        if not sections:
            return [None] * len(files)
        keys = self._keys(files)
        known = b"".join([section.keys for section in sections])
        values = [value for section in sections for value in section.values()]
        at = known.find(keys[0])
        if at % _KEY.size == 0 and known.startswith(b"".join(keys), at):  # the common case
            return [*values[at // _KEY.size :][: len(keys)]]
        entries = dict(zip(_cut(known, _KEY.size), values, strict=True))
        return [entries.get(key) for key in keys]

    def _sections(self, place: int, row: bytes) -> Iterator[_Section]:
        """Yield the sections of a row; none if it is damaged or was at another place."""
        at, end = _CHECKSUM_BYTES, len(row)
        if self._checksum(place, row[at:]) != row[:at]:
            return
        while at < end:
            day, length, count = _SECTION.unpack_from(row, at)
            middle = at + _SECTION.size + count * _KEY.size
            yield _Section(
                day, length, row[at + _SECTION.size : middle], row[middle : middle + count * length]
            )
            at = middle + count * length

    def _checksum(self, place: int, sections: bytes) -> bytes:
        salt = place.to_bytes(8, signed=True)
        return blake2b(sections, digest_size=_CHECKSUM_BYTES, key=self._secret, salt=salt).digest()

    def merged(
        self, rows: Mapping[int, bytes], kept: Sequence[Kept], days: Collection[int]
    ) -> Iterator[tuple[int, bytes]]:
        """Yield each row that changes with what is kept, and its place.

        The day of an entry that is kept again stays. Entries of other days than these are dropped.
        """
        for place, kept_here in self._grouped(kept).items():
            sections = [
                section
                for section in self._sections(place, rows.get(place, b""))
                if section.day in days
            ]
            if entries := _merged(sections, kept_here):
                row = _joined(entries[-_MOST:])
                yield place, self._checksum(place, row) + row

    def _grouped(self, kept: Sequence[Kept]) -> dict[int, list[_Entry]]:
        """Return the entries by the places of their rows."""
        grouped = defaultdict[int, list[_Entry]](list)
        keys = self._keys([file for file, _, _ in kept])
        for (file, digests, day), key in zip(kept, keys, strict=True):
            if key != _NO_KEY:
                grouped[file.identity[1] >> _NEIGHBOURS].append((day, key, _pack(digests)))
        return grouped


def _merged(sections: Sequence[_Section], kept: Sequence[_Entry]) -> list[_Entry]:
    """Return the entries of a row, and those that are kept; none if the row has them already."""
    # Files that are read again although they are cached: nearly always the same.
    if len(kept) < _FEW and all(_is_in(entry, sections) for entry in kept):
        return []
    entries = {
        key[:_PATH_BYTES]: (section.day, key, packed)
        for section in sections
        for key, packed in section.entries()
    }
    known = {entry[1:] for entry in entries.values()}
    fresh = {entry[1][:_PATH_BYTES]: entry for entry in kept if not known or entry[1:] not in known}
    return [*{**entries, **fresh}.values()] if fresh else []


def _is_in(entry: _Entry, sections: Iterable[_Section]) -> bool:
    """Return whether a section has this key and these digests, of whatever day."""
    _, key, packed = entry
    return any(section.has(key, packed) for section in sections)


def _joined(entries: Iterable[_Entry]) -> bytes:
    """Return the sections with these entries."""
    sections = defaultdict[tuple[int, int], list[_Entry]](list)
    for entry in entries:
        sections[entry[0], len(entry[2])].append(entry)
    return b"".join(
        _SECTION.pack(day, length, len(each))
        + b"".join([key for _, key, _ in each])
        + b"".join([value for _, _, value in each])
        for (day, length), each in sections.items()
    )


def _cut(data: bytes, length: int) -> list[bytes]:
    """Return the pieces of one length that were joined."""
    return [data[at : at + length] for at in range(0, len(data), length)]


def _pack(digests: Sequence[Digest]) -> bytes:
    if len(digests) == 1 and digests[0].scheme is SHA256:  # the common case, kept cheap
        return digests[0].value
    return Digests.of((digest, Evidence.CLAIMED) for digest in digests).packed


def chosen(packed: bytes, schemes: Collection[Scheme]) -> tuple[Digest, ...] | None:
    """Return the digests of these schemes, in their order; None if one is missing."""
    is_single = len(packed) == SHA256_BYTES
    digests = (Digest(SHA256, packed),) if is_single else Digests(packed)
    known = {digest.scheme: digest for digest in digests}
    if not all(scheme in known for scheme in schemes):
        return None
    return tuple(known[scheme] for scheme in schemes)
