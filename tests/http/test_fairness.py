"""One tenant can't stop another: threads, slow senders, begun uploads."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from onecopy.digest import SMALLEST_PART
from onecopy.errors import Busy
from onecopy.gate.stored import StoredBytes
from onecopy.http.app import Options
from onecopy.http.body import Pace
from onecopy.http.sweeping import sweeping
from onecopy.http.threads import Pool, Threads
from onecopy.store import Store
from onecopy.store.memory import MemoryStore
from onecopy.tenant import Quota, Quotas
from tests.http.conftest import Service, Start


class Gate:
    """Calls that last until the gate opens, and the order in which they began."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self._open = threading.Event()

    def call(self, name: str) -> str:
        """Begin, and wait for the gate."""
        self.began.append(name)
        self._open.wait(10)
        return name

    async def settled(self, count: int) -> list[str]:
        """Wait until this number of calls has begun, and no more for a while; return them."""
        for _ in range(2_000):
            if len(self.began) >= count:
                break
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.02)
        return sorted(self.began)

    def open(self) -> None:
        """Let all calls end."""
        self._open.set()


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Make a pool of eight threads."""
    pool = Pool("test", 8)
    yield pool
    pool.close()


@pytest.mark.parametrize("tenants", [1, 2])
def test_busy_tenants_leave_a_thread_to_the_next(pool: Pool, tenants: int) -> None:
    """However many calls they make that do not end, another tenant is answered at once."""
    gate = Gate()

    async def run() -> str:
        names = [f"busy-{number}" for number in range(tenants) for _ in range(50)]
        calls = [asyncio.create_task(pool.call(gate.call, name, tenant=name)) for name in names]
        await gate.settled(5 + tenants)
        try:
            return await asyncio.wait_for(pool.call(str, "here", tenant="other"), 5)
        finally:
            gate.open()
            await asyncio.gather(*calls, return_exceptions=True)

    assert asyncio.run(run()) == "here"


def test_a_tenant_that_is_alone_gets_most_threads(pool: Pool) -> None:
    """Six of eight, and with a second tenant each gets about the same."""
    gate = Gate()

    async def run() -> list[list[str]]:
        calls, began = [], []
        for tenant, count in (("ana", 6), ("ben", 7)):
            calls += [
                asyncio.create_task(pool.call(gate.call, tenant, tenant=tenant)) for _ in range(50)
            ]
            began.append(await gate.settled(count))
        gate.open()
        await asyncio.gather(*calls)
        return began

    alone, both = asyncio.run(run())
    assert alone == ["ana"] * 6
    assert both == ["ana"] * 6 + ["ben"]


def test_places_to_wait_are_shared(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant may have three quarters of them; a call without a place is refused at once."""
    monkeypatch.setattr("onecopy.http.turns.MAX_WAITING", 8)
    gate = Gate()

    async def run() -> list[BaseException | str]:
        began = [asyncio.create_task(pool.call(gate.call, "", tenant=name)) for name in "abcdefgh"]
        await gate.settled(8)
        names = ["ana"] * 7 + ["ben"]
        waiting = [asyncio.create_task(pool.call(str, name, tenant=name)) for name in names]
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(*began)
        return await asyncio.gather(*waiting, return_exceptions=True)

    *anas, ben = asyncio.run(run())
    assert anas[:6] == ["ana"] * 6
    assert isinstance(anas[6], Busy)
    assert ben == "ben"


def test_tenants_take_turns(pool: Pool) -> None:
    """Who comes later with few calls does not wait for all calls of who came first."""
    gate, order = Gate(), list[str]()

    def work(name: str) -> None:
        time.sleep(0.001)
        order.append(name)

    async def run() -> None:
        block = [asyncio.create_task(pool.call(gate.call, "", tenant=name)) for name in "abcdefgh"]
        await gate.settled(8)
        calls = [asyncio.create_task(pool.call(work, "ana", tenant="ana")) for _ in range(100)]
        await asyncio.sleep(0)
        calls += [asyncio.create_task(pool.call(work, "ben", tenant="ben")) for _ in range(5)]
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(*block, *calls)

    asyncio.run(run())
    assert len(order) == 105
    assert order[:40].count("ben") == 5


def test_a_call_without_a_thread_is_refused_in_time() -> None:
    """It is not made later, says when to try again, and the next call finds its thread."""
    gate, pool = Gate(), Pool("test", 8, max_wait=0.1)

    async def run() -> Busy:
        calls = [asyncio.create_task(pool.call(gate.call, "a", tenant="ana")) for _ in range(6)]
        await asyncio.sleep(0)
        with pytest.raises(Busy) as caught:
            await pool.call(gate.call, "refused", tenant="ana")
        gate.open()
        await asyncio.gather(*calls)
        assert await pool.call(gate.call, "next", tenant="ana") == "next"
        return caught.value

    error = asyncio.run(run())
    pool.close()
    assert error.retry_after
    assert "busy for 0.1 seconds" in str(error)
    assert gate.began == [*"aaaaaa", "next"]


