"""Speed of hashing, compared with `openssl dgst -sha256` and a bare hashlib loop.

    python benchmarks/hashing.py [BYTES] [--rounds N] [--folder SCRATCH]

BYTES is the size of the large file (default 4 GiB), which is read from the system's cache. The
variants take turns, and the best round of each counts. Wall time needs idle cores; on a busy
machine, compare the CPU time.
"""

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Thread

from onecopy.digest import (
    CRC64NVME,
    MD5,
    SHA256,
    Digest,
    Hashed,
    MiB,
    Scheme,
    content_scheme,
)
from onecopy.files import File, walk
from onecopy.hashing import hash_fd, hash_files

SMALL = ((5_000, 200_000), (10_000, 10_000))


@dataclass(frozen=True)
class Run:
    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bytes", nargs="?", type=int, default=4096 * MiB)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, load {os.getloadavg()[0]:.1f}, best of {options.rounds} rounds")
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        compare_large(Path(scratch), options.bytes, options.rounds)
        for count, size in SMALL:
            compare_small(Path(scratch), count, size, cores, options.rounds)


def compare_large(scratch: Path, size: int, rounds: int) -> None:
    path = scratch / "large"
    write(path, size)
    scheme = content_scheme(size)
    variants = {
        "openssl dgst -sha256": lambda: openssl(path),
        f"onecopy {scheme}": lambda: ours(path, scheme),
        f"onecopy {scheme}, one thread": lambda: ours(path, scheme, threads=1),
    }
    for other in (CRC64NVME, MD5):
        variants |= {
            f"with {other}": partial(ours, path, scheme, other),
            f"with {other}, one thread": partial(ours, path, scheme, other, threads=1),
        }
    runs = best(list(variants.values()), rounds)
    print(f"\none file of {size:,} bytes")
    for name, run in zip(variants, runs, strict=True):
        print(
            f"  {name:38} {size / run.wall / 1e6:6.0f} MB/s  {run.cpu:5.2f} s CPU"
            f"  {runs[0].wall / run.wall:4.2f} x"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"  peak memory of this process            {peak:6} MiB")
    path.unlink()


def compare_small(scratch: Path, count: int, size: int, cores: int, rounds: int) -> None:
    folder = scratch / "small"
    for number in range(count):
        write(folder / str(number // 500) / str(number), size)
    files = [entry for entry in walk([folder]) if isinstance(entry, File)]
    expected = bare(files)
    if ours_small(files) != expected:
        raise SystemExit("the digests differ")
    names = ["bare hashlib loop", f"bare hashlib loops, {cores} threads", "onecopy"]
    runs = best(
        [lambda: bare(files), lambda: bare_threads(files, cores), lambda: ours_small(files)], rounds
    )
    print(f"\n{count:,} files of {size:,} bytes")
    for name, run in zip(names, runs, strict=True):
        print(
            f"  {name:38} {count / run.wall:6.0f} files/s  {run.cpu:5.2f} s CPU"
            f"  {runs[0].wall / run.wall:4.2f} x"
        )
    shutil.rmtree(folder)


def write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    block = os.urandom(min(size, MiB))
    with path.open("wb") as file:
        for offset in range(0, size, MiB):
            file.write(block[: size - offset])


def openssl(path: Path) -> None:
    subprocess.run(["openssl", "dgst", "-sha256", path], check=True, stdout=subprocess.DEVNULL)


def ours(path: Path, *schemes: Scheme, threads: int | None = None) -> None:
    with path.open("rb") as file:
        hash_fd(file.fileno(), path.stat().st_size, schemes, threads=threads)


def ours_small(files: Sequence[File]) -> list[bytes]:
    outcomes = [outcome for _, outcome in hash_files((file, [SHA256]) for file in files)]
    digests: list[Digest] = []
    for outcome in outcomes:
        if not isinstance(outcome, Hashed):
            raise outcome
        digests += outcome.digests
    return [digest.value for digest in digests]


def bare(files: Sequence[File]) -> list[bytes]:
    return [sha256(Path(file.path).read_bytes()).digest() for file in files]


def bare_threads(files: Sequence[File], count: int) -> None:
    threads = [Thread(target=bare, args=(files[number::count],)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def best(functions: Sequence[Callable[[], object]], rounds: int) -> list[Run]:
    """Run the functions in turns; return the least wall time and CPU time of each."""
    runs = [[measured(function) for function in functions] for _ in range(rounds)]
    return [
        Run(min(run.wall for run in column), min(run.cpu for run in column))
        for column in zip(*runs, strict=True)
    ]


def measured(function: Callable[[], object]) -> Run:
    wall, cpu = time.perf_counter(), cpu_seconds()
    function()
    return Run(time.perf_counter() - wall, cpu_seconds() - cpu)


def cpu_seconds() -> float:
    """Return user and system time, including that of finished child processes."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
