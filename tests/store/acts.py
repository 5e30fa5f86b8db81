"""What the tests of folders do."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onecopy.store import Object, Upload
from onecopy.store.folder.store import FolderStore
from onecopy.testing.store import SMALL, digest_of, new_upload, parts_of

_NOBODY = 65534


def begin(store: FolderStore, key: str, content: bytes = SMALL) -> Upload:
    """Begin an upload and send its parts."""
    upload = store.begin([new_upload(key, content)])[0]
    for number, part in enumerate(parts_of(content), 1):
        store.write(upload, number, iter([part]), None)
    return upload


def put(store: FolderStore, key: str, content: bytes = SMALL) -> Object:
    """Upload a content."""
    upload = begin(store, key, content)
    stored = store.complete(upload, digest_of(content))
    assert isinstance(stored, Object)
    store.abort(upload)
    return stored


def staged(folder: Path) -> list[str]:
    """Return the names of all files of uploads on their way."""
    uploads = folder / ".onecopy" / "uploads"
    return sorted(path.name for path in uploads.iterdir()) if uploads.exists() else []


@contextmanager
def limited(what: int, soft: int, hard: int) -> Iterator[None]:
    """Lower a limit of this process for a while."""
    before = resource.getrlimit(what)
    resource.setrlimit(what, (soft, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, before)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be somebody to whom permissions apply: root becomes nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
