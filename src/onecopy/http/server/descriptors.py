"""File descriptors: as many as the system allows, and no harm when there are none left."""

import asyncio
import errno
import logging
import time
from dataclasses import replace
from typing import Any

from onecopy.http.server.connections import Connections
from onecopy.http.server.limits import ServerLimits
from onecopy.platforms import raise_descriptor_limit

RESERVED = 512
"""Descriptors for the index, the store, and files that are being received or read."""
LOG_SECONDS = 5.0
"""Time between two lines that say that there are no descriptors left."""

_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_ACCEPTING = "_start_serving"
"""The function by which asyncio accepts again after a second."""
_log = logging.getLogger("onecopy.http")


def within_descriptors(limits: ServerLimits) -> ServerLimits:
    """Raise the soft limit of descriptors; return limits that leave enough of them for files."""
    available = raise_descriptor_limit()
    if available is None:
        return limits
    connections = max(available // 4, available - RESERVED)
    return replace(limits, connections=min(limits.connections, connections))


class ShortageHandler:
    """An event loop's exception handler, for `accept()` without a free descriptor.

    asyncio then accepts nothing for a second, and calls this for each attempt before. Each call
    closes an idle connection, so that there are descriptors again.
    """

    def __init__(self, connections: Connections) -> None:
        self.is_stopping = False
        """Whether no more connections are accepted."""
        self._connections = connections
        self._logged = -LOG_SECONDS

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if self.is_stopping and _ACCEPTING in context["message"]:
            return  # asyncio tries again to accept, although the listener is closed
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _SHORTAGES):
            loop.default_exception_handler(context)
            return
        self._connections.close_idlest()
        if time.monotonic() - self._logged >= LOG_SECONDS:
            self._logged = time.monotonic()
            _log.warning(
                "no connection can be accepted: %s; new clients wait. Raise the limit of open "
                "files (LimitNOFILE in systemd, `ulimit -n` in a shell)",
                error.strerror,
            )
