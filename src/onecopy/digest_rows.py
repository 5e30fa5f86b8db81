"""The rows of the cache of digests: their format, and the checks before an entry is used.

A row has the files whose inodes are neighbours. Files that are walked one after the other often
are, since they were created one after the other; so a few rows have many of them, and no row is
large. A row is a checksum (8 bytes) and sections. A section has the entries that were made on one
day, and whose digests are equally long, in the order in which the files were walked:

    day (2)   length of packed digests (2)   number of entries (4)
    hashes of the paths (4 each)   identities (40 each)   packed digests

Packed digests have the form of `Digests`, but for a SHA-256 alone, which nearly all files have.

Columns are made and compared for many files at a time, in half the time of entries one by one.
"""

import os
import sys
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, groupby, islice, repeat
from struct import Struct, error
from typing import NamedTuple
from zlib import crc32

from onecopy.content import Digests, Evidence
from onecopy.digest import SHA256, Digest, Scheme
from onecopy.files import File
from onecopy.files.file import Identity

_CHECKSUM_BYTES = 8
_SECTION, _IDENTITY = Struct("<HHI"), Struct("<3Q2q")
_HASH_BYTES = 4
_NO_IDENTITY = bytes(_IDENTITY.size)
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
"""The largest place, beyond which no file has an identity that is kept."""
_NAMES = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
"""Encoding of names as in `os.fsencode`, which takes three times as long."""
_Entry = tuple[bytes, bytes, bytes]
"""Hash of the path, identity, and packed digests."""


class Section(NamedTuple):
    """Entries of one day with equally long digests, as columns."""

    day: int
    length: int
    """Bytes of the packed digests of one entry."""
    hashes: bytes
    identities: bytes
    packed: bytes

    @property
    def number(self) -> int:
        """Number of entries."""
        return len(self.hashes) // _HASH_BYTES

    def digests(self) -> list[bytes]:
        """Return the packed digests of each entry."""
        return _cut(self.packed, self.length)

    def entries(self) -> Iterator[_Entry]:
        """Yield each entry."""
        identities = _cut(self.identities, _IDENTITY.size)
        return zip(_cut(self.hashes, _HASH_BYTES), identities, self.digests(), strict=True)

    def has(self, entry: _Entry) -> bool:
        """Return whether there is this entry, without dividing the section into entries."""
        path, identity, packed = entry
        at = self.hashes.find(path)
        while at >= 0:
            place, rest = divmod(at, _HASH_BYTES)
            if (
                not rest
                and self.identities.startswith(identity, place * _IDENTITY.size)
                and self.packed[place * self.length : (place + 1) * self.length] == packed
            ):
                return True
            at = self.hashes.find(path, at + 1)
        return False


class Placed(NamedTuple):
    """Entries of one row."""

    place: int
    section: Section


class Rows:
    """Makes rows and reads them, with the secret of a cache. Not safe for several threads."""

    def __init__(self, secret: bytes) -> None:
        here = os.path.abspath("") + os.sep  # noqa: PTH100
        self._secret = secret
        self._seed = crc32(secret)
        # With a drive, a path only has to be the same each time.
        self._seed_here = crc32(here.encode(*_NAMES), self._seed)
        self._last_read: tuple[int, bytes, Sequence[Section]] = (0, b"", ())

    def places(self, files: Iterable[File]) -> "array[int]":
        """Return the places of the rows that may have these files, each once, in their order."""
        inodes = [identity[1] >> _NEIGHBOURS for _, _, _, identity in files]
        return array("q", [inode & _LARGEST for inode in dict.fromkeys(inodes)])

    def _columns(self, files: Sequence[File]) -> tuple[bytes, bytes]:
        """Return the hashes and the identities of files, joined.

        An identity is `_NO_IDENTITY` if one of its numbers is too large, as in some file systems.
        """
        hashes = self._hashes([path for path, _, _, _ in files])
        identities = [identity for _, _, _, identity in files]
        return _packer("I", len(files)).pack(*hashes), _joined_identities(identities)

    def _hashes(self, paths: Sequence[str]) -> Iterable[int]:
        """Return the hashes of the absolute paths."""
        if not paths:
            return ()
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
        hashes, identities = self._columns(files)
        known_hashes = b"".join([section.hashes for section in sections])
        known = b"".join([section.identities for section in sections])
        digests = chain.from_iterable(section.digests() for section in sections)
        place, rest = divmod(known.find(identities[: _IDENTITY.size]), _IDENTITY.size)
        if (  # the common case
            rest == 0
            and known.startswith(identities, place * _IDENTITY.size)
            and known_hashes.startswith(hashes, place * _HASH_BYTES)
        ):
            return list(islice(digests, place, place + len(files)))
        entries = dict(zip(_keys(known_hashes, known), digests, strict=True))
        return [entries.get(key) for key in _keys(hashes, identities)]

    def _sections(self, place: int, row: bytes) -> Sequence[Section]:
        """Return the sections of a row; none if it is damaged or was at another place."""
        if self._last_read[:2] != (place, row):  # the files that are asked for next are often in it
            self._last_read = place, row, list(self._divided(place, row))
        return self._last_read[2]

    def _divided(self, place: int, row: bytes) -> Iterator[Section]:
        at, end = _CHECKSUM_BYTES, len(row)
        if self._checksum(place, row[at:]) != row[:at]:
            return
        while at < end:
            day, length, count = _SECTION.unpack_from(row, at)
            at += _SECTION.size
            columns = []
            for width in (_HASH_BYTES, _IDENTITY.size, length):
                columns.append(row[at : at + count * width])
                at += count * width
            yield Section(day, length, *columns)

    def _checksum(self, place: int, sections: bytes) -> bytes:
        salt = place.to_bytes(8, signed=True)
        return blake2b(sections, digest_size=_CHECKSUM_BYTES, key=self._secret, salt=salt).digest()

    def placed(self, files: Sequence[tuple[File, Sequence[Digest]]], day: int) -> Iterator[Placed]:
        """Yield entries of the files, which were read on a day (since 1970), and their places."""
        hashes, identities = self._columns([file for file, _ in files])
        if _NO_IDENTITY in identities:  # in no other place: no file has a time of 0
            fitting = [each for each in files if self._columns([each[0]])[1] != _NO_IDENTITY]
            yield from self.placed(fitting, day)
            return
        packed = [
            digests[0].value  # the common case, kept cheap
            if len(digests) == 1 and digests[0].scheme == SHA256
            else _pack(digests)
            for _, digests in files
        ]
        places = [file.identity[1] >> _NEIGHBOURS for file, _ in files]
        end = 0
        for (place, length), run in groupby(zip(places, map(len, packed), strict=True)):
            start, end = end, end + len(list(run))
            section = Section(
                day,
                length,
                hashes[start * _HASH_BYTES : end * _HASH_BYTES],
                identities[start * _IDENTITY.size : end * _IDENTITY.size],
                b"".join(packed[start:end]),
            )
            yield Placed(place, section)

    def merged(
        self, rows: Mapping[int, bytes], kept: Iterable[Placed], days: Collection[int]
    ) -> Iterator[tuple[int, bytes]]:
        """Yield each row that changes with what is kept, and its place.

        The day of an entry that is kept again stays. Entries of other days than these are dropped.
        """
        grouped = defaultdict[int, list[Section]](list)
        for place, section in kept:
            grouped[place].append(section)
        for place, fresh in grouped.items():
            old = [
                section
                for section in self._sections(place, rows.get(place, b""))
                if section.day in days
            ]
            if sections := _merged(old, fresh):
                row = _joined(sections)
                yield place, self._checksum(place, row) + row


