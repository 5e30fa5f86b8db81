"""Conversion of rows of other tables and files into entries of an index."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from onecopy.content import Copy, Digests, Evidence, Listed
from onecopy.digest import CLIENT_MD5, LARGEST_CONTENT, Digest
from onecopy.errors import BadInput
from onecopy.index.interface import Entry
from onecopy.key import check_key
from onecopy.migrate.checksum import read_checksum, shown
from onecopy.migrate.interface import Reject
from onecopy.tenant import Tenant
from onecopy.timestamp import now

UNSEEN = "unseen"
"""Identity of a copy that has not been looked at. No stored object has this identity, so the first
check reads the object, or uses the checksums that its store reports."""


class Rows:
    """Reader of rows (checksum), (checksum, size) or (checksum, size, key) of one tenant."""

    def __init__(self, tenant: str, columns: int) -> None:
        self._tenant = tenant
        self._prefix = Tenant(tenant).prefix
        self._read = (self._listed, self._sized, self._copy)[columns - 1]
        self._now = now()

    def read(
        self, rows: Iterable[Sequence[Any]], place: Callable[[int], str]
    ) -> tuple[list[Entry], list[Reject]]:
        """Return the entries and the rejected rows; `place(n)` is the place of row n, from 0."""
        entries: list[Entry] = []
        rejects: list[Reject] = []
        tenant, read = self._tenant, self._read
        for number, row in enumerate(rows):
            try:
                entries.append((tenant, read(row)))
            except (BadInput, ValueError) as error:
                rejects.append(Reject(place(number), shown(row[0]), str(error)))
        return entries, rejects

    def _listed(self, row: Sequence[Any]) -> Listed:
        return Listed(read_checksum(row[0]))

    def _sized(self, row: Sequence[Any]) -> Listed:
        digest, size = row
        return Listed(read_checksum(digest), None if size in (None, "") else _size(size))

    def _copy(self, row: Sequence[Any]) -> Copy:
        digest, size, key = row
        claimed = Digests.of([(read_checksum(digest), Evidence.CLAIMED)])
        if not isinstance(key, str):
            raise BadInput("the key is missing")
        check_key(self._prefix + key)
        return Copy(key, _size(size), claimed, UNSEEN, self._now, self._now)


def _size(value: object) -> int:
    try:
        size = int(str(value))
    except ValueError as error:
        raise BadInput(f"not a size in bytes: {shown(value)!r}") from error
    if not 0 < size <= LARGEST_CONTENT:
        raise BadInput(f"invalid size: {size} bytes (expected 1 to {LARGEST_CONTENT})")
    return size


def digests_of(entry: Copy | Listed) -> list[Digest]:
    """Return the digests of an entry by which clients can find it."""
    if isinstance(entry, Listed):
        return [entry.digest]
    return [digest for digest in entry.digests if digest.scheme != CLIENT_MD5]
