"""What is known of the objects that this process has just created, until these are completed.

The answer to a PUT states everything about the new object but its time, which is a part of its
identity. One page of a listing states the times of many objects, so that they need no HeadObject
each. Whatever the listing does not state, or states differently, is looked at as usual. The same
holds for CopyObject, unless its answer states no checksum: then the copy has been looked at.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""

import logging
from collections.abc import Sequence
from itertools import groupby
from threading import Lock

from onecopy.errors import OnecopyError
from onecopy.store.s3.head_object import Head
from onecopy.store.s3.key_order import before
from onecopy.store.s3.list_objects import LONGEST_PAGE, ListClient

_log = logging.getLogger("onecopy.s3")
_FEWEST = 16
"""Objects from which on a page of a listing costs less than a HeadObject each: AWS charges as much
as for 12.5 of these."""
_NEIGHBOURS = 200
"""Objects that may be between these on a page: a file that was sent slowly comes long after those
beside it."""
_MOST_KEPT = 10_000
"""Heads that are kept; an upload that is never completed leaves its head behind."""


class SentObjects:
    """The heads of new objects, by their full keys. Safe for several threads."""

    def __init__(self, lists: ListClient) -> None:
        self._lists = lists
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
        heads = {key: head for key, head in heads.items() if not head.modified}
        for folder, each in groupby(sorted(heads, key=_place), _folder):
            if len(own := list(each)) >= _FEWEST:
                times = self._times(folder, own)
                found |= {
                    key: heads[key]._replace(modified=times[key, heads[key].etag])
                    for key in own
                    if (key, heads[key].etag) in times
                }
        return [found.get(key) for key in keys]

    def _times(self, folder: str, keys: Sequence[str]) -> dict[tuple[str, str], int]:
        """Return the time of each object on a page that begins with the first of these keys.

        By key and ETag. Others may be among them, so that not all are on it.
        """
        limit = min(2 * len(keys) + _NEIGHBOURS, LONGEST_PAGE)
        try:
            page = self._lists.list(folder, after=before(keys[0]), delimiter="/", limit=limit)
        except OnecopyError as error:
            _log.debug("the times of new objects cannot be listed: %s", error)
            return {}
        columns = page.columns
        return dict(
            zip(zip(columns.keys, columns.etags, strict=True), columns.modified, strict=True)
        )


def _place(key: str) -> tuple[str, str]:
    return _folder(key), key


def _folder(key: str) -> str:
    return key[: key.rfind("/") + 1]
