"""Small named values."""

import secrets
from itertools import chain, islice, takewhile

from onecopy.index.dynamodb.connections import Item, Key, Table
from onecopy.index.dynamodb.items import ONE
from onecopy.index.stored import decoding


class NamedValues:
    """Values and counters; see onecopy.index.interface.State.

    Each write leaves a random mark, so that a retried write is recognized if the first answer was
    lost.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, name: str) -> bytes | None:
        """Return the value, or None."""
        found = self._table.get(_key(name), consistent=True).get("value")
        with decoding("a named value"):
            return bytes(found["B"]) if found else None

    def put_if(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        """Set a value to `new` if it is `old`; return whether it was."""
        key, mark = _key(name), {"S": secrets.token_hex(8)}
        values: Item = {":mark": mark}
        is_old = "attribute_not_exists(#value)"
        if old is not None:
            is_old, values[":old"] = "#value = :old", {"B": old}
        change = "SET mark = :mark"
        if new is None:
            change += " REMOVE #value"
        else:
            change, values[":new"] = f"{change}, #value = :new", {"B": new}
        written = self._table.update(key, change, is_old, values)
        is_done = written.done or written.item.get("mark") == mark
        if is_done and new is None:
            self._table.delete(key, "mark = :mark", {":mark": mark})
        return is_done

    def increase(self, name: str, by: int) -> int:
        """Add to a counter; return its new value.

        A retry does not count twice, unless another process has counted between the two attempts.
        """
        written = self._table.update(
            _key(name),
            "ADD #count :by SET mark = :mark",
            "attribute_not_exists(mark) OR mark <> :mark",
            {":by": {"N": str(by)}, ":mark": {"S": secrets.token_hex(8)}},
            returns="ALL_NEW",
        )
        return int(written.item["count"]["N"])

    def values(self, prefix: str, after: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        """Return names and values that begin with a prefix, ordered by name."""
        span = {":pk": {"S": _key(prefix).pk}, ":low": {"S": max(prefix, after)}}
        pages = self._table.query("pk = :pk AND sk > :low", span, Limit=limit, ConsistentRead=True)
        # Without a value, an item is a counter, or is being deleted.
        items = (item for item in chain.from_iterable(pages) if "value" in item)
        with decoding("a named value"):
            found = ((item["sk"]["S"], bytes(item["value"]["B"])) for item in items)
            own = takewhile(lambda value: value[0].startswith(prefix), found)
            return list(islice(own, limit))


def _key(name: str) -> Key:
    group, colon, _ = name.partition(":")
    return Key(f"g {group}", name) if colon else Key(f"v {name}", ONE)
