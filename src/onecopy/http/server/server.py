"""uvicorn's server, with our connections, and an end in time."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from onecopy.http.server.connection import Connection
from onecopy.http.server.connections import Connections
from onecopy.http.server.descriptors import ShortageHandler, within_descriptors
from onecopy.http.server.limits import ServerLimits

BACKLOG = 2048
"""Connections that the system holds until they are accepted."""
_ACCEPTED_AT_ONCE = 32
"""Connections to accept before other work of the event loop; each fails without descriptors."""
_TICKS_PER_SWEEP = 10
"""uvicorn ticks ten times a second."""
_CANCEL_SECONDS = 1.0
"""Time for cancelled requests to send a last response."""


class Server(uvicorn.Server):
    """Serves one application until SIGINT, SIGTERM or `should_exit`."""

    def __init__(
        self, config: uvicorn.Config, connections: Connections, announce: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._connections = connections
        self._announce = announce
        self._shortages = ShortageHandler(connections)
        self._watchdog: threading.Timer | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._shortages)
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(BACKLOG)  # asyncio listens with the number to accept at once
        self._announce()

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_PER_SWEEP == 0:
            self._connections.sweep(self._open(), asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    def _open(self) -> list[Connection]:
        return cast("list[Connection]", list(self.server_state.connections))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._watchdog is None:
            # Whatever hangs then (a store that does not answer, a full disk): what is acknowledged
            # is durable, and everything else may be repeated, as after a crash.
            self._watchdog = threading.Timer(self._connections.limits.exit_seconds, os._exit, [0])
            self._watchdog.daemon = True
            self._watchdog.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests in progress, within the grace; then answer `stopping` to the rest."""
        self._shortages.is_stopping = True
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in self._open():
            connection.shutdown()
        await self._finish(self._connections.limits.grace_seconds)
        for task in list(self.server_state.tasks):
            task.cancel()
        await self._finish(_CANCEL_SECONDS)
        for connection in self._open():
            connection.abort()
        await self.lifespan.shutdown()

    async def _finish(self, seconds: float) -> None:
        state, loop = self.server_state, asyncio.get_running_loop()
        end = loop.time() + seconds
        # uvicorn has no event for it.
        while (state.connections or state.tasks) and loop.time() < end and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def create_server(
    app: ASGIApp, limits: ServerLimits | None = None, announce: Callable[[], None] = lambda: None
) -> Server:
    """Return a server for an application; `announce` is called when it accepts connections.

    Run it with `run([listener])`. SIGHUP is ignored.
    """
    connections = Connections(within_descriptors(limits or ServerLimits()))
    config = uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(Connection, connections)),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_ACCEPTED_AT_ONCE,
        lifespan="on",
    )
    return Server(config, connections, announce)


def ignore_hangup() -> None:
    """Ignore SIGHUP, which ends processes by default: there are no settings to read again."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
