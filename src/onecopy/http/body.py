"""Request bodies: JSON read whole within a limit, bytes handed on chunk by chunk."""

import asyncio
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

import msgspec
from starlette.types import Message, Receive, Scope

from onecopy.digest import MiB
from onecopy.errors import BadInput, LimitExceeded
from onecopy.http.problems import Disconnected, Refusal

T = TypeVar("T")

AHEAD = MiB
"""Bytes of a body that may lie between the event loop and the thread that takes them."""
STALL = 60.0
"""Seconds without a byte after which an upload is given up."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of this (lower-case) name."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


async def read_json(scope: Scope, receive: Receive, most: int) -> bytes:
    """Return the body of a request that says that it is JSON, of at most `most` bytes."""
    media_type = (header(scope, b"content-type") or b"").partition(b";")[0].strip().lower()
    if media_type != b"application/json":
        raise Refusal(415, "media-type-unsupported", "Send application/json.")
    if (content_length(scope) or 0) > most:
        raise _too_long(most)
    message = await _next(receive)
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        chunks, length = [body], len(body)
        while message.get("more_body") and length <= most:
            message = await _next(receive)
            chunks.append(message.get("body", b""))
            length += len(chunks[-1])
        body = b"".join(chunks)
    if len(body) > most:
        raise _too_long(most)
    return body


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Return the document; raises Refusal (`json-invalid`, `document-invalid`) or LimitExceeded."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        # The one place where msgspec's words are read: too long a list exceeds a limit.
        if str(error).startswith("Expected `array` of length <="):
            raise LimitExceeded(str(error)) from error
        raise Refusal(400, "document-invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, "json-invalid", str(error)) from error
    except RecursionError as error:
        raise Refusal(400, "json-invalid", "This is nested too deeply.") from error


def content_length(scope: Scope) -> int | None:
    """Return what Content-Length says; None without one."""
    given = header(scope, b"content-length")
    if given is None:
        return None
    if not given.isdigit() or len(given) > 19:
        raise BadInput("Content-Length is not a number")
    return int(given)


def _too_long(most: int) -> LimitExceeded:
    return LimitExceeded(f"A body may hold at most {most} bytes.")


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message


class Handover:
    """Hands a body from the event loop to a thread, never more than AHEAD bytes before it.

    `pump` runs in the event loop, and whoever iterates sits in a thread; not a byte is received
    before that begins. The iteration ends when the body does, and raises Disconnected if the client
    goes before.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._chunks = SimpleQueue[bytes | None]()
        self._loop = asyncio.get_running_loop()
        self._begun = asyncio.Event()
        self._room = asyncio.Event()
        # Each is written by one side only, so that neither needs a lock.
        self._given = 0
        self._taken = 0
        self._waiting = False

    async def pump(self) -> None:
        """Receive until the body ends; waits while the other side is behind."""
        try:
            await self._begun.wait()
            await self._pump()
        except Disconnected:
            pass  # the thread is told, and raises it
        finally:
            # Whatever ended it, the thread must not wait for more.
            self._chunks.put(None)

    async def _pump(self) -> None:
        more = True
        while more:
            message = await _next(self._receive)
            chunk, more = message.get("body", b""), message.get("more_body", False)
            self._given += len(chunk)
            if chunk:
                self._chunks.put(chunk)
            await self._wait_for_room()
        self._chunks.put(b"")

    async def _wait_for_room(self) -> None:
        while self._given - self._taken > AHEAD:
            # Say so before looking again: who takes a chunk after this look will wake us.
            self._waiting = True
            if self._given - self._taken > AHEAD:
                await self._room.wait()
            self._waiting = False
            self._room.clear()

    def __iter__(self) -> Iterator[bytes]:
        self._loop.call_soon_threadsafe(self._begun.set)
        while chunk := self._take():
            yield chunk

    def _take(self) -> bytes:
        try:
            chunk = self._chunks.get(timeout=STALL)
        except Empty:
            raise Refusal(408, "upload-stalled", f"Nothing came for {STALL:.0f} seconds.") from None
        if chunk is None:
            raise Disconnected
        self._taken += len(chunk)
        if self._waiting and self._given - self._taken <= AHEAD // 2:
            self._loop.call_soon_threadsafe(self._room.set)
        return chunk
