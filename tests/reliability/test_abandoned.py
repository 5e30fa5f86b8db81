"""Nobody waits for the uploads of a command that was killed; processes share an index."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onecopy.gate import Answer
from onecopy.gate.leases import ContentLeases
from onecopy.processes import process_name
from tests.conftest import Run, backends, environment
from tests.gate.world import World
from tests.reliability.worker import Tell, Told, Worker
from tests.upload.conftest import noise, write

_DATA = b"the same content"
_KILLED = """
import os, signal, sys
from onecopy.cli.main import main
from onecopy.gate import LocalGate

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(LocalGate, sys.argv.pop(1), die)
main()
"""
"""The command `onecopy`, which is killed as soon as it calls a method of its gate."""


def hold(tell: Tell, root: Path, database: str, is_client: bool) -> None:
    """Begin an upload, as a command or as a service does, and do nothing more."""
    world = World.at(root, database)
    leases = ContentLeases.of(world.index, process=process_name() if is_client else "")
    begun = world.begin("first", _DATA, gate=world.gate(leases=leases))
    tell(Told("begun", answer=begun))
    signal.pause()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an index that keeps leases."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path}/index"
    url: str = request.getfixturevalue("database")
    return url


@pytest.mark.parametrize("is_client", [True, False], ids=["command", "service"])
def test_a_process_that_is_killed(tmp_path: Path, database: str, is_client: bool) -> None:
    """A command is waited for until it is killed, and a service beyond: its clients continue."""
    holder = Worker(hold, tmp_path, database, is_client)
    holder.hear(1)
    [told] = holder.told
    assert told.answer is not None
    assert told.answer.ticket
    world = World.at(tmp_path, database)
    gate = world.gate(leases=ContentLeases.of(world.index))

    def begin() -> Answer:
        return world.begin("second", _DATA, gate=gate)

    assert begin().reason == "uploading"
    holder.kill()
    assert holder.end()
    assert (begin().ticket is not None) is is_client
    world.close()


@pytest.mark.parametrize("step", ["send_batch", "send", "complete"])
def test_a_killed_command_is_run_again(run: Run, tmp_path: Path, step: str) -> None:
    """All files are stored, small and large, without waiting, whenever it was killed."""
    write(tmp_path / "known", noise(9_000_000, 1))
    assert run("upload", *backends(tmp_path), "known").code == 0  # so that large files are hashed
    contents = {f"photos/{n}": noise(size, n) for n, size in enumerate([5000] * 9 + [9_000_000], 2)}
    for name, data in contents.items():
        write(tmp_path / name, data)
    arguments = ["upload", "--json", *backends(tmp_path), "photos"]
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, step, *arguments],
        cwd=tmp_path,
        env=environment(tmp_path),
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    again = run(*arguments)
    assert again.code == 0, again.out
    assert "waiting" not in again.err
    outcomes = [json.loads(line)["outcome"] for line in again.out.splitlines()]
    assert set(outcomes) <= {"uploaded", "skipped"}
    assert len(outcomes) == len(contents)
    for name, data in contents.items():
        assert (tmp_path / "files" / name).read_bytes() == data
