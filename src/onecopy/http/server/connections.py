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
        """Those that have a request whose body has not arrived completely."""
        self.unsent: dict[Connection, float] = {}
        """Those whose client reads too slowly, with the time at which they are cut off."""

    def make_room(self, new: "Connection") -> bool:
        """Close another connection if there are too many; return False if all are needed."""
        if len(new.connections) <= self.limits.connections:
            return True
        return self.close_idlest(new)

    def close_idlest(self, new: "Connection | None" = None) -> bool:
        """Close the connection that is needed least, but not `new`; return whether there is one."""
        for group in (self.waiting, self.receiving):
            idlest = next(iter(group), None)
            if idlest is not None and idlest is not new:
                idlest.abort()
                return True
        return False

    def forget(self, connection: "Connection") -> None:
        """Remove a connection that is closed."""
        self.waiting.pop(connection, None)
        self.receiving.pop(connection, None)
        self.unsent.pop(connection, None)

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
