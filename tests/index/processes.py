"""Other processes that use an index, and are killed in the end."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from tests.conftest import environment
from tests.index.acts import BULK, RACES


@contextmanager
def process(act: str, url: str, *how: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a process that acts on an index; it is killed in the end."""
    command = [sys.executable, str(Path(__file__).with_name("acts.py")), act, url, *how]
    with subprocess.Popen(
        command,
        env=environment(Path("/dev/null")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def lines(child: "subprocess.Popen[str]", count: int) -> list[str]:
    """Read lines that a process prints."""
    assert child.stdout is not None
    return [child.stdout.readline().rstrip("\n") for _ in range(count)]


def winners(children: Sequence["subprocess.Popen[str]"], races: int = RACES) -> list[str]:
    """Let processes record the same contents; return whose copies won, as all must say."""
    assert [lines(child, 1) for child in children] == [["ready"]] * len(children)
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    won = [lines(child, races) for child in children]
    assert [child.wait(60) for child in children] == [0] * len(children)
    assert won == [won[0]] * len(children)
    return won[0]


def check_prefix(numbers: Sequence[int], versions: Sequence[str], calls: int) -> None:
    """Check that exactly the copies of the first calls are recorded; two calls share keys."""
    assert len(numbers) % BULK == 0
    assert numbers == list(range(len(numbers)))
    assert all(before >= after for before, after in pairwise(versions))
    done = len(numbers) // BULK + versions.count("v1") // BULK
    assert done >= calls
