"""An engine that also keeps lists and unread copies, and can be read in pages."""

from typing import Protocol, runtime_checkable

from onecopy.index import open_index
from onecopy.index.interface import Engine, Lists, Pages, Unread


@runtime_checkable
class CompleteEngine(Engine, Unread, Lists, Pages, Protocol):
    """An engine that offers `Unread`, `Lists` and `Pages`, too."""


def open_complete(url: str) -> CompleteEngine:
    """Open an index; AssertionError if its engine lacks an optional part."""
    opened = open_index(url)
    assert isinstance(opened, CompleteEngine)  # noqa: S101 - that is the test
    return opened
