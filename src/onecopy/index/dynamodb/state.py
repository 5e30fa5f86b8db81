"""Small named values."""

import secrets

from onecopy.index.dynamodb.connections import Item, Key, Table
from onecopy.index.dynamodb.items import ONE, raw


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
        return bytes(found["B"]) if found else None

    def put_if(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        """Set a value to `new` if it is `old`; return whether it was."""
        client, mark = self._table.client, {"S": secrets.token_hex(8)}
        values: Item = {":mark": mark}
        is_old = "attribute_not_exists(#value)"
        if old is not None:
            is_old, values[":old"] = "#value = :old", {"B": old}
        change = "SET mark = :mark"
        if new is None:
            change += " REMOVE #value"
        else:
            change, values[":new"] = f"{change}, #value = :new", {"B": new}
        written = self._table.write(
            client.update_item,
            Key=_key(name),
            UpdateExpression=change,
            ConditionExpression=is_old,
            ExpressionAttributeNames={"#value": "value"},
            ExpressionAttributeValues=values,
        )
        is_done = written.done or written.item.get("mark") == mark
        if is_done and new is None:
            self._table.write(
                client.delete_item,
                Key=_key(name),
                ConditionExpression="mark = :mark",
                ExpressionAttributeValues={":mark": mark},
            )
        return is_done

    def increase(self, name: str, by: int) -> int:
        """Add to a counter; return its new value.

        A retry does not count twice, unless another process has counted between the two attempts.
        """
        mark = {"S": secrets.token_hex(8)}
        written = self._table.write(
            self._table.client.update_item,
            Key=_key(name),
            UpdateExpression="ADD #count :by SET mark = :mark",
            ConditionExpression="attribute_not_exists(mark) OR mark <> :mark",
            ExpressionAttributeNames={"#count": "count"},
            ExpressionAttributeValues={":by": {"N": str(by)}, ":mark": mark},
            ReturnValues="ALL_NEW",
        )
        return int(written.item["count"]["N"])


def _key(name: str) -> Item:
    return raw(Key(f"v {name}", ONE))
