"""How much memory uploads into a bucket take: the service's, and the command's."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest

from onecopy.client import Client
from onecopy.digest import MiB
from onecopy.files import walk
from onecopy.upload import Outcome, upload
from tests.conftest import Serve, Standins, environment
from tests.gate.bucket import BucketWorld
from tests.reliability.figures import show
from tests.standins import Standin
from tests.upload.conftest import noise, write

MOST = 200 * MiB
"""Bytes of resident memory."""
CLIENTS = 20
GiB = 1024 * MiB
_MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
"""Runs a command and prints its peak in KiB: from a small process, for Linux counts the memory of
whoever starts one as its own."""


def peak(process: int) -> int:
    """Return the most memory that a process ever had, in bytes."""
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    [line] = [line for line in status if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def test_service_with_twenty_clients(tmp_path: Path, seaweedfs: Standin, server: Serve) -> None:
    """Bytes go past the service, so that it stays small whatever is uploaded."""
    world = BucketWorld.new(tmp_path / "world", seaweedfs)
    world.close()
    url = seaweedfs.store_url(world.bucket, world.prefix)
    served = server(world.root, "--store", url, env=seaweedfs.environment())

    def bring(number: int) -> list[Outcome | None]:
        folder = tmp_path / f"{number}"
        write(folder / "large", noise(17 * MiB, number))
        for small in range(20):
            write(folder / f"{small}", noise(2000, number * 1000 + small))
        client = Client(served.url)
        results = list(upload(walk([folder]), client))
        client.close()
        return [result.outcome for result in results]

    with ThreadPoolExecutor(CLIENTS) as pool:
        outcomes = [outcome for each in pool.map(bring, range(CLIENTS)) for outcome in each]
    assert outcomes == [Outcome.UPLOADED] * CLIENTS * 21
    memory = peak(served.process.pid)
    show("service", {"MiB at its peak": memory // MiB})
    assert memory < MOST


@pytest.mark.soak
def test_five_gigabytes(tmp_path: Path, standins: Standins) -> None:
    """A file of 5 GiB goes through the command with flat memory, and is then a duplicate."""
    standin = standins("seaweedfs")
    world = BucketWorld.new(tmp_path / "world", standin, standin.bucket())
    path = tmp_path / "five"
    with path.open("wb") as file:
        for at in range(0, 5 * GiB, MiB):
            file.seek(at)
            file.write(at.to_bytes(8))
        file.truncate(5 * GiB)
    figures: dict[str, int] = {}
    for what in ("first", "again"):
        begun = monotonic()
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", _MEASURED, sys.executable, "-m", "onecopy", "upload"),
                *("--index", f"sqlite:{world.root}/index.sqlite"),
                *("--store", standin.store_url(world.bucket, world.prefix)),
                str(path),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment(tmp_path, **standin.environment()),
        )
        out, said = process.communicate()
        assert process.returncode == 0, said
        figures[f"{what}: seconds"] = round(monotonic() - begun)
        memory = int(out.splitlines()[-1]) * 1024
        figures[f"{what}: MiB at its peak"] = memory // MiB
        assert memory < MOST
    show("5 GiB", figures)
    [copy] = world.recorded().values()
    assert copy.size == 5 * GiB
    assert "1 already stored; 0 bytes sent" in said
    world.client.delete_object(**world.full("five"))
    world.close()
