"""A folder as a store: every object is a plain file under its key.

`.onecopy` in the folder is the store's own: `store.json` marks the folder as this store, so that an
unmounted one is not mistaken for an empty one, and `uploads` holds what is on its way (see
staging.py). All else belongs to the user, who may add, change and delete files at any time.
"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from onecopy.errors import InvalidSettings
from onecopy.store.folder.store import FolderStore

__all__ = ["FolderStore", "open_url"]


def open_url(url: str) -> FolderStore:
    """Open `file:///absolute/path` or a plain path; raises InvalidSettings."""
    if os.link not in os.supports_dir_fd:
        raise InvalidSettings("a folder can be a store on POSIX systems only")
    path = _path_in(url) if url.startswith("file:") else url
    if not path or "\0" in path:
        raise InvalidSettings(f"{url!r} is no folder: expected a path or file:///absolute/path")
    return FolderStore(Path(path))


def _path_in(url: str) -> str:
    """Return the absolute path in a file URL (RFC 8089), or nothing."""
    found = urlsplit(url)
    here = found.netloc in ("", "localhost") and not found.query and not found.fragment
    return unquote(found.path) if here and found.path.startswith("/") else ""
