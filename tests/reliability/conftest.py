"""Folder for index and files of the tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """Return an empty folder, in memory if possible: kills do not need a disk."""
    root = Path(mkdtemp(prefix="onecopy-", dir=MEMORY)) if MEMORY.is_dir() else tmp_path
    yield root
    shutil.rmtree(root)
