"""An HTTP/1.1 client with persistent connections, for requests made by the thousand.

Most of the time for a small file is spent in Python, and urllib3 needs six times as long for a
request. So this client has only what our requests need, which includes HTTP proxies: no redirects,
cookies, content codings or retries.
"""

import re
import socket
import ssl
import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple, Self
from urllib.parse import SplitResult, urlsplit

from httptools import HttpParserError, HttpResponseParser

from onecopy.errors import BadInput, Failure
from onecopy.network import USES_NO_TLS, USES_TLS, Network, read_network
from onecopy.platforms import is_readable
from onecopy.proxies import Proxy, ProxyFailed, bracketed, denied

Payload = bytes | Iterator[bytes]
"""The body of a request. The headers must state the length of an iterator's bytes."""

_PORTS = {"http": 80, "https": 443}
_CONNECT_TIMEOUT = 10
"""Seconds."""
_MAX_JOINED_BYTES = 256 * 1024
"""Bodies of at most this size are sent together with the headers."""
_READ_BYTES = 64 * 1024
_LARGE_BODY = 1024 * 1024
"""Bytes of a body from which on the rest is read without the parser."""
_LARGEST_BUFFER = 64 * 1024 * 1024
"""Bytes that are allocated because a server states that it sends them."""
_CUT_OFF = "the connection was closed before the response was complete"
_PROXY_DENIED = 407
_TLS_ALERT = b"\x15\x03"
"""How a server that expects TLS answers a plain request (https://www.rfc-editor.org/rfc/rfc8446)."""
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
"""OpenSSL's names for an answer that is not TLS."""
_OPENSSL_PLACE = re.compile(r"^\[[^]]*\] | \(_ssl\.c:\d+\)$")
_PLAIN_URL = re.compile(r"(https?://[^/?#\s]+)(/[^#\s]*)")
_DEFAULT_HEADERS = ("Accept: */*", "Accept-Encoding: identity", "User-Agent: onecopy")


class Response(NamedTuple):
    """A server's response."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    data: bytes | bytearray


class TooLarge(Failure):
    """The body of a response is larger than the caller accepts."""


class HttpClient:
    """An HTTP client for any number of servers, which threads may share.

    At most `max_idle` idle connections per server are kept open. `timeout` is the number of seconds
    in which a server must send or accept some bytes; the default is long, since a bucket assembles
    a large object when an upload is completed. A request may have a shorter one. `network` has the
    proxies and trusted certificates; the default is what the environment says.
    """

    def __init__(
        self, max_idle: int = 16, *, timeout: float = 300, network: Network | None = None
    ) -> None:
        self._max_idle = max_idle
        self._timeout = timeout
        self._network = network or read_network()
        self._proxies: dict[str, Proxy | None] = {}
        self._idle: dict[str, list[_Connection]] = {}
        self._is_open = True
        weakref.finalize(self, _close, self._idle)  # closes what a caller forgot to close

    def request(  # noqa: PLR0913 - limits by name
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        payload: Payload | None = None,
        *,
        max_bytes: int = sys.maxsize,
        timeout: float | None = None,
    ) -> Response:
        """Make one request and return the response, whatever its status.

        Raises TooLarge if the body is larger than `max_bytes`, Unavailable if there is no response,
        Forbidden if a proxy denies access, BadInput if a request can't contain the URL or a header,
        and whatever `payload` raises.
        """
        parts, target = _split(url)
        proxy = self._proxy(parts)
        forwarder = proxy if parts.scheme == "http" else None
        head = _head(method, parts, target, headers, payload, forwarder)
        connection = self._connection(url, parts, proxy)
        connection.set_timeout(timeout or self._timeout)
        try:
            pieces = _pieces(head, payload)
            response = connection.exchange(pieces, bare=method == "HEAD", max_bytes=max_bytes)
        except _Lost as lost:
            raise self._failure(url, forwarder, str(lost)) from lost
        finally:
            self._release(connection)
        if forwarder and response.status == _PROXY_DENIED:
            raise forwarder.failure(origin(url), denied(response.status))
        return response

    def _proxy(self, parts: SplitResult) -> Proxy | None:
        """Return the proxy to a server; found out once for each."""
        if not self._network.proxies:
            return None
        server = f"{parts.scheme}://{parts.netloc}"
        if server not in self._proxies:
            self._proxies[server] = self._network.proxy(server)
        return self._proxies[server]

    def _connection(self, url: str, parts: SplitResult, proxy: Proxy | None) -> "_Connection":
        """Return the most recently used idle connection, or a new one, so that few stay open."""
        idle = self._idle.setdefault(f"{parts.scheme}://{parts.netloc}", [])
        with suppress(IndexError):
            while True:
                connection = idle.pop()
                if not connection.is_dropped():
                    return connection
                connection.close()
        tls = self._network.tls if parts.scheme == "https" else None
        try:
            return _Connection(parts, idle, tls, proxy)
        except ProxyFailed as failed:
            assert proxy is not None  # noqa: S101 - it failed
            raise proxy.failure(origin(url), failed) from failed
        except (OSError, UnicodeError) as error:
            raise self._failure(url, None, _plain(error)) from error

    def _failure(self, url: str, forwarder: Proxy | None, reason: str) -> Failure:
        if forwarder:
            return forwarder.failure(origin(url), ProxyFailed(reason))
        return self._network.unreachable(origin(url), reason)

    def _release(self, connection: "_Connection") -> None:
        if connection.is_reusable and self._is_open and len(connection.idle) < self._max_idle:
            connection.idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close the connections; those in use are closed after their request."""
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
    port = parts.port or _PORTS.get(parts.scheme)
    return f"{parts.scheme}://{bracketed(parts.hostname or '')}:{port}"


