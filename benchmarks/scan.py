"""Speed of `onecopy scan` of a bucket by listing, compared with a bare boto3 paginator.

    python benchmarks/scan.py [--objects N] [--rounds N] [--connections N ...] [--server NAME]

One S3 server on the loopback interface (one that the tests use) has N objects of 0.3 to 4 KB in 20
folders. In each round boto3 lists them, and for each number of connections a scan records them in a
new SQLite index, durably; then the same scan runs again, with nothing changed. Start-up, opening
and the first probe of the bucket are left out. All take turns, and the best round of each counts.
Targets: 1.8 times boto3 on one connection, 3 times on several; the second scan likewise.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.list_bucket import PREFIX, by_boto3, fill
from tests.gate.bucket import open_bucket
from tests.standins import SERVERS, Standin

from onecopy.cli.garbage import collecting_rarely
from onecopy.gate import bind
from onecopy.index.sqlite import open_url
from onecopy.scan import Figures, scan_by_listing
from onecopy.store.s3.store import S3Store

TARGETS = {True: 1.8, False: 3.0}
"""Whether on one connection -> times boto3."""


class Best(NamedTuple):
    """The best round of a way to list."""

    seconds: float
    what: str
    """Requests, and what was found."""


def scans(store: S3Store, work: Path, connections: int) -> dict[str, Best]:
    """Scan into a new index, and again."""
    found = {}
    with tempfile.TemporaryDirectory(dir=work) as folder, collecting_rarely():
        index = open_url(f"sqlite:{folder}/index.sqlite")
        bind(index, store)
        for name in ("first", "again"):
            began = time.perf_counter()
            figures = scan_by_listing(index, store, connections=connections)
            seconds = time.perf_counter() - began
            found[f"{name}, {connections} connections"] = Best(seconds, _what(figures))
        index.close()
    return found


def _what(figures: Figures) -> str:
    return (
        f"{figures.requests} requests, {figures.looks} HEAD; {figures.new:,} new, "
        f"{figures.unchanged:,} unchanged"
    )


def timed(call: Callable[[], int]) -> Best:
    """Return the wall time of a call in seconds."""
    began = time.perf_counter()
    count = call()
    return Best(time.perf_counter() - began, f"{count:,} objects")


def compare(server: Standin, work: Path, count: int, rounds: int, connections: list[int]) -> None:
    """List in each way, and print the best rounds."""
    bucket = server.bucket()
    fill(server, bucket, count)
    store = open_bucket(server, bucket, PREFIX)
    store.identify(create=True)
    best: dict[str, Best] = {}
    for _ in range(rounds):
        found = {"boto3 paginator": timed(lambda: by_boto3(server, bucket))}
        for number in connections:
            found |= scans(store, work, number)
        best = {name: min(each, best.get(name, each)) for name, each in found.items()}
    floor = best["boto3 paginator"].seconds
    for name, (seconds, what) in best.items():
        target = TARGETS[name.endswith(", 1 connections")]
        ratio = floor / seconds
        verdict = (
            "" if name not in best or seconds == floor else f" (>= {target}: {ratio >= target})"
        )
        print(f"{name:22} {count / seconds:8,.0f} objects/s {ratio:5.2f} x boto3{verdict}; {what}")
    store.close()


def main() -> None:
    """Compare, and print."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--work", type=Path, help="folder for the indexes")
    arguments.add_argument("--objects", type=int, default=20_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--connections", type=int, nargs="+", default=[1, 4, 8])
    arguments.add_argument("--server", choices=SERVERS, default="seaweedfs")
    chosen = arguments.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, best of {chosen.rounds} rounds")
    with (
        tempfile.TemporaryDirectory(dir=chosen.work) as folder,
        SERVERS[chosen.server]() as server,
    ):
        compare(server, Path(folder), chosen.objects, chosen.rounds, chosen.connections)


if __name__ == "__main__":
    main()
