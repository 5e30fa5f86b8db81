"""Keys that divide a span of a bucket, found by a few requests."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import takewhile

from onecopy.key import RESERVED
from onecopy.listing import Span
from onecopy.store.s3.key_order import SLASH
from onecopy.store.s3.list_objects import ListClient

_MOST_LEVELS = 4
"""Levels of folders that are looked through for one with several."""
_AFTER_SLASH = chr(ord(SLASH) + 1)
_OWN = RESERVED + SLASH


class Splitter:
    """Divides spans of the objects below a prefix."""

    def __init__(self, client: ListClient, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def split(self, span: Span) -> str | None:
        """See Listable.

        Divides between two folders of the first level that has several; otherwise by a guess from
        the characters of the next keys.
        """
        folder = _shared_folder(span)
        for _ in range(_MOST_LEVELS):
            level, is_all = self._level(folder, span)
            folders = [name for name in level if name.endswith(SLASH)]
            if len(folders) > 1:
                return _between(folders)
            if level and not is_all:
                return self._guess(level, span)
            if not folders:
                return None
            folder = folders[0]
        return None

    def _level(self, folder: str, span: Span) -> tuple[list[str], bool]:
        """Return the next keys and folders directly in a folder, and whether they are all."""
        after = self._prefix + span.after if span.after > folder else ""
        found = self._client.list(self._prefix + folder, after=after, delimiter=SLASH)
        listed = {*found.columns.keys, *found.folders}
        level = {name.removeprefix(self._prefix) for name in listed}
        name, slash, _ = span.after.removeprefix(folder).partition(SLASH)
        if slash and span.after.startswith(folder):  # some services leave out where it begins
            level.add(folder + name + slash)
        is_all = found.token is None or not span.has(max(level, default=""))
        return sorted(each for each in level if _is_direct(each, folder, span)), is_all

    def _guess(self, level: Sequence[str], span: Span) -> str | None:
        """Return a key with objects behind it, made of the characters in which keys differ.

        It is as early as necessary: `img-5` when `img-0001` to `img-0999` are the next keys.
        """
        last, characters = level[-1], _characters(level)
        choices = [
            [last[:at] + each for each in characters if each > character]
            for at, character in enumerate(last[: len(_shared(level[0], last)) + 1])
        ]
        choices = [keys for keys in choices if keys]
        # Objects behind a key are also behind those that differ from the last one further on.
        at = bisect_left(choices, True, key=lambda keys: self._has_more(keys[0], span))
        if at == len(choices):
            return None
        keys = choices[at]
        likely = (keys[len(keys) // 2], keys[len(keys) // 4])
        return next((key for key in likely if self._has_more(key, span)), keys[0])

    def _has_more(self, key: str, span: Span) -> bool:
        """Return whether there are objects between a key and the end of the span."""
        if not span.has(key):
            return False
        found = self._client.list(self._prefix, after=self._prefix + key, limit=1)
        return any(span.has(each.removeprefix(self._prefix)) for each in found.columns.keys)


def _shared_folder(span: Span) -> str:
    """Return the folder that all keys of a span are in."""
    shared = _shared(span.after, span.through or "")
    return shared[: shared.rfind(SLASH) + 1]


def _shared(first: str, second: str) -> str:
    """Return the beginning that two texts share."""
    pairs = zip(first, second, strict=False)
    equal = list(takewhile(lambda pair: pair[0] == pair[1], pairs))
    return first[: len(equal)]


def _is_direct(name: str, folder: str, span: Span) -> bool:
    """Return whether a key or folder is directly in a folder, and may have keys of the span."""
    is_begun = name.endswith(SLASH) and span.after.startswith(name)
    is_below = SLASH in name[len(folder) : -1]
    return name != _OWN and not is_below and (is_begun or span.has(name))


def _between(folders: Sequence[str]) -> str:
    """Return a key behind the folder in the middle, and before the next one.

    Its neighbours, such as `a-b` beside `a/`, are in the same half, so that the order in which the
    service lists hardly matters.
    """
    return folders[(len(folders) - 1) // 2][:-1] + _AFTER_SLASH


def _characters(keys: Sequence[str]) -> list[str]:
    """Return the characters in which keys differ, in order."""
    columns = [set(column) for column in zip(*keys, strict=False)]
    return sorted(set().union(*(column for column in columns if len(column) > 1)))
