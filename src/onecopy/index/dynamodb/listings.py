"""The methods of the engine for what listings of a store state."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING

from onecopy.content import Copy
from onecopy.index.dynamodb.blocks import BlockReader
from onecopy.index.dynamodb.changes import Changer
from onecopy.index.dynamodb.connections import Table
from onecopy.index.dynamodb.items import BUCKETS, copies_key, to_copy
from onecopy.index.dynamodb.joins import Joiner
from onecopy.index.dynamodb.lists import Tenants
from onecopy.index.dynamodb.lookups import Lookups
from onecopy.index.dynamodb.merging import Merger
from onecopy.index.dynamodb.runs import RunReader
from onecopy.index.listings import Merged
from onecopy.index.spans import groups, total
from onecopy.listing import ListedCopy, Span

if TYPE_CHECKING:
    from onecopy.index.dynamodb.ordered import Snapshot

_GROUP = 20_000
"""Copies that are merged by one change."""
_AT_ONCE = 1000
"""Copies that are unlisted by one change."""
_MOST_JOINED = 255
"""Entries of the runs that are joined after copies were unlisted: by a check, which must not wait
for long."""


class DynamoListings:
    """The methods of `Listings` and `Compactable`."""

    def __init__(self, table: Table, tenants: Tenants) -> None:
        runs, blocks = RunReader(table), BlockReader(table)
        changer = Changer(table, runs)
        lookups = self._lookups = Lookups(table, tenants, blocks, runs)
        self.listed_copies, self.listed_at = lookups.listed_copies, lookups.listed_at
        self.listed_sizes = lookups.listed_sizes
        self.matching, self.opaque = lookups.matching, lookups.opaque
        self.in_parts = lookups.in_parts
        self.tenants = tenants.names
        self._table = table
        self._tenants = tenants
        self._changer = changer
        self._joiner = Joiner(table, runs, changer)
        self._merger = Merger(table, tenants, blocks, changer)
        self._snapshots: dict[str, Snapshot] = {}
        self._lock = Lock()

    def merge(
        self, tenant: str, span: Span, copies: Iterable[ListedCopy], *, complete: bool = True
    ) -> Merged:
        self._table.require_open()
        return total(
            self._merge(tenant, own, group, is_complete=complete)
            for own, group in groups(span, copies, _GROUP)
        )

    def _merge(
        self, tenant: str, span: Span, copies: Sequence[ListedCopy], *, is_complete: bool
    ) -> Merged:
        if not copies and not self._tenants.has_listings(tenant):
            return Merged()
        merged = self._merger.merge(tenant, span, copies, is_complete=is_complete)
        self._lookups.changed(tenant)
        self._joiner.join_full(tenant)
        return merged

    def unlist(self, tenant: str, copies: Sequence[ListedCopy]) -> list[bool]:
        self._table.require_open()
        if not self._tenants.has_listings(tenant):
            return [False] * len(copies)
        parts = [copies[at : at + _AT_ONCE] for at in range(0, len(copies), _AT_ONCE)]
        answers = [self._merger.unlist(tenant, part) for part in parts]
        self._lookups.changed(tenant)
        self._joiner.join_full(tenant, most_entries=_MOST_JOINED)
        return list(chain.from_iterable(answers))

    def compact(self) -> None:
        for name in self.tenants():
            if self._tenants.has_listings(name):
                self._changer.tidy(name)
                self._joiner.settle(name)
                self._lookups.changed(name)

    # Copies in the order of keys

    def copies_within(self, tenant: str, span: Span) -> Iterator[Copy]:
        self._table.require_open()
        yield from self._snapshot(tenant).within(span)

    def _snapshot(self, tenant: str) -> "Snapshot":
        # Not at the top: a Lambda function has no SQLite, and does not scan.
        from onecopy.index.dynamodb.ordered import Snapshot

        with self._lock:
            found = self._snapshots.get(tenant)
            if found is None or found.is_expired:
                found = Snapshot(lambda put: self._read(tenant, put))
                self._snapshots[tenant] = found
            return found

    def _read(self, tenant: str, put: Callable[[list[Copy]], object]) -> None:
        """Read the copies of a tenant."""

        def read(bucket: str) -> None:
            values = {":pk": {"S": copies_key(tenant, bucket)}}
            for page in self._table.query("pk = :pk", values):
                put([to_copy(item) for item in page])

        self._table.each(read, list(BUCKETS))

    def note(self, tenant: str, old: Copy | None, new: Copy | None) -> None:
        """Note that this process has replaced a copy by another one, or by none."""
        if found := self._snapshots.get(tenant):
            if old:
                found.remove(old)
            if new:
                found.put([new])
