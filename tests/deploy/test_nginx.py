"""The service behind Debian's nginx, with the configuration that we hand out."""

import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from onecopy.digest import MiB
from onecopy.index import open_index
from onecopy.tokens import create_token
from tests.certificates import certify
from tests.conftest import Run, Serve, Served
from tests.standins.ports import reserved

pytestmark = pytest.mark.server

_CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"
_NAME = "files.example.org"
_PATIENCE = 20
"""Seconds for nginx to listen, or for bytes to come through."""
_USER = "user root;" if os.getuid() == 0 else ""
"""Who starts it owns the folders of the tests."""
_MAIN = """
{user} daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/bodies; proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/site.conf;
}}
"""


@dataclass
class Fronted:
    """A service, and nginx before it."""

    served: Served
    folder: Path
    port: int
    token: str = ""

    def ask(
        self, path: str, document: object = None, method: str = "POST", *, host: str = _NAME
    ) -> urllib3.BaseHTTPResponse:
        """Ask by the name that people use."""
        headers = {"Host": host, "Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = None if document is None else json.dumps(document)
        with urllib3.PoolManager(ca_certs=str(self.folder / "fullchain.pem")) as pool:
            return pool.request(
                method, f"https://127.0.0.1:{self.port}{path}", body, headers=headers
            )

    def begin(self, size: int) -> str:
        """Begin an upload, and return its ticket."""
        answer = self.ask("/v1/uploads", {"files": [{"key": "large", "size": size}]})
        return str(answer.json()["results"][0]["ticket"])


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a folder with a certificate for this machine."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    certify(folder, _NAME)
    return folder


@contextmanager
def nginx(served: Served, folder: Path, *changes: tuple[str, str]) -> Iterator[Fronted]:
    """Run nginx as we say, but for its ports and folders, and what else is to change."""
    with reserved(1) as [port]:
        site = _CONFIGURATION.read_text()
        for ours, theirs in (
            ("server 127.0.0.1:8000;", f"server {urlsplit(served.url).netloc};"),
            ("    listen 443 ssl http2;\n", f"    listen 127.0.0.1:{port} ssl http2;\n"),
            ("    listen [::]:443 ssl http2;\n", ""),
            ("/etc/ssl/onecopy/", f"{folder}/"),
            ("/var/log/nginx/onecopy.log", f"{folder}/access.log"),
            *changes,
        ):
            assert ours in site
            site = site.replace(ours, theirs)
        (folder / "site.conf").write_text(site)
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user=_USER))
        process = subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf"])
        try:
            _wait(port, process)
            yield Fronted(served, folder, port)
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(_PATIENCE)


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionError:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def open_one(server: Serve, certificate: Path) -> Iterator[Fronted]:
    """Return a service that has no tokens yet, behind nginx."""
    with nginx(server(), certificate) as fronted:
        yield fronted


@pytest.fixture
def fronted(server: Serve, certificate: Path, tmp_path: Path) -> Iterator[Fronted]:
    """Return a service with a token behind nginx."""
    with closing(open_index(f"sqlite:{tmp_path / 'index.sqlite'}")) as index:
        token = create_token(index)[1]
    with nginx(server(), certificate) as fronted:
        fronted.token = token
        yield fronted


def test_page_and_api_come_through(fronted: Fronted) -> None:
    """By the name that people use, with the service's own headers and nginx's."""
    page = fronted.ask("/", method="GET")
    assert page.status == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert fronted.ask("/v1/config", method="GET").json()["store"]["kind"] == "folder"


def test_without_tokens_it_is_closed(open_one: Fronted) -> None:
    """Nginx leaves `Host` as it is: so the service knows that others than this machine ask."""
    answer = open_one.ask("/v1/probe", {"sizes": [1]})
    assert (answer.status, answer.json()["reason"]) == (403, "host-not-allowed")


def test_without_a_token_nobody_is_let_in(fronted: Fronted) -> None:
    """As without nginx."""
    fronted.token = ""
    answer = fronted.ask("/v1/probe", {"sizes": [1]})
    assert (answer.status, answer.json()["reason"]) == (401, "token-missing")


