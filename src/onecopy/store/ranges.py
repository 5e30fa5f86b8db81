"""The optional contracts of a store that reads parts of an object, or all of it at once."""

from typing import Protocol, runtime_checkable

from onecopy.store.interface import Object


@runtime_checkable
class Ranged(Protocol):
    """A store from which several threads can read one object at a time."""

    def read_range(self, seen: Object, offset: int, length: int) -> bytes | bytearray:
        """Return exactly `length` bytes, at least 1, of an object from `offset` on.

        The bytes are held in memory: read a large object in pieces. Raises FileNotFoundError if the
        object is gone, and FileChanged if it is certainly no longer the object that was seen. A
        change that restores size, ETag and time is not noticed: look again after the last piece.
        """


@runtime_checkable
class Whole(Protocol):
    """A store that returns an object and its bytes with one request (S3)."""

    def read_whole(self, key: str, limit: int) -> tuple[Object, bytes | bytearray]:
        """Return the current state of an object, and all its bytes in that state.

        The bytes are held in memory. Raises FileNotFoundError if there is no object, or perhaps no
        bucket; FileChanged if it has more than `limit` bytes; and Failure with a reason such as
        `store-expiring` if it is not to be recorded.
        """


@runtime_checkable
class Remote(Protocol):
    """A store whose bytes may cost money to read, or come over a slow network (S3)."""

    @property
    def region(self) -> str | None:
        """The AWS region of the bucket, from which AWS's own machines there read free of charge.

        None at another service.
        """
