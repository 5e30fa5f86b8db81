"""Checks of files that have not changed, with the cache of digests.

    python benchmarks/cache.py [--files N] [--rounds N] [--work FOLDER] [--server | --bucket]

A folder with N files of 600 to 992 bytes (100,000 by default), all of which are stored in another
folder, or with --bucket in SeaweedFS on this machine, is checked again and again in one process;
the best round of each counts. The index, in SQLite, and the store are opened in this process, or
with --server by `onecopy serve` on this machine. On a busy machine, compare the CPU times, which do
not include the service's. Listing the folders and looking at each file, with Python's calls for
that and nothing else, is the least that any walk takes.
Targets: walking the folder and finding the digests in the cache take at most 2 times as long as
`find -printf`; a whole check at most 1.3 times as long as asking the gate about the same digests;
and a first check, which fills the cache, at most 1.05 times as long as one without.

In blocks of 4 kB, each file takes 8 kB in the two folders. A million take about 3 GB in a file
system with blocks of 1 kB, in a file that can be deleted afterwards:

    truncate -s 4G million && mkfs.ext4 -q -b 1024 -N 2200000 million
    mkdir -p work && mount -o loop million work
    python benchmarks/cache.py --files 1000000 --rounds 1 --work work
"""

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import cast

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.service import TENANT, serving
from tests.standins import seaweedfs

from onecopy.cli.garbage import collecting_rarely  # as the command does
from onecopy.client import Client
from onecopy.content import Content, Copy, Digests, Verdict
from onecopy.digest import SHA256, Digest
from onecopy.digest_cache import DigestCache
from onecopy.files import File, walk
from onecopy.gate import Gate, LocalGate, bind, ticket_secrets
from onecopy.index import open_index
from onecopy.index.interface import Engine
from onecopy.store import Store, open_store
from onecopy.store.objects import copy_of
from onecopy.upload import upload
from onecopy.upload.checking import check

FIND = ("find", "-type", "f", "-printf", "%p %s %T@ %C@ %i\\n")
TARGETS = (
    ("walk and cache", "find -printf", 2.0),
    ("second check", "asking", 1.3),
    ("first check", "check without a cache", 1.05),
)
_SCHEMES = [SHA256]
_BATCH = 1000
_FOLDER = 500
"""Files in a folder."""


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Return the wall time and the CPU time of a call and its processes in seconds."""
    began, before = time.perf_counter(), cpu()
    call()
    return time.perf_counter() - began, cpu() - before


def cpu() -> float:
    """Return the CPU time of this process and its children in seconds."""
    used = map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def fill(folder: Path, count: int) -> None:
    """Write files; many have one size, as small files do."""
    for first in range(0, count, _FOLDER):
        below = folder / f"{first // _FOLDER:04d}"
        below.mkdir(parents=True)
        for number in range(first, min(first + _FOLDER, count)):
            with open(f"{below}/IMG_{number:06d}.jpg", "wb", buffering=0) as file:  # noqa: PTH123 - quick
                file.write(content(number))


def content(number: int) -> bytes:
    """Return the bytes of a file."""
    return number.to_bytes(8) * (75 + number % 50)


def files(folder: Path) -> Iterator[list[File]]:
    """Yield the files of a folder, which has nothing else, in batches."""
    found = cast("Iterator[File]", walk(folder))
    return iter(lambda: list(islice(found, _BATCH)), [])


def main() -> None:
    """Compare, and print."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--files", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--work", type=Path)
    where = arguments.add_mutually_exclusive_group()
    where.add_argument("--server", action="store_true")
    where.add_argument("--bucket", action="store_true")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.work) as name, collecting_rarely():
        work = Path(name)
        with bucket() if chosen.bucket else nullcontext(str(work / "files")) as store:
            contents = prepare(work, store, chosen.files)
            gc.freeze()  # what is prepared, which a command does not have
            with served_gate(work) if chosen.server else local_gate(work, store) as gate:
                measure(Acts(work, gate, contents), chosen.rounds)


@contextmanager
def bucket() -> Iterator[str]:
    """Start an S3 server; yield the URL of a bucket."""
    with seaweedfs() as server:
        os.environ |= server.environment()
        yield server.store_url(server.bucket())


