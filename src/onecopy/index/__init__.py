"""Indexes of known contents. `open_index` opens one by its URL."""

import logging
from importlib import import_module

from onecopy.errors import InvalidSettings
from onecopy.index.interface import (
    Engine,
    EngineModule,
    Foreign,
    Index,
    Lists,
    Maintained,
    Pages,
    State,
)

__all__ = ["Engine", "Index", "Lists", "Maintained", "Pages", "State", "open_any", "open_index"]

_log = logging.getLogger("onecopy.index")

_MODULES = {
    "dynamodb": "onecopy.index.dynamodb",
    "memory": "onecopy.index.memory",
    "postgresql": "onecopy.index.postgres",
    "sqlite": "onecopy.index.sqlite",
}
"""URL scheme -> the engine's module, imported when it is first used."""


def open_index(url: str) -> Engine:
    """Open an index: `sqlite:relative.db`, `postgresql://…`, `dynamodb://table?…` or `memory:`.

    Raises InvalidSettings for a URL that cannot be used, Forbidden and Unavailable.
    """
    opened = open_any(url)
    if isinstance(opened, Engine):
        return opened
    opened.close()
    raise not_an_index(url)


def open_any(url: str) -> Engine | Lists:
    """Open an index, or a table that holds only checksums; raises as `open_index` does.

    Logs a warning if such a table has entries that are never found.
    """
    opened = engine_module(url).open_url(url)
    if fault := fault_of(opened, url):
        _log.warning(". ".join(fault))
    return opened


def fault_of(opened: Engine | Lists, url: str) -> tuple[str, str] | None:
    """Return that a table's entries are never found, and how to fix it; None if they are."""
    example = opened.unfound() if isinstance(opened, Foreign) else None
    if example is None:
        return None
    fault = (
        f"{url} holds checksums that are never found, such as {example[:100]!r}: they are compared "
        "as lower-case hex without spaces"
    )
    return fault, f"To add them in this form: onecopy migrate '{url}' '{url}'"


def not_an_index(url: str) -> InvalidSettings:
    """Return the error to raise for a table of checksums that is used as an index."""
    return InvalidSettings(
        f"{url} holds only checksums, not where copies are stored: move them into an index "
        f"(onecopy migrate '{url}' NEW-INDEX) and use that"
    )


def is_index(url: str) -> bool:
    """Return whether a URL has the scheme of an engine."""
    return _scheme(url) in _MODULES


def engine_module(url: str) -> EngineModule:
    """Return the module of the engine for a URL; raises InvalidSettings if there is none."""
    if not is_index(url):
        known = ", ".join(f"{name}:" for name in _MODULES)
        shown = f"{_scheme(url)}:" if "@" in url else url  # there may be a password before the @
        raise InvalidSettings(f"unknown index {shown!r}: expected a URL that begins with {known}")
    module: EngineModule = import_module(_MODULES[_scheme(url)])
    return module


def _scheme(url: str) -> str:
    return url.partition(":")[0]
