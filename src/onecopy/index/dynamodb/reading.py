"""Lookups: copies by digest, key or size, and the schemes that find copies of a size."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from onecopy.content import Copy
from onecopy.digest import Digest, Scheme, content_scheme
from onecopy.index.dynamodb.connections import MAX_READ, Item, Key, Table
from onecopy.index.dynamodb.hints import Hints, flag, texts
from onecopy.index.dynamodb.items import (
    BUCKETS,
    OWN,
    UNREAD,
    Hint,
    Kept,
    copies_key,
    copy_key,
    digest_key,
    hash_of,
    place_of,
    size_key,
    to_copy,
)
from onecopy.index.dynamodb.lists import ListedDigests, Tenants
from onecopy.index.rules import rank
from onecopy.index.stored import stored_scheme

_FIRST_BATCH = 10
"""Hints in the first batch that is followed: most callers need only the first copies."""


class Reader:
    """Finds copies."""

    def __init__(self, table: Table, hints: Hints, tenants: Tenants, lists: ListedDigests) -> None:
        self._table = table
        self._hints = hints
        self._tenants = tenants
        self._lists = lists

    # By digest

    def lookup(self, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
        if len(digests) == 1:  # a GetItem is cheaper than a batch
            return [self._first(tenant, digests[0])]
        return self._firsts(tenant, digests)

    def _first(self, tenant: str, digest: Digest) -> Copy | None:
        item = self._table.get(digest_key(tenant, digest))
        if "place" in item:
            return to_copy(item)
        return self._follow_each(tenant, {digest: item})[digest] if item else None

    def _firsts(self, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
        keys = {digest: digest_key(tenant, digest) for digest in digests}
        items = self._table.get_many(map(Key.raw, keys.values()))
        by_key = {item["pk"]["S"]: item for item in items}
        found = {digest: by_key.get(key.pk) for digest, key in keys.items()}
        held = {d: to_copy(item) for d, item in found.items() if item and "place" in item}
        others = {d: item for d, item in found.items() if item and d not in held}
        copies = held | self._follow_each(tenant, others)
        return [copies.get(digest) for digest in digests]

    def _follow_each(self, tenant: str, items: Mapping[Digest, Item]) -> dict[Digest, Copy | None]:
        """Return the first copy for each item without a held copy, by following its hints.

        One hint of every item is followed at a time, so that each round is one batch.
        """
        found: dict[Digest, Copy | None] = dict.fromkeys(items)
        left = {
            digest: self._hints.all(digest_key(tenant, digest), item)
            for digest, item in items.items()
        }
        while left:
            next_hints = {
                digest: hint for digest, hints in left.items() if (hint := next(hints, None))
            }
            kept_by_hash = self._kept(tenant, next_hints.values())
            for digest, hint in next_hints.items():
                kept = kept_by_hash.get(hint.hash)
                if kept and _is_valid(hint, kept, digest):
                    found[digest] = kept.copy
            left = {digest: left[digest] for digest in next_hints if found[digest] is None}
        return found

    def _kept(
        self, tenant: str, hints: Iterable[Hint], *, consistent: bool = False
    ) -> dict[str, Kept]:
        """Return the copies at the keys that hints point to, by hash."""
        keys = [copy_key(tenant, hashed).raw() for hashed in {hint.hash for hint in hints}]
        items = self._table.get_many(keys, consistent=consistent)
        return {item["sk"]["S"]: Kept.of(tenant, item) for item in items}

    def with_digest(self, tenant: str, digest: Digest) -> Iterator[Copy]:
        """Yield all copies that have a digest, in the order of `lookup`."""
        key = digest_key(tenant, digest)
        item = self._table.get(key)
        if "place" in item:
            yield to_copy(item)
        for kept in self.follow(tenant, digest, self._hints.all(key, item)):
            if kept.place != place_of(item):
                yield kept.copy

    def follow(
        self, tenant: str, digest: Digest, hints: Iterator[Hint], *, consistent: bool = False
    ) -> Iterator[Kept]:
        """Yield the copies with this digest that hints point to, in order."""
        size = _FIRST_BATCH
        while batch := list(islice(hints, size)):
            kept_by_hash = self._kept(tenant, batch, consistent=consistent)
            for hint in batch:
                kept = kept_by_hash.get(hint.hash)
                if kept and _is_valid(hint, kept, digest):
                    yield kept
            size = MAX_READ

    # By key

    def at(self, tenant: str, keys: Sequence[str]) -> list[Copy | None]:
        unique = {copy_key(tenant, hash_of(key)) for key in keys}
        items = self._table.get_many(map(Key.raw, unique), consistent=True)
        kept = [Kept.of(tenant, item) for item in items]
        whole = zip(kept, self._are_whole(kept), strict=True)
        found = {each.copy.key: each.copy for each, is_whole in whole if is_whole}
        return [found.get(key) for key in keys]

    def _are_whole(self, kept: Sequence[Kept]) -> list[bool]:
        """Return for each copy whether its content digest leads to it.

        A process that was killed may have left a copy that nothing leads to. It counts as not
        recorded, so that it is recorded again.
        """
        keys = {digest_key(each.tenant, d) for each in kept if (d := each.copy.content_digest)}
        items = self._table.get_many(map(Key.raw, keys), consistent=True)
        found = {item["pk"]["S"]: item for item in items}
        return [_leads_to(found, each) for each in kept]

    def of_tenant(self, tenant: str) -> Iterator[Copy]:
        """Yield all copies of a tenant."""
        for bucket in BUCKETS:
            for page in self._table.query("pk = :pk", {":pk": {"S": copies_key(tenant, bucket)}}):
                yield from map(to_copy, page)

    # By size

    def schemes(self, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        found = dict.fromkeys(sizes, self._tenants.schemes(tenant).everywhere)
        for size, scheme in self._lists.at_sizes(tenant, sizes):
            found[size] |= {scheme}
        for size, item in self._of_sizes(tenant, sizes).items():
            groups = {text.partition(" ")[0] for text in texts(item)}
            others = frozenset(map(stored_scheme, groups - {OWN, UNREAD}))
            found[size] |= others | {content_scheme(size)} if groups else others
        return [found[size] for size in sizes]

    def _of_sizes(self, tenant: str, sizes: Iterable[int]) -> dict[int, Item]:
        """Return the items with the hints to copies of these sizes, where there are any."""
        keys = [size_key(tenant, size).raw() for size in set(sizes)]
        items = self._table.get_many(keys)
        return {int(item["pk"]["S"].rpartition(" ")[2]): item for item in items}

    def unread(self, tenant: str, size: int, limit: int) -> list[Copy]:
        key = size_key(tenant, size)
        hints = self._hints.all(key, self._table.get(key))
        found: list[Copy] = []
        while len(found) < limit and (some := list(islice(hints, limit))):
            found += self._unread(tenant, size, [each for each in some if each.group == UNREAD])
        return found[:limit]

    def _unread(self, tenant: str, size: int, hints: Sequence[Hint]) -> Iterator[Copy]:
        """Yield the copies that hints point to, if they still have that size and no digest."""
        by_place = {kept.place: kept.copy for kept in self._kept(tenant, hints).values()}
        for hint in hints:
            copy = by_place.get(hint.place)
            if copy and copy.size == size and not copy.digests.schemes:
                yield copy

    def unread_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        return {
            size
            for size, item in self._of_sizes(tenant, sizes).items()
            if self._has_unread(tenant, size, item)
        }

    def undecided_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        return {
            size
            for size, item in self._of_sizes(tenant, sizes).items()
            if any(text.partition(" ")[0] != OWN for text in texts(item))
        }

    def _has_unread(self, tenant: str, size: int, item: Item) -> bool:
        found = [text for text in texts(item) if text.startswith(UNREAD)]
        return bool(self.unread(tenant, size, 1) if found == [flag(UNREAD)] else found)


def _is_valid(hint: Hint, kept: Kept, digest: Digest) -> bool:
    """Return whether a hint was made for the copy that is at its key now."""
    return (
        hint.place == kept.place
        and digest in kept.copy.digests
        and hint.group == str(rank(kept.copy, digest))
    )


def _leads_to(items: dict[str, Item], kept: Kept) -> bool:
    digest = kept.copy.content_digest
    if digest is None:
        return True
    item = items.get(digest_key(kept.tenant, digest).pk, {})
    hint = kept.hint(digest)
    found = texts(item)
    return place_of(item) == kept.place or str(hint) in found or flag(hint.group) in found