def host(parts: SplitResult) -> str:
    """Return the host of a URL for the Host header: without the default port."""
    named = parts.netloc.rpartition("@")[2].lower()
    if not named.isascii():
        named = _in_ascii(parts)
    return named.removesuffix(f":{_PORTS[parts.scheme]}")


def _in_ascii(parts: SplitResult) -> str:
    """Return host and port as DNS has them (https://www.rfc-editor.org/rfc/rfc3490)."""
    try:
        name = (parts.hostname or "").encode("idna").decode()
    except UnicodeError as error:
        raise BadInput(f"invalid host {parts.hostname!r} in a URL: {error}") from error
    return f"{name}:{parts.port}" if parts.port else name


class _Lost(Exception):
    """The connection failed; the message says how."""


class _Connection:
    """A connection, and the list that it returns to when it is idle."""

    def __init__(
        self,
        parts: SplitResult,
        idle: "list[_Connection]",
        tls: ssl.SSLContext | None,
        proxy: Proxy | None,
    ) -> None:
        self.idle = idle
        self.is_reusable = False
        name, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        self._socket = _connect(name, port, proxy, tunnel=tls is not None)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                self._socket = tls.wrap_socket(self._socket, server_hostname=name)
        except BaseException:
            self.close()
            raise

    def set_timeout(self, timeout: float) -> None:
        """Set the number of seconds in which the server must send or accept some bytes."""
        self._socket.settimeout(timeout)

    def is_dropped(self) -> bool:
        """Return whether the server closed the connection or sent something unrequested."""
        return is_readable(self._socket)

    def exchange(self, pieces: Iterable[bytes], *, bare: bool, max_bytes: int) -> Response:
        """Send a request and return the response; raises _Lost, and whatever `pieces` raises.

        Raises TooLarge if more than `max_bytes` are stated, or received.

        `bare` is set for a HEAD request, whose response has no body.
        """
        self.is_reusable = False  # until the response is complete
        sent = all(self._write(piece) for piece in pieces)
        response = _Response(bare=bare)
        while not response.is_complete:
            missing = response.missing
            if (size := missing + response.size) > max_bytes:
                raise TooLarge(f"the response is too large: {size} bytes (limit {max_bytes})")
            if _LARGE_BODY < missing <= _LARGEST_BUFFER:
                response.take(self._read_rest(response.received, missing))
            else:
                response.feed(self._read())
        self.is_reusable = sent and response.keeps_open
        return response.value()

    def _write(self, data: bytes) -> bool:
        """Send bytes; return False if the server no longer reads, as when it rejects a request."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        except OSError as error:
            raise self._lost(error) from error
        return True

    def _read(self) -> bytes:
        try:
            return self._socket.recv(_READ_BYTES)
        except OSError as error:
            raise self._lost(error) from error

    def _read_rest(self, received: bytes, missing: int) -> bytearray:
        """Read the rest of a body into one buffer, which is faster than parsing pieces."""
        buffer, done = bytearray(len(received) + missing), len(received)
        buffer[:done] = received
        with memoryview(buffer) as view:
            while done < len(buffer):
                try:
                    count = self._socket.recv_into(view[done:])
                except OSError as error:
                    raise self._lost(error) from error
                if not count:
                    raise _Lost(_CUT_OFF)
                done += count
        return buffer

    def _lost(self, error: OSError) -> _Lost:
        if isinstance(error, TimeoutError):
            return _Lost(
                f"timed out, since no byte passed for {self._socket.gettimeout():g} seconds"
            )
        return _Lost(_plain(error))

    def close(self) -> None:
        self._socket.close()


@lru_cache(1024)
def _lower(name: bytes) -> str:
    """Return the name of a header; most are the same in many responses."""
    return name.decode("latin-1").lower()


class _Response:
    """A response that is being read."""

    def __init__(self, *, bare: bool) -> None:
        self._parser = HttpResponseParser(self)
        self._bare = bare
        """Whether it ends with its headers, whatever they state about a body, as for HEAD."""
        self._status = 0
        self._headers: dict[str, str] = {}
        self._data: list[bytes | bytearray] = []
        self.size = 0
        """The bytes of the body that have been read."""
        self.is_complete = False
        self.keeps_open = False

    def feed(self, data: bytes) -> None:
        """Parse the bytes read; no bytes mean that the server closed the connection."""
        if not data:
            # Without these headers, the body ends where the connection does.
            is_delimited = self._headers.keys() & {"content-length", "transfer-encoding"}
            if not self._status or is_delimited:
                raise _Lost(_CUT_OFF)
            self.is_complete = True
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            if data.startswith(_TLS_ALERT):
                raise _Lost(f"it answers in TLS: {USES_TLS}") from error
            raise _Lost(f"the response is not HTTP: {error}") from error

    @property
    def missing(self) -> int:
        """The bytes of the body that have not been read; 0 if their number is not known yet."""
        length = self._headers.get("content-length", "") if self._status else ""
        if not length.isdecimal() or "transfer-encoding" in self._headers:
            return 0
        return int(length) - self.size

    @property
    def received(self) -> bytes:
        """What has been read of the body."""
        return b"".join(self._data)

    def take(self, body: bytearray) -> None:
        """Take the whole body, which completes the response."""
        self._data = [body]
        self.is_complete = True

    def value(self) -> Response:
        """Return the response, once it is complete."""
        data = self._data[0] if len(self._data) == 1 else b"".join(self._data)
        # This object and its parser refer to each other: a large body would stay until both are
        # found by the garbage collector.
        self._data.clear()
        return Response(self._status, self._headers, data)

    # The parser calls these: https://github.com/MagicStack/httptools

    def on_message_begin(self) -> None:
        if self.is_complete:  # it must not be taken for the response to the next request
            self.keeps_open = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._status:  # a trailer, or an unrequested response
            return
        key, text = _lower(name), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._status:
            return
        if status < 200:  # informational: the final response follows
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
            self.size += len(data)

    def on_message_complete(self) -> None:
        self.is_complete = self.is_complete or bool(self._status)


def _connect(name: str, port: int, proxy: Proxy | None, *, tunnel: bool) -> socket.socket:
    """Return a connection to a server, or to the proxy that forwards requests to it.

    Raises OSError, UnicodeError and ProxyFailed.
    """
    if proxy is None:
        return socket.create_connection((name, port), _CONNECT_TIMEOUT)
    if tunnel:
        return proxy.tunnel(name, port, _CONNECT_TIMEOUT)
    return proxy.connect(_CONNECT_TIMEOUT)


def _split(url: str) -> tuple[SplitResult, str]:
    """Return the server's part of a URL, and the rest; raises BadInput."""
    if (plain := _PLAIN_URL.fullmatch(url)) and (server := _server(plain[1])):
        return server, plain[2]  # the common case, kept cheap
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise BadInput(f"invalid URL {url!r}: expected http(s)://host/…")
    return parts, f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


