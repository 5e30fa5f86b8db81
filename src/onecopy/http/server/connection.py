"""The protocol of one connection: uvicorn's, within limits of size and time."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from onecopy.http.json_body import BODY_ARRIVED

if TYPE_CHECKING:
    from onecopy.http.server.connections import Connections


class _GentleTransport:
    """A transport for responses, which closes only when the rest of the body was read.

    Closing while data arrives would lose the response on its way to a client that reads it when it
    has sent everything: many do, and those that send `Connection: close` expect us to close.
    """

    __slots__ = ("_connection", "is_closing", "write")

    def __init__(self, connection: "Connection", transport: asyncio.Transport) -> None:
        self._connection = connection
        self.is_closing = transport.is_closing
        self.write = transport.write

    def close(self) -> None:
        self._connection.close_gently()


class _Flow(FlowControl):
    """uvicorn's flow control, which tells the connection when it is read from again."""

    def __init__(self, connection: "Connection", transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._connection = connection

    def resume_reading(self) -> None:
        if self.read_paused:
            super().resume_reading()
            self._connection.reading_resumed()


class Connection(HttpToolsProtocol):
    """One connection.

    It is waiting (for a head, or for the rest of a body that nobody reads), or has a request in
    progress. Only a waiting one has a deadline; what the application does, it limits itself.
    """

    def __init__(
        self,
        pool: "Connections",
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.deadline = inf
        self._since = inf
        """Time at which it began to wait, or its body made progress."""
        self._pool = pool
        self._limits = pool.limits
        self._progress = 0
        """Heads, pieces of bodies, and ends of bodies that have arrived."""
        self._idle_bytes = 0
        """Bytes that have arrived since then."""
        self._head_bytes = 0
        """Those, and what is being parsed: a head that has ended there has no more bytes."""
        self._body_bytes = 0
        """Bytes of bodies that have arrived since there was progress."""
        self._in_head = True
        self._is_deaf = False
        """Whether everything that still arrives is dropped."""
        self._is_closing = False
        self._refusal = self._pool.refusals.invalid
        self._answering: RequestResponseCycle | None = None
        """The request that the application has; later ones are in the pipeline."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(self, transport)
        self._gentle = cast("asyncio.Transport", _GentleTransport(self, transport))
        self._wait(self._limits.head_seconds)
        if not self._pool.make_room(self):
            self._refuse(self._pool.refusals.busy)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        for cycle in self._unanswered():
            _disconnect(cycle)
        super().connection_lost(exc)

    def _unanswered(self) -> Iterator[RequestResponseCycle]:
        if self._answering is not None and not self._answering.response_complete:
            yield self._answering
        yield from (cycle for cycle, _ in self.pipeline)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        progress = self._progress
        self._head_bytes = self._idle_bytes + len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered as if it had not asked for another protocol
        except httptools.HttpParserError:
            self._refuse(self._refusal)
            return
        if progress == self._progress:
            self._count(len(data))
        else:
            self._idle_bytes = 0
        if not self._in_head:
            if self.deadline == inf:
                self._receive(len(data))
        elif self.headers and len(self.headers) > self._limits.headers:
            self._refuse(self._pool.refusals.head_too_large)

    def _receive(self, new: int) -> None:
        """Count `new` bytes of a body: the one that makes least progress gives way to others."""
        self._body_bytes += new
        if self.flow.read_paused:
            self._pool.receiving.pop(self, None)
            self._pool.paused[self] = None
        elif self not in self._pool.receiving or self._body_bytes >= self._limits.progress_bytes:
            self._advance()

    def _advance(self) -> None:
        self._since = self.loop.time()
        self._body_bytes = 0
        self._pool.end_body(self)
        self._pool.receiving[self] = None

    def reading_resumed(self) -> None:
        """Note that the application has read what has arrived: the client may send more."""
        if self in self._pool.paused:
            self._advance()

    def _count(self, new: int) -> None:
        """Count `new` bytes of an incomplete head, or of chunk extensions and trailers."""
        if self._in_head and not self._idle_bytes and self.deadline < inf:
            # A connection with a request in progress has no deadline; its client sends the next.
            self.deadline = min(self.deadline, self.loop.time() + self._limits.head_seconds)
        self._idle_bytes += new
        if self._idle_bytes > self._limits.head_bytes:
            self._refuse(self._pool.refusals.head_too_large)

    def on_headers_complete(self) -> None:
        limits = self._limits
        is_large = self._head_bytes > limits.head_bytes and self._size() > limits.head_bytes
        if is_large or len(self.headers) > limits.headers:
            self._refusal = self._pool.refusals.head_too_large
            raise ConnectionError  # stops the parser
        if len(self.pipeline) >= limits.pipelined:
            raise ConnectionError  # `_refuse` closes after the last response
        super().on_headers_complete()
        self.cycle.transport = self._gentle
        if not self.pipeline:
            self._answering = self.cycle
        self.headers = []  # trailers come here, and not among the request's own headers
        self._in_head = False
        self._progress += 1
        self.deadline = inf
        self._pool.waiting.pop(self, None)

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        self._progress += 1
        if self.cycle.response_complete:
            return  # nobody reads it
        if not (self.cycle.body or self.pipeline):
            self._pool.release(self)  # the application has read everything before
        super().on_body(body)
        waiting = sum(len(cycle.body) for cycle, _ in self.pipeline)
        if waiting > self._limits.pipelined_bytes:
            raise ConnectionError  # `_refuse` closes at once
        if not self._pool.hold(self, len(body)):
            raise ConnectionError  # it is closed

    @property
    def has_unread(self) -> bool:
        """Whether bytes of bodies wait for the application."""
        return any(cycle.body for cycle in self._unanswered())

    def drop(self) -> None:
        """Close the connection: others need the memory of its bodies."""
        self._is_deaf = True
        self.abort()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.scope["state"][BODY_ARRIVED] = True
        self._in_head = True
        self._progress += 1
        self._pool.end_body(self)
        if self.cycle.response_complete:
            self._wait(self._limits.idle_seconds)

    def on_response_complete(self) -> None:
        if self.pipeline or self.transport.is_closing():
            self._answering = self.pipeline[-1][0] if self.pipeline else None
            super().on_response_complete()  # starts the next one
            return
        self._pool.release(self)
        self.cycle.body = bytearray()  # what nobody has read: the connection may be idle for long
        # As uvicorn does, but without a timer for each request.
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        if self._is_deaf:
            self._linger()
            if not self._in_head:
                self._wait(self._limits.drain_seconds)
        elif self._in_head:
            limits = self._limits
            self._wait(limits.head_seconds if self._idle_bytes else limits.idle_seconds)
        else:
            self._wait(self._limits.drain_seconds)

    @property
    def is_fresh(self) -> bool:
        """Whether it has only just come, its body makes progress, or waits for the application."""
        age = self.loop.time() - self._since
        return self in self._pool.paused or age < self._limits.fresh_seconds

    def _wait(self, seconds: float) -> None:
        self._since = self.loop.time()
        self.deadline = self._since + seconds
        self._pool.end_body(self)
        self._pool.waiting.pop(self, None)
        self._pool.waiting[self] = None

    def pause_writing(self) -> None:
        super().pause_writing()
        limits, unsent = self._limits, self.transport.get_write_buffer_size()
        seconds = limits.write_seconds + unsent / limits.write_rate
        self._pool.unsent[self] = self.loop.time() + seconds

    def resume_writing(self) -> None:
        self._pool.unsent.pop(self, None)
        super().resume_writing()

    def check(self, now: float) -> None:
        """End the connection if its deadline has passed; called about once a second."""
        if self.transport.is_closing() and not self._is_closing:
            self._is_closing = True
            self.deadline = now + self._limits.linger_seconds
        if now >= self.deadline:
            self._expire()

    def _expire(self) -> None:
        if self._idle_bytes and self._in_head and not (self._is_deaf or self._is_closing):
            self._refuse(self._pool.refusals.head_too_slow)
        else:
            self.abort()

    def abort(self) -> None:
        """Close the connection now; what is unsent is lost."""
        self._pool.forget(self)
        self.transport.abort()

    def close_gently(self) -> None:
        """Close the connection after a response; only our half if the request still arrives."""
        if self._in_head or self.pipeline:
            self.transport.close()
        else:
            self._is_deaf = True  # `on_response_complete` comes next, and lingers

    def _refuse(self, response: bytes) -> None:
        """Drop what still arrives, and close: at once, or after the responses that are due."""
        if self._is_deaf:
            return
        self._is_deaf = True
        cycle, is_due = self.cycle, self._in_head
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:
                return  # `on_response_complete` lingers after the last response
            if self.pipeline:
                self.abort()  # a body that is broken, of a request that waits for another
                return
            is_due = not cycle.response_started
            _disconnect(cycle)
        if is_due:
            self.transport.write(response)
        self._linger()

    def _linger(self) -> None:
        """Close our half: closing all while data arrives would lose the response on its way."""
        self._wait(self._limits.linger_seconds)
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            with suppress(OSError):  # the client has reset the connection
                self.transport.write_eof()
        else:
            self.transport.close()


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Report to the application that the client has left; it reads nothing more."""
    cycle.disconnected = True
    cycle.body = bytearray()
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
