"""Sets of hints: written before what they point to, dropped after it; they may dangle.

A digest or a size has one item with a set of hints, which a batch of reads brings along. Where
there are many of one group, the set holds a flag (`GROUP *`) instead, for ever, and those that are
needed to find the copies are items of their own. To add a hint twice, or to drop one that is not
there, does nothing: so a lost answer does no harm, and nobody has to come first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from threading import Lock

from onecopy.index.dynamodb.items import OWN, UNREAD, Hint, raw
from onecopy.index.dynamodb.table import Answer, Item, Key, Table

MOST = 10
"""Hints in one set: with them an item is below 1 KB, the unit that is paid for."""
MANY = 4
"""From more than so many on it is worth a request to see which items are new."""
_HOT = 100_000
"""Sizes that a process knows to be flagged."""


def flag(group: str) -> str:
    """Return what stands in a set instead of a group of which there are many."""
    return f"{group} *"


def texts(item: Item) -> list[str]:
    """Return the hints and flags of an item."""
    found: list[str] = item.get("hints", {}).get("SS", [])
    return found


def is_empty(item: Item) -> bool:
    """Return whether an item neither hints at copies nor holds one."""
    return "hints" not in item and "place" not in item


class Hints:
    """Adds, finds and drops them."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._hot: set[tuple[Key, str]] = set()
        """Flags are never taken down, so that what was seen once needs no second look."""
        self._lock = Lock()

    def add_many(self, groups: Mapping[Key, Sequence[Hint]]) -> None:
        """Add hints under many digests and sizes."""
        left = dict(groups)
        if len(groups) > MANY:
            there = {item["pk"]["S"] for item in self._table.get_many(map(raw, groups))}
            new = [
                key for key, hints in groups.items() if key.pk not in there and len(hints) <= MOST
            ]
            put = self._table.insert_many(
                [{**raw(key), "hints": {"SS": [*map(str, groups[key])]}} for key in new]
            )
            for key, is_put in zip(new, put, strict=True):
                if is_put:
                    del left[key]
        self._table.each(lambda group: self.add(*group), list(left.items()))

    def add(self, key: Key, hints: Sequence[Hint], *, held: bool = False) -> bool:
        """Add hints under one digest or size.

        With `held` only if some copy holds it, and return whether.
        """
        hints = [hint for hint in hints if (key, hint.group) not in self._hot]
        if not hints:
            return True
        groups = {hint.group for hint in hints}
        if len(hints) > MOST:
            self._flag(key, groups)
            flagged = groups
        else:
            answer = self._add(key, map(str, hints), unless=groups, held=held)
            if answer.done:
                self._thin_out(key, texts(answer.item))
                return True
            if held and "place" not in answer.item:
                return False
            flagged = {group for group in groups if flag(group) in texts(answer.item)}
        self._remember(key, flagged)
        self._add_rows(key, [hint for hint in hints if hint.group in flagged])
        if few := [hint for hint in hints if hint.group not in flagged]:
            return self.add(key, few, held=held)
        return not held or "place" in self._table.get(raw(key), consistent=True)

    def _add(
        self, key: Key, hints: Iterable[str], *, unless: Iterable[str] = (), held: bool = False
    ) -> Answer:
        values: Item = {f":f{n}": {"S": flag(group)} for n, group in enumerate(unless)}
        conditions = [f"NOT contains(hints, {name})" for name in values]
        conditions += ["attribute_exists(place)"] if held else []
        return self._table.write(
            self._table.client.update_item,
            Key=raw(key),
            UpdateExpression="ADD hints :hints",
            ExpressionAttributeValues={":hints": {"SS": list(hints)}, **values},
            ReturnValues="ALL_NEW",
            **({"ConditionExpression": " AND ".join(conditions)} if conditions else {}),
        )

    def _thin_out(self, key: Key, found: Sequence[str]) -> None:
        """Put up the flags of a set that has become too large."""
        if len(found) > MOST:
            self._flag(key, {text.partition(" ")[0] for text in found if text[-1] != "*"})

    def _flag(self, key: Key, groups: Iterable[str]) -> None:
        self._add(key, map(flag, groups))

    def _remember(self, key: Key, groups: set[str]) -> None:
        """Remember sizes of which there are many: nothing needs to be written of more copies."""
        if OWN in groups:
            with self._lock:
                if len(self._hot) >= _HOT:
                    self._hot.clear()
                self._hot.add((key, OWN))

    def _add_rows(self, key: Key, hints: Iterable[Hint]) -> None:
        """Add hints that are items of their own, where they are needed to find the copies."""
        self._table.put_in_turn(row for hint in hints if (row := _row(key, hint)))

    def drop(self, key: Key, hint: Hint) -> None:
        """Drop a hint, and the item with it if that says nothing more."""
        client, text = self._table.client, {":hint": {"S": str(hint)}}
        only = {":only": {"SS": [str(hint)]}}
        answer = self._table.write(
            client.delete_item,
            Key=raw(key),
            ConditionExpression="hints = :only AND attribute_not_exists(place)",
            ExpressionAttributeValues=only,
        )
        found = texts(answer.item)
        if not answer.done and str(hint) in found:
            after = self._table.write(
                client.update_item,
                Key=raw(key),
                UpdateExpression="DELETE hints :only",
                ConditionExpression="contains(hints, :hint)",
                ExpressionAttributeValues={**only, **text},
                ReturnValues="ALL_NEW",
            )
            if after.done and is_empty(after.item):
                self.clear(key)
        elif flag(hint.group) in found and (row := _row(key, hint)):
            self._table.write(client.delete_item, Key=row)

    def clear(self, key: Key) -> None:
        """Drop the item itself, unless it says something again."""
        self._table.write(
            self._table.client.delete_item,
            Key=raw(key),
            ConditionExpression="attribute_not_exists(hints) AND attribute_not_exists(place)",
        )

    def all(self, key: Key, item: Item, *, consistent: bool = False) -> Iterator[Hint]:
        """Yield the hints of an item that was read, in order: those to the first copy first.

        Under a size: those to copies without a digest, if there are many.
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


def _row(key: Key, hint: Hint) -> Item | None:
    """Return a hint as an item of its own; None if it is not worth one."""
    return raw(Key(key.pk, str(hint))) if _has_rows(key, hint.group) else None


def _has_rows(key: Key, group: str) -> bool:
    return key.pk[0] == "d" or group == UNREAD
