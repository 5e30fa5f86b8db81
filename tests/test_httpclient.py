"""HttpClient: requests over sockets that stay open, to servers that do as they like."""

import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import StreamRequestHandler
from threading import Semaphore
from time import sleep
from typing import Any
from urllib.parse import urlsplit

import pytest

from onecopy.errors import BadInput, Failure, FileChanged, Forbidden, Unavailable, WrongBytes
from onecopy.httpclient import HttpClient, Payload, host, origin
from onecopy.retry import RetryPolicy
from onecopy.store.interface import Send
from onecopy.store.s3.put import put
from tests.certificates import certify, serving_with
from tests.middleman import serving

MiB = 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSING = OK.replace(b"200 OK", b"200 OK\r\nConnection: close")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BARE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
"""What a HEAD is answered: a length, and no body."""
FAST = RetryPolicy(attempts=3, first_delay=0.01, max_delay=0.02)


class Line(StreamRequestHandler):
    """One connection, as its server has it."""

    def head(self) -> str:
        """Read a request up to its body; empty if the client has closed."""
        return b"".join(iter(lambda: self.rfile.readline().strip(b"\r\n") + b"\n", b"\n")).decode(
            "latin-1"
        )

    def read(self) -> str:
        """Read a request with its body, and return what comes before that."""
        head = self.head()
        length = head.lower().partition("content-length: ")[2].partition("\n")[0]
        self.rfile.read(int(length or 0))
        return head


Script = Callable[[Line], object]
"""What a server does with a connection, which is closed behind it."""


@dataclass
class Server:
    """What a server has seen."""

    url: str = ""
    lines: list[Line] = field(default_factory=list)
    """One for each connection."""


