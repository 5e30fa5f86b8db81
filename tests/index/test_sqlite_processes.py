"""Several processes at one SQLite index, and what becomes of it when they are killed."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from onecopy.index.sqlite import SqliteIndex
from onecopy.testing.index import a_copy, md5_of, proved, sha256_of
from tests.conftest import environment
from tests.index.acts import BULK

KILLS = 4


@contextmanager
def process(act: str, file: Path, name: str) -> Iterator["subprocess.Popen[str]"]:
    """Lend a process that acts; it is killed in the end."""
    command = [sys.executable, str(Path(__file__).with_name("acts.py")), act, str(file), name]
    with subprocess.Popen(
        command,
        env=environment(file.parent),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def lines(child: "subprocess.Popen[str]", count: int) -> list[str]:
    """Read lines that a process says."""
    assert child.stdout is not None
    return [child.stdout.readline().rstrip("\n") for _ in range(count)]


def test_race(file: Path) -> None:
    """Of processes that open a new file at once and record the same contents one wins each."""
    with (
        process("race", file, "a") as a,
        process("race", file, "b") as b,
        process("race", file, "c") as c,
    ):
        children = (a, b, c)
        assert [lines(child, 1) for child in children] == [["ready"]] * 3
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        won = [lines(child, 200) for child in children]
        assert [child.wait(20) for child in children] == [0, 0, 0]
    assert won[0] == won[1] == won[2]
    index = SqliteIndex(str(file))
    found = index.lookup("t", [sha256_of(f"content {number}") for number in range(200)])
    assert [copy and copy.key for copy in found] == won[0]
    assert len(list(index.copies())) == 600
    assert index.check() == []
    index.close()


def test_count(file: Path) -> None:
    """Processes that count at once lose nothing."""
    with process("increase", file, "n") as a, process("increase", file, "n") as b:
        assert [child.wait(60) for child in (a, b)] == [0, 0]
    index = SqliteIndex(str(file))
    assert index.increase("n", 0) == 200
    index.close()


def test_killed_while_recording(file: Path) -> None:
    """P6: kill -9 loses nothing that was acknowledged, and the index stays sound."""
    acknowledged: list[str] = []
    for kill in range(KILLS):
        with (
            process("record", file, f"a{kill}") as a,
            process("record", file, f"b{kill}") as b,
        ):
            for name, child in ((f"a{kill}", a), (f"b{kill}", b)):
                acknowledged += [f"{name} {number}" for number in lines(child, 30)]
            a.kill()  # while the other one goes on
            a.wait()
            acknowledged += [f"b{kill} {number}" for number in lines(b, 20)]
        index = SqliteIndex(str(file))
        found = index.lookup("t", [md5_of(content) for content in acknowledged])
        assert found == [a_copy(content, proved(content)) for content in acknowledged]
        assert index.increase("count", 0) >= len(acknowledged)
        assert index.check() == []
        index.close()


def test_killed_while_adding(file: Path) -> None:
    """P6: kill -9 in a bulk load loses nothing acknowledged; whatever is there is whole."""
    for kill, patience in enumerate((0.0, 0.03, 0.07, 0.15)):
        with process("add", file, str(kill)) as child:
            calls = int(lines(child, 3)[-1]) + 1
            time.sleep(patience)
        index = SqliteIndex(str(file))
        kept = sorted(copy for _, copy in index.copies("t") if copy.key.startswith(f"{kill} "))
        versions = [copy.identity.partition(" ")[0] for copy in kept]
        check_prefix([int(copy.key.split()[1]) for copy in kept], versions, calls)
        found = index.lookup("t", [sha256_of(copy.key) for copy in kept])
        assert found == kept
        assert index.check() == []
        index.close()


def check_prefix(numbers: Sequence[int], versions: Sequence[str], calls: int) -> None:
    """Check that what is kept is all of the first calls, two of which have the same keys."""
    assert len(numbers) % BULK == 0
    assert numbers == list(range(len(numbers)))
    assert all(before >= after for before, after in pairwise(versions))
    done = len(numbers) // BULK + versions.count("v1") // BULK
    assert done >= calls


def test_killed_while_opening(file: Path) -> None:
    """A process that is killed while it makes the file leaves one that the next can open."""
    for patience in (0.1, 0.2, 0.25, 0.3, 0.35, 0.4):
        with process("increase", file, "n"):
            time.sleep(patience)
        index = SqliteIndex(str(file))
        assert index.check() == []
        index.close()
        for path in file.parent.glob("index.sqlite*"):
            path.unlink()


@pytest.mark.parametrize("name", ["index.sqlite-wal", "index.sqlite-shm"])
def test_kin_files_gone(file: Path, name: str) -> None:
    """After a proper end the files beside the index hold nothing: it is whole without them."""
    index = SqliteIndex(str(file))
    index.increase("n", 5)
    index.close()
    assert not file.with_name(name).exists()
    index = SqliteIndex(str(file))
    assert index.increase("n", 0) == 5
    index.close()
