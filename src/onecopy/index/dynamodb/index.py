"""The engine: what is asked and what is written."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from onecopy.content import Copy, Listed
from onecopy.digest import Digest, Scheme, content_scheme
from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.copy_of_record import Holding
from onecopy.index.dynamodb.hints import Hints, flag, texts
from onecopy.index.dynamodb.items import (
    BUCKETS,
    OWN,
    UNREAD,
    Hint,
    copy_key,
    hash_of,
    raw,
    size_key,
    to_copy,
    to_kept,
    to_listed,
)
from onecopy.index.dynamodb.lists import Listings, Tenants
from onecopy.index.dynamodb.opening import open_table
from onecopy.index.dynamodb.state import State
from onecopy.index.dynamodb.table import Item, Table
from onecopy.index.dynamodb.writing import Writing
from onecopy.index.interface import Entry
from onecopy.index.rules import content_digest

_CHUNK = 1000
"""Copies that are kept at one time."""
_PAGE = 2000
"""Entries that are given at one time to whoever moves them."""


class DynamoIndex:
    """An index in one table."""

    def __init__(self, address: Address) -> None:
        self._table = Table(address)
        with self._table.open():
            open_table(self._table)
        self._hints = Hints(self._table)
        self._holding = Holding(self._table, self._hints)
        self._writing = Writing(self._table, self._hints, self._holding)
        self._tenants = Tenants(self._table)
        self._listings = Listings(self._table, self._tenants)
        self._state = State(self._table)
        self.get, self.put_if = self._state.get, self._state.put_if
        self.increase = self._state.increase
        self.enlist, self.listed = self._listings.enlist, self._listings.listed

    def schemes(self, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        found = dict.fromkeys(sizes, self._tenants.schemes(tenant).everywhere)
        for size, scheme in self._listings.at_sizes(tenant, sizes):
            found[size] |= {scheme}
        for size, item in self._of_sizes(tenant, sizes).items():
            groups = {text.partition(" ")[0] for text in texts(item)}
            others = frozenset(map(Scheme.parse, groups - {OWN, UNREAD}))
            found[size] |= others | {content_scheme(size)} if groups else others
        return [found[size] for size in sizes]

    def _of_sizes(self, tenant: str, sizes: Iterable[int]) -> dict[int, Item]:
        """Return what hints at the copies of these sizes, for those that have any."""
        keys = [raw(size_key(tenant, size)) for size in set(sizes)]
        items = self._table.get_many(keys)
        return {int(item["pk"]["S"].rpartition(" ")[2]): item for item in items}

    def lookup(self, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
        if len(digests) == 1:  # spare a single one what only many are worth
            return [self._holding.first(tenant, digests[0])]
        return self._holding.firsts(tenant, digests)

    def at(self, tenant: str, keys: Sequence[str]) -> list[Copy | None]:
        hashes = {key: hash_of(key) for key in keys}
        items = self._table.get_many(
            (copy_key(tenant, hashed) for hashed in hashes.values()), consistent=True
        )
        kept = [to_kept(tenant, item) for item in items]
        whole = zip(kept, self._writing.whole(kept), strict=True)
        found = {each.copy.key: each.copy for each, is_whole in whole if is_whole}
        return [found.get(key) for key in keys]

    def copies(
        self, tenant: str | None = None, *, digest: Digest | None = None
    ) -> Iterator[tuple[str, Copy]]:
        for name in self._tenants.names() if tenant is None else [tenant]:
            for copy in self._holding.all(name, digest) if digest else self._all(name):
                yield name, copy

    def _all(self, tenant: str) -> Iterator[Copy]:
        for bucket in BUCKETS:
            for page in self._table.query("pk = :pk", {":pk": {"S": f"k {tenant} {bucket}"}}):
                yield from map(to_copy, page)

    def unread(self, tenant: str, size: int, limit: int) -> list[Copy]:
        key = size_key(tenant, size)
        hints = self._hints.all(key, self._table.get(raw(key)))
        found: list[Copy] = []
        while len(found) < limit and (some := list(islice(hints, limit))):
            found += self._unread(tenant, size, [each for each in some if each.group == UNREAD])
        return found[:limit]

    def _unread(self, tenant: str, size: int, hints: Sequence[Hint]) -> Iterator[Copy]:
        """Yield the copies that hints point to, if they are still of that size and unread."""
        keys = [copy_key(tenant, hashed) for hashed in {hint.hash for hint in hints}]
        items = self._table.get_many(keys)
        there = {kept.place: kept.copy for kept in (to_kept(tenant, item) for item in items)}
        for hint in hints:
            copy = there.get(hint.place)
            if copy and copy.size == size and not copy.digests:
                yield copy

    def unread_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        return {
            size
            for size, item in self._of_sizes(tenant, sizes).items()
            if self._has_unread(tenant, size, item)
        }

    def _has_unread(self, tenant: str, size: int, item: Item) -> bool:
        found = [text for text in texts(item) if text.startswith(UNREAD)]
        return bool(self.unread(tenant, size, 1) if found == [flag(UNREAD)] else found)

    def record(self, tenant: str, copies: Sequence[Copy]) -> list[Copy]:
        digests = [content_digest(copy) for copy in copies]
        if not copies:
            return []
        self._tenants.register([tenant])
        holders = self._writing.keep([(tenant, copy) for copy in copies])
        return [
            holders.get((tenant, digest), copy)
            for digest, copy in zip(digests, copies, strict=True)
        ]

    def add(self, copies: Iterable[tuple[str, Copy]]) -> int:
        self._table.require_open()
        given, left = 0, iter(copies)
        while chunk := list(islice(left, _CHUNK)):
            self._tenants.register(tenant for tenant, _ in chunk)
            self._writing.keep(chunk)
            given += len(chunk)
        return given

    def forget(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        return self._writing.forget(tenant, copies)

    def count(self) -> int:
        partitions = [pk for name in self._tenants.names() for pk in self._partitions(name)]
        return sum(self._table.each(self._count, partitions))

    def _count(self, pk: str) -> int:
        answers = self._table.pages(
            self._table.client.query,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            Select="COUNT",
        )
        return sum(answer["Count"] for answer in answers)

    def _partitions(self, tenant: str) -> list[str]:
        """Return the partition keys of a tenant's copies, and of its lists."""
        kinds = "kl" if self._tenants.schemes(tenant) else "k"
        return [f"{kind} {tenant} {bucket}" for kind in kinds for bucket in BUCKETS]

    def pages(self, after: str | None = None) -> Iterator[tuple[str, list[Entry]]]:
        begun: tuple[str, str, str] = tuple(json.loads(after)) if after else ("", "", "")
        position, entries = "", list[Entry]()
        for name in self._tenants.names():
            for pk in self._partitions(name):
                if (name, pk) < begun[:2]:
                    continue
                for page in self._after(pk, begun[2] if (name, pk) == begun[:2] else " "):
                    entries += [(name, _entry(pk, item)) for item in page]
                    if page:
                        position = json.dumps([name, pk, page[-1]["sk"]["S"]])
                    if len(entries) >= _PAGE:
                        yield position, entries
                        entries = []
        if entries:
            yield position, entries

    def _after(self, pk: str, sk: str) -> Iterator[list[Item]]:
        values = {":pk": {"S": pk}, ":sk": {"S": sk}}
        return self._table.query("pk = :pk AND sk > :sk", values, Limit=_PAGE)

    def close(self) -> None:
        self._table.close()


def _entry(partition: str, item: Item) -> Copy | Listed:
    return to_copy(item) if partition[0] == "k" else to_listed(item)
