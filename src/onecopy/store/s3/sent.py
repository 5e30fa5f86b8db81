"""What a bucket answered when this process sent small files to it, until these are completed.

The answer to a PUT states everything about the new object but its time, which is a part of its
identity. One page of a listing states the times of many objects, so that they need no HeadObject
each. Whatever the listing does not state, or states differently, is looked at as usual.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""

import logging
from threading import Lock

from onecopy.errors import OnecopyError
from onecopy.store.s3.head_object import Head
from onecopy.store.s3.key_order import before
from onecopy.store.s3.list_objects import ListClient

_log = logging.getLogger("onecopy.s3")
_FEWEST = 16
"""Objects from which on a page of a listing costs less than a HeadObject each: AWS charges as much
as for 12.5 of these."""
_MOST_LISTED = 400
"""Objects of one page, among which there may be others."""
_MOST_KEPT = 10_000
"""Heads that are kept; an upload that is never completed leaves its head behind."""


class SentObjects:
    """The heads of objects that were sent, by their full keys. Safe for several threads."""

    def __init__(self, lists: ListClient) -> None:
        self._lists = lists
        self._heads: dict[str, Head] = {}
        """Without a time, or with it once it was listed."""
        self._lock = Lock()
        self._listing = Lock()

    def add(self, key: str, head: Head) -> None:
        """Keep the head of an object that was just created; its time is 0."""
        with self._lock:
            self._heads[key] = head
            if len(self._heads) > _MOST_KEPT:
                del self._heads[next(iter(self._heads))]

    def take(self, key: str) -> Head | None:
        """Return the head of an object with its time, once; None if it has to be looked at.

        It was at the key, unchanged, after it was sent.
        """
        with self._listing:  # one thread lists for all that wait
            head = self._pop(key)
            if head is None or head.modified:
                return head
            self._list({key: head, **self._neighbours(key)})
            return self._pop(key)

    def _pop(self, key: str) -> Head | None:
        with self._lock:
            return self._heads.pop(key, None)

    def _neighbours(self, key: str) -> dict[str, Head]:
        """Return the heads without a time in the folder of a key."""
        folder = _folder(key)
        with self._lock:
            found = [(other, head) for other, head in self._heads.items() if not head.modified]
        return {other: head for other, head in found if _folder(other) == folder}

    def _list(self, heads: dict[str, Head]) -> None:
        """Add their times to the first of these heads; those that are not listed are dropped."""
        keys = sorted(heads)[:_MOST_LISTED]
        if len(keys) < _FEWEST:
            return
        try:
            columns = self._lists.list(
                _folder(keys[0]), after=before(keys[0]), delimiter="/", limit=2 * len(keys)
            ).columns
        except OnecopyError as error:
            _log.debug("the times of new objects cannot be listed: %s", error)
            columns = None
        for key in keys:
            self._pop(key)
        if columns:
            for key, etag, modified in zip(
                columns.keys, columns.etags, columns.modified, strict=True
            ):
                if (head := heads.get(key)) and head.etag == etag:
                    self.add(key, head._replace(modified=modified))


def _folder(key: str) -> str:
    return key[: key.rfind("/") + 1]
