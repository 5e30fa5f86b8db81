"""Sizes of the parts in which an object was sent, on which its digests over parts depend."""

from typing import Any

from botocore.exceptions import ClientError

from onecopy.store.s3.address import Address
from onecopy.store.s3.connection import Connection


class PartSizes:
    """The sizes of the parts of a bucket's objects; raises errors of botocore."""

    def __init__(self, address: Address, connection: Connection) -> None:
        self._address = address
        self._connection = connection

    def of(self, key: str, size: int, count: int) -> list[int]:
        """Return the sizes of an object's parts in bytes, or [0] if they cannot be determined."""
        place = self._address.place(key)
        if len(sizes := self._stated(place)) == count:
            return sizes
        first = self._size_of(place, 1)
        rest = size - first * (count - 1)
        last = rest if count < 3 else self._size_of(place, count)
        return [first] * (count - 1) + [last] if 0 < last <= first else [0]

    def _size_of(self, place: dict[str, Any], number: int) -> int:
        return self._connection.client.head_object(**place, PartNumber=number)["ContentLength"]

    def _stated(self, place: dict[str, Any]) -> list[int]:
        """Return the sizes of the parts that have checksums; none without the permission to ask."""
        try:
            stated = self._connection.client.get_object_attributes(
                **place, ObjectAttributes=["ObjectParts"]
            )
        except ClientError:
            return []
        return [part["Size"] for part in stated.get("ObjectParts", {}).get("Parts", [])]
