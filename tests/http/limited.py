"""A service in a process of its own with limits that a test chooses, and a client that attacks it.

As a program, it is that service: `python -m tests.http.limited FOLDER CHOICES`.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from onecopy.backends import opened_backends
from onecopy.cli import serve
from onecopy.gate import LocalGate, ticket_secrets
from onecopy.http.app import Options, create_app
from onecopy.http.json_body import BodyLimits
from onecopy.http.server import ServerLimits
from onecopy.settings import Settings
from tests.conftest import environment

HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
GET = HEAD + b"\r\n"
POST = (
    b"POST /v1/%b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n"
)
TIMEOUT = 30
"""Seconds that a test waits for something that takes a second, or some on a busy machine."""


@dataclass
class Response:
    """What arrived on a connection until its end, or until one response was complete."""

    data: bytes
    ended: bool
    """Whether the server has closed its side."""

    @property
    def status(self) -> int:
        """Status of the first response; 0 without any."""
        found = re.match(rb"HTTP/1.1 (\d{3}) ", self.data)
        return int(found[1]) if found else 0

    @property
    def reason(self) -> str:
        """Reason code of a problem document."""
        return str(json.loads(self.data.partition(b"\r\n\r\n")[2])["reason"])

    def header(self, name: str) -> str | None:
        """Return a header of the first response."""
        head = self.data.partition(b"\r\n\r\n")[0]
        found = re.search(rb"\r\n%b: ([^\r]*)" % name.lower().encode(), head, re.IGNORECASE)
        return found[1].decode() if found else None


@dataclass
class Limited:
    """A running service."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path
    connections: list[socket.socket] = field(default_factory=list)

    def connect(self, data: bytes = b"", receive_buffer: int | None = None) -> socket.socket:
        """Open a connection and send data; it is closed with the service."""
        connection = socket.socket()
        self.connections.append(connection)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(TIMEOUT)
        connection.connect(("127.0.0.1", self.port))
        connection.sendall(data)
        return connection

    def is_well(self) -> bool:
        """Return whether a well-behaved client gets its response."""
        with self.connect(GET) as connection:
            return read(connection).status == 200

    def memory(self) -> int:
        """Return the resident memory in bytes (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) * 1024

    def cpu(self) -> float:
        """Return the CPU seconds used so far (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> float:
        """Send SIGTERM; return the seconds until the process has ended, which it must with 0."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(TIMEOUT) == 0
        return time.monotonic() - began


def read(connection: socket.socket, *, to_end: bool = False) -> Response:
    """Read one response with a length, or everything until the server closes its side."""
    data = b""
    try:
        while chunk := connection.recv(65536):
            data += chunk
            head, found, body = data.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            if found and not to_end and len(body) >= int(length[1] if length else 0):
                return Response(data, ended=False)
    except ConnectionError:
        pass
    return Response(data, ended=True)


def send_slowly(connection: socket.socket, data: bytes, pause: float = 0.05) -> Response:
    """Send byte by byte until a response arrives; the data must be long enough for that."""
    connection.settimeout(pause)
    began = time.monotonic()
    for byte in data:
        try:
            connection.send(bytes([byte]))
            connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            assert time.monotonic() - began < TIMEOUT
        else:
            break
    connection.settimeout(TIMEOUT)
    return read(connection)  # its head and its body may arrive one after the other


def begun_part(service: Limited, size: int = 10) -> bytes:
    """Begin an upload of some bytes; return the request that sends them."""
    # Anyway: else the second upload of a content waits for the first.
    file = {"key": "k", "size": size, "digests": ["sha256:" + "0" * 64], "anyway": True}
    document = json.dumps({"files": [file]}).encode()
    with service.connect(POST % (b"uploads", len(document)) + document) as connection:
        begun = json.loads(read(connection).data.partition(b"\r\n\r\n")[2])["results"][0]
    head = f"PUT {begun['send']['url']} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n"
    fields = "".join(f"{name}: {value}\r\n" for name, value in begun["send"]["headers"].items())
    return f"{head}{fields}\r\n".encode() + b"0123456789" * (size // 10)


def is_closed(connection: socket.socket, data: bytes) -> bool:
    """Send some data without reading; return whether the server has closed the connection."""
    try:
        connection.send(data)
    except TimeoutError:
        return False  # the server does not read either
    except ConnectionError:
        return True
    return False


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, and fail if that takes too long."""
    until = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@contextmanager
def limited(
    folder: Path,
    *,
    server: Mapping[str, float] | None = None,
    bodies: Mapping[str, float] | None = None,
    hangs: bool = False,
    descriptors: str | None = None,
) -> Iterator[Limited]:
    """Run a service; with `hangs`, probing and completing take a minute.

    `descriptors` are the soft and the hard limit of open files, as for `prlimit`.
    """
    choices = {"server": server or {}, "bodies": bodies or {}, "hangs": hangs}
    command = [sys.executable, "-m", "tests.http.limited", str(folder), json.dumps(choices)]
    with running(command, folder, descriptors) as service:
        yield service


@contextmanager
def running(
    command: Sequence[str], folder: Path, descriptors: str | None = None
) -> Iterator[Limited]:
    """Run a command that is a service; its log is in the folder."""
    if descriptors is not None:
        command = ["prlimit", f"--nofile={descriptors}", *command]
    log = folder / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stderr=stderr, env=environment(folder))
    service = Limited(0, process, log)
    try:
        wait_for(lambda: b"onecopy is at" in log.read_bytes())
        service.port = int(re.findall(r"127.0.0.1:(\d+)", log.read_text())[0])
        yield service
    finally:
        for connection in service.connections:
            connection.close()
        process.kill()
        process.wait()


def main(folder: Path, choices: dict[str, Any]) -> None:
    """Serve as `onecopy serve` does."""
    if choices["hangs"]:
        for name in ("probe", "complete"):
            setattr(LocalGate, name, lambda *_arguments: time.sleep(60))
    settings = Settings(index=f"sqlite:{folder / 'index.sqlite'}", store=str(folder / "files"))
    with opened_backends(settings) as (index, store):
        options = Options(body_limits=msgspec.convert(choices["bodies"], BodyLimits))
        app = create_app(
            index,
            store,
            secrets=ticket_secrets(index),
            tokens_required=False,
            options=options,
        )
        limits = msgspec.convert(choices["server"], ServerLimits)
        serve._serve(app, serve._listen("127.0.0.1", 0), limits)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
