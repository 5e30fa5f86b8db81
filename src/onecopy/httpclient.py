"""HTTP/1.1 over connections that stay open: for requests that are made by the thousand.

Of the time that a small file takes most is Python's own, and urllib3 takes six times as long for a
request. So this does what our requests need, and no more: no redirects, cookies, codings or
proxies, and nothing is repeated.
"""

import select
import socket
import ssl
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple, Self
from urllib.parse import SplitResult, urlsplit

from httptools import HttpParserError, HttpResponseParser

from onecopy.errors import BadInput, Unavailable

Payload = bytes | Iterator[bytes]
"""What a request brings; of an iterator's bytes its headers state the length."""

_PORTS = {"http": 80, "https": 443}
_TO_CONNECT = 10
"""Seconds."""
_ASIDE = 256 * 1024
"""Bytes from which on a body is not sent together with the headers."""
_READ = 64 * 1024
_OWN = ("Accept: */*", "Accept-Encoding: identity", "User-Agent: onecopy")


class Response(NamedTuple):
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    """By lower-case names."""
    data: bytes


class HttpClient:
    """HttpClient to any servers; of each host `most` stay open. Threads may share them.

    `silence` is for how many seconds the other side may say nothing, and take nothing: a completion
    makes a bucket put a large object together.
    """

    def __init__(self, most: int = 16, *, silence: float = 300) -> None:
        self._most = most
        self._silence = silence
        self._idle: dict[str, list[_Connection]] = {}
        self._is_open = True
        weakref.finalize(self, _close, self._idle)  # whoever forgets to close leaves none open

    def request(
        self, method: str, url: str, headers: Mapping[str, str], payload: Payload | None = None
    ) -> Response:
        """Make one request; raises Unavailable if there is no answer, and what `payload` raises.

        BadInput is for what can't stand in a request.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise BadInput(f"{url!r} is no place to send to")
        head = _head(method, parts, headers, payload)
        connection = self._take(url, parts)
        try:
            response = connection.exchange(_pieces(head, payload), bare=method == "HEAD")
        except _Lost as lost:
            raise Unavailable(f"can't reach {origin(url)}: {lost}") from lost
        finally:
            self._give_back(connection)
        return response

    def _take(self, url: str, parts: SplitResult) -> "_Connection":
        """Return the connection that was used last, or a new one: so as few as can be stay busy."""
        idle = self._idle.setdefault(f"{parts.scheme}://{parts.netloc}", [])
        with suppress(IndexError):
            while True:
                connection = idle.pop()
                if not connection.is_dropped():
                    return connection
                connection.close()
        try:
            tls = self._tls if parts.scheme == "https" else None
            return _Connection(parts, idle, tls, self._silence)
        except (OSError, UnicodeError) as error:
            raise Unavailable(f"can't reach {origin(url)}: {_plain(error)}") from error

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Whom to trust, and in what protocol to speak."""
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _give_back(self, connection: "_Connection") -> None:
        if connection.is_reusable and self._is_open and len(connection.idle) < self._most:
            connection.idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close the connections, those in use as soon as they are given back."""
        self._is_open = False
        _close(self._idle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _close(idle: "dict[str, list[_Connection]]") -> None:
    for connections in idle.values():
        while connections:
            connections.pop().close()


def origin(url: str) -> str:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS.get(parts.scheme)}"


def host(parts: SplitResult) -> str:
    """Return a URL's host as requests name it: without the port that goes without saying."""
    named = parts.netloc.rpartition("@")[2].lower()
    return named.removesuffix(f":{_PORTS[parts.scheme]}")


class _Lost(Exception):
    """The connection failed; says how."""


