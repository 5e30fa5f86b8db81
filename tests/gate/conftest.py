"""Worlds for each test: in memory, SQLite with a folder (the embedded default), with a bucket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gate.bucket import BucketWorld
from tests.gate.memory import MemoryWorld
from tests.gate.world import World

_SERVERS = [pytest.param(name, marks=pytest.mark.server) for name in ("seaweedfs", "ministack")]


@pytest.fixture
def folder_world(tmp_path: Path) -> Iterator[World]:
    """Return an empty world with a folder."""
    world = World.at(tmp_path)
    yield world
    world.close()


@pytest.fixture(params=["memory", "folder"])
def local_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Return an empty world in memory, and one with a folder."""
    world = MemoryWorld.new() if request.param == "memory" else World.at(tmp_path)
    yield world
    world.close()


@pytest.fixture(params=["memory", "folder", *_SERVERS])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Return an empty world with each kind of store."""
    if request.param == "memory":
        world: World = MemoryWorld.new()
    elif request.param == "folder":
        world = World.at(tmp_path)
    else:
        world = BucketWorld.new(tmp_path, request.getfixturevalue(request.param))
    yield world
    world.close()
