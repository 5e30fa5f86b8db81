"""The optional contracts of a store that copies objects within itself."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from onecopy.store.interface import Object, Upload


@runtime_checkable
class Copier(Protocol):
    """A store that copies an object within itself: no client sends its bytes."""

    @property
    def copies(self) -> bool | None:
        """Whether it copies safely, as far as is known; None if nothing was tried yet."""

    def try_copying(self) -> bool:
        """Return whether it copies safely; find out by a trial if that is not known.

        A store that would overwrite objects, or would not notice that the source has changed, does
        not. Raises Unavailable, Forbidden and Failure.
        """

    def copy(
        self, source: Object, upload: Upload, report: Callable[[int], object]
    ) -> Sequence[bytes]:
        """Fill an upload that was begun with the bytes of an object of its size, to be completed.

        Returns the binary SHA-256 of its parts, which the store computed from the new bytes; none
        if only completing shows the digest. `report` is called with the number of bytes that were
        copied since the last call, by any thread.

        Raises FileNotFoundError if the source is gone, FileChanged if it is no longer the object
        that was seen, UploadUnknown, and PartSuperseded if another process fills the upload.
        Repeatable. With a Presigner, a content below 8 MiB becomes an object here, unless its key
        is taken: `complete` reports that.
        """


@runtime_checkable
class Recognizer(Protocol):
    """A store that recognizes many objects for less than it takes to look at each."""

    def recognize(self, seen: Sequence[Object]) -> list[bool]:
        """Return whether each object is certainly there, as when it was seen.

        If not, look at it. That is weaker than looking: an object may be taken for another one with
        the same MD5 that was stored within the same second, and nothing shows that it will be
        deleted soon. So this serves only to find objects to copy: `copy` compares each once more,
        and what was copied is verified.
        """
