"""Sets of hints: written before the copies they point to, and removed after them.

A hint may point to nothing. Each digest and each size has one item with a set of hints, so that one
batch of reads finds them. If one group has many hints, the set holds a flag (`GROUP *`) in their
place, permanently, and the hints that are needed to find copies become separate items. Adding a
hint twice, or removing one that is absent, has no effect: so lost answers are harmless, and the
order of concurrent writers does not matter.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from threading import Lock

from onecopy.index.dynamodb.connections import Item, Key, Table, Written
from onecopy.index.dynamodb.items import OWN, UNREAD, Hint

MAX_HINTS = 10
"""Hints in one set: so an item stays below 1 KB, the unit of billing."""
MIN_BATCH = 5
"""From this number of items on, a batch that inserts the new ones is cheaper than single writes."""
_MAX_FLAGGED = 100_000
"""Flagged sizes that a process remembers."""


def flag(group: str) -> str:
    """Return the flag of a group with many hints."""
    return f"{group} *"


def texts(item: Item) -> list[str]:
    """Return the hints and flags of an item."""
    found: list[str] = item.get("hints", {}).get("SS", [])
    return found


def is_empty(item: Item) -> bool:
    """Return whether an item has no hints and holds no copy."""
    return "hints" not in item and "place" not in item


class Hints:
    """Adds, finds and removes hints."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._flagged: set[tuple[Key, str]] = set()
        """Flags are permanent, so a flag that was read once needs no second read."""
        self._lock = Lock()

    def add_many(self, groups: Mapping[Key, Sequence[Hint]]) -> None:
        """Add hints to the items of many digests and sizes."""
        left = dict(groups)
        if len(groups) >= MIN_BATCH:
            existing = {item["pk"]["S"] for item in self._table.get_many(map(Key.raw, groups))}
            few = (key for key, hints in groups.items() if len(hints) <= MAX_HINTS)
            new = [key for key in few if key.pk not in existing]
            put = self._table.insert_many(
                [{**key.raw(), "hints": {"SS": [*map(str, groups[key])]}} for key in new]
            )
            for key, is_put in zip(new, put, strict=True):
                if is_put:
                    del left[key]
        self._table.each(lambda group: self.add(*group), list(left.items()))

    def add(self, key: Key, hints: Sequence[Hint], *, held: bool = False) -> bool:
        """Add hints to the item of one digest or size.

        With `held`, only if the item holds a copy; return whether it does.
        """
        hints = [hint for hint in hints if (key, hint.group) not in self._flagged]
        if not hints:
            return True
        groups = {hint.group for hint in hints}
        if len(hints) > MAX_HINTS:
            self._flag(key, groups)
            flagged = groups
        else:
            written = self._add(key, map(str, hints), unless=groups, held=held)
            if written.done:
                self._flag_if_large(key, texts(written.item))
                return True
            if held and "place" not in written.item:
                return False
            flagged = {group for group in groups if flag(group) in texts(written.item)}
        self._remember(key, flagged)
        rows = [hint for hint in hints if hint.group in flagged and _has_rows(key, hint.group)]
        self._table.put_in_turn(Key(key.pk, str(hint)).raw() for hint in rows)
        if few := [hint for hint in hints if hint.group not in flagged]:
            return self.add(key, few, held=held)
        return not held or "place" in self._table.get(key, consistent=True)

    def _add(
        self, key: Key, hints: Iterable[str], *, unless: Iterable[str] = (), held: bool = False
    ) -> Written:
        values: Item = {f":f{n}": {"S": flag(group)} for n, group in enumerate(unless)}
        conditions = [f"NOT contains(hints, {name})" for name in values]
        conditions += ["attribute_exists(place)"] if held else []
        values[":hints"] = {"SS": list(hints)}
        return self._table.update(
            key, "ADD hints :hints", " AND ".join(conditions), values, returns="ALL_NEW"
        )

    def _flag_if_large(self, key: Key, found: Sequence[str]) -> None:
        """Add flags to a set that has become too large."""
        if len(found) > MAX_HINTS:
            self._flag(key, {text.partition(" ")[0] for text in found if text[-1] != "*"})

    def _flag(self, key: Key, groups: Iterable[str]) -> None:
        self._add(key, map(flag, groups))

    def _remember(self, key: Key, groups: set[str]) -> None:
        """Remember sizes with many copies: further copies of that size need no hint."""
        if OWN in groups:
            with self._lock:
                if len(self._flagged) >= _MAX_FLAGGED:
                    self._flagged.clear()
                self._flagged.add((key, OWN))

    def drop(self, key: Key, hint: Hint) -> None:
        """Remove a hint, and its item if that becomes empty."""
        text, only = str(hint), {":only": {"SS": [str(hint)]}}
        is_only = "hints = :only AND attribute_not_exists(place)"
        deleted = self._table.delete(key, is_only, only)
        found = texts(deleted.item)
        if not deleted.done and text in found:
            updated = self._table.update(
                key,
                "DELETE hints :only",
                "contains(hints, :hint)",
                {**only, ":hint": {"S": text}},
                returns="ALL_NEW",
            )
            if updated.done and is_empty(updated.item):
                self.clear(key)
        elif flag(hint.group) in found and _has_rows(key, hint.group):
            self._table.request(self._table.client.delete_item, Key=Key(key.pk, text).raw())

    def clear(self, key: Key) -> None:
        """Delete an item if it is still empty."""
        self._table.delete(key, "attribute_not_exists(hints) AND attribute_not_exists(place)")

    def all(self, key: Key, item: Item, *, consistent: bool = False) -> Iterator[Hint]:
        """Yield the hints of an item that was read, in the order of the copies.

        If a size has many hints, only those to copies without a digest.
        """
        found = texts(item)
        hints = iter(sorted(Hint.parse(text) for text in found if text[-1] != "*"))
        if any(text[-1] == "*" and _has_rows(key, text[:-2]) for text in found):
            hints = merge(hints, self._rows(key, consistent=consistent))
        last = None
        for hint in hints:
            if hint != last:
                yield hint
            last = hint

    def _rows(self, key: Key, *, consistent: bool) -> Iterator[Hint]:
        low, high = ("0", "9") if key.pk[0] == "d" else (f"{UNREAD} ", f"{UNREAD}!")
        values = {":pk": {"S": key.pk}, ":low": {"S": low}, ":high": {"S": high}}
        for page in self._table.query(
            "pk = :pk AND sk BETWEEN :low AND :high", values, ConsistentRead=consistent
        ):
            yield from (Hint.parse(item["sk"]["S"]) for item in page)


def _has_rows(key: Key, group: str) -> bool:
    """Return whether hints of a large group become separate items, needed to find copies."""
    return key.pk[0] == "d" or group == UNREAD
