"""Spans of keys: which of them a scan has completed, and what they are for a tenant."""

import re
from collections.abc import Iterable, Iterator

from onecopy.listing import Span

_UNRECORDABLE = re.compile("[\0\ud800-\udfff]")
_BEFORE_SURROGATES = "\ud7ff\U0010ffff"


class Spans:
    """Disjoint spans in the order of keys; those that touch each other are one."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans: list[Span] = []
        for span in spans:
            self.add(span)

    def add(self, span: Span) -> None:
        """Add a span, which may overlap others."""
        joined: list[Span] = []
        for each in sorted([*self._spans, span], key=lambda each: each.after):
            if joined and is_through(joined[-1], each.after):
                last = joined.pop()
                end = last.through if is_through(last, each.through) else each.through
                joined.append(Span(last.after, end))
            else:
                joined.append(each)
        self._spans = joined

    def missing(self) -> Iterator[Span]:
        """Yield the spans that together with these are all keys."""
        after: str | None = ""
        for span in self._spans:
            if after is not None and after < span.after:
                yield Span(after, span.after)
            after = span.through
        if after is not None:
            yield Span(after)

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)


def is_through(span: Span, key: str | None) -> bool:
    """Return whether a span that begins before a key ends at it or behind it; None: the end."""
    return span.through is None or (key is not None and key <= span.through)


def below(span: Span, folder: str) -> Span | None:
    """Return the part of a span that is in a folder, by the keys within the folder.

    The folder ends in a slash, or is empty. None if no key in it is in the span.
    """
    if not folder:
        return span
    behind = folder[:-1] + chr(ord("/") + 1)
    if span.after >= behind or (span.through is not None and span.through <= folder):
        return None
    after = span.after.removeprefix(folder) if span.after.startswith(folder) else ""
    inside = span.through is not None and span.through.startswith(folder)
    return Span(after, span.through.removeprefix(folder) if inside and span.through else None)


def recordable(span: Span) -> Span:
    """Return a span with the same recordable keys, whose ends an index and JSON can hold.

    A store may have keys that are not UTF-8, or contain NUL, and a page may end at one.
    """
    through = span.through and _recordable_end(span.through)
    return Span(_recordable_end(span.after), through)


def _recordable_end(key: str) -> str:
    """Return the last position that can be recorded and is not behind a key."""
    found = _UNRECORDABLE.search(key)
    if found is None:
        return key
    return key[: found.start()] + ("" if found[0] == "\0" else _BEFORE_SURROGATES)
