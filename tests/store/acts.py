"""What the tests of folders do."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from onecopy.own_files import OwnFiles
from onecopy.store import Object, Upload
from onecopy.store.folder.store import FolderStore
from onecopy.store.interface import LeftOut
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


def left_out(store: FolderStore) -> list[tuple[str, str]]:
    """Return what a survey leaves out, with the reasons."""
    return [
        (each.key, each.reason) for each in store.survey(OwnFiles()) if isinstance(each, LeftOut)
    ]


def fail_below(monkeypatch: pytest.MonkeyPatch, folder: Path, call: str, error: int) -> None:
    """Let opening or listing a folder fail."""
    place = folder.stat().st_ino
    real = getattr(os, call)

    def failing(path: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as in os
        if call == "open" and path == os.fsencode(folder.name):
            raise OSError(error, os.strerror(error))
        if call == "scandir" and os.fstat(path).st_ino == place:
            raise OSError(error, os.strerror(error))
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, call, failing)


def mount_on(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let a folder seem to be on another file system."""
    fstat, place = os.fstat, folder.stat().st_ino

    def on_another_device(fd: int) -> os.stat_result:
        status = fstat(fd)
        if status.st_ino != place:
            return status
        return os.stat_result([*status[:2], status.st_dev + 1, *status[3:]])

    monkeypatch.setattr(os, "fstat", on_another_device)


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
