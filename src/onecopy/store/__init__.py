"""Stores hold the bytes. `open_store` opens one from its URL."""

from importlib import import_module
from pathlib import Path

from onecopy.errors import InvalidSettings
from onecopy.store.interface import Absent, Completing, KeyTaken, Object, Store, Unknown, Upload

__all__ = ["Absent", "Completing", "KeyTaken", "Object", "Store", "Unknown", "Upload", "open_store"]

_MODULES = {
    "file": "onecopy.store.folder",
    "memory": "onecopy.store.memory",
    "s3": "onecopy.store.s3",
}
"""URL scheme -> the module whose `open_url` opens it, imported on first use."""


def open_store(url: str) -> Store:
    """Open a store: a plain path or `file:///folder`, `s3://bucket/prefix`, or `memory:`.

    Raises InvalidSettings for a URL that cannot be used, and Unavailable.
    """
    scheme = _scheme(url)
    if scheme not in _MODULES:
        raise InvalidSettings(
            f"unknown store {url!r}: expected a path, file:///folder or s3://bucket/prefix"
        )
    store: Store = import_module(_MODULES[scheme]).open_url(url)
    return store


def store_folder(url: str) -> Path | None:
    """Return the folder of a store on this machine; raises InvalidSettings."""
    if _scheme(url) != "file":
        return None
    from onecopy.store.folder import path_of

    return path_of(url)


def _scheme(url: str) -> str:
    scheme, colon, _ = url.partition(":")
    # A single letter before the colon is a Windows drive; a path may contain colons later on.
    return scheme if colon and len(scheme) > 1 and scheme.isalnum() else "file"
