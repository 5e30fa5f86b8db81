"""Indexes: which contents are known. `open_index` opens one by its URL."""

from importlib import import_module

from onecopy.errors import InvalidSettings
from onecopy.index.interface import Engine, Index, Lists, Pages, State, Unread

__all__ = ["Engine", "Index", "Lists", "Pages", "State", "Unread", "open_index"]

_MODULES = {
    "dynamodb": "onecopy.index.dynamodb",
    "memory": "onecopy.index.memory",
    "postgresql": "onecopy.index.postgres",
    "sqlite": "onecopy.index.sqlite",
}
"""URL scheme -> the module whose `open_url` opens it; imported only when it is asked for."""


def open_index(url: str) -> Engine:
    """Open an index: `sqlite:relative.db`, `postgresql://…`, `dynamodb://table?…` or `memory:`.

    Raises InvalidSettings for a URL that can't be used, and Unavailable.
    """
    scheme = url.partition(":")[0]
    if scheme not in _MODULES:
        known = ", ".join(f"{name}:" for name in _MODULES)
        shown = f"{scheme}:" if "@" in url else url  # there may be a password before the @
        raise InvalidSettings(f"unknown index {shown!r}: expected a URL that begins with {known}")
    engine: Engine = import_module(_MODULES[scheme]).open_url(url)
    return engine
