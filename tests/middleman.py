"""A proxy between a client and a service that fails in a chosen way."""

import http.client
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler
from typing import Any, Literal
from urllib.parse import urlsplit

Fault = Literal["busy", "lose-answer", "cut-request"]
"""Answer 503; let the service answer, and lose that; close the connection amid the request."""


@dataclass
class Middleman:
    """What it is to break, and what it has seen."""

    service: str
    url: str = ""
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    """The next request whose path begins so fails so, once."""
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and headers of each request."""

    def break_next(self, path: str, fault: Fault, times: int = 1) -> None:
        """Make the next requests to a path fail."""
        self.faults += [(path, fault)] * times

    def paths(self) -> list[str]:
        """Return the paths of all requests so far."""
        return [path for _, path, _ in self.seen]

    def fault(self, path: str) -> Fault | None:
        """Take the fault that is meant for a path."""
        for fault in self.faults:
            if path.startswith(fault[0]):
                self.faults.remove(fault)
                return fault[1]
        return None


Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


class Handler(BaseHTTPRequestHandler):
    """Reads a request and answers what `answer` gives; None: closes the connection instead."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Else each answer waits for 40 ms between its headers and its body."""

    def answer(self, length: int) -> Answer | None:
        raise NotImplementedError

    def do_GET(self) -> None:
        answer = self.answer(int(self.headers.get("Content-Length", 0)))
        if answer is None:
            self.close_connection = True
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """A server to which clients that go away are no errors: killed, or without trust in it."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def standing_between(service: str) -> Iterator[Middleman]:
    """Run a proxy in front of a service."""
    middleman = Middleman(service)

    class Answering(Handler):
        def answer(self, length: int) -> Answer | None:
            middleman.seen.append((self.command, self.path, dict(self.headers)))
            fault = middleman.fault(self.path)
            if fault == "cut-request":
                self.rfile.read(length // 2)
                return None
            body = self.rfile.read(length)
            if fault == "busy":
                return 503, {"Retry-After": "0"}, b"come back"
            answer = _forward(service, self, body)
            return None if fault == "lose-answer" else answer

    with serving(Answering) as url:
        middleman.url = url
        yield middleman


@contextmanager
def answering(
    status: int, headers: dict[str, str], body: bytes, tls: ssl.SSLContext | None = None
) -> Iterator[Middleman]:
    """Run a server that answers everything alike, and keeps the requests."""
    seen = Middleman("")

    class Answering(Handler):
        def answer(self, length: int) -> Answer | None:
            seen.seen.append((self.command, self.path, dict(self.headers)))
            self.rfile.read(length)
            return status, headers, body

    with serving(Answering, tls) as url:
        seen.url = url
        yield seen


def _forward(service: str, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(service).netloc, timeout=30)
    try:
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        connection.request(request.command, request.path, body, headers)
        answer = connection.getresponse()
        kept = {
            name: value
            for name, value in answer.getheaders()
            if name.lower() not in {"content-length", "date", "connection", "transfer-encoding"}
        }
        return answer.status, kept, answer.read()
    finally:
        connection.close()


@contextmanager
def serving(
    handler: type[StreamRequestHandler], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve on a free port, and give the URL."""
    kind: Any = handler  # any that reads a stream will do
    server = _Server(("127.0.0.1", 0), kind)
    if tls:
        # Each connection's own thread shakes hands, when it first reads.
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
