"""A service without a proxy: all attacks at once, and two other tenants that notice nothing.

`ATTACK_SECONDS` states for how long: two minutes, unless it is set.
"""

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from onecopy.client import Client
from onecopy.content import Content, Verdict
from onecopy.digest import Digest, MiB, compose, content_scheme, part_lengths
from onecopy.errors import OnecopyError
from onecopy.gate import Finish, Request
from onecopy.platforms import raise_descriptor_limit
from onecopy.retry import RetryPolicy
from onecopy.testing.index.complete import open_complete
from onecopy.tokens import Scope, create_token
from tests.conftest import backends, environment
from tests.http.limited import Limited, running

pytestmark = pytest.mark.soak
T = TypeVar("T")

SECONDS = float(os.environ.get("ATTACK_SECONDS", "120"))
WARM_UP = min(60.0, SECONDS / 3)
"""Seconds in which memory may grow."""
TENANTS = "ana", "ben"
CLIENTS = 3
"""Well-behaved clients of each."""
PAUSE = 0.3
"""Seconds between two uploads of one."""
MAX_P99 = 5.0
"""Seconds for 99 of 100 calls of these, repetitions included. The attackers share two cores with
the service."""
MAX_GROWTH = 32 * MiB
MAX_MEMORY = 512 * MiB
MAX_LINES = 500
"""Lines of the log of ten minutes."""


@dataclass
class WellBehaved:
    """A client that uploads files, and checks before and afterwards."""

    client: Client
    folder: Path
    """Where the service stores the files of its tenant."""
    name: str
    times: list[float] = field(default_factory=list)
    """Seconds of each call."""
    stored: dict[str, bytes] = field(default_factory=dict)
    """The SHA-256 of each file that was acknowledged."""
    errors: list[str] = field(default_factory=list)

    def work(self, until: float) -> None:
        """Upload one file after the other, every thirtieth of them in two parts."""
        chance = Random(self.name)
        for number in count():
            if time.monotonic() >= until:
                return
            size = 9 * MiB if number % 30 == 7 else chance.randint(1, 50_000)
            try:
                self.upload(f"{self.name}/{number}", chance.randbytes(size))
            except OnecopyError as error:
                self.errors.append(f"{number}: {error}")
            time.sleep(2 * PAUSE * chance.random())

    def upload(self, key: str, content: bytes) -> None:
        """Upload a file that is new."""
        parts, sums = split(content)
        scheme = content_scheme(len(content))
        digest = Digest(scheme, sums[0]) if scheme.part_size is None else compose(scheme, sums)
        wanted = Content(len(content), (digest,))
        assert self.timed(self.client.check, [wanted])[0].verdict is Verdict.NEW
        [begun] = self.timed(self.client.begin, [Request(key, len(content), digest)])
        assert begun.ticket, begun
        sends = self.timed(self.client.parts, begun.ticket, list(enumerate(sums, 1)))
        for send, part in zip(sends, parts, strict=True):
            self.timed(
                self.client.send, begun.ticket, send, lambda part=part: iter([part]), len(part)
            )
        [done] = self.timed(self.client.complete, [Finish(begun.ticket, tuple(sums))])
        assert done.verdict is Verdict.NEW, done
        self.stored[key] = sha256(content).digest()
        assert self.timed(self.client.check, [wanted])[0].verdict is Verdict.DUPLICATE

    def timed(self, call: Callable[..., T], *arguments: object) -> T:
        """Make a call, with the repetitions that every client makes."""
        began = time.monotonic()
        try:
            return call(*arguments)
        finally:
            self.times.append(time.monotonic() - began)

    def require_stored(self) -> None:
        """Require that every file that was acknowledged is there, and is what was sent."""
        for key, digest in self.stored.items():
            assert sha256((self.folder / key).read_bytes()).digest() == digest, key