@contextmanager
def speaking(*scripts: Script, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server that runs the next script for each connection; the last one is repeated."""
    server = Server()

    class Scripted(Line):
        def setup(self) -> None:
            if tls:
                self.request: Any = tls.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def handle(self) -> None:
            server.lines.append(self)
            scripts[min(len(server.lines), len(scripts)) - 1](self)

    with serving(Scripted) as url:
        server.url = url.replace("http:", "https:") if tls else url
        yield server


def says(*answers: bytes) -> Script:
    """Answer a number of requests, and close the connection."""

    def script(line: Line) -> None:
        for answer in answers:
            line.read()
            line.wfile.write(answer)

    return script


def echoes(line: Line) -> None:
    """Answer each request with its path, for ever."""
    while head := line.read():
        path = head.split()[1].encode()
        line.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))


def cut_short(line: Line) -> None:
    """Close the connection in the middle of a request."""
    line.head()
    line.rfile.read(10)


@pytest.fixture
def connections() -> Iterator[HttpClient]:
    """Make connections that are closed in the end."""
    with HttpClient(timeout=5) as made:
        yield made


def get(connections: HttpClient, url: str) -> bytes:
    """Return what is answered to a GET."""
    return bytes(connections.request("GET", url, {}).data)


def upload(connections: HttpClient, url: str, payload: Payload, length: int) -> tuple[int, bytes]:
    """Return how a PUT is answered."""
    answer = connections.request("PUT", url, {"Content-Length": str(length)}, payload)
    return answer.status, bytes(answer.data)


def test_a_connection_is_used_again(connections: HttpClient) -> None:
    """One request after the other goes over the same connection, whatever its method."""
    with speaking(says(OK, BARE, OK, OK)) as server:
        assert get(connections, f"{server.url}/a?b=c") == b"ok"
        assert connections.request("HEAD", server.url, {}).headers == {"content-length": "1000"}
        assert upload(connections, server.url, iter([b"x" * MiB, b"y" * 10]), MiB + 10)[1] == b"ok"
        assert connections.request("POST", server.url, {}, b"{}").status == 200
        assert len(server.lines) == 1


def test_what_is_sent(connections: HttpClient) -> None:
    """A request names the host with its port, the headers given and the length of its body."""
    heads: list[str] = []

    def listens(line: Line) -> None:
        heads.append(line.read())
        line.wfile.write(OK)

    with speaking(listens) as server:
        connections.request("POST", f"{server.url}/p?q=1", {"x-test": "é"}, b"abc")
    request, *lines = heads[0].splitlines()
    assert request == "POST /p?q=1 HTTP/1.1"
    assert f"Host: {server.url.removeprefix('http://')}" in lines
    assert {"x-test: é", "Content-Length: 3"} <= set(lines)


def test_an_idle_connection_that_was_closed_is_not_used(connections: HttpClient) -> None:
    """If a server has closed an idle connection, the next request notices it and succeeds."""
    with speaking(says(OK), says(OK)) as server:
        assert get(connections, server.url) == b"ok"
        sleep(0.1)
        assert get(connections, server.url) == b"ok"
        assert len(server.lines) == 2


def test_a_connection_that_is_closed_at_the_wrong_moment(connections: HttpClient) -> None:
    """A connection closed as the request arrives is Unavailable; a caller may repeat it."""

    def closes_late(line: Line) -> None:
        says(OK)(line)
        line.read()

    with speaking(closes_late) as server:
        get(connections, server.url)
        with pytest.raises(Unavailable, match=f"{server.url}: the connection was closed"):
            get(connections, server.url)
        assert get(connections, server.url) == b"ok"


@pytest.mark.parametrize("length", [1000, 4 * MiB])
def test_a_body_that_breaks_off_is_sent_again(connections: HttpClient, length: int) -> None:
    """Sending repeats what was cut short, from the start of the body."""
    begun = []
    received = []

    def body() -> Iterator[bytes]:
        begun.append(1)
        yield from [b"x" * (length // 4)] * 4

    def takes(line: Line) -> None:
        line.head()
        received.append(line.rfile.read(length))
        line.wfile.write(OK.replace(b"200 OK", b'200 OK\r\nETag: "1"'))

    with speaking(cut_short, cut_short, takes) as server:
        put(connections, Send(1, "PUT", server.url, {}), body, length, FAST)
    assert received == [b"x" * length]
    assert len(begun) == 3


def test_sending_is_given_up_in_the_end(connections: HttpClient) -> None:
    """A server that never answers is Unavailable after the last attempt, and no sooner."""
    with speaking(cut_short) as server:
        with pytest.raises(Unavailable):
            put(connections, Send(1, "PUT", server.url, {}), lambda: iter([b"x" * 20]), 20, FAST)
        assert len(server.lines) == FAST.attempts


def test_what_can_not_be_read_is_not_sent_again(connections: HttpClient) -> None:
    """A body's own error is raised as it is, and its connection is not used any more."""

    def body() -> Iterator[bytes]:
        yield b"x"
        raise FileChanged("it changed")

    with speaking(echoes) as server:
        with pytest.raises(FileChanged):
            put(connections, Send(1, "PUT", server.url, {}), body, 20, FAST)
        assert get(connections, f"{server.url}/a") == b"/a"
        assert len(server.lines) == 2


@pytest.mark.parametrize("length", [1000, 8 * MiB])
def test_a_refusal_before_the_body_was_read(connections: HttpClient, length: int) -> None:
    """A server that refuses a request need not read its body: its response is still read."""

    def refuses(line: Line) -> None:
        line.head()
        line.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        sleep(0.1)  # and unread bytes reset the connection

    with speaking(refuses, echoes) as server:
        chunks = iter([b"x" * (length // 8)] * 8)
        assert upload(connections, server.url, chunks, length) == (403, b"no")
        sleep(0.2)
        assert get(connections, f"{server.url}/a") == b"/a"
        assert len(server.lines) == 2


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [("403 Forbidden", "AccessDenied", Forbidden), ("400 Bad", "BadDigest", WrongBytes)],
)
def test_a_refusal_is_not_repeated(
    connections: HttpClient, status: str, code: str, error: type[Exception]
) -> None:
    """A request that the bucket refuses permanently is sent once; the error quotes the bucket."""
    text = f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode()
    answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text
    with speaking(says(answer)) as server:
        with pytest.raises(error, match=f"{code}: No"):
            put(connections, Send(1, "PUT", server.url, {}), lambda: iter([b"x"]), 1, FAST)
        assert len(server.lines) == 1


@pytest.mark.parametrize(
    "answer",
    [CLOSING, OK.replace(b"1.1", b"1.0"), b"HTTP/1.1 200 OK\r\n\r\nok"],
    ids=["said", "old", "no length"],
)
def test_a_server_that_keeps_no_connection(connections: HttpClient, answer: bytes) -> None:
    """It gets a new one for each request, and no request fails."""
    with speaking(says(answer)) as server:
        assert [get(connections, server.url) for _ in range(3)] == [b"ok"] * 3
        assert len(server.lines) == 3


@pytest.mark.parametrize(
    ("answer", "data"),
    [
        (b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + OK, b"ok"),
        (
            CHUNKED + b"1\r\no\r\n1;x=y\r\nk\r\n0\r\nX: y\r\n\r\n",
            b"ok",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
    ids=["continue", "chunks", "no content"],
)
def test_other_forms_of_an_answer(connections: HttpClient, answer: bytes, data: bytes) -> None:
    """A response ends where it states its end, and no foreign bytes get into its headers."""
    with speaking(says(answer, OK)) as server:
        response = connections.request("GET", server.url, {})
        assert response.data == data
        assert "x" not in response.headers
        assert get(connections, server.url) == b"ok"
        assert len(server.lines) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_nobody_asked_for_is_no_answer(connections: HttpClient, method: str) -> None:
    """A second answer that follows at once is not taken for that to the next request."""
    first = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    other = b"HTTP/1.1 500 No\r\nX: y\r\nContent-Length: 1\r\n\r\n!"
    with speaking(says(first + other, OK), echoes) as server:
        answer = connections.request(method, server.url, {})
        assert (answer.status, answer.data) == (200, b"")
        assert answer.headers == {"content-length": "0"}
        assert get(connections, f"{server.url}/a") == b"/a"
        assert len(server.lines) == 2


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200", OK[:-1], b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-OpenSSH\r\n"],
    ids=["none", "status", "body", "headers", "other"],
)
def test_half_an_answer_is_none(connections: HttpClient, answer: bytes) -> None:
    """An answer that breaks off, or is no HTTP, is Unavailable: the server may have done it."""
    with speaking(says(answer)) as server, pytest.raises(Unavailable, match=server.url):
        get(connections, server.url)


@pytest.mark.parametrize("size", [MiB, MiB + 1, 5 * MiB + 7])
def test_large_answers(connections: HttpClient, size: int) -> None:
    """A large body is read completely, and the connection is used again."""
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    def answer(line: Line) -> None:
        for _ in range(2):
            line.read()
            line.wfile.write(b"HTTP/1.1 206 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for at in range(0, size, 300_000):
                line.wfile.write(body[at : at + 300_000])

    with speaking(answer) as server:
        for _ in range(2):
            assert connections.request("GET", server.url, {}).data == body
        assert len(server.lines) == 1


def test_an_answer_that_is_too_large(connections: HttpClient) -> None:
    """A body larger than the caller accepts is not read, and the connection is closed."""
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + bytes(300_000)
    with speaking(says(large)) as server:
        for _ in range(2):
            with pytest.raises(Failure, match=r"too large: \d+ bytes \(limit 999\)"):
                connections.request("GET", server.url, {}, max_bytes=999)
        assert len(server.lines) == 2


def test_an_answer_without_a_length_that_is_too_large(connections: HttpClient) -> None:
    """It is read up to the limit, and its connection is closed."""
    chunk = b"400\r\n" + bytes(1024) + b"\r\n"
    fits = CHUNKED + chunk + b"0\r\n\r\n"
    with speaking(says(fits, CHUNKED + chunk * 1000)) as server:
        assert len(connections.request("GET", server.url, {}, max_bytes=1024).data) == 1024
        with pytest.raises(Failure, match=r"too large: \d+ bytes \(limit 1024\)"):
            connections.request("GET", server.url, {}, max_bytes=1024)
        assert connections._idle == {server.url: []}


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://[::1]/a", "http://[::1]:80"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://ada:hush@host:80/a", "http://host:80"),
    ],
)
def test_origin(url: str, named: str) -> None:
    """An IPv6 address stays in brackets, and nobody's password is shown."""
    assert origin(url) == named


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://Bücher.example:8000/", "xn--bcher-kva.example:8000"),
        ("https://bücher.example:443/", "xn--bcher-kva.example"),
        ("http://[::1]:80/", "[::1]"),
    ],
)
def test_the_host_header(url: str, named: str) -> None:
    """A name in other letters is sent as DNS has it."""
    assert host(urlsplit(url)) == named


