"""DynamoDB: many writers at a time, what they spend, and tables that hold nothing but checksums."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby, islice
from typing import cast

from onecopy.aws.prices import WRITE_UNIT
from onecopy.content import Copy, Listed
from onecopy.errors import Failure, InvalidSettings
from onecopy.index import open_index
from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.checksums import ChecksumTable
from onecopy.index.dynamodb.table import AT_ONCE, MOST_WRITTEN, Table
from onecopy.index.interface import Entry, State
from onecopy.migrate.indexes import IndexDestination, kind_of
from onecopy.migrate.interface import Batch
from onecopy.migrate.plan import units_of
from onecopy.migrate.rows import Rows
from onecopy.workers import Workers

_WRITERS = 4
"""Threads that have chunks written at the same time, so that no request waits for the slowest."""
_CHUNK = AT_ONCE * MOST_WRITTEN
"""Listed digests that one of them has written at one time."""
_PAGE = 5_000
"""Items that are read at one time."""
_COUNTED = 10_000_000
"""Items of a table up to which they are counted, which costs about a cent a million."""


class DynamoDestination(IndexDestination):
    """An index in a table."""

    def __init__(self, url: str) -> None:
        super().__init__(open_index(url), url)
        self._address = Address.parse(url)
        self._units = 0

    def keep(self, entries: Iterable[Entry]) -> None:
        for kind, run in groupby(entries, kind_of):
            if kind is Listed:
                self._enlist(cast("Iterator[tuple[str, Listed]]", run))
            else:
                self._index.add(self._counted(cast("Iterator[tuple[str, Copy]]", run)))

    def _enlist(self, entries: Iterator[tuple[str, Listed]]) -> None:
        self._write(self._index.enlist, entries, _CHUNK, _WRITERS)

    def _write(
        self,
        write: Callable[[list[tuple[str, Listed]]], int],
        entries: Iterator[tuple[str, Listed]],
        most: int,
        threads: int,
    ) -> None:
        """Let threads write so many entries each at one time."""
        batches = iter(lambda: list(islice(entries, most)), [])
        workers = Workers()
        try:
            for written in workers.each(write, batches, threads=threads, inside=2 * threads):
                self._units += written
        finally:
            workers.stop(patience=10)

    def _counted(self, copies: Iterator[tuple[str, Copy]]) -> Iterator[tuple[str, Copy]]:
        for tenant, copy in copies:
            self._units += units_of(copy)
            yield tenant, copy

    def count(self) -> int | None:
        table = Table(self._address)
        try:
            about = table.ask(table.client.describe_table)["Table"]["ItemCount"]
        finally:
            table.close()
        return None if about > _COUNTED else self._index.count()

    def dollars(self) -> float | None:
        return self._units * WRITE_UNIT


class ChecksumDestination(DynamoDestination):
    """A table that holds nothing but checksums."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._table = Table(self._address, [self._address.key])

    @property
    def state(self) -> State | None:
        return None

    def _enlist(self, entries: Iterator[tuple[str, Listed]]) -> None:
        """Write without what an index looks after: each thread a request at a time."""
        self._write(self._put, entries, MOST_WRITTEN, AT_ONCE)

    def _put(self, batch: list[tuple[str, Listed]]) -> int:
        key = self._address.key
        texts = {checksum_text(listed) for _, listed in batch}  # no request may say one twice
        self._table.put_in_turn({key: {"S": text}} for text in texts)
        return len(texts)

    def close(self) -> None:
        self._table.close()
        super().close()


def checksum_text(entry: Copy | Listed) -> str:
    """Return what a table of checksums has of an entry; raises InvalidSettings if it can't."""
    if isinstance(entry, Listed) and entry.digest.scheme.part_size is None:
        return entry.digest.value.hex()
    raise InvalidSettings(
        "a table of checksums holds no copies, and no digests over parts: move them into an index"
    )


class ChecksumSource:
    """A table that holds nothing but checksums."""

    def __init__(self, url: str, tenant: str) -> None:
        self.name = url
        address = Address.parse(url)
        ChecksumTable(address).close()  # says what is wrong with its keys
        self._key = address.key
        self._table = Table(address, [address.key])
        self._rows = Rows(tenant, 1)

    def version(self) -> str:
        table = self._table.ask(self._table.client.describe_table)["Table"]
        return str(table["CreationDateTime"])

    def count(self) -> int | None:
        return int(self._table.ask(self._table.client.describe_table)["Table"]["ItemCount"])

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        begun = {"ExclusiveStartKey": {self._key: {"S": after}}} if after else {}
        for answer in self._table.pages(self._table.client.scan, Limit=_PAGE, **begun):
            texts = [item[self._key]["S"] for item in answer["Items"]]
            entries, rejects = self._rows.read(zip(texts), partial(_item, texts))
            if texts:
                yield Batch(texts[-1], entries, rejects)

    def values(self) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def close(self) -> None:
        self._table.close()


def _item(texts: Sequence[str], number: int) -> str:
    return f"item {texts[number][:200]}"


def require_table(url: str) -> None:
    """Raise InvalidSettings if there is no such table: a source is not made by opening it."""
    table = Table(Address.parse(url))
    try:
        table.ask(table.client.describe_table)
    except Failure as error:
        if "ResourceNotFoundException" in str(error):
            raise InvalidSettings(f"there is no table {table.name}") from error
        raise
    finally:
        table.close()
