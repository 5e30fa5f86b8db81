"""The limits of the HTTP server; docs/running.md states them for operators."""

from dataclasses import dataclass

from onecopy.digest import MiB

KiB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Limits of connections, whatever is requested on them. Tests use shorter times."""

    head_bytes: int = 32 * KiB
    """Bytes of a request line with its headers. Also of chunk extensions and trailers, which
    nothing reads."""
    headers: int = 100
    """Headers of a request."""
    pipelined: int = 16
    """Requests that wait on a connection until an earlier one has its response. The server answers
    these and closes the connection; the client sends the others again."""
    pipelined_bytes: int = 64 * KiB
    """Bytes of their bodies, which are held until the earlier responses have been sent."""
    head_seconds: float = 20
    """Time for a whole head: from the connection, or from its first byte on one in use."""
    idle_seconds: float = 75
    """Time for which a connection without a request is kept. Longer than the 60 seconds of nginx,
    which would otherwise send requests to connections that are being closed."""
    drain_seconds: float = 30
    """Time to send the rest of a body after its request was refused; it is read and dropped, since
    many clients read the response only when they have sent everything."""
    linger_seconds: float = 5
    """Time for a client to read the last response and to close the connection."""
    write_seconds: float = 60
    """Time for a client to read what is unsent, besides what `write_rate` allows."""
    write_rate: int = 16 * KiB
    """Bytes per second at which a client must read more than 64 KiB that are unsent."""
    unsent_bytes: int = 128 * MiB
    """Bytes of all responses that wait for slow clients; beyond it, the slowest are cut off."""
    unread_bytes: int = 64 * MiB
    """Bytes of all bodies that wait for the application, because it waits for a thread or for the
    sender's token; beyond it, the connections are closed whose bytes have waited for longest."""
    connections: int = 4096
    """Open connections; fewer if the process may open fewer files. Beyond it, the connection is
    closed that has been without a request for longest, else the one whose body makes no progress
    for longest, unless the body waits for the application."""
    fresh_seconds: float = 0.25
    """Time since a connection was opened, got its last response, or its body made progress, for
    which others are closed first to stay below that limit."""
    progress_bytes: int = 64 * KiB
    """Bytes of a body that are progress."""
    stop_seconds: float = 10
    """Time from SIGTERM or SIGINT to the end of the process, whatever is in progress."""

    @property
    def grace_seconds(self) -> float:
        """Time for requests in progress to finish: three fifths; the rest is for closing."""
        return self.stop_seconds * 0.6

    @property
    def exit_seconds(self) -> float:
        """Time after which the process exits at once, which takes a while on a busy machine."""
        return self.stop_seconds * 0.8