def _joined_identities(identities: Sequence[Identity]) -> bytes:
    try:
        return _packer("3Q2q", len(identities)).pack(*chain.from_iterable(identities))
    except error:
        if len(identities) == 1:
            return _NO_IDENTITY
        return b"".join([_joined_identities([identity]) for identity in identities])


@lru_cache(maxsize=4)
def _packer(form: str, count: int) -> Struct:
    """Return what packs `count` values of a form; it is kept, since most batches are as long."""
    return Struct("<" + form * count)


def _merged(old: Sequence[Section], fresh: Sequence[Section]) -> list[Section]:
    """Return the sections of a row with fresh ones; none if the row has their entries already."""
    # Files that are read again although they are cached: nearly always the same.
    if sum(section.number for section in fresh) < _FEW and all(
        any(section.has(entry) for section in old)
        for fresh_section in fresh
        for entry in fresh_section.entries()
    ):
        return []
    both = [*old, *fresh]
    paths = memoryview(b"".join([section.hashes for section in both])).cast("I")
    if len(set(paths)) == len(paths) <= _MOST:  # the common case
        return both
    entries = {section.hashes: section for section in _singly(old)}
    changed = {
        section.hashes: section
        for section in _singly(fresh)
        # The day, which comes first, does not matter.
        if section.hashes not in entries or section[1:] != entries[section.hashes][1:]
    }
    return [*{**entries, **changed}.values()][-_MOST:] if changed else []


def _singly(sections: Iterable[Section]) -> Iterator[Section]:
    """Yield a section for each entry."""
    for section in sections:
        for entry in section.entries():
            yield Section(section.day, section.length, *entry)


def _joined(sections: Iterable[Section]) -> bytes:
    """Return a row, without its checksum."""
    grouped = defaultdict[tuple[int, int], list[Section]](list)
    for section in sections:
        grouped[section.day, section.length].append(section)
    return b"".join(
        _SECTION.pack(day, length, sum(section.number for section in each))
        + b"".join([section.hashes for section in each])
        + b"".join([section.identities for section in each])
        + b"".join([section.packed for section in each])
        for (day, length), each in grouped.items()
    )


def _keys(hashes: bytes, identities: bytes) -> Iterator[tuple[bytes, bytes]]:
    return zip(_cut(hashes, _HASH_BYTES), _cut(identities, _IDENTITY.size), strict=True)


def _cut(data: bytes, length: int) -> list[bytes]:
    """Return the pieces of one length that were joined."""
    return [data[at : at + length] for at in range(0, len(data), length)]


def _pack(digests: Sequence[Digest]) -> bytes:
    return Digests.of((digest, Evidence.CLAIMED) for digest in digests).packed


def chosen(packed: bytes, schemes: Collection[Scheme]) -> tuple[Digest, ...] | None:
    """Return the digests of these schemes, in their order; None if one is missing."""
    is_single = len(packed) == SHA256_BYTES
    digests = (Digest(SHA256, packed),) if is_single else Digests(packed)
    known = {digest.scheme: digest for digest in digests}
    if not all(scheme in known for scheme in schemes):
        return None
    return tuple(known[scheme] for scheme in schemes)
