"""Placing known files in a bucket, compared with bare requests that copy the same objects.

    python benchmarks/place.py [--work FOLDER] [--rounds N] [--files N] [--size BYTES] [--large MIB]

One S3 server on the loopback interface (SeaweedFS) holds small objects, and perhaps a large one.
The floor copies them with 32 threads: CopyObject for the small ones, UploadPartCopy in parts of 8
MiB for the large one, on the same kind of connections, without looking at anything before or
afterwards. `place` is one call of the gate for 1,000 files: it also confirms each copy, looks at
each new object, and records it in an index, durably. `upload --place` hashes the files and asks
about them as well. The server itself copies the bytes, and shares the machine. All take turns, each
of them first in one round of three, since later runs find a server with more to look after, and
files that the system no longer has in memory. The best round of each counts. Target: `place`
reaches 0.9 of the floor, and no byte of a file leaves the client. Linux only.
"""

import argparse
import os
import socket
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.standins import Standin, seaweedfs

from onecopy.content import Verdict
from onecopy.digest import MiB, part_lengths
from onecopy.files import walk
from onecopy.gate import LocalGate, Place, bind, ticket_secrets
from onecopy.httpclient import HttpClient
from onecopy.index import open_index
from onecopy.index.interface import Engine
from onecopy.store import open_store
from onecopy.store.s3.connection import Connection
from onecopy.store.s3.copy_requests import CopyClient, Source
from onecopy.store.s3.object_info import etag_and_version
from onecopy.store.s3.signing import Signer
from onecopy.store.s3.store import S3Store
from onecopy.upload import Options, upload

_THREADS = 32
_TARGET = 0.9


def write_files(folder: Path, files: int, size: int, large: int) -> None:
    """Write random files."""
    folder.mkdir()
    for number in range(files):
        (folder / f"{number:05}").write_bytes(os.urandom(size))
    if large:
        with (folder / "large").open("wb") as out:
            for _ in range(large // MiB):
                out.write(os.urandom(MiB))


class Bare:
    """Bare requests that copy objects."""

    def __init__(self, store: S3Store, gate: LocalGate) -> None:
        self._store = store
        signer = Signer(Connection(store.address, store.address.endpoint))
        self._copies = CopyClient(store.address.bucket, signer, HttpClient(_THREADS))
        self._known = [copy for _, copy in gate.index.copies()]

    def copy(self, to: str) -> None:
        """Copy all objects to new keys."""
        small = [copy for copy in self._known if len(part_lengths(copy.size)) == 1]
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda copy: self._whole(copy.key, copy.identity, to), small))
            for copy in self._known:
                if copy not in small:
                    self._parts(copy.key, copy.identity, copy.size, to, pool)

    def _source(self, key: str, identity: str) -> Source:
        found = etag_and_version(identity)
        assert found is not None
        return Source(self._store.address.prefix + key, *found)

    def _whole(self, key: str, identity: str, to: str) -> None:
        target = f"{self._store.address.prefix}{to}/{key}"
        assert self._copies.copy_object(self._source(key, identity), target, {}) is not None

    def _parts(self, key: str, identity: str, size: int, to: str, pool: ThreadPoolExecutor) -> None:
        place = self._store.address.place(f"{to}/{key}")
        client, source = self._store.client, self._source(key, identity)
        begun = client.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")
        upload_id, lengths = begun["UploadId"], part_lengths(size)
        spans = list(zip(accumulate(lengths[:-1], initial=0), lengths, strict=True))

        def copy(number: int) -> bytes:
            return self._copies.copy_part(
                source, place["Key"], upload_id, number, spans[number - 1]
            )

        sums = list(pool.map(copy, range(1, len(spans) + 1)))
        listed: Any = client.get_paginator("list_parts").paginate(**place, UploadId=upload_id)
        etags = {part["PartNumber"]: part["ETag"] for page in listed for part in page["Parts"]}
        parts: Any = [
            {"PartNumber": at, "ETag": etags[at], "ChecksumSHA256": b64encode(value).decode()}
            for at, value in enumerate(sums, 1)
        ]
        client.complete_multipart_upload(
            **place, UploadId=upload_id, MultipartUpload={"Parts": parts}
        )


