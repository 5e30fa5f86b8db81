"""Free ports that stay reserved while their server is down."""

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_RANGE = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections: else a client that tries again while
its server restarts could be given the server's port, and would speak to itself."""


@contextmanager
def reserved(count: int) -> Iterator[list[int]]:
    """Reserve this number of ports of 127.0.0.1 for the servers that are started in the block.

    The sign of a reservation is a UDP socket with the port's number: it is in nobody's way, all
    processes see it, and it goes with its process.
    """
    with ExitStack() as stack:
        ports: list[int] = []
        for port in random.sample(_RANGE, len(_RANGE)):
            sign = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            if _binds(sign, port) and _is_free(port):
                ports.append(port)
            if len(ports) == count:
                break
        yield ports


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        # As servers do, so that connections that have just ended are no hindrance.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _binds(listener, port)


def _binds(own: socket.socket, port: int) -> bool:
    try:
        own.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
