"""Stores hold the bytes. `open_store` opens one from its URL."""

from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import ModuleType

from onecopy.errors import InvalidSettings
from onecopy.store.interface import Absent, Completing, KeyTaken, Object, Store, Unknown, Upload

__all__ = ["Absent", "Completing", "KeyTaken", "Object", "Store", "Unknown", "Upload", "open_store"]

_MODULES = {
    "file": "onecopy.store.folder",
    "memory": "onecopy.store.memory",
    "s3": "onecopy.store.s3",
}
"""URL scheme -> the module with `open_url` and `names_server`, imported on first use."""


def open_store(url: str) -> Store:
    """Open a store: a plain path or `file:///folder`, `s3://bucket/prefix`, or `memory:`.

    Raises InvalidSettings for a URL that cannot be used, and Unavailable.
    """
    store: Store = _module(url).open_url(url)
    return store


def names_server(url: str) -> bool:
    """Return whether a URL names a server that would receive credentials of this machine.

    False for AWS, whose servers receive no secrets but its own. Raises InvalidSettings.
    """
    return bool(_module(url).names_server(url))


def store_folder(url: str) -> Path | None:
    """Return the folder of a store on this machine; raises InvalidSettings."""
    if _scheme(url) != "file":
        return None
    from onecopy.store.folder import path_of

    return path_of(url)


def folder_tag(folder: str) -> str | None:
    """Return the tag of the store in a folder; None without one, or if that is unknown."""
    from onecopy.store.folder import read_id

    store_id = read_id(Path(folder))
    return None if store_id is None else tag(store_id)


def tag(store_id: str) -> str:
    """Return a tag by which a store can be recognized, and which gives nothing away."""
    return sha256(f"onecopy store {store_id}".encode()).hexdigest()[:32]


def _module(url: str) -> ModuleType:
    scheme = _scheme(url)
    if scheme not in _MODULES:
        raise InvalidSettings(
            f"unknown store {url!r}: expected a path, file:///folder or s3://bucket/prefix"
        )
    return import_module(_MODULES[scheme])


def _scheme(url: str) -> str:
    scheme, colon, _ = url.partition(":")
    # A single letter before the colon is a Windows drive; a path may contain colons later on.
    return scheme if colon and len(scheme) > 1 and scheme.isalnum() else "file"
