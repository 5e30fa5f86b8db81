"""The engine: an index in one table."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from onecopy.content import Copy
from onecopy.digest import Digest
from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.connections import Table
from onecopy.index.dynamodb.copy_of_record import CopiesOfRecord
from onecopy.index.dynamodb.costs import listing_price
from onecopy.index.dynamodb.hints import Hints
from onecopy.index.dynamodb.listings import DynamoListings
from onecopy.index.dynamodb.lists import ListedDigests, Tenants
from onecopy.index.dynamodb.pages import PageReader
from onecopy.index.dynamodb.reading import Reader
from onecopy.index.dynamodb.schema import open_table
from onecopy.index.dynamodb.state import NamedValues
from onecopy.index.dynamodb.writing import Writer
from onecopy.index.rules import content_digest

_CHUNK = 1000
"""Copies that a bulk load records at a time."""


class DynamoIndex:
    """The engine: an index in one table."""

    def __init__(self, address: Address) -> None:
        self._table = Table(address)
        with self._table.closed_on_error():
            open_table(self._table)
        hints = Hints(self._table)
        self._tenants = Tenants(self._table)
        lists = ListedDigests(self._table, self._tenants)
        reader = self._reader = Reader(self._table, hints, self._tenants, lists)
        kept = DynamoListings(self._table, self._tenants)
        copies_of_record = CopiesOfRecord(self._table, hints, reader)
        self._writer = Writer(self._table, hints, copies_of_record, kept.note)
        pages, values = PageReader(self._table, self._tenants), NamedValues(self._table)
        self.schemes, self.lookup, self.at = reader.schemes, reader.lookup, reader.at
        self.unread, self.unread_sizes = reader.unread, reader.unread_sizes
        self.undecided_sizes = reader.undecided_sizes
        self.forget, self.classify = self._writer.forget, self._writer.classify
        self.enlist, self.listed = lists.enlist, lists.listed
        self.merge, self.unlist, self.compact = kept.merge, kept.unlist, kept.compact
        self.listed_copies, self.listed_at = kept.listed_copies, kept.listed_at
        self.listed_sizes, self.matching = kept.listed_sizes, kept.matching
        self.opaque, self.in_parts = kept.opaque, kept.in_parts
        self.tenants, self.copies_within = kept.tenants, kept.copies_within
        self.listing_price = listing_price
        self.count, self.counts, self.pages = pages.count, pages.counts, pages.pages
        self.get, self.put_if, self.increase = values.get, values.put_if, values.increase
        self.values = values.values

    def copies(
        self, tenant: str | None = None, *, digest: Digest | None = None
    ) -> Iterator[tuple[str, Copy]]:
        reader = self._reader
        for name in self._tenants.names() if tenant is None else [tenant]:
            for copy in reader.with_digest(name, digest) if digest else reader.of_tenant(name):
                yield name, copy

    def record(self, tenant: str, copies: Sequence[Copy]) -> list[Copy]:
        digests = [content_digest(copy) for copy in copies]
        if not copies:
            return []
        self._tenants.register([tenant])
        found = self._writer.keep([(tenant, copy) for copy in copies])
        return [
            found.get((tenant, digest), copy) for digest, copy in zip(digests, copies, strict=True)
        ]

    def add(self, copies: Iterable[tuple[str, Copy]]) -> int:
        self._table.require_open()
        count, pairs = 0, iter(copies)
        while chunk := list(islice(pairs, _CHUNK)):
            self._tenants.register(tenant for tenant, _ in chunk)
            self._writer.keep(chunk)
            count += len(chunk)
        return count

    def close(self) -> None:
        self._table.close()
