"""All connections of a server: room for new ones, and an end for those that take too long."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from onecopy.http.server.limits import ServerLimits
from onecopy.http.server.refusals import Refusals

if TYPE_CHECKING:
    from onecopy.http.server.connection import Connection


class Connections:
    """The open connections. The dicts are in order of time: the one that waits longest is first."""

    def __init__(self, limits: ServerLimits) -> None:
        self.limits = limits
        self.refusals = Refusals(limits)
        self.waiting: dict[Connection, None] = {}
        """Those without a request in progress."""
        self.receiving: dict[Connection, None] = {}
        """Those whose request body is arriving; the one without progress for longest is first."""
        self.paused: dict[Connection, None] = {}
        """Those from which nothing is read until the application has read what has arrived."""
        self.unsent: dict[Connection, float] = {}
        """Those whose client reads too slowly, with the time at which they are cut off."""
        self.unread: dict[Connection, int] = {}
        """Those with bytes of bodies that the application has not read, and the number of bytes.
        What it has read since is only subtracted when there are too many."""
        self._unread_bytes = 0

    def make_room(self, new: "Connection") -> bool:
        """Close another connection if there are too many; return False if all are needed."""
        if len(new.connections) <= self.limits.connections:
            return True
        return self.close_idlest(new)

    def close_idlest(self, new: "Connection | None" = None) -> bool:
        """Close the connection that is needed least, but not `new`; return whether there is one.

        That is the one that waits for a request for longest, else the one whose body makes no
        progress for longest. If all have only just come, make progress, or wait for the
        application, it is the first of those that are most: none of the three crowds out another.
        """
        groups = self.waiting, self.receiving, self.paused
        firsts = {next(iter(group)): len(group) for group in groups if group}
        if new is not None:
            firsts.pop(new, None)
        if not firsts:
            return False
        idle = (first for first in firsts if not first.is_fresh)
        victim = next(idle, None) or max(firsts, key=firsts.__getitem__)
        victim.abort()
        return True

    def forget(self, connection: "Connection") -> None:
        """Remove a connection that is closed."""
        self.waiting.pop(connection, None)
        self.end_body(connection)
        self.unsent.pop(connection, None)
        self.release(connection)

    def end_body(self, connection: "Connection") -> None:
        """Note that no more of a body is awaited."""
        self.receiving.pop(connection, None)
        self.paused.pop(connection, None)

    def hold(self, connection: "Connection", size: int) -> bool:
        """Count bytes of bodies that wait for the application; return whether there is room.

        Beyond the limit, the connections are closed whose bytes have waited for longest.
        """
        self.unread[connection] = self.unread.get(connection, 0) + size
        self._unread_bytes += size
        if self._unread_bytes > self.limits.unread_bytes:
            self._limit_unread()
        return connection in self.unread

    def release(self, connection: "Connection") -> None:
        """Stop counting the bytes of a connection."""
        self._unread_bytes -= self.unread.pop(connection, 0)

    def _limit_unread(self) -> None:
        for connection in [each for each in self.unread if not each.has_unread]:
            self.release(connection)
        while self._unread_bytes > self.limits.unread_bytes:
            next(iter(self.unread)).drop()

    def sweep(self, connections: "Iterable[Connection]", now: float) -> None:
        """End the connections that have passed a limit."""
        for connection in connections:
            connection.check(now)
        for connection, deadline in list(self.unsent.items()):
            if now >= deadline:
                connection.abort()
        self._limit_unsent()

    def _limit_unsent(self) -> None:
        sizes = {each: each.transport.get_write_buffer_size() for each in self.unsent}
        excess = sum(sizes.values()) - self.limits.unsent_bytes
        for connection, size in sizes.items():
            if excess <= 0:
                return
            connection.abort()
            excess -= size
