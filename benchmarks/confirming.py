"""Confirming a stored copy in the background, compared with bare parallel ranged GETs.

    python benchmarks/confirming.py [--work FOLDER] [--rounds N] [--size MIB] [--server NAME]

One S3 server on the loopback interface (the one that the tests use) holds one object. The floor
reads it in parts of 8 MiB with `http.client` in 4 threads, one connection each, and computes the
SHA-256 of each part: the same bytes, no lease, no records, no looks. Both take turns, and the best
round of each counts. Target: at least 0.9 of the floor's rate. It ends with a folder, without a
target: there the floor is hashing the file.
"""

import argparse
import http.client
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import local
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.standins import SERVERS, Standin

from onecopy.confirming import Limits, Reading, ThreadReaders, is_ranged
from onecopy.digest import Digest, MiB, compose, content_scheme
from onecopy.hashing import hash_fd
from onecopy.index import Engine, open_index
from onecopy.store import Object, Store, open_store
from onecopy.store.interface import Presigner
from onecopy.store.objects import copy_of
from onecopy.tenant import Tenant

_THREADS = 4
_PART = 8 * MiB


def put(server: Standin, bucket: str, file: Path) -> None:
    """Store a file as an object that states no SHA-256."""
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.region,
        config=Config(request_checksum_calculation="when_required"),
    )
    client.upload_file(str(file), bucket, "object")


def bare(url: str, size: int) -> Iterator[Digest | None]:
    """Read an object by ranged GETs of a presigned URL, and yield its content digest."""
    yield None
    parts, connections = urlsplit(url), local()

    def read(number: int) -> bytes:
        if not hasattr(connections, "value"):
            connections.value = http.client.HTTPConnection(parts.hostname or "", parts.port)
        last = min((number + 1) * _PART, size) - 1
        headers = {"Range": f"bytes={number * _PART}-{last}"}
        connections.value.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        return sha256(connections.value.getresponse().read()).digest()

    with ThreadPoolExecutor(_THREADS) as pool:
        digests = list(pool.map(read, range(-(-size // _PART))))
    yield compose(content_scheme(size), digests)


def confirm(index: Engine, store: Store, key: str) -> Iterator[Digest | None]:
    """Have an object read in the background, and yield the digest that was recorded."""
    [seen] = store.look([key])
    assert isinstance(seen, Object)
    assert is_ranged(store)
    copy = copy_of(seen, key)
    index.forget("default", [copy])
    index.add([("default", copy)])
    yield None  # the work begins
    readers = ThreadReaders(index, store, Limits())
    readers.ask(Reading(Tenant(), copy, lambda copies: index.record("default", copies)), seen)
    while True:
        [recorded] = index.at("default", [key])
        if recorded and (digest := recorded.digests.content_digest(recorded.size)):
            yield digest
            break
        time.sleep(0.005)
    readers.close()


Run = Callable[[], Iterator[Digest | None]]
"""Yields None when the work begins, and then the content digest."""


def compared(name: str, size: int, rounds: int, runs: Mapping[str, Run]) -> None:
    """Time runs in turns, and print the best of each and its ratio to the first."""
    best: dict[str, tuple[float, float]] = {}
    digests = set()
    for label in [*runs] * rounds:
        work = runs[label]()
        next(work)
        began, cpu = time.perf_counter(), time.process_time()
        digests.add(next(work))
        took = time.perf_counter() - began, time.process_time() - cpu
        list(work)  # cleans up
        best[label] = min(best.get(label, took), took)
    assert len(digests) == 1
    floor, _ = next(iter(best.values()))
    for label, (seconds, cpu) in best.items():
        rate, ratio = size / seconds / 1e6, floor / seconds
        print(f"{name}: {label:<26} {rate:8,.0f} MB/s, CPU {cpu:.2f} s, ratio {ratio:.2f}")


def hashed(file: Path) -> Iterator[Digest | None]:
    """Yield the content digest of a local file."""
    yield None
    with file.open("rb") as stream:
        size = file.stat().st_size
        yield hash_fd(stream.fileno(), size, [content_scheme(size)]).digests[0]


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=2048, help="MiB")
    parser.add_argument("--server", choices=sorted(SERVERS), default="seaweedfs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        work = Path(folder)
        (work / "files").mkdir()
        file, size = work / "files" / "object", options.size * MiB
        with file.open("wb") as stream:
            for _ in range(options.size):
                stream.write(os.urandom(MiB))
        index = open_index(f"sqlite:{work}/index.sqlite")
        with SERVERS[options.server]() as server:
            os.environ.update(server.environment())
            bucket = server.bucket()
            put(server, bucket, file)
            store = open_store(server.store_url(bucket))
            store.identify(create=True)
            assert isinstance(store, Presigner)
            url = store.link("object", 3600)
            compared(
                options.server,
                size,
                options.rounds,
                {
                    "bare ranged GETs, SHA-256": lambda: bare(url, size),
                    "onecopy": lambda: confirm(index, store, "object"),
                },
            )
            store.close()
        local_store = open_store(str(work / "files"))
        local_store.identify(create=True)
        compared(
            "folder",
            size,
            options.rounds,
            {
                "hashing the file": lambda: hashed(file),
                "onecopy": lambda: confirm(index, local_store, "object"),
            },
        )


if __name__ == "__main__":
    main()
