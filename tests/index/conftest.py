"""Indexes in files of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onecopy.index.sqlite import SqliteIndex


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the index lies."""
    return tmp_path / "index.sqlite"


@pytest.fixture
def index(file: Path) -> Iterator[SqliteIndex]:
    """Yield an empty index."""
    made = SqliteIndex(str(file))
    yield made
    made.close()
