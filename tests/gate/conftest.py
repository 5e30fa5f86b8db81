"""A world for each test: SQLite and a folder, the embedded default."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gate.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return an empty world."""
    world = World.at(tmp_path)
    yield world
    world.close()
