"""Recording and forgetting of copies, in an order in which a process may end at any point.

    hints to the new copy ─▶ copy at its key ─▶ release of the old copy ─▶ copy of record

The copy at its key is authoritative. Each write of it is conditional: the item must still be as it
was read. Hints that were written early and point to nothing are harmless. A copy that is neither
held nor hinted at counts as not recorded (`Reader.at`), so that it is recorded again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from onecopy.content import Copy
from onecopy.digest import Digest
from onecopy.index.dynamodb.connections import Item, Key, Table
from onecopy.index.dynamodb.copy_of_record import MAX_ATTEMPTS, CopiesOfRecord
from onecopy.index.dynamodb.errors import contended
from onecopy.index.dynamodb.hints import MIN_BATCH, Hints
from onecopy.index.dynamodb.items import Hint, Kept, Places, copy_key, digest_key, hash_of
from onecopy.index.rules import keeps_its_place, merge


@dataclass(slots=True)
class _Change:
    """A copy to be stored at its key."""

    key: Key
    given: Kept
    """The copy to be recorded."""
    new: Kept
    """The copy as it will be stored: the given one, merged with the old one."""
    old: Kept | None = None
    """The copy at the key when it was read."""

    def item(self) -> Item:
        """Return the item to be stored."""
        return {**self.key.raw(), **self.new.attributes()}


class Writer:
    """Records copies, and forgets them."""

    def __init__(
        self,
        table: Table,
        hints: Hints,
        copies_of_record: CopiesOfRecord,
        note: Callable[[str, Copy | None, Copy | None], object],
    ) -> None:
        self._table = table
        self._hints = hints
        self._copies_of_record = copies_of_record
        self._note = note
        """Called with a tenant, and a copy before and after it was changed."""
        self._places = Places()

    def keep(self, given: Sequence[tuple[str, Copy]]) -> dict[tuple[str, Digest], Copy]:
        """Record copies as if one after the other; return their contents' copies of record."""
        found: dict[tuple[str, Digest], Copy] = {}
        changes: dict[Key, _Change] = {}
        for tenant, copy in given:
            key, place = copy_key(tenant, hash_of(copy.key)), self._places.next()
            if key in changes:
                found |= self._keep(list(changes.values()))
                changes = {}
            kept = Kept(tenant, copy, place, place)
            changes[key] = _Change(key, kept, kept)
        return found | self._keep(list(changes.values()))

    def _keep(self, changes: Sequence[_Change]) -> dict[tuple[str, Digest], Copy]:
        """Record copies at different keys."""
        left = changes
        for _ in range(MAX_ATTEMPTS):
            self._read(left)
            self._add_hints(left)
            left = self._put_all(left)
            if not left:
                break
        else:
            raise contended("write to the same keys")
        for each in changes:
            self._note(each.new.tenant, each.old.copy if each.old else None, each.new.copy)
        replaced = [(each.old, each.new) for each in changes if each.old and each.old != each.new]
        self._table.each(lambda pair: self._drop(*pair), replaced)
        return self._assign(changes)

    def _read(self, changes: Iterable[_Change]) -> None:
        """Read the copies at the keys, and merge the given ones with them."""
        keys = [change.key.raw() for change in changes]
        items = self._table.get_many(keys, consistent=True)
        found = {Key(item["pk"]["S"], item["sk"]["S"]): item for item in items}
        for change in changes:
            item = found.get(change.key)
            change.old = Kept.of(change.given.tenant, item) if item else None
            change.new = self._merged(change.old, change.given) if change.old else change.given

    def _merged(self, old: Kept, given: Kept) -> Kept:
        copy = merge(old.copy, given.copy)
        if copy == old.copy:
            return old
        version = self._places.next(old.version)
        if keeps_its_place(old.copy, copy):
            return old._replace(copy=copy, version=version)
        # Places at one key ascend, even if the clock of the process that wrote before was ahead.
        place = given.place if given.place > old.version else version
        return Kept(old.tenant, copy, place, version)

    def _add_hints(self, changes: Iterable[_Change]) -> None:
        groups: dict[Key, list[Hint]] = {}
        for change in changes:
            known = set(change.old.hints()) if change.old else set()
            for key, hint in change.new.hints():
                if (key, hint) not in known:
                    groups.setdefault(key, []).append(hint)
        self._hints.add_many(groups)

    def _put_all(self, changes: Sequence[_Change]) -> list[_Change]:
        """Store copies at their keys; return those whose item has changed since it was read."""
        new = [change for change in changes if change.old is None]
        left = list(changes)
        if len(new) >= MIN_BATCH:
            put = self._table.insert_many([change.item() for change in new])
            inserted = {id(change) for change, is_put in zip(new, put, strict=True) if is_put}
            left = [change for change in changes if id(change) not in inserted]
        done = self._table.each(self._put, left)
        return [change for change, is_done in zip(left, done, strict=True) if not is_done]

    def _put(self, change: _Change) -> bool:
        """Store a copy at its key; False if the item has changed since it was read."""
        new, old = change.new, change.old
        if new == old:
            return True
        is_same, values = "attribute_not_exists(pk)", {}
        if old:
            is_same, values = "version = :version", {":version": {"S": old.version}}
        written = self._table.put(change.item(), is_same, values)
        return written.done or written.item.get("version") == {"S": new.version}

    def _drop(self, old: Kept, new: Kept | None = None) -> None:
        """Remove the hints to a copy that was removed, except those to the new one; release it."""
        kept = set(new.hints()) if new else set()
        for key, hint in old.hints():
            if (key, hint) not in kept:
                self._hints.drop(key, hint)
        digest = old.copy.content_digest
        if digest and not (new and new.place == old.place):
            self._copies_of_record.release(digest, old)

    def _assign(self, changes: Iterable[_Change]) -> dict[tuple[str, Digest], Copy]:
        contents: dict[tuple[str, Digest], list[Kept]] = {}
        for change in changes:
            if digest := change.new.copy.content_digest:
                contents.setdefault((change.new.tenant, digest), []).append(change.new)
        return self._copies_of_record.assign_many(contents)

    def forget(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        """Delete the records of these copies; return for each whether it was recorded."""
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
        for _ in range(MAX_ATTEMPTS):
            item = self._table.get(key, consistent=True)
            old = Kept.of(tenant, item) if item else None
            if old is None or old.copy.identity != copy.identity:
                self._release(tenant, copy)
                return False
            version = {":version": {"S": old.version}}
            written = self._table.delete(key, "version = :version", version)
            if written.done or (written.retried and not written.item):
                self._drop(old)
                self._note(tenant, old.copy, None)
                return True
        raise contended(f"write to {copy.key!r}")

    def classify(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        """Set the class of records whose identity is unchanged; return for each if it was."""
        return self._table.each(lambda copy: self._classify(tenant, copy), list(copies))

    def _classify(self, tenant: str, copy: Copy) -> bool:
        key = copy_key(tenant, hash_of(copy.key))
        for _ in range(MAX_ATTEMPTS):
            item = self._table.get(key, consistent=True)
            old = Kept.of(tenant, item) if item else None
            if old is None or old.copy.identity != copy.identity:
                return False
            moved = old.copy._replace(storage_class=copy.storage_class)
            new = old._replace(copy=moved, version=self._places.next(old.version))
            change = _Change(key, new, new, old)
            if self._put(change):
                self._note(tenant, old.copy, moved)
                self._assign([change])
                return True
        raise contended(f"write to {copy.key!r}")

    def _release(self, tenant: str, copy: Copy) -> None:
        """Stop holding a copy that is no longer stored at its key, if it is held."""
        digest = copy.content_digest
        if digest is None:
            return
        item = self._table.get(digest_key(tenant, digest), consistent=True)
        if "place" in item:
            held = Kept.of(tenant, item)
            if (held.copy.key, held.copy.identity) == (copy.key, copy.identity):
                self._copies_of_record.release(digest, held)
