"""Processes that read one copy: killed at random, and several at once."""

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from onecopy.content import Digests
from onecopy.digest import SMALLEST_PART
from tests.gate.world import World, content_digest

_PARTS = 16
_DATA = random.Random(1).randbytes(SMALLEST_PART) * _PARTS
_THREADS = 2


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world with a large copy that was never read."""
    world = World.at(tmp_path)
    world.record("a", _DATA, Digests())
    return world


def _reader(world: World) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.confirming.child", world.root, "a", world.root / "log"]
    return subprocess.Popen(list(map(str, command)))


def _parts(world: World) -> Counter[int]:
    log = world.root / "log"
    return Counter(map(int, log.read_text().split())) if log.exists() else Counter()


def test_killed_at_random(world: World) -> None:
    """After each kill -9 another process resumes; only parts in flight are read again."""
    kills, delays = 0, random.Random(7)
    while True:
        process = _reader(world)
        try:
            process.wait(delays.uniform(0.8, 2.2))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            assert kills < 60
        else:
            assert process.returncode == 0
            break
    assert world.recorded()["a"].content_digest == content_digest(_DATA)
    parts = _parts(world)
    assert set(parts) == set(range(_PARTS))
    # Those since the last record, 0.05 seconds at 100 MB/s before, and one for each thread.
    assert sum(parts.values()) - _PARTS <= kills * (2 * _THREADS + 1)


def test_several_processes(world: World) -> None:
    """However many processes read at once, each part is read once, and all see the result."""
    processes = [_reader(world) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert world.recorded()["a"].content_digest == content_digest(_DATA)
    assert _parts(world) == Counter(range(_PARTS))


def test_replaced_between_processes(world: World) -> None:
    """If the object is replaced after a kill, all of the new one is read, and that is recorded."""
    process = _reader(world)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.3)
    process.kill()
    process.wait()
    new = _DATA[1:] + b"x"
    world.place("a", new)
    assert _reader(world).wait(60) == 0
    assert world.recorded()["a"].content_digest == content_digest(new)
