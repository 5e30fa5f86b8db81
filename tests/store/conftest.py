"""Folders to store in."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecopy.store.folder.store import FolderStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the path of the store."""
    return tmp_path / "files"


@pytest.fixture
def store(folder: Path) -> FolderStore:
    """Return an empty store."""
    made = FolderStore(folder)
    made.identify(create=True)
    return made


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a place that everybody reaches, which is not so of pytest's own."""
    with tempfile.TemporaryDirectory() as above:
        Path(above).chmod(0o755)
        folder = Path(above) / "files"
        yield folder
        for path in (folder, *folder.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
