"""Attacks on a service, all at once, by anybody and by the bearer of one tenant's token.

A program: `python -m tests.http.attacks PORT TOKEN` attacks until it is killed.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random

from onecopy.digest import MiB
from onecopy.platforms import raise_descriptor_limit

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Attack = Callable[["Attacker", Reader, Writer], Awaitable[None]]

LARGE = 8 * MiB - 100_000
"""Bytes of a JSON body that is just below the limit."""
PIECES = b"", b'"', b"-", b"null", b"[" * 2000, b"\\ud800", b"\x00", b"\xff"
"""What is put in the place of some bytes of a body."""
DOCUMENTS = {
    "probe": b'{"sizes": [1, 2, 3]}',
    "check": b'{"files": [{"size": 5, "digests": ["sha256:%b"]}]}' % (b"0" * 64),
    "uploads": b'{"files": [{"key": "a/b", "size": 5, "digests": ["sha256:%b"]}]}' % (b"0" * 64),
    "uploads/parts": b'{"ticket": "x", "parts": [{"number": 1, "sha256": "%b"}]}' % (b"0" * 64),
    "uploads/status": b'{"ticket": "x"}',
    "uploads/complete": b'{"tickets": [{"ticket": "x"}]}',
    "uploads/abort": b'{"tickets": ["x"]}',
    "avoided": b'{"files": 1, "bytes": 5, "largest": 5}',
    "tokens": b'{"expires_in": 900, "scopes": ["check"]}',
}


class Attacker:
    """Comes again and again, with one attack after the other on connections of its own."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self.chance = Random(14)

    async def attack(self, kind: Attack, pause: float) -> None:
        """Attack until this is cancelled, with a pause of that many seconds on average."""
        while True:
            await asyncio.sleep(2 * pause * self.chance.random())
            with suppress(OSError, EOFError, LookupError):  # it is refused, or closed
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    await kind(self, reader, writer)
                finally:
                    writer.transport.abort()

    def head(self, method: str, path: str, *more: str, token: str | None = None) -> bytes:
        """Return a head with a token: the one that is valid, unless another one is given."""
        bearer = self._token if token is None else token
        lines = f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {bearer}"
        return "\r\n".join([*lines, *more, "", ""]).encode()

    def post(self, name: str, length: int, token: str | None = None) -> bytes:
        """Return the head of a request with a JSON body."""
        fields = "Content-Type: application/json", f"Content-Length: {length}"
        return self.head("POST", f"/v1/{name}", *fields, token=token)

    async def part(self, reader: Reader, writer: Writer, size: int) -> bytes:
        """Begin an upload; return the head of the request that sends its first part."""
        digests = [f"sha256:{self.chance.randbytes(32).hex()}"] if size < 8 * MiB else []
        file = {"key": f"f/{self.chance.random()}", "size": size, "digests": digests}
        body = json.dumps({"files": [file]}).encode()
        writer.write(self.post("uploads", len(body)) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        [result] = json.loads(await reader.readexactly(length))["results"]
        fields = f"Onecopy-Ticket: {result['ticket']}", f"Content-Length: {min(size, 8 * MiB)}"
        return self.head("PUT", "/v1/uploads/parts/1", *fields)

    def mutated(self, body: bytes) -> bytes:
        """Return a body with some bytes removed, repeated or replaced."""
        data = bytearray(body)
        for _ in range(self.chance.randint(1, 4)):
            at, end = sorted(self.chance.randrange(len(data) + 1) for _ in range(2))
            data[at:end] = self.chance.choice([*PIECES, data[at:end] * 2])
        return bytes(data)


async def idle(_: Attacker, reader: Reader, __: Writer) -> None:
    """Send nothing."""
    await reader.read()


async def _send_slowly(reader: Reader, writer: Writer, data: bytes, pause: float) -> None:
    for byte in data:
        await _send(writer, bytes([byte]))
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                if not await reader.read(65536):
                    return


async def slow_head(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Send a head byte by byte."""
    await _send_slowly(reader, writer, self.head("GET", "/healthz", "X: " + "x" * 1000), 0.5)


async def slow_json(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Send a JSON body byte by byte."""
    writer.write(self.post("check", 10_000))
    await _send_slowly(reader, writer, b" " * 10_000, 0.5)


async def stalled_json(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Send a body of almost 8 MiB, but for its end."""
    writer.write(self.post("check", LARGE) + b" " * (LARGE - 10))
    await reader.read()


async def _send_on(reader: Reader, writer: Writer, data: bytes, most: int) -> None:
    """Send the same bytes again and again, up to a number of bytes; ends with the connection."""
    for _ in range(most // len(data)):
        await _send(writer, data)
    await reader.read()


async def _send(writer: Writer, data: bytes) -> None:
    """Send data; raises ConnectionError if the connection is closed."""
    writer.write(data)
    await writer.drain()
    if writer.transport.is_closing():
        raise ConnectionError


async def endless_headers(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Send headers without an end."""
    writer.write(self.head("GET", "/healthz")[:-2])
    await _send_on(reader, writer, b"a: b\r\n" * 5_000, 200 * MiB)


async def large_header(_: Attacker, reader: Reader, writer: Writer) -> None:
    """Send one header of 80 MiB."""
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
    await _send_on(reader, writer, b"x" * 65536, 80 * MiB)


async def endless_extension(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Send a chunk of a body whose extension has no end."""
    writer.write(self.head("POST", "/v1/check", "Transfer-Encoding: chunked") + b"1;")
    await _send_on(reader, writer, b"x" * 65536, 80 * MiB)


async def no_http(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Send what is no HTTP."""
    writer.write(self.chance.randbytes(500))
    await reader.read()


async def pipelining(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Request much, and read nothing."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    one = self.head("GET", "/openapi.json")
    for _ in range(10_000):
        await _send(writer, one)
    await reader.read()


async def slow_part(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Send one byte of a part every 20 seconds."""
    writer.write(await self.part(reader, writer, MiB))
    await _send_slowly(reader, writer, bytes(1000), 20)


async def waiting_part(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Send most of a part, and let it wait for a thread, or leave."""
    writer.write(await self.part(reader, writer, 8 * MiB) + bytes(MiB))
    with suppress(TimeoutError):
        async with asyncio.timeout(self.chance.choice([0.05, 60])):
            await reader.read()


async def reservation(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Begin uploads of 2 GiB, and never send them."""
    for _ in range(10):
        await self.part(reader, writer, 2 * 1024 * MiB)


async def wrong_token(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Present tokens that do not exist, with a body that waits for the answer."""
    token = f"onecopy_{self.chance.randbytes(20).hex()}"
    writer.write(self.post("check", 500_000, token) + bytes(500_000))
    await reader.readuntil(b"\r\n\r\n")


async def wrong_ticket(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Send a part with a ticket that nobody has signed."""
    fields = f"Onecopy-Ticket: {self.chance.randbytes(100).hex()}", "Content-Length: 10"
    writer.write(self.head("PUT", "/v1/uploads/parts/1", *fields) + bytes(10))
    await reader.readuntil(b"\r\n\r\n")


async def mutated(self: Attacker, reader: Reader, writer: Writer) -> None:
    """Send documents with some bytes changed to every operation."""
    for name, document in DOCUMENTS.items():
        body = self.mutated(document)
        writer.write(self.post(name, len(body)) + body)
    await reader.readuntil(b"\r\n\r\n")


KINDS: dict[Attack, tuple[int, float]] = {
    idle: (1000, 5),
    slow_head: (50, 1),
    slow_json: (50, 1),
    stalled_json: (20, 1),
    endless_headers: (4, 0.5),
    large_header: (4, 0.5),
    endless_extension: (4, 0.5),
    no_http: (8, 0.5),
    pipelining: (8, 0.5),
    slow_part: (64, 1),
    waiting_part: (300, 5),
    reservation: (2, 0.5),
    wrong_token: (32, 0.5),
    wrong_ticket: (8, 0.5),
    mutated: (4, 0.5),
}
"""Attackers of each kind, and the seconds between two attacks of one of them."""


async def main(port: int, token: str) -> None:
    """Attack in all ways at once."""
    attacker = Attacker(port, token)
    attacks = [
        attacker.attack(kind, pause)
        for kind, (number, pause) in KINDS.items()
        for _ in range(number)
    ]
    await asyncio.gather(*attacks)


if __name__ == "__main__":
    raise_descriptor_limit()
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