class _Connection:
    """One connection, and where it waits while nobody uses it."""

    def __init__(
        self,
        parts: SplitResult,
        idle: "list[_Connection]",
        tls: ssl.SSLContext | None,
        silence: float,
    ) -> None:
        self.idle = idle
        self.is_reusable = False
        name, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        self._socket = socket.create_connection((name, port), _TO_CONNECT)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                self._socket = tls.wrap_socket(self._socket, server_hostname=name)
            self._socket.settimeout(silence)
        except BaseException:
            self.close()
            raise

    def is_dropped(self) -> bool:
        """Whether the other side closed it, or says what nobody asked for."""
        if not hasattr(select, "poll"):  # on Windows, which has no limit of descriptors here
            return bool(select.select([self._socket], [], [], 0)[0])
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def exchange(self, pieces: Iterable[bytes], *, bare: bool) -> Response:
        """Send a request and return the answer; raises _Lost, and what `pieces` raises."""
        self.is_reusable = False  # until all is well
        sent = all(self._write(piece) for piece in pieces)
        answer = _Answer(bare=bare)
        while not answer.is_complete:
            answer.feed(self._read())
        self.is_reusable = sent and answer.keeps_open
        return answer.response()

    def _write(self, data: bytes) -> bool:
        """Send, and return whether that went; who refuses a request may not read all of it."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        except OSError as error:
            raise _Lost(_plain(error)) from error
        return True

    def _read(self) -> bytes:
        try:
            return self._socket.recv(_READ)
        except OSError as error:
            raise _Lost(_plain(error)) from error

    def close(self) -> None:
        self._socket.close()


class _Answer:
    """An answer, as far as it was read."""

    def __init__(self, *, bare: bool) -> None:
        self._parser = HttpResponseParser(self)
        self._bare = bare
        """Whether it ends with its headers, whatever they say of a body: that to a HEAD does."""
        self._status = 0
        self._headers: dict[str, str] = {}
        self._data: list[bytes] = []
        self.is_complete = False
        self.keeps_open = False

    def feed(self, data: bytes) -> None:
        """Take what was read; nothing means that the other side closed the connection."""
        if not data:
            if not self._status or self._is_delimited():
                raise _Lost("the connection was closed without an answer")
            self.is_complete = True
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            raise _Lost(f"the answer is no HTTP: {error}") from error

    def _is_delimited(self) -> bool:
        """Whether the body has an end of its own."""
        return bool(self._headers.keys() & {"content-length", "transfer-encoding"})

    def response(self) -> Response:
        return Response(self._status, self._headers, b"".join(self._data))

    # The parser calls these: https://github.com/MagicStack/httptools

    def on_message_begin(self) -> None:
        if self.is_complete:  # what follows must not be taken for the answer to the next request
            self.keeps_open = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._status:  # of a trailer nobody asked for, or another answer
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._status:
            return
        if status < 200:  # the answer is still to come
            self._headers.clear()
            return
        self._status = status
        is_closing = "close" in self._headers.get("connection", "").lower()
        self.keeps_open = self._parser.get_http_version() == "1.1" and not is_closing
        self.is_complete = self._bare

    def on_body(self, data: bytes) -> None:
        if self.is_complete:
            self.keeps_open = False
        else:
            self._data.append(data)

    def on_message_complete(self) -> None:
        self.is_complete = self.is_complete or bool(self._status)


def _head(
    method: str, parts: SplitResult, headers: Mapping[str, str], payload: Payload | None
) -> bytes:
    """Return a request up to its body."""
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host(parts)}", *_OWN]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if isinstance(payload, bytes):
        lines.append(f"Content-Length: {len(payload)}")
    lines += ["", ""]
    text = "\r\n".join(lines)
    # Headers may come from a server: they must not bring others with them.
    if not text.count("\n") == text.count("\r") == len(lines) - 1:
        raise BadInput("a header with a line break in it")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise BadInput(f"{error.object[error.start]!r} can't stand in a request") from error


def _pieces(head: bytes, payload: Payload | None) -> Iterator[bytes]:
    """Yield what is sent; a small body together with the headers, which spares a packet."""
    chunks = iter([payload]) if isinstance(payload, bytes) else payload or iter(())
    first = next(chunks, b"")
    if len(first) <= _ASIDE:
        yield head + first
    else:
        yield head
        yield first
    yield from chunks


def _plain(error: Exception) -> str:
    """Return the operating system's own words."""
    return (getattr(error, "strerror", None) or str(error)).strip()
