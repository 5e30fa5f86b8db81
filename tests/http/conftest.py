"""The service as it is deployed: a real server on a free port over a file index and a folder."""

import contextlib
import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import urllib3
from starlette.types import ASGIApp

from onecopy.confirming import Limits, ThreadReaders, is_ranged
from onecopy.gate import bind, ticket_secrets
from onecopy.http.app import Options, create_app
from onecopy.http.server import create_server
from onecopy.store import Store, open_store
from onecopy.testing.index.complete import CompleteEngine, open_complete
from onecopy.tokens import Scope, create_token

Json = Any
"""What `json.loads` gives."""


@dataclass(frozen=True)
class Answer:
    """A response, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The reason code of a problem document, which this must be."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return str(self.json["reason"])


class Service:
    """A running service, and what a client does with it."""

    def __init__(self, port: int, index: CompleteEngine, store: Store) -> None:
        self.port = port
        self.index = index
        self.store = store
        self.url = f"http://127.0.0.1:{port}"
        self._pool = urllib3.PoolManager(retries=False, timeout=20)

    def ask(
        self,
        method: str,
        path: str,
        document: object = None,
        *,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        """Send one request; a document goes as JSON."""
        own = dict(headers or {})
        if token is not None:
            own["Authorization"] = f"Bearer {token}"
        if document is not None:
            body = json.dumps(document).encode()
            own.setdefault("Content-Type", "application/json")
        response = self._pool.request(
            method, self.url + path, body=body, headers=own, redirect=False
        )
        return Answer(response.status, response.headers, response.data)

    def check(self, *contents: bytes, token: str | None = None) -> list[Json]:
        """Ask whether these small contents are there."""
        files = [{"size": len(content), "digests": [digest(content)]} for content in contents]
        answer = self.ask("POST", "/v1/check", {"files": files}, token=token)
        assert answer.status == 200, answer.body
        results: list[Json] = answer.json["results"]
        return results

    def begin(self, key: str, content: bytes, *, token: str | None = None) -> Json:
        """Begin the upload of a small content; return the result."""
        file = {"key": key, "size": len(content), "digests": [digest(content)]}
        answer = self.ask("POST", "/v1/uploads", {"files": [file]}, token=token)
        assert answer.status == 200, answer.body
        return answer.json["results"][0]

    def upload(self, key: str, content: bytes, *, token: str | None = None) -> Json:
        """Upload a small content; return the answer of its completion."""
        begun = self.begin(key, content, token=token)
        send = begun["send"]
        sent = self.ask(
            send["method"], send["url"], body=content, headers=send["headers"], token=token
        )
        assert sent.status == 200, sent.body
        tickets = {"tickets": [{"ticket": begun["ticket"]}]}
        completed = self.ask("POST", "/v1/uploads/complete", tickets, token=token)
        assert completed.status == 200, completed.body
        return completed.json["results"][0]

    def token(self, tenant: str = "default", *scopes: Scope) -> str:
        """Make a token; without scopes it may do everything."""
        chosen: tuple[Scope, ...] = scopes or ("check", "upload", "read", "metrics")
        return create_token(self.index, tenant=tenant, scopes=chosen)[1]

    def connect(self) -> socket.socket:
        """Open a bare connection, for what no client would send."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


def digest(content: bytes) -> str:
    """Return the content digest of a small content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Start(Protocol):
    """Starts one more service over the test's index and store."""

    def __call__(self, options: Options | None = None, *, tokens_required: bool = False) -> Service:
        """Start it; it ends with the test."""
        ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start services over one index and one store; ends them after the test."""
    with starting(tmp_path) as start_service:
        yield start_service


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start one service for all tests of a module that leave nothing behind."""
    with starting(tmp_path_factory.mktemp("plain")) as start_service:
        yield start_service()


@contextlib.contextmanager
def starting(folder: Path) -> Iterator[Start]:
    """Open an index and a store in a folder; yields what starts services over them."""
    index = open_complete(f"sqlite:{folder / 'index.sqlite'}")
    store = open_store(str(folder / "files"))
    with contextlib.ExitStack() as stack:
        stack.callback(store.close)
        stack.callback(index.close)
        bind(index, store)

        def start_service(
            options: Options | None = None, *, tokens_required: bool = False
        ) -> Service:
            assert is_ranged(store)
            readers = stack.enter_context(contextlib.closing(ThreadReaders(index, store, Limits())))
            app = create_app(
                index,
                store,
                secrets=ticket_secrets(index),
                tokens_required=tokens_required,
                options=options,
                readers=readers,
            )
            port = stack.enter_context(serving(app))
            return Service(port, index, store)

        yield start_service


@pytest.fixture
def service(start: Start) -> Service:
    """Start a service without tokens, at its defaults."""
    return start()


@pytest.fixture
def guarded(start: Start) -> Service:
    """Start a service that requires tokens."""
    return start(tokens_required=True)


@contextlib.contextmanager
def serving(app: ASGIApp) -> Iterator[int]:
    """Serve an app on a free port of this machine, in a thread; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # asyncio forgets it for sockets that it is given; then every answer waits 40 ms for an ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = create_server(app)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            until = time.monotonic() + 10
            while not server.started and time.monotonic() < until:
                time.sleep(0.005)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)
