"""The contents in flight, so that equal files are not sent at the same time."""

from threading import Lock

from onecopy.digest import Digest
from onecopy.upload.item import Item


class InFlight:
    """The contents in flight: the first file of each proceeds, and equal files wait for it.

    Once the first file is stored, the gate knows the content of the others. A file also waits for
    a file of its size whose content digest is not known yet, because the two may be equal.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[Digest | int, list[Item]] = {}

    def join(self, item: Item) -> bool:
        """Return whether the file may proceed; otherwise keep it until the earlier file leaves."""
        if item.claim is not None:
            return True
        claim = item.digest or item.file.size
        with self._lock:
            for earlier in (claim, item.file.size):
                if earlier in self._waiting:
                    item.check = True
                    self._waiting[earlier].append(item)
                    return False
            item.claim = claim
            self._waiting[claim] = []
            return True

    def leave(self, item: Item) -> list[Item]:
        """Remove a file; return the files that waited for it."""
        if item.claim is None:
            return []
        with self._lock:
            waiting = self._waiting.pop(item.claim)
            item.claim = None
            return waiting
