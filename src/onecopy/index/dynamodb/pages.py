"""All entries of an index, page by page."""

import json
from collections.abc import Iterator
from itertools import accumulate

from onecopy.content import Copy, Listed
from onecopy.index.dynamodb.connections import Item, Table
from onecopy.index.dynamodb.items import BUCKETS, to_copy, to_listed
from onecopy.index.dynamodb.lists import Tenants
from onecopy.index.interface import Entry

_PAGE_SIZE = 2000
"""Entries in one page."""
_GROUP = 8
"""Partitions that are counted at the same time."""


class PageReader:
    """Counts and reads all entries; see onecopy.index.interface.Pages."""

    def __init__(self, table: Table, tenants: Tenants) -> None:
        self._table = table
        self._tenants = tenants

    def count(self) -> int:
        *_, last = self.counts()
        return last

    def counts(self) -> Iterator[int]:
        partitions = [pk for name in self._tenants.names() for pk in self._partitions(name)]
        groups = [partitions[at : at + _GROUP] for at in range(0, len(partitions), _GROUP)]
        sums = (sum(self._table.each(self._count, group)) for group in groups)
        return accumulate(sums, initial=0)

    def _count(self, pk: str) -> int:
        answers = self._table.pages(
            self._table.client.query,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            Select="COUNT",
            ConsistentRead=True,
        )
        return sum(answer["Count"] for answer in answers)

    def _partitions(self, tenant: str) -> list[str]:
        """Return the partition keys of a tenant's copies and listed digests."""
        kinds = "kl" if self._tenants.schemes(tenant) else "k"
        return [f"{kind} {tenant} {bucket}" for kind in kinds for bucket in BUCKETS]

    def pages(self, after: str | None = None) -> Iterator[tuple[str, list[Entry]]]:
        first: tuple[str, str, str] = tuple(json.loads(after)) if after else ("", "", "")
        position, entries = "", list[Entry]()
        for name in self._tenants.names():
            for pk in self._partitions(name):
                if (name, pk) < first[:2]:
                    continue
                for page in self._after(pk, first[2] if (name, pk) == first[:2] else " "):
                    entries += [(name, _entry(pk, item)) for item in page]
                    if page:
                        position = json.dumps([name, pk, page[-1]["sk"]["S"]])
                    if len(entries) >= _PAGE_SIZE:
                        yield position, entries
                        entries = []
        if entries:
            yield position, entries

    def _after(self, pk: str, sk: str) -> Iterator[list[Item]]:
        values = {":pk": {"S": pk}, ":sk": {"S": sk}}
        return self._table.query("pk = :pk AND sk > :sk", values, Limit=_PAGE_SIZE)


def _entry(partition: str, item: Item) -> Copy | Listed:
    return to_copy(item) if partition[0] == "k" else to_listed(item)
