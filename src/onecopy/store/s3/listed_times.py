"""The times of objects from pages of a listing, for those that are close to each other.

One page states as much as many HeadObject requests, but for checksums, versions and metadata.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

import logging
from collections.abc import Iterable, Mapping
from itertools import groupby

from onecopy.errors import OnecopyError
from onecopy.store.s3.key_order import before
from onecopy.store.s3.list_objects import LONGEST_PAGE, ListClient

_log = logging.getLogger("onecopy.s3")
_FEWEST = 16
"""The least number of objects for which a page is listed: AWS charges as much for it as for 12.5
HeadObject requests."""
_NEIGHBOURS = 200
"""Objects that may be between these on a page: a file that was sent slowly comes long after those
beside it."""


class ListedTimes:
    """Lists objects that are in the same folders, one page for each folder."""

    def __init__(self, lists: ListClient) -> None:
        self._lists = lists

    def find(self, keys: Iterable[str]) -> Mapping[tuple[str, str], int]:
        """Return the times of objects in seconds since 1970, by full key and ETag.

        Objects with few others in their folder are left out, as are those that are not on a page
        that begins with the first of them: they have to be looked at.
        """
        found: dict[tuple[str, str], int] = {}
        for folder, each in groupby(sorted(set(keys), key=_place), _folder):
            if len(own := list(each)) >= _FEWEST:
                found |= self._page(folder, own)
        return found

    def _page(self, folder: str, keys: list[str]) -> dict[tuple[str, str], int]:
        limit = min(2 * len(keys) + _NEIGHBOURS, LONGEST_PAGE)
        try:
            page = self._lists.list(folder, after=before(keys[0]), delimiter="/", limit=limit)
        except OnecopyError as error:
            _log.debug("the times of objects cannot be listed: %s", error)
            return {}
        columns = page.columns
        return dict(
            zip(zip(columns.keys, columns.etags, strict=True), columns.modified, strict=True)
        )


def _place(key: str) -> tuple[str, str]:
    return _folder(key), key


def _folder(key: str) -> str:
    return key[: key.rfind("/") + 1]
