"""Files of which a stored copy is read in the background, on the command line."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onecopy.cli.show import result_text, result_values
from onecopy.content import Digests, Verdict
from onecopy.digest import MiB
from onecopy.store.interface import Object
from onecopy.store.objects import copy_of
from onecopy.upload import Result
from tests.conftest import Run, backends, environment
from tests.gate.world import World

SIZE = 260 * MiB
"""Bytes: more than one request may read."""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Store a large file that was never read, and return the same content elsewhere."""
    world = World.at(tmp_path)
    for path in (tmp_path / "files" / "stored", tmp_path / "film"):
        with path.open("wb") as file:
            file.truncate(SIZE)
    [seen] = world.store.look(["stored"])
    assert isinstance(seen, Object)
    copy = copy_of(seen, "stored")._replace(digests=Digests())
    world.index.add([("default", copy)])
    world.store.close()
    world.index.close()
    return tmp_path / "film"


def test_a_check_waits(run: Run, film: Path, tmp_path: Path) -> None:
    """A check reads the copy in its own process, and says what it found; the next one knows it."""
    done = run("check", *backends(tmp_path), film)
    assert (done.code, "already stored: stored" in done.out) == (1, True), done.err
    again = run("check", "--no-wait", *backends(tmp_path), film)
    assert "already stored: stored" in again.out


def test_a_check_that_does_not_wait(run: Run, film: Path, tmp_path: Path) -> None:
    """With --no-wait the file is unconfirmed, as text and as JSON."""
    slow = tmp_path / "slow.toml"
    slow.write_text('confirm_rate = "1 MB"\n')
    command = ["check", "--no-wait", "--config", slow, *backends(tmp_path), film]
    done = run(*command, "--json")
    assert done.code == 1
    found = json.loads(done.out)
    assert (found["verdict"], found["reason"]) == ("unconfirmed", "confirming")
    assert found["bytes_read"] < SIZE
    assert "is being read; check again (confirming" in run(*command).out


def test_an_interrupted_check(film: Path, tmp_path: Path) -> None:
    """On Ctrl-C the check says what is open; what was read is not read again."""
    slow = tmp_path / "slow.toml"
    slow.write_text('confirm_rate = "30 MB"\n')
    command = ["check", "--config", slow, "--json", *backends(tmp_path), film]
    process = subprocess.Popen(
        [sys.executable, "-m", "onecopy", *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
    )
    time.sleep(5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    found = json.loads(out)
    assert found["reason"] == "confirming"
    assert 0 < found["bytes_read"] < SIZE


def test_an_upload_skips_or_sends(run: Run, film: Path, tmp_path: Path) -> None:
    """What cannot be confirmed is left to the user, or sent if he wants that."""
    (tmp_path / "none.toml").write_text("confirm_daily = 0\n")
    command = ["upload", "--config", tmp_path / "none.toml", *backends(tmp_path), film]
    done = run(*command)
    assert done.code == 1
    assert "raise confirm_daily in the settings" in done.out
    done = run(*command, "--on-unconfirmed", "send")
    assert (done.code, f"{film}: uploaded as film" in done.out) == (0, True), done.out


def test_how_far_it_is() -> None:
    """Text and JSON say how far a copy was read, and nothing of it for other results."""
    result = Result("a", 300, Verdict.UNCONFIRMED, reason="confirming", bytes_read=101)
    assert result_text(result).endswith("is being read; check again (confirming 33%)")
    assert result_values(result)["bytes_read"] == 101
    assert "bytes_read" not in result_values(Result("a", 300, Verdict.NEW))
