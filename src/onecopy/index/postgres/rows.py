"""Copies and their digests as rows, and the tables that they are written to."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from onecopy.content import VALUE_BYTES, Copy, Digests, Evidence
from onecopy.digest import SMALLEST_PART, Digest, Scheme
from onecopy.index.postgres.connections import Connection, execute
from onecopy.index.stored import class_column, damaged, stored_copy

UNREAD = "-"
"""The need of a copy without a digest: its bytes must be read."""

CopyRow = tuple[int, int, int, int, int, str, str, bytes, str, str]
"""Number, size, stored_at, recorded_at, tenant, key, need, digests, identity, storage_class."""
Entry = tuple[int, int, int, bytes]
"""Number, tenant, rank, digest."""

MAX_INSERT = 1000
"""Rows up to which an INSERT is faster than a COPY, which takes two more round trips."""

_CLAIMED = tuple(bytes([head & ~Evidence.PROVED]) for head in range(32))
"""Head byte of a digest -> its head byte when it is claimed."""


def row_of(number: int, tenant: int, copy: Copy) -> CopyRow:
    """Return the row of a copy."""
    key, size, digests, identity, stored_at, recorded_at, storage_class = copy
    need = "" if _is_proved(copy) else _need(digests)
    numbers = number, size, stored_at, recorded_at, tenant
    return *numbers, key, need, digests.packed, identity, class_column(storage_class)


def entries_of(number: int, tenant: int, copy: Copy) -> list[Entry]:
    """Return the rows of a copy's digests."""
    packed, rank = copy.digests.packed, 0 if _is_proved(copy) else 1
    entries: list[Entry] = []
    at, end = 0, len(packed)
    while at < end:  # the layout is described at Digests
        head, value = packed[at], at + 1
        at += (6 if head & 4 else 1) + VALUE_BYTES[head]
        digest = _CLAIMED[head] + packed[value:at]
        entries.append((number, tenant, rank if head & 1 else 2, digest))
    return entries


def _is_proved(copy: Copy) -> bool:
    """Return whether the content digest is proved."""
    if copy.size < SMALLEST_PART and copy.digests.packed[:1] == b"\x01":
        return True  # the common case, kept cheap
    return copy.content_digest is not None


def _need(digests: Digests) -> str:
    return " ".join(sorted(map(str, digests.schemes))) or UNREAD


@cache
def _head(scheme: Scheme) -> bytes:
    return Digests.of([(Digest(scheme, b""), Evidence.CLAIMED)]).packed


def packed(digest: Digest) -> bytes:
    """Return a digest in the form in which `Digests` packs claimed ones."""
    return _head(digest.scheme) + digest.value


def packed_all(digests: Iterable[Digest]) -> list[bytes]:
    """Return `packed` for each digest; most have the scheme of the one before."""
    values, last, head = [], None, b""
    for digest in digests:
        scheme = digest.scheme
        if scheme is not last:
            last, head = scheme, _head(scheme)
        values.append(head + digest.value)
    return values


def unpacked(digest: bytes) -> Digest:
    """Return the digest of a result of `packed`; raises Damaged."""
    if not Digests.is_valid(digest) or len(Digests(digest)) != 1:
        raise damaged(f"no digest is stored as {digest[:50].hex()}")
    return next(iter(Digests(digest)))


def to_copy(row: Sequence[Any]) -> Copy:
    """Return the copy in a row of columns in the order of `Copy`."""
    return stored_copy(row)


class Table(NamedTuple):
    """A table with its columns and their types."""

    name: str
    columns: str
    types: tuple[str, ...]

    def put(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows whose keys are free."""
        if len(rows) > MAX_INSERT:
            self.load(connection, rows)
        elif rows:
            arrays = ", ".join(f"%b::{kind}[]" for kind in self.types)
            insert = f"INSERT INTO {self.name} ({self.columns}) SELECT * FROM unnest({arrays})"
            execute(connection, insert, *columns_of(rows))

    def load(self, connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert many rows whose keys are free, with COPY."""
        statement = f"COPY {self.name} ({self.columns}) FROM STDIN (FORMAT BINARY)"
        with connection.cursor().copy(statement) as copying:
            copying.set_types(self.types)
            for row in rows:
                copying.write_row(row)


def columns_of(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Return rows as columns, for unnest."""
    return [list(column) for column in zip(*rows, strict=True)]


COPIES = Table(
    "onecopy.copy",
    "number, size, stored_at, recorded_at, tenant, key, need, digests, identity, storage_class",
    ("int8", "int8", "int8", "int8", "int4", "text", "text", "bytea", "text", "text"),
)
DIGESTS = Table("onecopy.digest", "number, tenant, rank, digest", ("int8", "int4", "int2", "bytea"))
