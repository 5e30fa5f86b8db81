"""Names of processes: who has one, and when it has ended."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onecopy import processes
from onecopy.processes import has_ended, process_name
from tests.conftest import environment

_SAY = "from onecopy.processes import process_name; print(process_name(), flush=True); input()"


def test_a_process_that_is_killed(tmp_path: Path) -> None:
    """It has ended once it is killed, also before its parent has noticed that."""
    child = subprocess.Popen(
        [sys.executable, "-c", _SAY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
    )
    with child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert name.startswith(f"{child.pid}.")
        assert not has_ended(name)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert has_ended(name)
    assert has_ended(name)


def test_this_process() -> None:
    """Its name is always the same, and fits into a lease beside the id of an upload."""
    name = process_name()
    assert name == process_name()
    assert 10 < len(name) <= 31
    assert not has_ended(name)


def test_an_id_that_is_used_again() -> None:
    """A process that has the id of another started at another time."""
    number, started, place = process_name().split(".")
    assert has_ended(f"{number}.{int(started) - 1}.{place}")


def test_a_process_elsewhere() -> None:
    """Nothing is known of a process of another machine, or of another container."""
    assert not has_ended(f"{2**22 + 1}.1.000000")
    assert has_ended(f"{2**22 + 1}.1.{process_name()[-6:]}")


def test_a_process_in_another_time_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its start is counted from another time, so it is unknown whether it has ended."""
    readlink = Path.readlink
    number, started, place = process_name().split(".")

    def elsewhere(path: Path) -> Path:
        return Path("time:[1]") if path.name == "time" else readlink(path)

    monkeypatch.setattr(Path, "readlink", elsewhere)
    assert process_name().startswith(f"{number}.{started}.")
    assert not has_ended(f"{number}.{int(started) - 1}.{place}")


@pytest.mark.parametrize("name", ["", "a", "1.1", f"{10**12}.1.abcdef", "-1.1.abcdef"])
def test_no_process(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What names no process has not ended, and no signal is sent."""
    monkeypatch.setattr(processes, "process_name", lambda: "1.1.abcdef")
    monkeypatch.delattr(os, "kill")
    assert not has_ended(name)


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_process_of_another_user(monkeypatch: pytest.MonkeyPatch, is_hidden: bool) -> None:
    """It has not ended if it may not be sent a signal, also where /proc hides it."""
    name, read_bytes = process_name(), Path.read_bytes

    def refuse(_number: int, _signal: int) -> None:
        raise PermissionError

    def hide(path: Path) -> bytes:
        if path.parent.name == str(os.getpid()):
            raise FileNotFoundError
        return read_bytes(path)

    monkeypatch.setattr(os, "kill", refuse)
    if is_hidden:
        monkeypatch.setattr(Path, "read_bytes", hide)
    assert not has_ended(name)


def test_a_system_without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without /proc, or with one of another namespace, no process has a name, or has ended."""
    name = process_name()
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: 2**22 + 1)
        assert process_name() == ""
    monkeypatch.setattr(Path, "readlink", lambda _: (_ for _ in ()).throw(FileNotFoundError))
    assert process_name() == ""
    assert not has_ended(f"{2**22 + 1}.1.{name[-6:]}")
