"""A folder as a store: every object is a plain file under its key.

`.onecopy` in the folder belongs to the store: the marker `store.json` identifies the folder as this
store, so that an unmounted folder is not mistaken for an empty one, and `uploads` holds the uploads
in progress. Everything else belongs to the user, who may add, change and delete files at any time.

    store          FolderStore: looking at, opening and listing objects
    marker         the marker, and other marks
    survey         what is in the folder, by key, and why the rest is left out
    listing        pages of a survey, for a listing
    starts         the first bytes of many files
    staging        uploads in progress: begin, write, publish, abort
    batches        many small uploads at once, with few flushes
    journal        the two files of an upload, shared by concurrent senders under a lock
    copying        copies of stored files, into uploads
    stale          removal of uploads that nobody continues
    directories    access by descriptor, following no links, and the errors of the file system
    descriptors    files opened by descriptor: regular ones only, waiting for nobody
"""

import json
from pathlib import Path
from urllib.parse import unquote

from onecopy.errors import InvalidSettings
from onecopy.platforms import require_folder_store
from onecopy.store.folder.marker import PLACE
from onecopy.store.folder.store import FolderStore
from onecopy.urls import split

__all__ = ["FolderStore", "names_server", "open_url", "path_of", "read_id"]


def open_url(url: str) -> FolderStore:
    """Open `file:///absolute/path` or a plain path; raises InvalidSettings."""
    require_folder_store()
    return FolderStore(path_of(url))


def read_id(folder: Path) -> str | None:
    """Return the id in a folder's marker; None if there is none, or it cannot be read."""
    try:
        found = json.loads((folder / PLACE).read_bytes())
    except (OSError, ValueError):
        return None
    return str(found.get("id")) if isinstance(found, dict) else None


def names_server(url: str) -> bool:  # noqa: ARG001
    """Return False: the store is on this machine."""
    return False


def path_of(url: str) -> Path:
    """Return the path in `file:///absolute/path` or a plain path; raises InvalidSettings."""
    path = _path_in(url) if url.startswith("file:") else url
    if not path or "\0" in path:
        raise InvalidSettings(f"invalid folder {url!r}: expected a path or file:///absolute/path")
    return Path(path)


def _path_in(url: str) -> str:
    """Return the absolute path in a file URL (RFC 8089), or an empty string."""
    found = split(url)
    local = found.netloc in ("", "localhost") and not found.query and not found.fragment
    return unquote(found.path) if local and found.path.startswith("/") else ""
