"""What is known of the objects that this process has just created, until these are completed.

The answer to a PUT states everything about the new object but its time, which is a part of its
identity. One page of a listing states the times of many objects, so that they need no HeadObject
each. Whatever the listing does not state, or states differently, is looked at as usual. The same
holds for CopyObject, unless its answer states no checksum: then the copy has been looked at.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""

from collections.abc import Sequence
from threading import Lock

from onecopy.store.s3.head_object import Head
from onecopy.store.s3.listed_times import ListedTimes

_MOST_KEPT = 10_000
"""Heads that are kept; an upload that is never completed leaves its head behind."""


class SentObjects:
    """The heads of new objects, by their full keys. Safe for several threads."""

    def __init__(self, times: ListedTimes) -> None:
        self._times = times
        self._heads: dict[str, Head] = {}
        self._lock = Lock()

    def add(self, key: str, head: Head | None) -> None:
        """Keep the head of an object that was just created; its time is 0 if it is not known.

        None if there is none, so that what was known before is dropped.
        """
        with self._lock:
            self._heads.pop(key, None)
            if head:
                self._heads[key] = head
            if len(self._heads) > _MOST_KEPT:
                del self._heads[next(iter(self._heads))]

    def take(self, keys: Sequence[str]) -> list[Head | None]:
        """Return the head of each object with its time, once; None if it has to be looked at.

        It has just been listed or looked at, unchanged.
        """
        with self._lock:
            heads = {key: head for key in keys if (head := self._heads.pop(key, None))}
        found = {key: head for key, head in heads.items() if head.modified}
        left = {key: head for key, head in heads.items() if not head.modified}
        times = self._times.find(left)
        for key, head in left.items():
            if time := times.get((key, head.etag)):
                found[key] = head._replace(modified=time)
        return [found.get(key) for key in keys]