def place(gate: LocalGate, to: str) -> None:
    """Place all objects under new keys with calls of the gate."""
    requests = [
        Place(f"{to}/{copy.key}", copy.size, copy.content_digest)
        for _, copy in gate.index.copies()
        if copy.key.startswith("first/") and copy.content_digest
    ]
    for start in range(0, len(requests), 1000):
        answers = gate.place(requests[start : start + 1000])
        assert {answer.reason for answer in answers} == {"placed"}, answers


def upload_placing(gate: LocalGate, folder: Path, to: str) -> None:
    """Upload the files under new names."""
    for result in upload(walk([str(folder)], to=to), gate, Options(place=True)):
        assert (result.verdict, result.sent) == (Verdict.DUPLICATE, 0), result


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the bytes that this process sends."""
    sent: list[int] = []
    send = socket.socket.sendall

    def sendall(self: socket.socket, data: bytes, *flags: int) -> None:
        sent.append(len(data))
        send(self, data, *flags)

    with patch.object(socket.socket, "sendall", sendall):
        yield sent


class Spent(NamedTuple):
    """What a call takes, in seconds."""

    elapsed: float
    client: float
    """CPU time of this process."""
    server: float

    @property
    def cpu(self) -> float:
        """CPU time of both: on a machine that others use, the more reliable measure."""
        return self.client + self.server


def timed(server: Standin, call: Callable[[], object]) -> Spent:
    """Return what a call takes."""
    before = _clocks(server)
    call()
    return Spent(*(now - then for now, then in zip(_clocks(server), before, strict=True)))


def _clocks(server: Standin) -> tuple[float, float, float]:
    assert server.child.process
    stat = Path(f"/proc/{server.child.process.pid}/stat").read_text()
    ticks = sum(map(int, stat.rpartition(")")[2].split()[11:13]))
    return time.monotonic(), time.process_time(), ticks / os.sysconf("SC_CLK_TCK")


def compare(server: Standin, work: Path, folder: Path, rounds: int) -> None:
    """Run all, and print seconds."""
    os.environ |= server.environment()
    index: Engine = open_index(f"sqlite:{work / 'index.sqlite'}")
    store = open_store(server.store_url(server.bucket(), "some/prefix"))
    assert isinstance(store, S3Store)
    bind(index, store)
    gate = LocalGate(index, store, secrets=ticket_secrets(index))
    sending = timed(server, lambda: list(upload(walk([str(folder)], to="first"), gate)))
    bare = Bare(store, gate)
    spent: dict[str, list[Spent]] = {}
    for number in range(rounds):
        runs: dict[str, Callable[[], object]] = {
            "bare": lambda number=number: bare.copy(f"bare{number}"),  # type: ignore[misc]
            "place": lambda number=number: place(gate, f"place{number}"),  # type: ignore[misc]
            "upload --place": lambda number=number: upload_placing(  # type: ignore[misc]
                gate, folder, f"upload{number}"
            ),
        }
        names = list(runs)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            with counted() as sent:
                took = timed(server, runs[name])
            spent.setdefault(name, []).append(took)
            print(f"{name}: {took.elapsed:.2f} s, {sum(sent):,} bytes sent in requests;", end=" ")
            print(f"CPU: client {took.client:.2f} s, server {took.server:.2f} s", flush=True)
    print(f"sending them: {sending.elapsed:.2f} s")
    elapsed = {name: min(each.elapsed for each in own) for name, own in spent.items()}
    cpu = {name: min(each.cpu for each in own) for name, own in spent.items()}
    for name in ("place", "upload --place"):
        rate, by_cpu = elapsed["bare"] / elapsed[name], cpu["bare"] / cpu[name]
        print(f"{name}: {rate:.2f} of bare requests (target {_TARGET}), {by_cpu:.2f} by CPU time")
    gate.close()


def main() -> None:
    """Run the comparison."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--work", type=Path, help="folder for scratch files")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--files", type=int, default=2000)
    arguments.add_argument("--size", type=int, default=500_000)
    arguments.add_argument("--large", type=int, default=0, metavar="MIB")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.work) as work, seaweedfs() as server:
        folder = Path(work) / "files"
        write_files(folder, chosen.files, chosen.size, chosen.large * MiB)
        compare(server, Path(work), folder, chosen.rounds)


if __name__ == "__main__":
    main()
