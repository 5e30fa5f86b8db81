"""Reading a bucket with `onecopy scan --read`, compared with bare parallel GETs and SHA-256.

    python benchmarks/reading.py [--work FOLDER] [--rounds N] [--size MIB] [--small N]

One S3 server on the loopback interface (SeaweedFS) holds one large object and some hundreds of
100 kB. The floor makes GETs of presigned URLs with `http.client`, one connection for each of 4, 8
or 16 threads: of whole small objects, and of ranges of 8 MiB, and computes the SHA-256 of each. No
listing, no index, no look at an object. onecopy lists the bucket, reads everything and records it
in a new SQLite index, durably. All take turns, and the best round of each counts. Target: at least
0.9 of the best floor. Then only small objects are read, without a target: there the floor makes one
request for each, and so does onecopy.
"""

import argparse
import http.client
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import local
from typing import NamedTuple
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.standins import Standin, seaweedfs

from onecopy.digest import Digest, MiB, compose, content_scheme
from onecopy.gate import bind
from onecopy.index.sqlite import open_url
from onecopy.patterns import Filter
from onecopy.scan import scan_by_listing
from onecopy.scan.reading import read_contents
from onecopy.scan.unread import Unread
from onecopy.store import open_store
from onecopy.store.s3.store import S3Store

_PART = 8 * MiB
_SMALL = 100_000
THREADS = (4, 8, 16)
TARGET = 0.9


class Item(NamedTuple):
    """An object of the bucket."""

    key: str
    size: int
    url: str
    """Presigned."""


def fill(server: Standin, bucket: str, prefix: str, size: int, small: int) -> None:
    """Store one object of `size` bytes in parts, if there is one, and small ones."""
    client = server.client()
    for number in range(small):
        client.put_object(Bucket=bucket, Key=f"{prefix}/{number}", Body=os.urandom(_SMALL))
    if size:
        with tempfile.NamedTemporaryFile() as file:
            for _ in range(size // MiB):
                file.write(os.urandom(MiB))
            file.flush()
            client.upload_file(file.name, bucket, f"{prefix}/large")


def items(store: S3Store) -> list[Item]:
    """Return the objects of a store."""
    return [Item(o.key, o.size, store.link(o.key, 36_000)) for o in store.objects()]


Digests = dict[str, Digest]


class Bare:
    """Bare GETs."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._local = local()

    def read(self, wanted: Sequence[Item]) -> Digests:
        """Return the content digests of objects."""
        with ThreadPoolExecutor(self._threads) as pool:
            found = {item.key: list(self._parts(pool, item)) for item in wanted}
            return {
                item.key: compose(content_scheme(item.size), [part() for part in found[item.key]])
                if item.size >= _PART
                else Digest(content_scheme(item.size), found[item.key][0]())
                for item in wanted
            }

    def _parts(self, pool: ThreadPoolExecutor, item: Item) -> Iterator[Callable[[], bytes]]:
        if item.size < _PART:
            yield pool.submit(self._get, item, {}).result
            return
        for first in range(0, item.size, _PART):
            last = min(first + _PART, item.size) - 1
            yield pool.submit(self._get, item, {"Range": f"bytes={first}-{last}"}).result

    def _get(self, item: Item, headers: Mapping[str, str]) -> bytes:
        parts = urlsplit(item.url)
        if not hasattr(self._local, "value"):
            self._local.value = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._local.value.request("GET", f"{parts.path}?{parts.query}", headers=dict(headers))
        return sha256(self._local.value.getresponse().read()).digest()


def ours(store: S3Store, work: Path, wanted: Sequence[Item]) -> Digests:
    """List the bucket, read everything into a new index, and return what it has."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        index = open_url(f"sqlite:{folder}/index.sqlite")
        bind(index, store)
        figures = scan_by_listing(index, store)
        unread = Unread(index, "all", (), Filter())
        read_contents(index, store, unread.known(index), figures)
        copies = index.at("default", [item.key for item in wanted])
        index.close()
    return {copy.key: copy.content_digest for copy in copies if copy and copy.content_digest}


def compare(store: S3Store, work: Path, rounds: int, target: float | None) -> None:
    """Read with each, in turns; print the best rates, and the ratio to the best floor."""
    wanted = items(store)
    size = sum(item.size for item in wanted)
    runs: dict[str, Callable[[], Digests]] = {
        f"bare GETs, {threads} threads": partial(Bare(threads).read, wanted) for threads in THREADS
    }
    runs["onecopy scan --read"] = partial(ours, store, work, wanted)
    best: dict[str, tuple[float, float]] = {}
    results: list[Digests] = []
    for name in [*runs] * rounds:
        began, cpu = time.perf_counter(), time.process_time()
        results.append(runs[name]())
        took = time.perf_counter() - began, time.process_time() - cpu
        best[name] = min(best.get(name, took), took)
    assert all(result == results[0] for result in results)
    assert len(results[0]) == len(wanted)
    floor = min(seconds for name, (seconds, _) in best.items() if name.startswith("bare"))
    print(f"{len(wanted):,} objects, {size / 1e6:,.0f} MB")
    for name, (seconds, cpu) in best.items():
        ratio = floor / seconds
        is_ours = target is not None and not name.startswith("bare")
        verdict = f" (>= {target}: {ratio >= (target or 0)})" if is_ours else ""
        rate = f"{size / seconds / 1e6:6,.0f} MB/s {len(wanted) / seconds:7,.0f} objects/s"
        print(f"{name:24} {rate}, CPU {cpu:5.2f} s, ratio {ratio:.2f}{verdict}")


def main() -> None:
    """Compare, and print."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--work", type=Path, help="folder for the indexes")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--size", type=int, default=2048, help="MiB of the large object")
    arguments.add_argument("--small", type=int, default=400, help="number of small objects")
    chosen = arguments.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, best of {chosen.rounds} rounds")
    with tempfile.TemporaryDirectory(dir=chosen.work) as folder, seaweedfs() as server:
        os.environ.update(server.environment())
        bucket = server.bucket()
        fill(server, bucket, "mixed", chosen.size * MiB, chosen.small)
        fill(server, bucket, "small", 0, 5 * chosen.small)
        for prefix, target in (("mixed", TARGET), ("small", None)):
            store = open_store(server.store_url(bucket, prefix))
            assert isinstance(store, S3Store)
            store.identify(create=True)
            compare(store, Path(folder), chosen.rounds, target)
            store.close()


if __name__ == "__main__":
    main()