def test_a_host_that_dns_can_not_have(connections: HttpClient) -> None:
    """It is an invalid URL."""
    with pytest.raises(BadInput, match="invalid host"):
        get(connections, f"http://{'ü' * 80}.example/")


def test_half_a_large_answer_is_none(connections: HttpClient) -> None:
    """A large body that breaks off is a failure, and its connection is not used again."""

    def answer(line: Line) -> None:
        line.read()
        line.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + bytes(4_000_000))

    with speaking(answer) as server:
        for _ in range(2):
            with pytest.raises(Unavailable, match="before the response was complete"):
                connections.request("GET", server.url, {})
        assert len(server.lines) == 2


def test_an_answer_that_comes_byte_by_byte(connections: HttpClient) -> None:
    """A slow answer is waited for as long as something comes."""

    def dribbles(line: Line) -> None:
        line.read()
        for byte in OK:
            line.wfile.write(bytes([byte]))
            sleep(0.002)

    with speaking(dribbles) as server:
        assert get(connections, server.url) == b"ok"


def test_a_server_that_says_nothing() -> None:
    """Silence for too long is Unavailable, and the answer to it is not taken for another's."""

    def dawdles(line: Line) -> None:
        line.read()
        sleep(0.5)
        line.wfile.write(OK)

    with speaking(dawdles, echoes) as server, HttpClient(timeout=0.1) as connections:
        with pytest.raises(Unavailable, match=r"timed out, since no byte passed for 0\.1 seconds"):
            get(connections, server.url)
        assert get(connections, f"{server.url}/a") == b"/a"


