"""Going on with large uploads: what is remembered, what is sent again, and what is not."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from onecopy.errors import Unavailable
from onecopy.files import walk
from onecopy.upload import Options, Outcome, Result, Unfinished, upload
from tests.gate.world import World
from tests.upload.conftest import noise, write
from tests.watched import Watched

SIZE = 50_000_000
"""Bytes: six parts."""


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """Return the folder in which unfinished uploads are remembered."""
    return tmp_path / "cache" / "uploads"


def run(gate: Watched, path: Path, memory: Path, target: str = "there") -> Result:
    """Upload one file with a memory."""
    options = Options(unfinished=Unfinished(memory, target))
    (result,) = upload(walk([path]), gate, options)
    return result


def break_after(gate: Watched, parts: int) -> None:
    """Let so many parts through, and no more."""

    def before(name: str, argument: Any) -> None:  # noqa: ANN401 - of whatever call
        if name == "send" and argument.number > parts:
            raise Unavailable("the line is dead")

    gate.before = before


def heal(gate: Watched) -> None:
    """Let everything through again."""
    gate.before = lambda _name, _argument: None
    gate.calls.clear()


def sent(gate: Watched) -> list[int]:
    """Return the numbers of the parts that were sent."""
    return sorted(send.number for send in gate.of("send"))


def test_a_broken_upload_goes_on(world: World, gate: Watched, photos: Path, memory: Path) -> None:
    """The next run sends the parts that are missing, and no others."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 3)
    first = run(gate, path, memory)
    assert (first.outcome, first.reason) == (Outcome.FAILED, "unavailable")
    heal(gate)
    second = run(gate, path, memory)
    assert second.outcome is Outcome.UPLOADED
    assert sent(gate) == [4, 5, 6]
    assert not gate.of("begin")
    assert second.sent == SIZE - 3 * 8 * 1024 * 1024
    assert world.path("large").read_bytes() == noise(SIZE)
    assert not list(memory.iterdir())


def test_an_interrupted_upload_goes_on(
    world: World, gate: Watched, photos: Path, memory: Path
) -> None:
    """Whoever stops in the middle loses what was on the way, and nothing else."""
    path = write(photos / "large", noise(SIZE))

    def stop(_done: int, _read: int) -> None:
        raise KeyboardInterrupt

    stopping = Options(unfinished=Unfinished(memory, "there"), progress=stop)
    results = upload(walk([path]), gate, stopping)
    with pytest.raises(KeyboardInterrupt):
        list(results)
    assert len(list(memory.iterdir())) == 1
    heal(gate)
    assert run(gate, path, memory).outcome is Outcome.UPLOADED
    assert len(gate.of("status")) == 1
    assert world.path("large").read_bytes() == noise(SIZE)


def test_parts_that_differ_are_sent_again(
    world: World, gate: Watched, photos: Path, memory: Path
) -> None:
    """A file that changed without its time is hashed again: what is stored is what it is now."""
    path = write(photos / "large", noise(SIZE))
    times = (1_700_000_000, 1_700_000_000)
    os.utime(path, times)
    break_after(gate, 3)
    run(gate, path, memory)
    with path.open("r+b") as file:
        file.seek(10_000_000)
        file.write(b"changed")
    os.utime(path, times)
    heal(gate)
    assert run(gate, path, memory).outcome is Outcome.UPLOADED
    assert sent(gate) == [2, 4, 5, 6]
    assert world.path("large").read_bytes() == path.read_bytes()


def test_a_file_that_changed_starts_afresh(gate: Watched, photos: Path, memory: Path) -> None:
    """Another time of change is another file."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 3)
    run(gate, path, memory)
    path.write_bytes(noise(SIZE, seed=1))
    os.utime(path, (1, 1))
    heal(gate)
    assert run(gate, path, memory).outcome is Outcome.UPLOADED
    assert sent(gate) == [1, 2, 3, 4, 5, 6]


def test_another_target_starts_afresh(gate: Watched, photos: Path, memory: Path) -> None:
    """A ticket is for the place that gave it."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 3)
    run(gate, path, memory)
    heal(gate)
    assert run(gate, path, memory, target="elsewhere").outcome is Outcome.UPLOADED
    assert not gate.of("status")


def test_an_upload_that_is_gone_starts_afresh(gate: Watched, photos: Path, memory: Path) -> None:
    """What the store has cleaned up, or another secret has signed, is begun again."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 3)
    run(gate, path, memory)
    (kept,) = memory.iterdir()
    kept.write_text('{"ticket": "forged"}')
    heal(gate)
    assert run(gate, path, memory).outcome is Outcome.UPLOADED
    assert sent(gate) == [1, 2, 3, 4, 5, 6]
    assert len(gate.of("begin")) == 1
    assert not list(memory.iterdir())


def test_a_content_that_came_meanwhile_is_a_duplicate(
    world: World, gate: Watched, photos: Path, memory: Path
) -> None:
    """An upload that is gone on with is still looked up once more before it is completed."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 3)
    run(gate, path, memory)
    world.upload("other", noise(SIZE))
    heal(gate)
    result = run(gate, path, memory)
    assert result.outcome is Outcome.SKIPPED
    assert result.copy is not None
    assert result.copy.key == "other"
    assert not list(memory.iterdir())


def test_tickets_are_for_the_user_alone(gate: Watched, photos: Path, memory: Path) -> None:
    """Others can't read what would let them write."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 0)
    run(gate, path, memory)
    (kept,) = memory.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(memory.stat().st_mode) == 0o700


def test_what_is_too_old_is_cleared_away(gate: Watched, photos: Path, memory: Path) -> None:
    """A ticket that nobody takes any more does not lie about for ever."""
    path = write(photos / "large", noise(SIZE))
    old = write(memory / "old.json", b"{}")
    os.utime(old, (1, 1))
    break_after(gate, 0)
    run(gate, path, memory)
    assert not old.exists()
    assert len(list(memory.iterdir())) == 1


def test_a_memory_that_cannot_be_written_is_no_obstacle(
    gate: Watched, photos: Path, tmp_path: Path
) -> None:
    """Without a memory there is no going on, and that is all."""
    path = write(photos / "large", noise(SIZE))
    blocked = write(tmp_path / "cache", b"a file, not a folder") / "uploads"
    assert run(gate, path, blocked).outcome is Outcome.UPLOADED


def test_tickets_of_long_uploads_are_renewed(
    gate: Watched, photos: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ticket that has got old is exchanged before it is used again."""
    monkeypatch.setattr("onecopy.upload.transfer._RENEWAL", -1)
    path = write(photos / "large", noise(SIZE))
    assert run(gate, path, memory).outcome is Outcome.UPLOADED
    assert len(gate.of("status")) == len(gate.of("parts")) > 1
