"""Simultaneous uploads of one content through one service: how often it is stored twice.

    python benchmarks/pairs.py [--pairs N] [--size BYTES] [--server seaweedfs|ministack]

Starts `onecopy serve` over a new index and a bucket of an S3 server on the loopback interface, or a
folder. Two clients upload each content at the same moment, under different names, and begin again
while the answer is that the other's upload is under way. Run it with PYTHONPATH=…/src of another
checkout to compare versions. Target: at most 1 % are stored twice.
"""

import argparse
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Barrier

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.standins import SERVERS

from onecopy.client import Client
from onecopy.content import Verdict
from onecopy.digest import SHA256, Digest
from onecopy.gate import Finish, Request

POLL_SECONDS = 0.01
"""A fiftieth of what our clients wait: the pair's own time is to be seen."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--server", choices=SERVERS)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store, env = str(work / "files"), dict(os.environ)
        if options.server:
            server = stack.enter_context(SERVERS[options.server]())
            store, env = server.store_url(server.bucket()), env | server.environment()
        url = stack.enter_context(serving(work, store, env))
        show(run(url, options.pairs, options.size), options.pairs)


@contextlib.contextmanager
def serving(work: Path, store: str, env: dict[str, str]) -> Iterator[str]:
    """Run `onecopy serve`; yield its address."""
    command = [sys.executable, "-m", "onecopy", "serve", "--port", "0", "--store", store]
    index = ["--index", f"sqlite:{work / 'index.sqlite'}"]
    process = subprocess.Popen([*command, *index], stderr=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "onecopy is at" in line)
        yield re.findall(r"http://\S+", line)[0]
    finally:
        process.terminate()
        process.communicate()


def run(url: str, pairs: int, size: int) -> list[list[tuple[Verdict, bool, float]]]:
    """Upload all pairs; return verdict, whether bytes were sent, and seconds, by client."""
    barrier = Barrier(2)

    def work(me: int) -> list[tuple[Verdict, bool, float]]:
        client, done = Client(url), []
        for number in range(pairs):
            data = number.to_bytes(8, "big") * (size // 8)
            barrier.wait(60)
            began = time.perf_counter()
            verdict, is_sent = upload(client, f"{number}/{me}", data)
            done.append((verdict, is_sent, time.perf_counter() - began))
        client.close()
        return done

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, range(2)))


def upload(client: Client, key: str, data: bytes) -> tuple[Verdict, bool]:
    """Upload a content; return the verdict, and whether its bytes were sent."""
    digest = sha256(data).digest()
    request = Request(key, len(data), Digest(SHA256, digest))
    while (begun := client.begin([request])[0]).reason == "uploading":
        time.sleep(POLL_SECONDS)
    if begun.ticket is None or begun.send is None:
        return begun.verdict, False
    client.send(begun.ticket, begun.send, lambda: iter([data]), len(data))
    [done] = client.complete([Finish(begun.ticket, (digest,))])
    return done.verdict, True


def show(done: list[list[tuple[Verdict, bool, float]]], pairs: int) -> None:
    both = list(zip(*done, strict=True))
    stored = sum(all(verdict is Verdict.NEW for verdict, *_ in pair) for pair in both)
    sent = sum(all(is_sent for _, is_sent, _ in pair) for pair in both)
    seconds = statistics.median(max(each for *_, each in pair) for pair in both)
    print(f"stored twice: {stored:,} of {pairs:,} ({stored / pairs:.1%}); sent twice: {sent:,}")
    print(f"both clients done: {1000 * seconds:.1f} ms (median)")


if __name__ == "__main__":
    main()
