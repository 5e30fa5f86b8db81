"""The server without a proxy in front: attacked with bytes that no client sends, and stopped."""

import contextlib
import errno
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecopy.digest import MiB
from onecopy.http.server.connections import Connections
from onecopy.http.server.descriptors import LOG_SECONDS, ShortageHandler
from onecopy.http.server.limits import ServerLimits
from tests.conftest import Run, backends
from tests.http.limited import (
    GET,
    HEAD,
    POST,
    TIMEOUT,
    Limited,
    Response,
    begun_part,
    is_closed,
    limited,
    read,
    running,
    send_slowly,
    wait_for,
)

SHORT = {
    "head_seconds": 1,
    "idle_seconds": 1,
    "drain_seconds": 1,
    "linger_seconds": 1,
    "write_seconds": 1,
    "write_rate": MiB,
}
PROBE = b'{"sizes": [1]}'


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    """Run a service whose times are a second."""
    folder = tmp_path_factory.mktemp("short")
    with limited(folder, server=SHORT, bodies={"seconds": 1}) as service:
        yield service
        assert service.is_well()
        assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize(
    "beginning",
    [
        HEAD + b"X: ",
        HEAD,
        b"GET /",
        b"",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
    ids=["header", "headers", "target", "line ends", "trailer", "chunk extension"],
)
def test_endless_head_is_refused(short: Limited, beginning: bytes) -> None:
    """What does not end costs neither memory nor CPU, and is answered with 431 if a head is due."""
    endless = {HEAD: b"a: b\r\n", b"": b"\r\n"}.get(beginning, b"x" * 64)
    memory, cpu = short.memory(), short.cpu()
    connection = short.connect(beginning)
    with contextlib.suppress(ConnectionError):  # it may have been closed already
        for _ in range(64):
            connection.sendall(endless * (16384 // len(endless)))
    response = read(connection, to_end=True)
    assert response.ended
    assert response.status in ({404, 405, 431} if b"chunked" in beginning else {431})
    assert short.memory() - memory < 4 * MiB
    assert short.cpu() - cpu < 1


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (HEAD + b"X: %b\r\n\r\n" % (b"x" * 30_000), 200),
        (HEAD + b"X: %b\r\n\r\n" % (b"x" * 33_000), 431),
        (HEAD + b"X: x\r\n" * 99 + b"\r\n", 200),
        (HEAD + b"X: x\r\n" * 100 + b"\r\n", 431),
    ],
)
def test_complete_head_has_limits(short: Limited, head: bytes, status: int) -> None:
    """32 KiB and 100 headers."""
    with short.connect(head) as connection:
        response = read(connection)
    assert response.status == status
    if status == 431:
        assert response.reason == "head-too-large"
        assert response.header("connection") == "close"
        assert response.header("content-type") == "application/problem+json"


def test_invalid_request_is_a_problem(short: Limited) -> None:
    """What is no HTTP is answered with a problem document, and the log stays empty."""
    with short.connect(b"\x16\x03\x01 not HTTP\r\n\r\n") as connection:
        response = read(connection, to_end=True)
    assert (response.status, response.reason) == (400, "http-invalid")
    assert "Invalid" not in short.log.read_text()


@pytest.mark.parametrize("sent", [b"", GET], ids=["new", "after a response"])
def test_idle_connection_is_closed(short: Limited, sent: bytes) -> None:
    """A connection on which nothing is requested ends without a response to nothing."""
    connection = short.connect(sent)
    began = time.monotonic()
    assert read(connection, to_end=True).data.count(b"HTTP/1.1") == (1 if sent else 0)
    assert 0.5 < time.monotonic() - began < TIMEOUT


def test_slow_head_is_refused(short: Limited) -> None:
    """A head byte by byte has its time in all, also if there is a request before it."""
    response = send_slowly(short.connect(), HEAD + b"X: " + b"x" * 1_000)
    assert (response.status, response.reason) == (408, "request-timeout")
    connection = short.connect(GET)
    assert read(connection).status == 200
    assert send_slowly(connection, HEAD + b"X: " + b"x" * 1_000).status == 408


def test_slow_json_is_refused(short: Limited) -> None:
    """A body byte by byte is answered, and so is one that does not come at all."""
    for body in (b" " * 1_000, b""):
        connection = short.connect(POST % (b"check", 1_000))
        response = send_slowly(connection, body) if body else read(connection)
        assert (response.status, response.reason) == (408, "request-timeout")


def test_body_of_a_refused_request_is_dropped_for_a_while(short: Limited) -> None:
    """The client can read its response; but it cannot send for ever."""
    connection = short.connect(b"POST /unknown HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    connection.sendall(b"Content-Length: 1000000000\r\n\r\n")
    assert read(connection).status == 404
    wait_for(lambda: is_closed(connection, b"x"))


@pytest.mark.parametrize("last", [b"Connection: close\r\n", b""], ids=["close", "keep alive"])
def test_refusal_reaches_a_client_that_sends_everything_first(short: Limited, last: bytes) -> None:
    """The connection is not reset under a body that is too large, also if it is the last one."""
    body = bytes(20 * MiB)
    head = POST % (b"check", len(body))
    with short.connect(head.replace(b"\r\n\r\n", b"\r\n%b\r\n" % last)) as connection:
        connection.sendall(body)
        response = read(connection, to_end=bool(last))
    assert (response.status, response.reason) == (413, "limit-exceeded")
    assert response.ended is bool(last)


def test_response_that_nobody_reads_is_cut_off(short: Limited) -> None:
    """A client that requests much and reads nothing is disconnected."""
    _read_nothing(short)


def test_unread_responses_have_a_common_limit(tmp_path: Path) -> None:
    """Beyond it, clients that read nothing are disconnected before their time is over."""
    with limited(tmp_path, server={"unsent_bytes": 10_000}) as service:
        _read_nothing(service)


def _read_nothing(service: Limited) -> None:
    """Request more and more on a connection until the server closes it."""
    one = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    connection = service.connect(receive_buffer=4096)
    connection.settimeout(0.2)
    wait_for(lambda: is_closed(connection, one))


def test_pipelined_requests_are_limited(short: Limited) -> None:
    """Some are answered in order; if there are very many, the connection ends after some."""
    connection = short.connect(GET * 10)
    assert read(connection, to_end=True).data.count(b"HTTP/1.1 200") == 10
    response = read(short.connect(GET * 10_000), to_end=True)
    assert 10 < response.data.count(b"HTTP/1.1 200") < 50
    assert b"HTTP/1.1 4" not in response.data


def test_pipelined_bodies_are_limited(tmp_path: Path) -> None:
    """They wait in memory while a response is due: a few small ones do, more end the connection."""
    with limited(tmp_path, server={"pipelined_bytes": 1_000}, hangs=True) as service:
        hanging = POST % (b"probe", len(PROBE)) + PROBE
        small = POST % (b"check", 400) + bytes(400)
        many = service.connect(hanging + small * 3)
        assert read(many, to_end=True) == Response(b"", ended=True)
        few = service.connect(hanging + small * 2)
        few.settimeout(1)
        with pytest.raises(TimeoutError):
            few.recv(1)


def test_unread_bodies_are_not_kept(tmp_path: Path) -> None:
    """What came with a request that was refused is dropped, although its connection stays open."""
    with limited(tmp_path) as service:
        assert service.is_well()
        before, body = service.memory(), bytes(200_000)
        head = b"POST /unknown HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 200000\r\n\r\n"
        for _ in range(200):
            assert read(service.connect(head + body)).status == 404
        assert service.memory() - before < 12 * MiB


def test_idlest_connection_gives_way(tmp_path: Path) -> None:
    """Beyond the limit of connections, those without a request are closed, the oldest first."""
    with limited(tmp_path, server={"connections": 20}) as service:
        silent = [service.connect(b"" if number % 2 else HEAD) for number in range(40)]
        assert all(service.is_well() for _ in range(40))
        assert read(silent[0], to_end=True).ended
        assert read(silent[1], to_end=True).ended


def test_connection_is_refused_if_all_are_busy(tmp_path: Path) -> None:
    """A client beyond the limit gets `busy`, and requests in progress are not disturbed."""
    with limited(tmp_path, server={"connections": 3}, hangs=True) as service:
        body = POST % (b"probe", len(PROBE)) + PROBE
        busy = [service.connect(body) for _ in range(3)]
        time.sleep(0.5)  # until their requests are in progress: before, they may give way
        response = read(service.connect(GET), to_end=True)
        assert (response.status, response.reason) == (503, "busy")
        assert response.header("retry-after") == "1"
        for connection in busy:
            connection.setblocking(False)
            with pytest.raises(BlockingIOError):
                connection.recv(1)


def test_slow_bodies_give_way(tmp_path: Path) -> None:
    """If every connection sends a body, the one that has taken longest is closed."""
    body = POST % (b"check", 100) + b" "
    with limited(tmp_path, server={"connections": 10}) as service:
        slow = [service.connect(body) for _ in range(9)]
        assert service.is_well()  # until they are read, they count as new
        slow.append(service.connect(body))
        assert service.is_well()
        assert read(slow[0], to_end=True).ended


def test_large_bodies_have_a_common_limit(tmp_path: Path) -> None:
    """Beyond it, a large body is refused before it is sent; small ones are always accepted."""
    with limited(tmp_path, bodies={"total_bytes": 4 * MiB}) as service:
        large = POST % (b"probe", MiB)
        held = [service.connect(large) for _ in range(2)]
        wait_for(lambda: read(service.connect(large)).status == 503)
        response = read(service.connect(large))
        assert (response.reason, response.header("retry-after")) == ("busy", "1")
        small = service.connect(POST % (b"probe", len(PROBE)) + PROBE)
        assert read(small).status == 200
        held[0].close()

        def is_accepted() -> bool:
            connection = service.connect(large)
            connection.sendall(PROBE.ljust(MiB))
            return read(connection).status == 200

        wait_for(is_accepted)


def test_memory_does_not_grow_with_large_bodies(tmp_path: Path) -> None:
    """40 bodies of almost 8 MiB hold no more than the limit; the others are refused."""
    with limited(tmp_path, bodies={"total_bytes": 32 * MiB}) as service:
        assert service.is_well()
        before = service.memory()
        size = 8 * MiB - 1
        for _ in range(40):
            with contextlib.suppress(ConnectionError):
                service.connect(POST % (b"probe", size)).sendall(bytes(size - 10))
        assert service.memory() - before < 64 * MiB
        assert service.is_well()


def test_bodies_that_nobody_reads_yet(tmp_path: Path) -> None:
    """They wait for a thread in a limited memory; those that wait for longest give way."""
    size = 60_000
    with limited(tmp_path, server={"unread_bytes": 4 * size + 10_000}) as service:
        for _ in range(48):  # as many senders as a tenant may have
            service.connect(begun_part(service, size)[:-5])
        wait_for(service.is_well)
        waiting = []
        for _ in range(8):
            waiting.append(service.connect(begun_part(service, size)))
            time.sleep(0.05)
        assert read(waiting[0], to_end=True).ended
        waiting[-1].settimeout(0.5)
        with pytest.raises(TimeoutError):
            waiting[-1].recv(1)
        assert service.is_well()


def test_no_descriptors_left(tmp_path: Path) -> None:
    """`accept()` without descriptors pauses, says so once in a while, and the service recovers."""
    with limited(tmp_path) as service:
        assert service.is_well()
        used = len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))
        limits = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (used + 5, limits[1]))
        cpu, began = service.cpu(), time.monotonic()
        for _ in range(40):
            service.connect(HEAD)
        time.sleep(2)
        assert service.cpu() - cpu < 1
        assert service.is_well()
        resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, limits)
        assert all(service.is_well() for _ in range(40))
        log = service.log.read_text()
        assert "Traceback" not in log
        lines = log.count("no connection can be accepted: Too many open files")
        assert 1 <= lines <= (time.monotonic() - began) / LOG_SECONDS + 1
        assert len(log.splitlines()) == lines + 1


