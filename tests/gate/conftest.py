"""Worlds for each test: SQLite with a folder, the embedded default, and with a bucket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gate.bucket import BucketWorld
from tests.gate.world import World

_SERVERS = [pytest.param(name, marks=pytest.mark.server) for name in ("seaweedfs", "ministack")]


@pytest.fixture
def folder_world(tmp_path: Path) -> Iterator[World]:
    """Return an empty world with a folder."""
    world = World.at(tmp_path)
    yield world
    world.close()


@pytest.fixture(params=["folder", *_SERVERS])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Return an empty world with each kind of store."""
    if request.param == "folder":
        world = World.at(tmp_path)
    else:
        world = BucketWorld.new(tmp_path, request.getfixturevalue(request.param))
    yield world
    world.close()
