"""The server for some minutes among thousands of clients, and its end in every state."""

import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import random

import pytest

from onecopy.digest import MiB
from onecopy.platforms import raise_descriptor_limit
from tests.http.limited import GET, HEAD, POST, Limited, begun_part, limited, read

pytestmark = pytest.mark.soak

SECONDS = 180
"""For how long the clients come, after a minute in which memory may grow."""
WARM_UP = 60
CLIENTS = 1_000
"""Of each kind: idle, slow, active."""
PAUSE = 4.0
"""Seconds between two requests of an active client, on average: 250 requests a second in all."""
MAX_P99 = 5.0
"""Seconds for 99 of 100 requests of the active clients. On an idle machine, they take a few
milliseconds; here clients and other tests share its cores with the server."""
MAX_GROWTH = 16 * MiB

Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Crowd:
    """Clients of all kinds, and how long the active ones waited."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._until = time.monotonic() + WARM_UP + SECONDS
        self.times: list[float] = []
        self.failures = 0

    async def run(self, watch: Callable[[], None]) -> None:
        """Let them come until the time is over; calls `watch` once a second."""
        kinds = self.idle, self.slow_head, self.slow_body, self.active, self.active
        clients = [
            asyncio.create_task(self._come(kind))
            for kind in kinds
            for _ in range(CLIENTS if kind == self.idle else CLIENTS // 2)
        ]
        while time.monotonic() < self._until:
            await asyncio.sleep(1)
            watch()
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _come(self, kind: Client) -> None:
        """Connect again and again."""
        while time.monotonic() < self._until:
            await asyncio.sleep(PAUSE * random())
            with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    await kind(reader, writer)
                finally:
                    writer.close()

    async def idle(self, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        """Send nothing until the server closes the connection."""
        await reader.read()

    async def slow_head(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send a head byte by byte."""
        await self._send_slowly(reader, writer, HEAD + b"X: " + b"x" * 1_000)

    async def slow_body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send a body byte by byte, after its first half."""
        writer.write(POST % (b"check", 60_000) + bytes(30_000))
        await self._send_slowly(reader, writer, bytes(30_000))

    async def _send_slowly(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes
    ) -> None:
        for byte in data:
            writer.write(bytes([byte]))
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    if not await reader.read(65536):
                        return

    async def active(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Check a file now and then, as long as the connection is open."""
        body = json.dumps({"files": [{"size": 5, "digests": ["sha256:" + "0" * 64]}]}).encode()
        while True:
            began = time.monotonic()
            writer.write(POST % (b"check", len(body)) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert length
            await reader.readexactly(int(length[1]))
            self.failures += not head.startswith(b"HTTP/1.1 200 ")
            self.times.append(time.monotonic() - began)
            await asyncio.sleep(2 * PAUSE * random())


@pytest.mark.timeout(WARM_UP + SECONDS + 120)
def test_crowd(tmp_path: Path) -> None:
    """Memory stays flat among 3,000 idle, slow and active clients, and the active are served."""
    raise_descriptor_limit()
    with limited(tmp_path) as service:
        crowd, memory = Crowd(service.port), list[int]()
        asyncio.run(crowd.run(lambda: memory.append(service.memory())))
        warm, late = max(memory[WARM_UP // 2 : WARM_UP]), statistics.median(memory[-30:])
        p50, *_, p99 = statistics.quantiles(crowd.times, n=100)[49:]
        sys.stdout.write(  # shown by `make soak`
            f"{len(crowd.times):,} requests, p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms; "
            f"memory {warm / MiB:.1f} MiB after a minute, {late / MiB:.1f} MiB at the end\n"
        )
        assert crowd.failures == 0
        assert late - warm < MAX_GROWTH
        assert p99 < MAX_P99
        assert len(crowd.times) > CLIENTS * SECONDS / PAUSE / 4
        assert service.log.read_text().count("\n") == 1
        assert service.stop() < 10


def _idle(service: Limited) -> None:
    read(service.connect(GET))


def _half_a_head(service: Limited) -> None:
    service.connect(HEAD)


def _half_a_body(service: Limited) -> None:
    service.connect(POST % (b"check", 100) + b"{")


def _stalled_part(service: Limited) -> None:
    service.connect(begun_part(service)[:-5])


def _unread_response(service: Limited) -> None:
    connection = service.connect(receive_buffer=4096)
    connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 16)


def _hanging_call(service: Limited) -> None:
    service.connect(POST % (b"probe", 14) + b'{"sizes": [1]}')


def _hanging_completion(service: Limited) -> None:
    body = b'{"tickets": [{"ticket": "x"}]}'
    service.connect(POST % (b"uploads/complete", len(body)) + body)


@pytest.mark.parametrize(
    "enter",
    [
        _idle,
        _half_a_head,
        _half_a_body,
        _stalled_part,
        _unread_response,
        _hanging_call,
        _hanging_completion,
    ],
)
def test_stop_in_state(tmp_path: Path, enter: Callable[[Limited], None]) -> None:
    """SIGTERM ends the service within the ten seconds that are promised, in each state alone."""
    with limited(tmp_path, hangs=True) as service:
        enter(service)
        time.sleep(0.5)
        seconds = service.stop()
        sys.stdout.write(f"{enter.__name__} ended after {seconds:.1f} s\n")
        assert seconds < 10
        assert "Traceback" not in service.log.read_text()