def test_few_descriptors_are_shared(tmp_path: Path) -> None:
    """With 64 descriptors in all, connections use a quarter, so that files can be opened."""
    with limited(tmp_path, descriptors="64") as service:
        for _ in range(100):
            service.connect(HEAD)
        body = POST % (b"probe", len(PROBE)) + PROBE
        assert all(read(service.connect(body)).status == 200 for _ in range(40))
        assert len(service.log.read_text().splitlines()) <= 2


@pytest.mark.parametrize("descriptors", ["128", "256"])
def test_small_files_with_few_descriptors(tmp_path: Path, run: Run, descriptors: str) -> None:
    """All of a thousand small files are stored, although fewer may be open."""
    (tmp_path / "own").mkdir()
    for number in range(1000):
        (tmp_path / "own" / f"{number}").write_text(f"content {number}")
    command = [sys.executable, "-m", "onecopy", "serve", "--port=0", *backends(tmp_path)]
    with running(command, tmp_path, descriptors) as service:
        done = run("upload", "--server", f"http://127.0.0.1:{service.port}", tmp_path / "own")
        assert "1,000 uploaded, 0 already stored;" in done.err
        assert len(service.log.read_text().splitlines()) == 1


def test_descriptors_are_raised(tmp_path: Path) -> None:
    """The soft limit becomes the hard one, up to 65,536."""
    with limited(tmp_path, descriptors="256:2048") as service:
        soft, _ = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
        assert soft == 2048


