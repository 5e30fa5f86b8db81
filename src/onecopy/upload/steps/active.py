"""Uploads that have begun and not yet ended, and files that wait until one ends: for a quota."""

from collections import deque
from collections.abc import Sequence
from threading import Lock

from onecopy.errors import QuotaExceeded
from onecopy.gate.interface import Answer
from onecopy.upload.item import Item
from onecopy.upload.steps.flow import Flow


class ActiveUploads:
    """Begins uploads, and knows which have begun. Safe for several threads."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._lock = Lock()
        self._requests = 0
        """Requests to begin uploads that are under way."""
        self._uploads = set[Item]()
        self._ended = 0
        """How many uploads have ended."""
        self._waiting = deque[Item]()
        """Files without room."""

    def begin(self, items: Sequence[Item]) -> list[tuple[Item, Answer]]:
        """Begin uploads; return the items with their answers, and tickets if they have begun.

        Those that wait for room are left out: they are queued again later.
        """
        with self._lock:
            self._requests += 1
            ended = self._ended
        found: list[tuple[Item, Answer]] = []
        try:
            answers = self._flow.gate.begin([item.request(self._flow.options) for item in items])
            found = list(zip(items, answers, strict=True))
        finally:
            waiting = self._answered(found, ended)
        return [(item, answer) for item, answer in found if item not in waiting]

    def _answered(self, found: Sequence[tuple[Item, Answer]], ended: int) -> set[Item]:
        """Note the answers of one request; return the files that wait for room.

        A file waits only if another upload may end, or has ended since the request was made.
        """
        refused = [item for item, answer in found if answer.reason == QuotaExceeded.reason]
        with self._lock:
            self._requests -= 1
            for item, answer in found:
                if answer.ticket:
                    item.ticket = answer.ticket
                    self._uploads.add(item)
            if not (self._uploads or self._requests) and self._ended == ended:
                refused.clear()
            self._waiting += refused
            again = self._released()
        self._queue(again)
        return set(refused)

    def resume(self, item: Item) -> None:
        """Note an upload that an earlier run began."""
        with self._lock:
            self._uploads.add(item)

    def end(self, item: Item) -> None:
        """Note that an upload has ended, if it had begun."""
        with self._lock:
            if item not in self._uploads:
                return
            self._uploads.remove(item)
            self._ended += 1
            again = self._released(1)
        self._queue(again)

    def _released(self, count: int = 0) -> list[Item]:
        """Remove and return that many files that wait; all if nothing else will make room."""
        if not (self._uploads or self._requests):
            count = len(self._waiting)
        return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]

    def _queue(self, items: Sequence[Item]) -> None:
        for item in items:
            self._flow.to_check.put(item)

    def small_tickets(self) -> list[str]:
        """Return the tickets of the uploads that are not sent in parts."""
        with self._lock:
            return [item.ticket for item in self._uploads if item.ticket and not item.large]
