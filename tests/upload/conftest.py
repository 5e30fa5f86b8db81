"""A real index, a real folder, and files to upload."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gate.world import World, weak_only
from tests.watched import Watched


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Open an index and a folder store below the test's own folder."""
    made = World.at(tmp_path / "world")
    yield made
    made.store.close()
    made.index.close()


@pytest.fixture
def gate(world: World) -> Watched:
    """Return the watched gate of the default tenant."""
    return Watched(world.gate())


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Make an empty folder for the files to upload."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def noise(size: int, seed: int = 0) -> bytes:
    """Return unique bytes for a size and seed, the same each time."""
    return random.Random(f"{size} {seed}").randbytes(size)


def write(path: Path, data: bytes) -> Path:
    """Write a file and its parent folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def meeting(world: World, data: bytes) -> Callable[[str, object], None]:
    """Return what has the first check meet a copy of which only the MD5 is known."""

    def meet(name: str, _: object) -> None:
        if name == "check" and "met" not in world.recorded():
            world.record("met", data, weak_only(data))

    return meet