def split(content: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the parts of a content, and their SHA-256."""
    parts, at = [], 0
    for length in part_lengths(len(content)):
        parts.append(content[at : at + length])
        at += length
    return parts, [sha256(part).digest() for part in parts]


@contextmanager
def attacked(service: Limited, token: str, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Attack a service from another process."""
    command = [sys.executable, "-m", "tests.http.attacks", str(service.port), token]
    with (
        (folder / "attackers.log").open("wb") as log,
        subprocess.Popen(command, env=environment(folder), stderr=log) as attackers,
    ):
        try:
            yield attackers
        finally:
            attackers.kill()


def tokens_of(folder: Path, *tenants: str) -> list[str]:
    """Create a token for each tenant."""
    index = open_complete(f"sqlite:{folder / 'index.sqlite'}")
    scopes: tuple[Scope, ...] = ("check", "upload", "read", "tokens")
    tokens = [create_token(index, tenant=tenant, scopes=scopes)[1] for tenant in tenants]
    index.close()
    return tokens


def watch(service: Limited, until: float) -> list[int]:
    """Return the memory of the service, every second."""
    memory = []
    while time.monotonic() < until:
        memory.append(service.memory())
        time.sleep(1)
    return memory


def show(clients: list[WellBehaved], memory: list[int], service: Limited, stopped: float) -> None:
    """Write the figures, for `make soak`."""
    times = sorted(each for client in clients for each in client.times)
    p50, *_, p99 = statistics.quantiles(times, n=100)[49:]
    stored = sum(len(client.stored) for client in clients)
    lines = service.log.read_text().count("\n")
    sys.stdout.write(
        f"{SECONDS:g} s, load {os.getloadavg()[0]:.1f}: {len(times):,} calls, {stored:,} files; "
        f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.0f} ms, longest {times[-1] * 1000:.0f} ms; "
        f"memory {memory[0] / MiB:.0f} MiB at first, {warm(memory) / MiB:.0f} MiB warm, "
        f"{late(memory) / MiB:.0f} MiB at the end, {max(memory) / MiB:.0f} MiB at most; "
        f"{lines} lines of log; ended after {stopped:.1f} s\n"
    )


def warm(memory: list[int]) -> int:
    """Return the most memory in the second half of the warm-up."""
    return max(memory[int(WARM_UP / 2) : int(WARM_UP)])


def late(memory: list[int]) -> float:
    """Return the memory at the end."""
    return statistics.median(memory[-30:])


def clients_of(service: Limited, folder: Path, tokens: Sequence[str]) -> list[WellBehaved]:
    """Return the well-behaved clients."""
    url, policy = f"http://127.0.0.1:{service.port}", RetryPolicy(attempts=20, timeout=60)
    return [
        WellBehaved(
            Client(url, token, policy=policy), folder / "files" / tenant, f"{tenant}-{number}"
        )
        for tenant, token in zip(TENANTS, tokens, strict=True)
        for number in range(CLIENTS)
    ]


def work(service: Limited, clients: Sequence[WellBehaved]) -> list[int]:
    """Let the clients work; return the memory of the service, every second."""
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=client.work, args=(until,)) for client in clients]
    for thread in threads:
        thread.start()
    memory = watch(service, until)
    for thread in threads:
        thread.join()
    return memory


def serve(folder: Path, port: int = 0) -> list[str]:
    """Return the command of a service."""
    return [sys.executable, "-m", "onecopy", "serve", f"--port={port}", *backends(folder)]


@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.parametrize("descriptors", [None, "256"])
def test_all_attacks_at_once(tmp_path: Path, descriptors: str | None) -> None:
    """Memory stays flat, the others are served, their files are stored, and it ends in time.

    It can be started again at once, while the attacks continue.
    """
    raise_descriptor_limit()
    attacker, *others = tokens_of(tmp_path, "mallory", *TENANTS)
    with (
        running(serve(tmp_path), tmp_path, descriptors) as service,
        attacked(service, attacker, tmp_path) as attackers,
    ):
        clients = clients_of(service, tmp_path, others)
        memory = work(service, clients)
        stopped = service.stop()
        (tmp_path / "again").mkdir()
        with running(serve(tmp_path, service.port), tmp_path / "again", descriptors):
            clients[0].upload("again", b"again")
        assert attackers.poll() is None
    show(clients, memory, service, stopped)
    require_unharmed(clients)
    log = service.log.read_text()
    assert late(memory) - warm(memory) < MAX_GROWTH
    assert max(memory) < MAX_MEMORY
    assert "Traceback" not in log
    assert log.count("\n") < MAX_LINES
    assert stopped < 10


def require_unharmed(clients: Sequence[WellBehaved]) -> None:
    """Require that all was stored that was acknowledged, and that nobody waited for long."""
    for client in clients:
        client.client.close()
        assert client.errors == []
        assert len(client.stored) > SECONDS / 10
        client.require_stored()
    times = [each for client in clients for each in client.times]
    assert statistics.quantiles(times, n=100)[98] < MAX_P99
