"""Speed of the service: checks of one file, compared with an empty endpoint, and of 1,000 files.

    python benchmarks/service.py [--index sqlite:/path/to/index.sqlite] [--copies N] [--rounds N]

Starts `onecopy serve` with one worker, and sends requests from this process. Floor: `GET /healthz`.
With --index, an existing index is used (it must not belong to a store; records added to it are
removed again), otherwise one with N copies (default 1,000,000) is created. All cases take turns,
and the best round of each counts. Wall time needs an idle core for each of the two processes; on a
busy machine, compare the server's CPU time.
"""

import argparse
import asyncio
import contextlib
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import cycle, islice
from pathlib import Path
from random import sample

import msgspec

from onecopy.content import Copy, Digests
from onecopy.digest import SHA256, Digest
from onecopy.documents import CheckRequest, ContentDocument
from onecopy.gate import bind
from onecopy.index import Engine, open_index
from onecopy.store import Store, open_store
from onecopy.store.interface import Object

TENANT = "default"
BATCH = 1_000
SINGLE = 2_000
BATCHES = 60
CONNECTIONS = 32
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """Figures of one round."""

    requests: int
    seconds: float
    cpu: float
    """CPU seconds of the server."""
    median: float
    """Seconds per request."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


@dataclass(frozen=True)
class Case:
    name: str
    requests: Sequence[bytes]
    count: int
    connections: int


@dataclass(frozen=True)
class Server:
    pid: int
    port: int

    def cpu(self) -> float:
        """Return the CPU seconds used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", help="URL of an existing index")
    parser.add_argument("--copies", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        url = options.index or f"sqlite:{folder / 'index.sqlite'}"
        index, store = open_index(url), open_store(str(folder / "files"))
        store_id = bind(index, store)
        if options.index is None:
            fill(index, options.copies)
        live = put_live(index, store, folder / "files")
        try:
            with serving(url, folder) as server:
                compare(server, live, options.rounds)
        finally:
            index.forget(TENANT, live)
            index.put_if("store", store_id.encode(), None)
            index.close()
            store.close()


def fill(index: Engine, count: int) -> None:
    """Add `count` copies to an index."""
    began = time.perf_counter()
    index.add((TENANT, copy_of(secrets.token_bytes(32), at)) for at in range(count))
    print(f"index with {count:,} copies created in {time.perf_counter() - began:.0f} s")


def copy_of(value: bytes, at: int) -> Copy:
    digests = Digests.proved(Digest(SHA256, value))
    return Copy(f"folder/{at // 1000}/{at}", 1 + at % 1_000_000, digests, f"{at}", at, at)


def put_live(index: Engine, store: Store, folder: Path) -> list[Copy]:
    """Store and record 1,000 files."""
    contents = {f"live/{at}": secrets.token_bytes(2_000) for at in range(BATCH)}
    (folder / "live").mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    copies = [
        Copy(there.key, there.size, digests_of(contents[there.key]), there.identity, 0, 0)
        for there in store.look(list(contents))
        if isinstance(there, Object)
    ]
    index.record(TENANT, copies)
    return copies


def digests_of(content: bytes) -> Digests:
    return Digests.proved(Digest(SHA256, sha256(content).digest()))


@contextlib.contextmanager
def serving(index: str, folder: Path) -> Iterator[Server]:
    """Run `onecopy serve` on a free port."""
    command = [sys.executable, "-m", "onecopy", "serve", "--port", "0"]
    command += ["--index", index, "--store", str(folder / "files")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            address = next(line for line in process.stderr if "http://" in line)
            match = re.search(r":([0-9]+)\s*$", address)
            assert match is not None
            yield Server(process.pid, int(match[1]))
        finally:
            process.terminate()


def compare(server: Server, live: Sequence[Copy], rounds: int) -> None:
    unknown = [
        [ContentDocument(size, [f"sha256:{secrets.token_hex(32)}"]) for size in range(1, BATCH + 1)]
        for _ in range(20)
    ]
    known = [ContentDocument(copy.size, [str(copy.content_digest)]) for copy in live]
    singles = [check([file]) for file in unknown[0]]
    known_singles = [check([file]) for file in known]
    batches = [check(files) for files in unknown]
    known_batches = [check(sample(known, len(known))) for _ in range(20)]
    cases = [
        Case(f"{name}, {connections} concurrent", requests, SINGLE, connections)
        for name, requests in (
            ("GET /healthz", [request("GET", "/healthz")]),
            ("check of 1 unknown", singles),
            ("check of 1 known", known_singles),
        )
        for connections in (1, CONNECTIONS)
    ]
    cases += [
        Case(f"{name}, {connections} concurrent", requests, BATCHES, connections)
        for name, requests in (
            (f"check of {BATCH} unknown", batches),
            (f"check of {BATCH} known", known_batches),
        )
        for connections in (1, 4)
    ]
    best = {case.name: run(server, case) for case in cases}
    for _ in range(rounds):
        for case in cases:
            best[case.name] = min(best[case.name], run(server, case), key=lambda each: each.seconds)
    show(best)


def show(best: dict[str, Run]) -> None:
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    for name, found in best.items():
        each = BATCH if str(BATCH) in name else 1
        clients = name.rpartition(", ")[2]
        line = f"{name:40} {found.rate * each:10,.0f}/s  p50 {found.median * 1e6:8,.0f} µs"
        line += f"  server's CPU {found.cpu / found.requests * 1e6:8,.0f} µs"
        if each == 1 and "healthz" not in name:
            empty = best[f"GET /healthz, {clients}"]
            line += f"  {empty.rate / found.rate:.2f} times healthz"
            line += f" ({found.cpu / empty.cpu:.2f} times its CPU)"
        print(line)


def check(files: Sequence[ContentDocument]) -> bytes:
    return request("POST", "/v1/check", msgspec.json.encode(CheckRequest(list(files))))


def request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def run(server: Server, case: Case) -> Run:
    return asyncio.run(_run(server, case))


async def _run(server: Server, case: Case) -> Run:
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(Client, "127.0.0.1", server.port))[1]
        for _ in range(case.connections)
    ]
    queue = islice(cycle(case.requests), case.count)
    cpu, began = server.cpu(), time.perf_counter()
    await asyncio.gather(*(client.work(queue) for client in clients))
    seconds, cpu = time.perf_counter() - began, server.cpu() - cpu
    times = [taken for client in clients for taken in client.times]
    for client in clients:
        client.close()
    return Run(case.count, seconds, cpu, statistics.median(times))


class Client(asyncio.Protocol):
    """Minimal HTTP client on one connection."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._buffer = b""
        self._missing = -1
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    async def work(self, queue: Iterator[bytes]) -> None:
        loop = asyncio.get_running_loop()
        for message in queue:
            self._done = loop.create_future()
            began = time.perf_counter()
            self._transport.write(message)
            await self._done
            self.times.append(time.perf_counter() - began)

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            self._buffer += data
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 200 "):
                raise SystemExit(self._buffer.decode())
            length = re.search(rb"content-length: ([0-9]+)", head)
            assert length is not None
            self._missing = int(length[1]) - len(rest)
        else:
            self._missing -= len(data)
        if self._missing == 0 and self._done is not None:
            self._buffer, self._missing = b"", -1
            self._done.set_result(None)

    def close(self) -> None:
        self._transport.close()


if __name__ == "__main__":
    main()
