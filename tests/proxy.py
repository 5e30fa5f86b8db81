"""A real HTTP proxy on this machine, which leads every host name to one server."""

import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from selectors import EVENT_READ, DefaultSelector
from socketserver import StreamRequestHandler
from urllib.parse import urlsplit

from tests.middleman import serving

NAME, PASSWORD = "ada", "pa:ss w@rd"


@dataclass
class RealProxy:
    """What it requires, and what it has seen."""

    target: str
    """URL of the server that every name leads to."""
    closed: bool = False
    """Whether it needs the name and password."""
    answer: bytes = b""
    """What it says instead of passing requests on."""
    url: str = ""
    requests: list[str] = field(default_factory=list)
    """The first line of each request."""

    @property
    def with_password(self) -> str:
        """Its URL with the name and password, percent-encoded."""
        return self.url.replace("://", "://ada:pa%3Ass%20w%40rd@")

    def refusal(self, headers: dict[bytes, bytes]) -> bytes:
        """Return what it answers instead of passing a request on, if anything."""
        pair = b64encode(f"{NAME}:{PASSWORD}".encode())
        if self.closed and headers.get(b"proxy-authorization") != b"Basic " + pair:
            return b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        return self.answer


@contextmanager
def proxying(target: str, *, closed: bool = False, answer: bytes = b"") -> Iterator[RealProxy]:
    """Run a proxy in front of a server."""
    proxy = RealProxy(target, closed, answer)

    class Passing(StreamRequestHandler):
        def handle(self) -> None:
            while line := self.rfile.readline():
                if not self._pass(line):
                    return

        def _pass(self, line: bytes) -> bool:
            """Pass a request on; return whether another may follow."""
            proxy.requests.append(line.decode().strip())
            raw = list(iter(self.rfile.readline, b"\r\n"))
            headers = {name.lower(): value.strip() for name, _, value in _pairs(raw)}
            if refusal := proxy.refusal(headers):
                self.rfile.read(int(headers.get(b"content-length", 0)))
                self.wfile.write(refusal)
                return True
            with _connected(proxy.target) as server:
                if line.startswith(b"CONNECT "):
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    server.sendall(_forwarded(line, raw))
                    server.sendall(self.rfile.read(int(headers.get(b"content-length", 0))))
                _relay(self.connection, server)
            return False

    with serving(Passing) as url:
        proxy.url = url
        yield proxy


def _pairs(lines: list[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    return (line.partition(b":") for line in lines)


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port))


def _forwarded(line: bytes, headers: list[bytes]) -> bytes:
    """Return a request as a proxy passes it on: one for a path, after which it closes."""
    method, url, version = line.split(b" ")
    parts = urlsplit(url)
    assert parts.scheme == b"http"
    assert parts.netloc
    path = parts.path + (b"?" + parts.query if parts.query else b"")
    hidden = (b"proxy-authorization", b"connection")
    kept = [each for each in headers if not each.lower().startswith(hidden)]
    return b" ".join([method, path, version]) + b"".join(kept) + b"Connection: close\r\n\r\n"


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes in both directions until one of them closes."""
    with DefaultSelector() as selector, suppress(ConnectionError):
        selector.register(one, EVENT_READ, other)
        selector.register(other, EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                if not data:
                    return
                key.data.sendall(data)