def test_a_call_whose_caller_left_while_it_waited(pool: Pool) -> None:
    """Its turn comes as for any other: a completion that is reported as `completing` continues."""
    gate = Gate()

    async def run() -> None:
        calls = [asyncio.create_task(pool.call(gate.call, "a", tenant="ana")) for _ in range(6)]
        await asyncio.sleep(0)
        waiting = asyncio.create_task(pool.call(gate.call, "left", tenant="ana"))
        await asyncio.sleep(0)
        waiting.cancel()
        gate.open()
        await asyncio.gather(*calls)
        assert await gate.settled(7) == [*"aaaaaa", "left"]

    asyncio.run(run())


def _head(ticket: str, token: str, length: int, number: int = 1) -> bytes:
    return (
        f"PUT /v1/uploads/parts/{number} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\nOnecopy-Ticket: {ticket}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def _begin_large(service: Service, token: str | None = None) -> str:
    files = {"files": [{"key": "large", "size": SMALLEST_PART + 3}]}
    [result] = service.ask("POST", "/v1/uploads", files, token=token).json["results"]
    return str(result["ticket"])


def test_slow_senders_of_one_tenant_keep_no_other_out(guarded: Service) -> None:
    """200 connections that send a byte and then nothing: another tenant uploads as before."""
    ana, ben = guarded.token("ana"), guarded.token("ben")
    ticket = _begin_large(guarded, ana)
    slow: list[socket.socket] = []
    try:
        for _ in range(200):
            connection = guarded.connect()
            slow.append(connection)
            connection.sendall(_head(ticket, ana, 3, 2) + b"e")
        time.sleep(0.3)
        assert guarded.upload("mine", b"content of ben", token=ben)["verdict"] == "new"
    finally:
        for connection in slow:
            connection.close()


def test_a_slow_part_is_answered_and_frees_everything(start: Start) -> None:
    """408 with a reason; the connection is closed, and the part can be sent again."""
    service = start(Options(pace=Pace(grace=0.3, rate=1000)))
    ticket = _begin_large(service)
    with service.connect() as connection:
        connection.sendall(_head(ticket, "", 3, 2))
        answer = b""
        for byte in (b"e", b"n"):
            connection.sendall(byte)
            time.sleep(0.2)
        while more := connection.recv(4096):
            answer += more
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"upload-slow" in answer
    headers = {"Onecopy-Ticket": ticket}
    assert service.ask("PUT", "/v1/uploads/parts/2", body=b"end", headers=headers).status == 200


def test_a_quota_is_answered_and_measured(start: Start) -> None:
    """A file that does not fit is refused by name and numbers, and the metrics show the bytes."""
    service = start(Options(quotas=Quotas(Quota(stored=100, unsent=70))))
    StoredBytes(service.index).count("default")
    assert service.upload("first", b"a" * 40)["verdict"] == "new"
    assert service.begin("second", b"b" * 30)["ticket"]
    refused = service.begin("third", b"c" * 31)
    assert (refused["verdict"], refused["reason"]) == ("unconfirmed", "quota-exceeded")
    assert "no room for 31 bytes: 40 bytes are stored, and 30 bytes" in refused["message"]
    assert service.check(b"c" * 31) == [{"verdict": "new"}]
    assert service.begin("again", b"a" * 40)["verdict"] == "duplicate"
    metrics = service.ask("GET", "/metrics").body.decode()
    for line in (
        'onecopy_tenant_bytes{kind="stored",tenant="default"} 40.0',
        'onecopy_tenant_bytes{kind="unsent",tenant="default"} 30.0',
        'onecopy_tenant_quota_bytes{kind="stored",tenant="default"} 100.0',
        'onecopy_tenant_quota_bytes{kind="unsent",tenant="default"} 70.0',
    ):
        assert line in metrics


def test_stale_uploads_are_swept_while_the_service_runs() -> None:
    """At once and then again and again; a store that fails is swept the next time."""

    class Swept(MemoryStore):
        times = 0

        def abort_stale(self, seconds: float, unsent_seconds: float | None = None) -> int:
            assert seconds > (unsent_seconds or 0) > 0
            self.times += 1
            raise Busy("not now")

    store = Swept()

    async def run(swept: Store) -> None:
        threads = Threads()
        async with sweeping(swept, threads, 0.01):
            for _ in range(2_000):
                if store.times > 1:
                    break
                await asyncio.sleep(0.005)
        threads.close()

    asyncio.run(run(store))
    assert store.times > 1
