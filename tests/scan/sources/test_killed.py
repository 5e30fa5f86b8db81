"""A loading that is killed: what it entered stays, and the next one resumes behind it."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onecopy.index import open_index
from onecopy.index.listings import Listings
from tests.conftest import environment
from tests.scan.sources.written import listed, objects, write_csv

ROWS = 2000
SCRIPT = """
import sys, time
from pathlib import Path
from onecopy.gate import bind
from onecopy.index import open_index
from onecopy.scan import lease
from onecopy.scan.sources import loading, sorting, tables
from onecopy.scan.sources.interface import Selection
from onecopy.scan.sources.opening import open_listing
from onecopy.store.memory import MemoryStore

lease._EXPIRE_SECONDS, lease._RENEW_SECONDS = 0.5, 0.1
loading._SECONDS_PER_MARK, sorting._ROWS, tables._CSV_BYTES = 0, 50, 4000
store = MemoryStore()
store._id = "0" * 32
index = open_index(f"sqlite:{sys.argv[1]}")
bind(index, store)
print("begins", flush=True)
loaded = loading.load(
    index, store, open_listing(sys.argv[2]), Selection("photos"), Path(sys.argv[3]),
    progress=lambda *_: print("entered", flush=True) or time.sleep(0.02),
)
print(loaded.read.rows, loaded.used, sum(loaded.read.rejected.values()), loaded.is_resumed)
index.close()
"""


def start(folder: Path) -> "subprocess.Popen[str]":
    """Start a loading in a process of its own; it has begun when this returns."""
    paths = [str(folder / name) for name in ("index.sqlite", "own.csv", "rejects.csv")]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *paths],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(folder),
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


@pytest.mark.parametrize("order", ["sorted", "partly sorted"])
def test_killed_several_times(order: str, tmp_path: Path) -> None:
    """The last loading has the figures of the whole; the index and the file have each row once."""
    rows = [row._replace(size=None) if n % 100 == 7 else row for n, row in enumerate(objects(ROWS))]
    good = [row for row in rows if row.size]
    if order == "partly sorted":
        tail = rows[ROWS // 2 :]
        random.Random(1).shuffle(tail)
        rows[ROWS // 2 :] = tail
    write_csv(tmp_path / "own.csv", rows)
    for _ in range(4):
        process = start(tmp_path)
        assert process.stdout is not None
        for _ in range(2):  # so that something is marked as entered, however busy the machine is
            assert process.stdout.readline() == "entered\n"
        time.sleep(random.random() / 10)  # four of these are shorter than the whole loading
        process.kill()
        process.communicate()
    out, _ = start(tmp_path).communicate(timeout=60)
    assert out.splitlines()[-1] == f"{ROWS} {len(good)} {ROWS - len(good)} True"
    index = open_index(f"sqlite:{tmp_path}/index.sqlite")
    assert isinstance(index, Listings)
    assert list(index.listed_copies("default")) == listed(good)
    index.close()
    assert len((tmp_path / "rejects.csv").read_text().splitlines()) == 1 + ROWS - len(good)
