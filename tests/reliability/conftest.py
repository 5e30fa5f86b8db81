"""Where the tests keep index and folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """Return an empty folder in memory where there is such a thing: kills don't reach the disk."""
    root = Path(mkdtemp(prefix="onecopy-", dir=MEMORY)) if MEMORY.is_dir() else tmp_path
    yield root
    shutil.rmtree(root)
