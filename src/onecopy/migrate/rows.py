"""Conversion of rows of other tables and files into entries of an index."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from onecopy.content import Copy, Digests, Evidence, Listed
from onecopy.digest import CLIENT_MD5, LARGEST_CONTENT, Digest
from onecopy.errors import BadInput, InvalidDigest
from onecopy.index.interface import Entry
from onecopy.key import check_recordable
from onecopy.migrate.checksum import is_of_nothing, read_checksum, read_size, shown
from onecopy.rejects import Reject
from onecopy.tenant import Tenant
from onecopy.timestamp import now

UNSEEN = "unseen"
"""Identity of a copy that has not been looked at. No stored object has this identity, so the first
check reads the object, or uses the checksums that its store reports."""


class Read(NamedTuple):
    """What a few rows are: each is an entry, a reject or a file without content."""

    entries: list[Entry]
    rejects: list[Reject]
    empty_files: int


class Rows:
    """Reader of rows (checksum), (checksum, size) or (checksum, size, key) of one tenant."""

    def __init__(self, tenant: str, columns: int) -> None:
        self._tenant = tenant
        self._prefix = Tenant(tenant).prefix
        self._read = (self._listed, self._sized, self._copy)[columns - 1]
        self._now = now()

    def read(self, rows: Iterable[Sequence[Any]], place: Callable[[int], str]) -> Read:
        """Return the entries and the rejected rows; `place(n)` is the place of row n, from 0."""
        entries: list[Entry] = []
        rejects: list[Reject] = []
        empty_files = 0
        tenant, read = self._tenant, self._read
        for number, row in enumerate(rows):
            try:
                entries.append((tenant, read(row)))
            except _NoContent:
                empty_files += 1
            except (BadInput, ValueError) as error:
                rejects.append(Reject(place(number), shown(row[0]), str(error)))
        return Read(entries, rejects, empty_files)

    def _listed(self, row: Sequence[Any]) -> Listed:
        return Listed(read_checksum(row[0]))

    def _sized(self, row: Sequence[Any]) -> Listed:
        digest, size = row
        return Listed(*_sized(digest, None if size in (None, "") else size))

    def _copy(self, row: Sequence[Any]) -> Copy:
        digest, size, key = row
        known, known_size = _sized(digest, "" if size is None else size)
        if not key or not isinstance(key, str):
            raise BadInput("the key is missing")
        check_recordable(self._prefix + key)
        claimed = Digests.of([(known, Evidence.CLAIMED)])
        return Copy(key, known_size or 0, claimed, UNSEEN, self._now, self._now)


class _NoContent(Exception):
    """The row of a file without content, which is neither new nor a duplicate."""


def _sized(checksum: object, value: object) -> tuple[Digest, int | None]:
    """Return the checksum and size of a row; raises _NoContent if the file is empty."""
    if value is None:
        return read_checksum(checksum), None
    size = read_size(value)
    if size == 0:
        if checksum not in (None, "") and not is_of_nothing(read_checksum(checksum)):
            raise InvalidDigest("the size is 0, but the checksum is not that of an empty file")
        raise _NoContent
    if not 0 < size <= LARGEST_CONTENT:
        raise BadInput(f"invalid size: {size} bytes (expected 0 to {LARGEST_CONTENT})")
    return read_checksum(checksum), size


def digests_of(entry: Copy | Listed) -> list[Digest]:
    """Return the digests of an entry by which clients can find it."""
    if isinstance(entry, Listed):
        return [entry.digest]
    return [digest for digest in entry.digests if digest.scheme != CLIENT_MD5]
