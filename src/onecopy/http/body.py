"""Request bodies: their headers, and bytes streamed to a thread."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from starlette.types import Message, Receive, Scope

from onecopy.digest import MiB
from onecopy.errors import BadInput
from onecopy.http.problems import Disconnected, HttpProblem

MAX_BUFFERED_BYTES = MiB
"""Bytes of a body that may wait between the event loop and the thread that consumes them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a client may send a part. Times in seconds.

    Only time spent waiting for the client counts against the rate, so that a slow disk is not held
    against it.
    """

    stall: float = 60.0
    """The longest time without a byte."""
    grace: float = 90.0
    """The waiting time for which no rate is required."""
    rate: int = 4096
    """Bytes per second that a client must send on average after that."""
    total: float = 3600.0
    """The longest time for a part; a ticket is valid that long."""

    def too_slow(self, received: int, waited: float, elapsed: float) -> str | None:
        """Return what was too slow about a body so far; None if more of it may be awaited."""
        if elapsed >= self.total:
            return f"The part took more than {self.total:g} seconds"
        if waited >= self.grace + received / self.rate:
            return f"The part arrived at less than {self.rate} bytes per second"
        return None

    def timeout(self, received: int, waited: float, elapsed: float) -> float:
        """Return for how long to wait for the next bytes."""
        late = self.grace + received / self.rate - waited
        return max(0.0, min(self.stall, late, self.total - elapsed))


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of this (lower-case) name."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    for key, value in headers:
        if key == name:
            return value
    return None


def content_length(scope: Scope) -> int | None:
    """Return the value of Content-Length in bytes; None without one. Raises BadInput."""
    given = header(scope, b"content-length")
    if given is None:
        return None
    if not given.isdigit() or len(given) > 19:
        raise BadInput("invalid Content-Length: not a number")
    return int(given)


def required_length(scope: Scope) -> int:
    """Return the value of Content-Length in bytes; raises BadInput, and HttpProblem without one."""
    length = content_length(scope)
    if length is None:
        raise HttpProblem(411, "length-required", "Send Content-Length.")
    return length


async def next_message(receive: Receive) -> Message:
    """Return the next message of a body; raises Disconnected if the client is gone."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message


class BodyStream:
    """Streams a body from the event loop to a thread, with at most MAX_BUFFERED_BYTES in between.

    `pump` runs in the event loop; the thread iterates. Nothing is received before the iteration
    begins. It ends when the body does, and raises Disconnected if the client disconnects before, or
    HttpProblem if it sends more slowly than the pace allows.
    """

    def __init__(self, receive: Receive, pace: Pace = Pace()) -> None:
        self._receive = receive
        self._pace = pace
        self._began = 0.0
        self._waited = 0.0
        self._chunks = SimpleQueue[bytes | None]()
        self._loop = asyncio.get_running_loop()
        self._begun = asyncio.Event()
        self._room = asyncio.Event()
        # Each is written by one side only, so that neither needs a lock.
        self._received = 0
        self._consumed = 0
        self._waiting = False

    async def pump(self) -> None:
        """Receive until the body ends; pauses while the thread is behind."""
        try:
            await self._begun.wait()
            await self._pump()
        except Disconnected:
            pass  # the thread raises it
        finally:
            # Whatever ended the pump, the thread must not wait for more.
            self._chunks.put(None)

    async def _pump(self) -> None:
        more = True
        while more:
            message = await next_message(self._receive)
            chunk, more = message.get("body", b""), message.get("more_body", False)
            self._received += len(chunk)
            if chunk:
                self._chunks.put(chunk)
            await self._wait_for_room()
        self._chunks.put(b"")

    async def _wait_for_room(self) -> None:
        while self._received - self._consumed > MAX_BUFFERED_BYTES:
            # Set before checking again: a chunk that is consumed after this check wakes us.
            self._waiting = True
            if self._received - self._consumed > MAX_BUFFERED_BYTES:
                await self._room.wait()
            self._waiting = False
            self._room.clear()

    def __iter__(self) -> Iterator[bytes]:
        self._began = time.monotonic()
        self._loop.call_soon_threadsafe(self._begun.set)
        while chunk := self._take():
            yield chunk

    def _take(self) -> bytes:
        chunk = self._await_chunk()
        if chunk is None:
            raise Disconnected
        self._consumed += len(chunk)
        if self._waiting and self._received - self._consumed <= MAX_BUFFERED_BYTES // 2:
            self._loop.call_soon_threadsafe(self._room.set)
        return chunk

    def _await_chunk(self) -> bytes | None:
        """Return the next chunk; raises HttpProblem if the client is too slow."""
        asked = time.monotonic()
        state = self._consumed, self._waited, asked - self._began
        try:
            return self._chunks.get(timeout=self._pace.timeout(*state))
        except Empty:
            pass  # raised below, when the time is counted
        finally:
            self._waited += time.monotonic() - asked
        raise self._too_slow()

    def _too_slow(self) -> HttpProblem:
        elapsed = time.monotonic() - self._began
        reason, what = "upload-slow", self._pace.too_slow(self._consumed, self._waited, elapsed)
        if what is None:
            reason, what = "upload-stalled", f"No data arrived for {self._pace.stall:g} seconds"
        # The rest of the body is not read, so the connection can't be used again.
        return HttpProblem(408, reason, f"{what}; send the part again.", {"Connection": "close"})


@contextmanager
def streamed(receive: Receive, pace: Pace) -> Iterator[Iterator[bytes]]:
    """Receive a body for as long as the block lasts, and yield its chunks, for one thread."""
    stream = BodyStream(receive, pace)
    pump = asyncio.create_task(stream.pump())
    try:
        yield iter(stream)
    finally:
        pump.cancel()
