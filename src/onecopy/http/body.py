"""Request bodies: their headers, and bytes streamed to a thread."""

import asyncio
from collections.abc import Iterator
from queue import Empty, SimpleQueue

from starlette.types import Message, Receive, Scope

from onecopy.digest import MiB
from onecopy.errors import BadInput
from onecopy.http.problems import Disconnected, HttpProblem

MAX_BUFFERED_BYTES = MiB
"""Bytes of a body that may wait between the event loop and the thread that consumes them."""
STALL_TIMEOUT = 60.0
"""Seconds without a byte after which the request fails."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of this (lower-case) name."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    for key, value in headers:
        if key == name:
            return value
    return None


def content_length(scope: Scope) -> int | None:
    """Return the value of Content-Length in bytes; None without one."""
    given = header(scope, b"content-length")
    if given is None:
        return None
    if not given.isdigit() or len(given) > 19:
        raise BadInput("invalid Content-Length: not a number")
    return int(given)


async def next_message(receive: Receive) -> Message:
    """Return the next message of a body; raises Disconnected if the client is gone."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message


class BodyStream:
    """Streams a body from the event loop to a thread, with at most MAX_BUFFERED_BYTES in between.

    `pump` runs in the event loop; the thread iterates. Nothing is received before the iteration
    begins. It ends when the body does, and raises Disconnected if the client disconnects before.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
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
        self._loop.call_soon_threadsafe(self._begun.set)
        while chunk := self._take():
            yield chunk

    def _take(self) -> bytes:
        try:
            chunk = self._chunks.get(timeout=STALL_TIMEOUT)
        except Empty:
            detail = f"No data arrived for {STALL_TIMEOUT:.0f} seconds; send the part again."
            raise HttpProblem(408, "upload-stalled", detail) from None
        if chunk is None:
            raise Disconnected
        self._consumed += len(chunk)
        if self._waiting and self._received - self._consumed <= MAX_BUFFERED_BYTES // 2:
            self._loop.call_soon_threadsafe(self._room.set)
        return chunk
