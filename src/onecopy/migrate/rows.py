"""Rows of other people's tables, made into entries of an index."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from onecopy.content import Copy, Digests, Evidence, Listed
from onecopy.digest import LARGEST_CONTENT, Digest
from onecopy.errors import BadInput
from onecopy.index.interface import Entry
from onecopy.key import check_key
from onecopy.migrate.checksum import read_checksum, shown
from onecopy.migrate.interface import Reject
from onecopy.tenant import Tenant
from onecopy.timestamp import now

UNSEEN = "unseen"
"""The identity of a copy that nobody has looked at: no object has it, so the first check reads the
object, or takes what its store says of it."""


class Rows:
    """Reads rows of (checksum), (checksum, size) or (checksum, size, key), as one tenant's."""

    def __init__(self, tenant: str, columns: int) -> None:
        self._tenant = tenant
        self._prefix = Tenant(tenant).prefix
        self._read = (self._listed, self._sized, self._copy)[columns - 1]
        self._now = now()

    def read(
        self, rows: Iterable[Sequence[Any]], place: Callable[[int], str]
    ) -> tuple[list[Entry], list[Reject]]:
        """Return entries, and what can't be one; `place` tells where the row of a number is."""
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
            raise BadInput("there is no key")
        check_key(self._prefix + key)
        return Copy(key, _size(size), claimed, UNSEEN, self._now, self._now)


def _size(value: object) -> int:
    try:
        size = int(str(value))
    except ValueError as error:
        raise BadInput(f"{shown(value)!r} is no size in bytes") from error
    if not 0 < size <= LARGEST_CONTENT:
        raise BadInput(f"no content has {size} bytes that could be known")
    return size


def digests_of(entry: Copy | Listed) -> list[Digest]:
    """Return all digests of an entry."""
    return [entry.digest] if isinstance(entry, Listed) else list(entry.digests)