def test_shortage_is_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """A thousand failures of `accept()` are one line."""
    handler = ShortageHandler(Connections(ServerLimits()))
    for _ in range(1_000):
        handler(None, {"exception": OSError(errno.EMFILE, "Too many open files")})  # type: ignore[arg-type]
    assert len(caplog.records) == 1
    assert "LimitNOFILE" in caplog.text


def test_accepting_again_after_the_end() -> None:
    """The event loop tries that a second after a shortage, and fails without a listener."""
    handler = ShortageHandler(Connections(ServerLimits()))
    handler.is_stopping = True
    message = "Exception in callback BaseSelectorEventLoop._start_serving(...)"
    context = {"message": message, "exception": ValueError("Invalid file descriptor: -1")}
    handler(None, context)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):  # anything else is passed on to the loop
        handler(None, {**context, "message": "another"})  # type: ignore[arg-type]


def test_hangup_is_ignored(short: Limited) -> None:
    """SIGHUP does not end the service."""
    short.process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    assert short.is_well()


def test_stop_in_every_state_at_once(tmp_path: Path) -> None:
    """SIGTERM ends the process in time whatever its clients do; they get `stopping`."""
    with limited(tmp_path, server={"stop_seconds": 3}, hangs=True) as service:
        idle = service.connect(GET)
        assert read(idle).status == 200
        half = service.connect(HEAD)
        part = service.connect(begun_part(service)[:-5])
        body = service.connect(POST % (b"check", 100) + b"{")
        call = service.connect(POST % (b"probe", len(PROBE)) + PROBE)
        ticket = b'{"tickets": [{"ticket": "x"}]}'
        completion = service.connect(POST % (b"uploads/complete", len(ticket)) + ticket)
        unread = service.connect(receive_buffer=4096)
        unread.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 16)
        time.sleep(0.5)
        assert 1.5 < service.stop() < 6  # on a busy machine
        assert read(idle, to_end=True).data == b""
        assert read(half, to_end=True).data == b""
        for connection in (part, body, call, completion):
            response = read(connection, to_end=True)
            assert (response.status, response.reason) == (503, "stopping")
        assert "Traceback" not in service.log.read_text()


def test_stop_without_requests_is_immediate(tmp_path: Path) -> None:
    """Idle clients do not delay the end."""
    with limited(tmp_path) as service:
        for sent in (b"", HEAD, GET):
            service.connect(sent)
        time.sleep(0.2)
        assert service.stop() < 5  # requests in progress would have 6