@lru_cache(256)
def _server(url: str) -> SplitResult | None:
    """Return the parts of a URL without a path, or None if it has no host."""
    parts = urlsplit(url)
    return parts if parts.hostname else None


def _head(  # noqa: PLR0913, PLR0917 - the parts of a request
    method: str,
    parts: SplitResult,
    target: str,
    headers: Mapping[str, str],
    payload: Payload | None,
    forwarder: Proxy | None,
) -> bytes:
    """Return the request line and headers; raises BadInput for an invalid header."""
    if forwarder:
        target = f"{parts.scheme}://{host(parts)}{target}"
        if forwarder.authorization:
            headers = {**headers, "Proxy-Authorization": forwarder.authorization}
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host(parts)}", *_DEFAULT_HEADERS]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if isinstance(payload, bytes):
        lines.append(f"Content-Length: {len(payload)}")
    lines += ["", ""]
    text = "\r\n".join(lines)
    # Headers may come from a server: they must not inject others.
    if not text.count("\n") == text.count("\r") == len(lines) - 1:
        raise BadInput("invalid header or URL: it contains a line break")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise BadInput(
            f"invalid character {error.object[error.start]!r} in a header or URL: use Latin-1"
        ) from error


def _pieces(head: bytes, payload: Payload | None) -> Iterator[bytes]:
    """Yield the bytes to send; a small body is joined to the headers, which saves a packet."""
    chunks = iter([payload]) if isinstance(payload, bytes) else payload or iter(())
    first = next(chunks, b"")
    if len(first) <= _MAX_JOINED_BYTES:
        yield head + first
    else:
        yield head
        yield first
    yield from chunks


def _plain(error: Exception) -> str:
    """Return the operating system's or OpenSSL's description of an error."""
    if isinstance(error, ssl.SSLError):
        if error.reason in _NO_TLS:
            return f"it does not answer in TLS; if it has none, {USES_NO_TLS}"
        return _OPENSSL_PLACE.sub("", str(error))
    return (getattr(error, "strerror", None) or str(error)).strip()