class Acts:
    """What is timed."""

    def __init__(self, work: Path, gate: Gate, contents: list[Content]) -> None:
        self._work = work
        self._gate = gate
        self._contents = contents
        self.folder = work / "photos"
        self.count = len(contents)

    def find(self) -> None:
        subprocess.run(FIND, cwd=self.folder, check=True, capture_output=True)

    def look(self) -> None:
        for folder in self.folder.iterdir():
            opened = os.open(folder, os.O_RDONLY)
            for name in os.listdir(opened):  # noqa: PTH208 - of a descriptor
                os.stat(name, dir_fd=opened, follow_symlinks=False)
            os.close(opened)

    def walk(self) -> None:
        for _ in files(self.folder):
            pass

    def walk_and_cache(self) -> None:
        with closing(DigestCache(self._work / "cache")) as cache:
            for batch in files(self.folder):
                cache.find([(file, _SCHEMES) for file in batch])

    def ask(self) -> None:
        for at in range(0, len(self._contents), _BATCH):
            batch = self._contents[at : at + _BATCH]
            self._gate.probe([content.size for content in batch])
            self._gate.check(batch)

    def check(self, cache: str | None = "cache") -> None:
        opened = closing(DigestCache(self._work / cache)) if cache else nullcontext()
        with opened as digests:
            for result in check(walk(self.folder), self._gate, cache=digests):
                assert result.verdict is Verdict.DUPLICATE


def prepare(work: Path, store_url: str, count: int) -> list[Content]:
    """Write the files, and store and record them; return their contents."""
    began = time.perf_counter()
    fill(work / "photos", count)
    with opened(work, store_url) as (index, store):
        bind(index, store)
        if store.kind == "folder":
            fill(work / "files", count)
            index.add((TENANT, copy) for copy in stored(store))
        else:
            gate = LocalGate(index, store, secrets=ticket_secrets(index))
            assert all(result.sent for result in upload(walk([str(work / "photos")]), gate))
        copies = sorted((copy for _, copy in index.copies()), key=lambda copy: copy.key)
        contents = [Content(copy.size, tuple(copy.digests)) for copy in copies]
    print(f"{count:,} files written and stored in {time.perf_counter() - began:.0f} s")
    time.sleep(61)  # a file that changed within a minute is not cached
    return contents


@contextmanager
def opened(work: Path, store_url: str) -> Iterator[tuple[Engine, Store]]:
    """Open the index and the store."""
    with (
        closing(open_index(f"sqlite:{work / 'index.sqlite'}")) as index,
        closing(open_store(store_url)) as store,
    ):
        yield index, store


@contextmanager
def local_gate(work: Path, store_url: str) -> Iterator[Gate]:
    """Open the index and the store in this process."""
    with opened(work, store_url) as (index, store):
        yield LocalGate(index, store, secrets=ticket_secrets(index))


@contextmanager
def served_gate(work: Path) -> Iterator[Gate]:
    """Have a service open them, and connect to it."""
    with (
        serving(f"sqlite:{work / 'index.sqlite'}", work) as server,
        closing(Client(f"http://127.0.0.1:{server.port}")) as client,
    ):
        yield client


def measure(acts: Acts, rounds: int) -> None:
    """Time all acts in turns, and print the best round of each."""
    acts.check()
    best: dict[str, tuple[float, float]] = {}
    for number in range(rounds):
        found = {
            "find -printf": timed(acts.find),
            "listing and stat alone": timed(acts.look),
            "walk": timed(acts.walk),
            "walk and cache": timed(acts.walk_and_cache),
            "asking": timed(acts.ask),
            "second check": timed(acts.check),
            "check without a cache": timed(partial(acts.check, None)),
            "first check": timed(partial(acts.check, f"cache{number}")),
        }
        best = {
            name: (min(best.get(name, each)[0], each[0]), min(best.get(name, each)[1], each[1]))
            for name, each in found.items()
        }
    print(f"load {os.getloadavg()[0]:.1f}, {acts.count:,} files, best of {rounds} rounds")
    for name, (wall, cpu) in best.items():
        print(f"{name:24}{wall:8.2f} s {cpu:8.2f} s of CPU")
    for name, floor, target in TARGETS:
        wall, cpu = (best[name][at] / best[floor][at] for at in range(2))
        print(f"{name}: {wall:.2f} x {floor}, {cpu:.2f} x its CPU (<= {target}: {wall <= target})")


def stored(store: Store) -> Iterator[Copy]:
    """Yield the copies of all files in the store."""
    for seen in store.objects():
        number = int(seen.key.rpartition("_")[2].removesuffix(".jpg"))
        digest = Digest(SHA256, sha256(content(number)).digest())
        yield copy_of(seen._replace(digests=Digests.proved(digest)), seen.key)


if __name__ == "__main__":
    main()
