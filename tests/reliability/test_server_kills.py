"""P6 over HTTP: the service is killed in the middle of `onecopy upload`, and started again."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest

from onecopy.content import Verdict
from tests.conftest import Serve, environment
from tests.gate.world import World
from tests.reliability.consistency import check_consistency
from tests.reliability.contents import LARGE
from tests.reliability.figures import show

SMALL_FILES = 40
COMMAND = [sys.executable, "-m", "onecopy", "upload", "--json", "--no-progress", "--server"]


class Uploading:
    """`onecopy upload` of a folder, in a process of its own."""

    def __init__(self, url: str, files: Path) -> None:
        self._process = subprocess.Popen(
            [*COMMAND, url, str(files)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(files.parent),
        )
        self.results: list[dict[str, Any]] = []

    def hear(self, lines: int = sys.maxsize) -> None:
        """Read this number of results, or all."""
        assert self._process.stdout is not None
        for _, line in zip(range(lines), self._process.stdout, strict=False):
            self.results.append(json.loads(line))

    def end(self) -> int:
        """Wait for its end, and return its exit code."""
        self.hear()
        assert self._process.stdout is not None
        self._process.stdout.close()
        return self._process.wait(60)


def make_files(folder: Path, draw: Random) -> dict[str, bytes]:
    """Make files to upload, and return them by the keys that they will have."""
    sizes = [draw.randrange(1, 5000) for _ in range(SMALL_FILES)]
    contents = {f"source/{n:03}": draw.randbytes(size) for n, size in enumerate(sizes)}
    contents |= {f"source/large/{n}": draw.randbytes(9) + LARGE for n in range(3)}
    for key, data in contents.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(data)
    return contents


def kill_service(server: Serve, folder: Path, lines: int, seed: int) -> int:
    """Kill the service after this number of results; return how many files it had acknowledged."""
    contents = make_files(folder, Random(seed))
    first = server(folder)
    uploading = Uploading(first.url, folder / "source")
    uploading.hear(lines)
    acknowledged = len(uploading.results)
    first.process.kill()
    first.process.wait()
    second = server(folder, "--port", str(urlsplit(first.url).port))
    # Whether it comes through depends on how fast the service is back; what it says must be true.
    assert uploading.end() in {0, 1, 2}
    judge(folder, uploading.results)

    again = Uploading(second.url, folder / "source")
    assert again.end() == 0
    assert {result["outcome"] for result in again.results} <= {"uploaded", "skipped"}
    judge(folder, again.results)
    second.stop()
    judge_all(folder, contents)
    return acknowledged


def judge(folder: Path, results: list[dict[str, Any]]) -> None:
    """Compare the answers with what is stored."""
    for result in results:
        if result["outcome"] in {"uploaded", "skipped"}:
            path = folder / "files" / result["copy"]["key"]
            assert path.read_bytes() == Path(result["path"]).read_bytes()
        else:
            assert result["verdict"] == "unconfirmed"


def judge_all(folder: Path, contents: dict[str, bytes]) -> None:
    """See that everything is there, once, and recorded."""
    world = World.at(folder)
    assert world.objects() == contents
    for data in contents.values():
        assert world.check(data).verdict is Verdict.DUPLICATE
    check_consistency(world.index, ["default"])
    world.close()


@pytest.mark.server
@pytest.mark.parametrize("lines", [1, SMALL_FILES])
def test_service_killed(server: Serve, memory_path: Path, lines: int) -> None:
    """A killed service loses nothing that it acknowledged; a second run sends the rest."""
    kill_service(server, memory_path, lines, lines)


@pytest.mark.soak
def test_service_killed_often(server: Serve, memory_path: Path) -> None:
    """The same, thirty times."""
    told = []
    for n in range(30):
        root = memory_path / str(n)
        told.append(kill_service(server, root, 1 + n * 3 // 2, n))
        shutil.rmtree(root)
    show("kills of the service", {"processes killed": len(told), "files acknowledged": sum(told)})
