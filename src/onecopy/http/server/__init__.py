"""The HTTP server of `onecopy serve`: uvicorn, with limits that hold without a proxy in front.

`limits` has all of them. `connection` is the protocol of one connection; `connections` closes those
that are too slow or too many; `refusals` are the responses that need no application; `descriptors`
deals with the operating system's limit of open files; `server` ends everything in time.
"""

from onecopy.http.server.limits import ServerLimits
from onecopy.http.server.server import BACKLOG, Server, create_server, ignore_hangup

__all__ = ["BACKLOG", "Server", "ServerLimits", "create_server", "ignore_hangup"]
