"""DynamoDB: an index as destination, and tables of checksums as source and destination.

An index gets several concurrent writers, and the cost of its writes is counted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby, islice
from typing import cast

from onecopy.aws.prices import WRITE_UNIT
from onecopy.content import Copy, Listed
from onecopy.digest import Digest
from onecopy.errors import InvalidSettings
from onecopy.index import open_index
from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.checksums import ChecksumTable, can_hold
from onecopy.index.dynamodb.connections import MAX_IN_FLIGHT, MAX_WRITE, Table
from onecopy.index.dynamodb.costs import units_of
from onecopy.index.interface import Entry, State
from onecopy.migrate.indexes import IndexDestination, kind_of
from onecopy.migrate.interface import Batch, Sampled
from onecopy.migrate.rows import Rows
from onecopy.workers import Workers

_THREADS = 4
"""Threads that write chunks concurrently, so that no request waits for the slowest of a chunk."""
_CHUNK = MAX_IN_FLIGHT * MAX_WRITE
"""Listed digests that one of these threads writes at a time."""
_PAGE_SIZE = 5_000
"""Items that are read at a time."""
_MAX_COUNTED_ITEMS = 10_000_000
"""Items of a table up to which they are counted, which costs about a cent per million."""


def open_source(address: str, tenant: str) -> "ChecksumSource | None":
    """Open a table of checksums; None if the URL names an index."""
    if Address.parse(address).layout == "checksums":
        return ChecksumSource(address, tenant)
    return None


def open_destination(address: str) -> "DynamoDestination | ChecksumDestination":
    """Open an index or a table of checksums."""
    is_list = Address.parse(address).layout == "checksums"
    return ChecksumDestination(address) if is_list else DynamoDestination(address)


def _write(
    write: Callable[[list[tuple[str, Listed]]], int],
    entries: Iterator[tuple[str, Listed]],
    size: int,
    threads: int,
) -> Iterator[int]:
    """Write entries with several threads, `size` at a time; yield the results."""
    batches = iter(lambda: list(islice(entries, size)), [])
    workers = Workers()
    try:
        yield from workers.each(write, batches, threads=threads, max_in_flight=2 * threads)
    finally:
        workers.stop(timeout=10)


def _count(table: Table) -> int:
    """Return the approximate number of items, some hours old."""
    return int(table.request(table.client.describe_table)["Table"]["ItemCount"])


class DynamoDestination(IndexDestination):
    """An index in a table."""

    def __init__(self, url: str) -> None:
        super().__init__(open_index(url), url)
        self._table = Table(Address.parse(url))
        self._units = 0

    def keep(self, entries: Iterable[Entry]) -> None:
        for kind, run in groupby(entries, kind_of):
            if kind is Listed:
                listed = cast("Iterator[tuple[str, Listed]]", run)
                for written in _write(self._lists.enlist, listed, _CHUNK, _THREADS):
                    self._units += written
            else:
                self._index.add(self._counted(cast("Iterator[tuple[str, Copy]]", run)))

    def _counted(self, copies: Iterator[tuple[str, Copy]]) -> Iterator[tuple[str, Copy]]:
        for tenant, copy in copies:
            self._units += units_of(copy)
            yield tenant, copy

    def counts(self) -> Iterator[int]:
        return iter(()) if _count(self._table) > _MAX_COUNTED_ITEMS else super().counts()

    def dollars(self) -> float | None:
        return self._units * WRITE_UNIT

    def close(self) -> None:
        self._table.close()
        super().close()


class ChecksumDestination:
    """Destination: a table whose partition key is the checksum."""

    state: State | None = None

    def __init__(self, url: str) -> None:
        self.name = url
        address = Address.parse(url)
        self._key = address.key
        self._list = ChecksumTable(address)
        self._table = Table(address, [address.key])
        self._units = 0

    def begin(self, *, resumed: bool) -> None:
        """Do nothing: the table needs no preparation."""

    def keep(self, entries: Iterable[Entry]) -> None:
        listed = cast("Iterator[tuple[str, Listed]]", iter(entries))  # `_put` checks it
        for written in _write(self._put, listed, MAX_WRITE, MAX_IN_FLIGHT):
            self._units += written

    def _put(self, batch: list[tuple[str, Listed]]) -> int:
        texts = {checksum_text(listed) for _, listed in batch}  # keys in a request must be unique
        self._table.put_in_turn({self._key: {"S": text}} for text in texts)
        return len(texts)

    def finish(self, report: Callable[[str], object]) -> None:
        """Do nothing: `keep` has stored everything."""

    def missing(self, sample: Sequence[Sampled]) -> list[Sampled]:
        return [sampled for sampled in sample if not self._has(sampled)]

    def _has(self, sampled: Sampled) -> bool:
        digests = [Digest.parse(text) for text in sampled.digests]
        return None not in self._list.listed(sampled.tenant, digests)

    def counts(self) -> Iterator[int]:
        return iter(()) if _count(self._table) > _MAX_COUNTED_ITEMS else self._list.counts()

    def dollars(self) -> float | None:
        return self._units * WRITE_UNIT

    def close(self) -> None:
        self._table.close()
        self._list.close()


def checksum_text(entry: Copy | Listed) -> str:
    """Return an entry as a checksum in hex; raises InvalidSettings if it is not one."""
    if isinstance(entry, Listed) and can_hold(entry.digest):
        return entry.digest.value.hex()
    raise InvalidSettings(
        "a table of checksums cannot hold copies, digests over parts or CRCs: move them into an "
        "index"
    )


class ChecksumSource:
    """Source: a table whose partition key is the checksum."""

    def __init__(self, url: str, tenant: str) -> None:
        self.name = url
        address = Address.parse(url)
        ChecksumTable(address).close()  # checks the key
        self._key = address.key
        self._table = Table(address, [address.key])
        self._rows = Rows(tenant, 1)

    def notes(self) -> list[str]:
        return []

    def version(self) -> str:
        table = self._table.request(self._table.client.describe_table)["Table"]
        return str(table["CreationDateTime"])

    def count(self) -> int | None:
        return _count(self._table)

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        start = {"ExclusiveStartKey": {self._key: {"S": after}}} if after else {}
        for answer in self._table.pages(self._table.client.scan, Limit=_PAGE_SIZE, **start):
            texts = [item[self._key]["S"] for item in answer["Items"]]
            read = self._rows.read(zip(texts), partial(_item, texts))
            if texts:
                yield Batch(texts[-1], read.entries, read.rejects)

    def values(self) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def close(self) -> None:
        self._table.close()


def _item(texts: Sequence[str], number: int) -> str:
    return f"item {texts[number][:200]}"