def test_a_server_that_takes_nothing() -> None:
    """A body that the server does not read is abandoned after the same time."""
    with (
        speaking(lambda line: sleep(0.5)) as server,
        HttpClient(timeout=0.1) as connections,
        pytest.raises(Unavailable, match=r"timed out, since no byte passed for 0\.1 seconds"),
    ):
        upload(connections, server.url, iter([b"x" * MiB] * 64), 64 * MiB)


def test_many_threads_get_each_its_own_answer() -> None:
    """No response is returned for another request, and only `max_idle` connections stay open."""
    with speaking(echoes) as server, HttpClient(4) as connections:
        urls = [f"{server.url}/{number}" for number in range(1000)]
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda url: get(connections, url), urls))
        assert answers == [b"/%d" % number for number in range(1000)]
        before = len(server.lines)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda url: get(connections, url), urls))
        assert len(server.lines) == before


def test_closing_lets_go(connections: HttpClient) -> None:
    """Closing ends idle connections, and those in use once they are given back."""
    ended = Semaphore(0)

    def listens(line: Line) -> None:
        echoes(line)
        ended.release()

    with speaking(listens) as server:
        get(connections, server.url)
        connections.close()
        get(connections, server.url)
        assert all(ended.acquire(timeout=10) for _ in range(2))


def test_a_header_brings_no_others(connections: HttpClient) -> None:
    """Headers may come from a server: a line break in one is refused, and nothing is sent."""
    with speaking(echoes) as server:
        for value in ("a\r\nX-Other: b", "a\nb", "a\rb"):
            with pytest.raises(BadInput, match="line break"):
                connections.request("GET", server.url, {"x": value})
        with pytest.raises(BadInput, match="'☃'"):
            connections.request("GET", server.url, {"x": "☃"})
        assert server.lines == []


@pytest.mark.parametrize("url", ["ftp://host/", "host/", "/path", "http:///path"])
def test_what_is_no_server(connections: HttpClient, url: str) -> None:
    """An address of another kind is BadInput."""
    with pytest.raises(BadInput):
        get(connections, url)


def test_a_server_that_is_not_there(connections: HttpClient) -> None:
    """The operating system's own words say why."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(Unavailable, match=f"{url}: Connection refused"):
        get(connections, url)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a certificate for 127.0.0.1."""
    return certify(tmp_path)


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """Return what a server has that uses it."""
    return serving_with(certificate)


def test_a_trusted_certificate(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS changes nothing else; the environment names the trusted certificates."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with speaking(says(OK, OK), echoes, tls=tls) as server, HttpClient() as connections:
        assert upload(connections, server.url, iter([b"x" * MiB]), MiB) == (200, b"ok")
        assert get(connections, server.url) == b"ok"
        sleep(0.1)
        assert get(connections, f"{server.url}/a") == b"/a"
        assert len(server.lines) == 2


def test_a_certificate_that_nobody_vouches_for(
    tls: ssl.SSLContext, connections: HttpClient
) -> None:
    """It is refused, and Unavailable states the reason."""
    with (
        speaking(echoes, tls=tls) as server,
        pytest.raises(Unavailable, match=r"(?i)certificate.verify.failed"),
    ):
        get(connections, server.url)


def test_a_server_with_tls_is_named(connections: HttpClient) -> None:
    """Its alert to a request without TLS is no HTTP, and says what the URL should be."""
    alert = b"\x15\x03\x01\x00\x02\x02\x46"
    with speaking(says(alert)) as server, pytest.raises(Unavailable, match="begins with https://"):
        get(connections, server.url)
