"""What changes the copies, in the order in which a process may end at any point.

    hints to the new copy ─▶ the copy at its key ─▶ the old one lets go ─▶ who holds the content?

The copy at its key is what is true; each write of it is on the condition that what was read there
is still there. Hints that came first and point to nothing do no harm; a copy that nobody holds and
no hint leads to is told as not recorded (`Writing.whole`), so that it is recorded again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from onecopy.content import Copy
from onecopy.digest import Digest
from onecopy.errors import Unavailable
from onecopy.index.dynamodb.copy_of_record import TRIES, Holding
from onecopy.index.dynamodb.hints import MANY, Hints, flag, texts
from onecopy.index.dynamodb.items import (
    Hint,
    Kept,
    Places,
    copy_key,
    digest_key,
    fields,
    hash_of,
    hint_to,
    hints_of,
    place_of,
    raw,
    to_kept,
)
from onecopy.index.dynamodb.table import Item, Key, Table
from onecopy.index.rules import keeps_its_place, merge


@dataclass(slots=True)
class _Change:
    """A copy on its way to its key."""

    tenant: str
    given: Copy
    place: str
    hash: str
    old: Kept | None = None
    new: Kept | None = None

    @property
    def kept(self) -> Kept:
        """What is kept now."""
        assert self.new is not None  # noqa: S101 - only asked after it was read
        return self.new


class Writing:
    """Keeps copies, and forgets them."""

    def __init__(self, table: Table, hints: Hints, holding: Holding) -> None:
        self._table = table
        self._hints = hints
        self._holding = holding
        self._places = Places()

    def keep(self, given: Sequence[tuple[str, Copy]]) -> dict[tuple[str, Digest], Copy]:
        """Keep copies, as if one after the other; return who holds their content digests."""
        holders: dict[tuple[str, Digest], Copy] = {}
        wave: dict[tuple[str, str], _Change] = {}
        for tenant, copy in given:
            if (tenant, copy.key) in wave:
                holders |= self._keep(list(wave.values()))
                wave = {}
            wave[tenant, copy.key] = _Change(tenant, copy, self._places.next(), hash_of(copy.key))
        return holders | self._keep(list(wave.values()))

    def _keep(self, changes: Sequence[_Change]) -> dict[tuple[str, Digest], Copy]:
        """Keep copies at different keys."""
        left = changes
        for _ in range(TRIES):
            self._read(left)
            self._add_hints(left)
            left = self._put_all(left)
            if not left:
                break
        else:
            raise Unavailable("too many others write to the same keys")
        self._table.each(self._drop_old, [change for change in changes if _has_changed(change)])
        return self._take(changes)

    def _read(self, changes: Iterable[_Change]) -> None:
        """See what is at the keys, and what is to be there."""
        keys = [copy_key(change.tenant, change.hash) for change in changes]
        there = {
            (item["pk"]["S"], item["sk"]["S"]): item
            for item in self._table.get_many(keys, consistent=True)
        }
        for change, key in zip(changes, keys, strict=True):
            item = there.get((key["pk"]["S"], key["sk"]["S"]))
            change.old = to_kept(change.tenant, item) if item else None
            change.new = self._merged(change)

    def _merged(self, change: _Change) -> Kept:
        old = change.old
        if old is None:
            return Kept(change.tenant, change.given, change.place, change.place)
        copy = merge(old.copy, change.given)
        if copy == old.copy:
            return old
        version = self._places.next(old.version)
        if keeps_its_place(old.copy, copy):
            return Kept(change.tenant, copy, old.place, version)
        # Places at one key ascend, also where the clock of who wrote before us was ahead.
        place = change.place if change.place > old.version else version
        return Kept(change.tenant, copy, place, version)

    def _add_hints(self, changes: Iterable[_Change]) -> None:
        groups: dict[Key, list[Hint]] = {}
        for change in changes:
            known = set(hints_of(change.old)) if change.old else set()
            for key, hint in hints_of(change.kept):
                if (key, hint) not in known:
                    groups.setdefault(key, []).append(hint)
        self._hints.add_many(groups)

    def _put_all(self, changes: Sequence[_Change]) -> list[_Change]:
        """Put copies at their keys; return those for which there is another than was read."""
        new = [change for change in changes if change.old is None]
        left = list(changes)
        if len(new) > MANY:
            put = self._table.insert_many([_item(change) for change in new])
            inserted = {id(change) for change, is_put in zip(new, put, strict=True) if is_put}
            left = [change for change in changes if id(change) not in inserted]
        done = self._table.each(self._put, left)
        return [change for change, is_done in zip(left, done, strict=True) if not is_done]

    def _put(self, change: _Change) -> bool:
        """Put a copy at its key; False if there is another one than was read."""
        new, old = change.kept, change.old
        if new == old:
            return True
        is_same, values = "attribute_not_exists(pk)", {}
        if old:
            is_same, values = "version = :version", {":version": {"S": old.version}}
        answer = self._table.write(
            self._table.client.put_item,
            Item=_item(change),
            ConditionExpression=is_same,
            **({"ExpressionAttributeValues": values} if values else {}),
        )
        return answer.done or answer.item.get("version") == {"S": new.version}

    def _drop_old(self, change: _Change) -> None:
        assert change.old is not None  # noqa: S101 - only those that had one come here
        self._drop(change.old, change.kept)

    def _drop(self, old: Kept, new: Kept | None = None) -> None:
        """Drop what led to a copy that is not there any more, but for what leads to the new one."""
        still = set(hints_of(new)) if new else set()
        for key, hint in hints_of(old):
            if (key, hint) not in still:
                self._hints.drop(key, hint)
        digest = old.copy.content_digest
        if digest and not (new and new.place == old.place):
            self._holding.let_go(digest, old)

    def _take(self, changes: Iterable[_Change]) -> dict[tuple[str, Digest], Copy]:
        contents: dict[tuple[str, Digest], list[Kept]] = {}
        for change in changes:
            if digest := change.kept.copy.content_digest:
                contents.setdefault((change.tenant, digest), []).append(change.kept)
        return self._holding.take_many(contents)

    def forget(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        """Drop the records of these copies, and return for each whether it was there."""
        by_key: dict[str, list[int]] = {}
        for number, copy in enumerate(copies):
            by_key.setdefault(copy.key, []).append(number)
        answers = self._table.each(
            lambda numbers: [self._forget(tenant, copies[number]) for number in numbers],
            list(by_key.values()),
        )
        numbers = chain.from_iterable(by_key.values())
        found = dict(zip(numbers, chain.from_iterable(answers), strict=True))
        return [found[number] for number in range(len(copies))]

    def _forget(self, tenant: str, copy: Copy) -> bool:
        key = copy_key(tenant, hash_of(copy.key))
        for _ in range(TRIES):
            item = self._table.get(key, consistent=True)
            old = to_kept(tenant, item) if item else None
            if old is None or old.copy.identity != copy.identity:
                self._drop_holder(tenant, copy)
                return False
            answer = self._table.write(
                self._table.client.delete_item,
                Key=key,
                ConditionExpression="version = :version",
                ExpressionAttributeValues={":version": {"S": old.version}},
            )
            if answer.done or (answer.retried and not answer.item):
                self._drop(old)
                return True
        raise Unavailable(f"too many others write to {copy.key!r}")

    def _drop_holder(self, tenant: str, copy: Copy) -> None:
        """Let go what a copy still holds that is not at its key any more."""
        digest = copy.content_digest
        if digest is None:
            return
        item = self._table.get(raw(digest_key(tenant, digest)), consistent=True)
        if "place" in item:
            holder = to_kept(tenant, item)
            if (holder.copy.key, holder.copy.identity) == (copy.key, copy.identity):
                self._holding.let_go(digest, holder)

    def whole(self, kept: Sequence[Kept]) -> list[bool]:
        """Return for each copy whether its content digest leads to it."""
        keys = {digest_key(each.tenant, d) for each in kept if (d := each.copy.content_digest)}
        items = self._table.get_many(map(raw, keys), consistent=True)
        found = {item["pk"]["S"]: item for item in items}
        return [_leads_to(found, each) for each in kept]


def _item(change: _Change) -> Item:
    return {**copy_key(change.tenant, change.hash), **fields(change.kept)}


def _has_changed(change: _Change) -> bool:
    return change.old is not None and change.old != change.new


def _leads_to(items: dict[str, Item], kept: Kept) -> bool:
    digest = kept.copy.content_digest
    if digest is None:
        return True
    item = items.get(digest_key(kept.tenant, digest).pk, {})
    hint = hint_to(kept, digest)
    found = texts(item)
    return place_of(item) == kept.place or str(hint) in found or flag(hint.group) in found
