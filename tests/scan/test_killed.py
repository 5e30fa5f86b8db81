"""A scan by listing that is killed: what it merged stays, and the next one resumes behind it."""

import random
import subprocess
import sys
import time
from pathlib import Path

from onecopy.index import open_index
from onecopy.index.listings import Listings
from tests.conftest import environment

KEYS = 3000
SCRIPT = f"""
import sys, time
from onecopy.gate import bind
from onecopy.index import open_index
from onecopy.scan import lease, pages, scan_by_listing
from onecopy.store import memory
from tests.scan.stores import filled

pages.GROUP, lease._EXPIRE_SECONDS, lease._RENEW_SECONDS = 50, 0.5, 0.1
memory.now = lambda: 0
shelf = filled([f"d{{n % 7}}/{{n:05}}" for n in range({KEYS})], page_size=20)
shelf._id = "0" * 32
shelf.on_page = lambda page: time.sleep(0.05)  # all of it takes longer than five lives
index = open_index(f"sqlite:{{sys.argv[1]}}")
bind(index, shelf)
print("begins", flush=True)
figures = scan_by_listing(
    index, shelf, connections=3, progress=lambda _: print("merged", flush=True)
)
print(figures.objects, figures.new + figures.unchanged, figures.is_resumed, figures.changed)
index.close()
"""


def start(index: Path) -> "subprocess.Popen[str]":
    """Start a scan in a process of its own; it has begun when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(index)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(index.parent),
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def test_killed_several_times(tmp_path: Path) -> None:
    """The last scan has the figures of the whole, and the index has every object once."""
    path = tmp_path / "index.sqlite"
    for _ in range(5):
        process = start(path)
        assert process.stdout is not None
        assert process.stdout.readline() == "merged\n"  # however busy the machine is
        time.sleep(random.random() / 3)
        process.kill()
        process.communicate()
    out, _ = start(path).communicate(timeout=60)
    index = open_index(f"sqlite:{path}")
    assert isinstance(index, Listings)
    listed = [copy.key for copy in index.listed_copies("default")]
    index.close()
    assert listed == sorted(f"d{number % 7}/{number:05}" for number in range(KEYS))
    assert out.splitlines()[-1].split() == [str(KEYS), str(KEYS), "True", "0"]
