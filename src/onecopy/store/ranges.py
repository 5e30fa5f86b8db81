"""The optional contract of a store that reads parts of an object."""

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
class Remote(Protocol):
    """A store whose bytes may cost money to read, or come over a slow network (S3)."""

    @property
    def region(self) -> str | None:
        """The AWS region of the bucket, from which AWS's own machines there read for nothing.

        None at another service.
        """
