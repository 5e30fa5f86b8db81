"""The protocol of one connection: uvicorn's, within limits of size and time."""

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from onecopy.http.json_body import BODY_ARRIVED

if TYPE_CHECKING:
    from onecopy.http.server.connections import Connections


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
        self._pool = pool
        self._limits = pool.limits
        self._progress = 0
        """Heads, pieces of bodies, and ends of bodies that have arrived."""
        self._idle_bytes = 0
        """Bytes that have arrived since then."""
        self._in_head = True
        self._is_deaf = False
        """Whether everything that still arrives is dropped."""
        self._is_closing = False
        self._refusal = self._pool.refusals.invalid

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(self._limits.head_seconds)
        if not self._pool.make_room(self):
            self._refuse(self._pool.refusals.busy)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        progress = self._progress
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered as if it had not asked for another protocol
        except httptools.HttpParserError:
            self._refuse(self._refusal)
            return
        self._idle_bytes = self._idle_bytes + len(data) if progress == self._progress else 0
        if self._idle_bytes:
            self._check_head(len(data))
        elif not self._in_head and self.deadline == inf:
            self._pool.receiving.setdefault(self)

    def _check_head(self, new: int) -> None:
        """Check an incomplete head, or chunk extensions and trailers, of which `new` bytes came."""
        if self._in_head and self._idle_bytes == new and self.deadline < inf:
            # A connection with a request in progress has no deadline; its client sends the next.
            self.deadline = min(self.deadline, self.loop.time() + self._limits.head_seconds)
        if self._idle_bytes > self._limits.head_bytes or self._has_too_many_headers():
            self._refuse(self._pool.refusals.head_too_large)

    def _has_too_many_headers(self) -> bool:
        # None before the first request.
        return len(self.headers or ()) > self._limits.headers

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= self._limits.pipelined:
            raise ConnectionError  # stops the parser; `_refuse` closes after the last response
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self._limits.head_bytes or self._has_too_many_headers():
            self._refusal = self._pool.refusals.head_too_large
            raise ConnectionError
        super().on_headers_complete()
        self.headers = []  # trailers come here, and not among the request's own headers
        self._in_head = False
        self._progress += 1
        self.deadline = inf
        self._pool.waiting.pop(self, None)

    def on_body(self, body: bytes) -> None:
        self._progress += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.scope["state"][BODY_ARRIVED] = True
        self._in_head = True
        self._progress += 1
        self._pool.receiving.pop(self, None)
        if self.cycle.response_complete:
            self._wait(self._limits.idle_seconds)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._unset_keepalive_if_required()  # a timer for each request; ours is the deadline
        if self.pipeline or not self.cycle.response_complete:
            return  # the next one has been started
        if self._is_deaf:
            self._linger()
        elif self._in_head:
            limits = self._limits
            self._wait(limits.head_seconds if self._idle_bytes else limits.idle_seconds)
        else:
            self._wait(self._limits.drain_seconds)

    def _wait(self, seconds: float) -> None:
        self.deadline = self.loop.time() + seconds
        self._pool.receiving.pop(self, None)
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

    def _refuse(self, response: bytes) -> None:
        """Drop what still arrives, and close: at once, or after the responses that are due."""
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
            self.transport.write_eof()
        else:
            self.transport.close()


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Let the application know that there is nobody to respond to."""
    cycle.disconnected = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
