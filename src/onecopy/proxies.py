"""HTTP proxies: their URLs, tunnels through them, and the errors of those that fail."""

import re
import socket
from base64 import b64encode
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from onecopy.errors import Failure, Forbidden, InvalidSettings, Unavailable

_DEFAULT_PORT = 80
"""As in botocore."""
_SCHEME = re.compile(r"[a-z0-9]+://")
_MAX_ANSWER_BYTES = 64 * 1024
_DENIED = (HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)


class ProxyFailed(Exception):
    """The proxy did not connect to the server; the message says why, `status` is its answer."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


class Proxy(NamedTuple):
    """An HTTP proxy, and the environment variable that names it; its text has no password."""

    host: str
    port: int
    authorization: str
    """The value of Proxy-Authorization; empty without a name and password."""
    variable: str

    @staticmethod
    def parse(text: str, variable: str) -> "Proxy":
        """Parse `http://NAME:PASSWORD@host:port`, or `host:port`; raises InvalidSettings."""
        with suppress(ValueError):  # an invalid address or port
            parts = urlsplit(text if "://" in text else f"http://{text.removeprefix('//')}")
            if parts.scheme == "http" and parts.hostname:
                port = parts.port or _DEFAULT_PORT
                return Proxy(parts.hostname, port, _basic(parts), variable)
        raise InvalidSettings(
            f"can't use the proxy {_without_password(text)!r} in {variable}: expected "
            "http://host:port, or http://NAME:PASSWORD@host:port"
        )

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return f"http://{bracketed(self.host)}:{self.port}"

    def connect(self, timeout: float) -> socket.socket:
        """Return a connection to the proxy itself; raises ProxyFailed."""
        try:
            return socket.create_connection((self.host, self.port), timeout)
        except (OSError, UnicodeError) as error:
            raise ProxyFailed(reason_of(error)) from error

    def tunnel(self, host: str, port: int, timeout: float) -> socket.socket:
        """Return a connection through the proxy (RFC 9110, 9.3.6); raises ProxyFailed."""
        connection = self.connect(timeout)
        try:
            connection.sendall(self._connect_request(f"{bracketed(host)}:{port}"))
            _require_success(_read_head(connection))
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError):
                raise ProxyFailed(reason_of(error)) from error
            raise
        return connection

    def _connect_request(self, authority: str) -> bytes:
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def failure(self, server: str, failed: ProxyFailed) -> Failure:
        """Return the error for a server that can't be reached through this proxy."""
        kind = Forbidden if failed.status in _DENIED else Unavailable
        fix = self._fix(failed.status)
        error = kind(f"can't reach {server} through the proxy {self}: {failed}; {fix}")
        error.fix = fix
        return error

    def _fix(self, status: int) -> str:
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            wrong = "correct" if self.authorization else "add"
            return f"{wrong} its name and password in {self.variable}: http://NAME:PASSWORD@host"
        return (
            f"check {self.variable}, or list the server in NO_PROXY if it is reached without a "
            "proxy"
        )


def bracketed(host: str) -> str:
    """Return a host for a URL, where an IPv6 address is in brackets."""
    return f"[{host}]" if ":" in host else host


def denied(status: int) -> ProxyFailed:
    """Return the failure for the status with which a proxy answered."""
    with suppress(ValueError):
        return ProxyFailed(f"it answered {status} {HTTPStatus(status).phrase}", status)
    return ProxyFailed(f"it answered {status}", status)


def _without_password(text: str) -> str:
    scheme = _SCHEME.match(text)
    return (scheme[0] if scheme else "") + text.rpartition("@")[2].rpartition("//")[2]


def _basic(parts: SplitResult) -> str:
    """Return the credentials of a URL for Basic authentication (RFC 7617)."""
    if parts.username is None:
        return ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _read_head(connection: socket.socket) -> bytes:
    """Return the answer to CONNECT; the server says nothing before we do."""
    answer = b""
    while b"\r\n\r\n" not in answer and len(answer) < _MAX_ANSWER_BYTES:
        received = connection.recv(4096)
        if not received:
            raise ProxyFailed("it closed the connection")
        answer += received
    return answer


def _require_success(answer: bytes) -> None:
    version, _, rest = answer.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise ProxyFailed("its answer is not HTTP")
    if not 200 <= int(rest[:3]) < 300:
        raise denied(int(rest[:3]))


def reason_of(error: BaseException) -> str:
    """Return why a proxy could not be reached."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return (getattr(error, "strerror", None) or str(error)).strip()
