"""Which connections give way, and bodies that the application has not read: without a network."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable

import msgspec
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from onecopy.http.server.connection import Connection
from onecopy.http.server.connections import Connections
from onecopy.http.server.limits import ServerLimits
from tests.http.limited import POST

POOL_BYTES = 100_000


class Wire(asyncio.Transport):
    """A transport of which only the end is of interest."""

    def __init__(self) -> None:
        super().__init__()
        self.is_aborted = False

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True

    def close(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))


class Served:
    """Connections to an application that reads when it is allowed to, and never answers."""

    def __init__(self, **limits: float) -> None:
        chosen = {"unread_bytes": POOL_BYTES, **limits}
        self.pool = Connections(msgspec.convert(chosen, ServerLimits))
        self.may_read = asyncio.Event()
        self._config = uvicorn.Config(
            self._application, log_config=None, lifespan="off", interface="asgi3"
        )
        self._config.load()
        self._state = ServerState()

    async def _application(self, _: Scope, receive: Receive, __: Send) -> None:
        await self.may_read.wait()
        await receive()
        await asyncio.sleep(60)

    def connect(self) -> Connection:
        """Open a connection."""
        connection = Connection(self.pool, self._config, self._state, {})
        connection.connection_made(Wire())
        return connection

    def post(self, size: int, missing: int = 0) -> Connection:
        """Open a connection, and send a request with a body of some bytes, but for the last."""
        connection = self.connect()
        connection.data_received(POST % (b"check", size) + bytes(size - missing))
        return connection

    async def end(self) -> None:
        """End all requests."""
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def with_served(steps: Callable[[Served], Awaitable[None]], **limits: float) -> None:
    """Run steps in an event loop."""

    async def run() -> None:
        served = Served(**limits)
        await steps(served)
        await served.end()

    asyncio.run(run())


def aborted(*connections: Connection) -> list[bool]:
    """Return which connections were closed."""
    return [connection.transport.is_closing() for connection in connections]


def test_who_waits_longest_gives_way() -> None:
    """Beyond the limit, the oldest bodies are dropped; a body that is larger than it is, too."""

    async def steps(served: Served) -> None:
        one, two, three = served.post(40_000), served.post(40_000), served.post(40_000)
        assert aborted(one, two, three) == [True, False, False]
        assert list(served.pool.unread) == [two, three]
        large = served.post(POOL_BYTES + 1)
        assert aborted(two, three, large) == [True, True, True]
        assert not served.pool.unread

    with_served(steps)


def test_what_was_read_does_not_count() -> None:
    """However many bodies come, those that the application reads in time disturb nobody."""

    async def steps(served: Served) -> None:
        served.may_read.set()
        connections = []
        for _ in range(10):
            connections.append(served.post(40_000))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert not any(aborted(*connections))

    with_served(steps)


def test_who_has_left_holds_no_body() -> None:
    """A request that waits for a thread ends later than its connection, but without its bodies."""

    async def steps(served: Served) -> None:
        one = served.post(1_000)
        one.data_received(POST % (b"check", 10) + bytes(10))  # waits in the pipeline
        had_unread = one.has_unread
        one.connection_lost(None)
        assert (had_unread, one.has_unread) == (True, False)
        assert not served.pool.unread

    with_served(steps)


def closed_in_turn(served: Served, *connections: Connection) -> list[int]:
    """Close the one that is needed least until none is left; return their numbers in that order."""
    order: list[int] = []
    while served.pool.close_idlest():
        closed = aborted(*connections)
        order += [at for at, is_closed in enumerate(closed) if is_closed and at not in order]
    return order


def test_who_has_just_come_is_not_closed() -> None:
    """A body that makes no progress gives way to a connection whose request is read next."""

    async def steps(served: Served) -> None:
        idle, slow = served.connect(), served.post(1_000, missing=1)
        await asyncio.sleep(0.5)
        assert closed_in_turn(served, slow, idle, served.connect()) == [1, 0, 2]

    with_served(steps, fresh_seconds=0.4)


def test_none_crowd_out_the_others() -> None:
    """Of new connections and bodies that make progress, the first of those that are more goes."""

    async def steps(served: Served) -> None:
        new = [served.connect() for _ in range(2)]
        bodies = [served.post(1_000, missing=1) for _ in range(3)]
        assert closed_in_turn(served, *new, *bodies) == [2, 0, 3, 1, 4]

    with_served(steps, fresh_seconds=60)


def test_who_waits_for_us_is_not_slow() -> None:
    """A body that waits for the application is kept, one whose client sends nothing is not."""

    async def steps(served: Served) -> None:
        paused = served.post(90_000, missing=1)
        served.may_read.set()
        stalled = served.post(1_000, missing=1)
        assert served.pool.close_idlest()
        assert aborted(paused, stalled) == [False, True]
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the application reads
        assert (list(served.pool.receiving), len(served.pool.paused)) == ([paused], 0)
        paused.data_received(bytes(1))
        assert not served.pool.close_idlest()

    with_served(steps, fresh_seconds=0)


def test_progress_of_a_body() -> None:
    """The connection gives way whose body has not made progress for longest, not the oldest."""

    async def steps(served: Served) -> None:
        fast, slow = served.post(50_000, missing=40_000), served.post(50_000, missing=40_000)
        fast.data_received(bytes(30_000))
        slow.data_received(bytes(10))
        assert served.pool.close_idlest()
        assert aborted(fast, slow) == [False, True]

    with_served(steps, progress_bytes=20_000)


def test_who_has_reset_the_connection_is_refused_in_silence() -> None:
    """A client that has left, which the event loop does not know yet, is no error."""

    async def steps(served: Served) -> None:
        left = served.connect()
        left.data_received(b"no HTTP\r\n\r\n")
        assert list(served.pool.waiting) == [left]  # until `linger_seconds` have passed

    with_served(steps)