def test_files_come_through(fronted: Fronted, run: Run, tmp_path: Path) -> None:
    """A large one in parts; the same once more is a duplicate."""
    for name in ("talk.mp4", "talk (final).mp4"):
        (tmp_path / name).write_bytes(b"talk" * (5 * MiB))
    env = {"ONECOPY_TOKEN": fronted.token, "AWS_CA_BUNDLE": str(fronted.folder / "fullchain.pem")}
    where = ["--server", f"https://127.0.0.1:{fronted.port}"]
    first = run("upload", "talk.mp4", *where, **env)
    assert (first.code, first.out) == (0, "talk.mp4: uploaded as talk.mp4\n"), first.err
    second = run("upload", "talk (final).mp4", *where, **env)
    assert "already stored: talk.mp4" in second.out


def test_bytes_are_passed_on_while_they_come(fronted: Fronted) -> None:
    """Half a part is with the service before the other half was sent, and nowhere in between."""
    ticket, content = fronted.begin(8 * MiB), b"x" * (8 * MiB)
    context = ssl.create_default_context(cafile=str(fronted.folder / "fullchain.pem"))
    head = (
        f"PUT /v1/uploads/parts/1 HTTP/1.1\r\nHost: {_NAME}\r\nOnecopy-Ticket: {ticket}\r\n"
        f"Authorization: Bearer {fronted.token}\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    plain = socket.create_connection(("127.0.0.1", fronted.port))
    with context.wrap_socket(plain, server_hostname=_NAME) as connection:
        connection.sendall(head.encode() + content[: 4 * MiB])
        _wait_for_bytes(fronted.served.folder / "files" / ".onecopy")
        assert [path for path in (fronted.folder / "bodies").rglob("*") if path.is_file()] == []
        connection.sendall(content[4 * MiB :])
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def _wait_for_bytes(folder: Path) -> None:
    """Wait until bytes of a part lie below a folder."""
    until = time.monotonic() + _PATIENCE
    while not any(b"xxxx" in path.read_bytes() for path in folder.rglob("*") if path.is_file()):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_too_long_a_question_is_refused_in_words(fronted: Fronted) -> None:
    """By the service, as far as nginx lets it through; by nginx, where it would only be a load."""
    within = fronted.ask("/v1/probe", {"sizes": [10**15] * 490_000})
    assert (within.status, within.json()["reason"]) == (413, "limit-exceeded")
    assert fronted.ask("/v1/probe", {"sizes": [10**15] * 600_000}).status == 413


def test_its_log_names_no_file_and_no_link(fronted: Fronted) -> None:
    """Paths have names of files, and queries have links."""
    fronted.ask("/v1/copies/secret.jpg/link", method="GET")
    fronted.ask("/v1/content?link=secret", method="GET")
    log = fronted.folder / "access.log"
    until = time.monotonic() + _PATIENCE
    while log.read_text().count("\n") < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert "secret" not in log.read_text()
    assert " GET 404 " in log.read_text()


def test_watchers_have_no_limit(server: Serve, certificate: Path, tmp_path: Path) -> None:
    """Health and readiness are answered when a client has used up its requests."""
    with closing(open_index(f"sqlite:{tmp_path / 'index.sqlite'}")) as index:
        create_token(index)
    slow = (("rate=50r/s", "rate=1r/m"), ("burst=200", "burst=1"))
    with nginx(server(), certificate, *slow) as fronted:
        statuses = [fronted.ask("/v1/config", method="GET").status for _ in range(4)]
        assert statuses == [401, 401, 429, 429]
        for path in ("/healthz", "/readyz"):
            assert [fronted.ask(path, method="GET").status for _ in range(4)] == [200] * 4


def test_figures_are_for_the_machine_itself(fronted: Fronted) -> None:
    """A token with another scope does not help, and nginx lets nobody else ask."""
    assert fronted.ask("/metrics", method="GET").status == 403
    assert "deny all;" in _CONFIGURATION.read_text()
