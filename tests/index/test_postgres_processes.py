"""Many processes that use one PostgreSQL index, killed processes, and a server that ends."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from onecopy.content import Copy
from onecopy.errors import Unavailable
from onecopy.index import open_index
from onecopy.index.postgres import connections, writing
from onecopy.index.postgres.index import _CHUNK, _MIN_BULK_LOAD, PostgresIndex
from onecopy.listing import Span
from onecopy.retry import RetryPolicy, retry
from onecopy.testing.index.values import a_copy, copies_of, md5_of, proved, sha256_of
from tests.index.acts import LISTED, RACES
from tests.index.processes import check_prefix, lines, process, winners
from tests.standins.postgres import OwnPostgres, postgres

pytestmark = pytest.mark.server

RACERS = 16
KILLS = 3


def test_race(database: str) -> None:
    """P4: if 16 processes open an empty database and record the same, one wins for each."""
    with ExitStack() as stack:
        names = [f"p{number}" for number in range(RACERS)]
        children = [stack.enter_context(process("race", database, name)) for name in names]
        won = winners(children)
    index = open_index(database)
    found = index.lookup("t", [sha256_of(f"content {number}") for number in range(RACES)])
    assert [copy and copy.key for copy in found] == won
    assert len(list(index.copies())) == RACERS * RACES
    index.close()


def test_count(database: str) -> None:
    """Counters of concurrent processes lose nothing."""
    with process("increase", database, "n") as a, process("increase", database, "n") as b:
        assert [child.wait(60) for child in (a, b)] == [0, 0]
    index = open_index(database)
    assert index.increase("n", 0) == 200
    index.close()


def test_killed_while_recording(database: str) -> None:
    """P6: kill -9 loses nothing that was acknowledged, and blocks no other process."""
    acknowledged: list[str] = []
    for kill in range(KILLS):
        with process("record", database, f"a{kill}") as a, process("record", database, "b") as b:
            acknowledged += [f"a{kill} {number}" for number in lines(a, 30)]
            a.kill()  # while the other one continues
            a.wait()
            lines(b, 30)
    index = open_index(database)
    found = index.lookup("t", [md5_of(content) for content in acknowledged])
    assert found == [a_copy(content, proved(content)) for content in acknowledged]
    assert index.increase("count", 0) >= len(acknowledged)
    index.close()


def test_killed_while_adding(database: str) -> None:
    """P6: kill -9 in a bulk load loses nothing acknowledged; every record is complete."""
    for kill, patience in enumerate((0.0, 0.05, 0.15)):
        with process("add", database, str(kill)) as child:
            calls = int(lines(child, 3)[-1]) + 1
            time.sleep(patience)
        _wait_for_sessions(database)
        index = open_index(database)
        kept = sorted(copy for _, copy in index.copies("t") if copy.key.startswith(f"{kill} "))
        versions = [copy.identity.partition(" ")[0] for copy in kept]
        check_prefix([int(copy.key.split()[1]) for copy in kept], versions, calls)
        assert index.lookup("t", [sha256_of(copy.key) for copy in kept]) == kept
        index.close()


def test_killed_in_a_load(database: str) -> None:
    """A killed first load leaves nothing; a later one leaves a prefix of complete copies."""
    for name in ("first", "later"):
        with process("bulk", database, name) as child:
            lines(child, (_MIN_BULK_LOAD + 3 * _CHUNK) // 1000)
        _wait_for_sessions(database)
        index = open_index(database)
        kept = [copy for _, copy in index.copies("t") if copy.key.startswith(name)]
        assert len(kept) % _CHUNK == 0
        assert bool(kept) == (name == "later")
        assert [int(copy.key.split()[1]) for copy in kept] == list(range(len(kept)))
        for start in range(0, len(kept), _CHUNK):
            some = kept[start : start + _CHUNK]
            assert index.lookup("t", [md5_of(copy.key) for copy in some]) == some
        copy = a_copy(f"after {name}", proved(name))
        assert index.record("t", [copy]) == [copy]
        index.close()


def test_killed_while_merging(database: str) -> None:
    """P6: kill -9 in a merge leaves what was acknowledged, or a prefix of what came next."""
    for name, patience in (("a", 0.0), ("b", 0.2), ("c", 0.5)):
        with process("merge", database, name) as child, process("merge", database, "other"):
            acknowledged = int(lines(child, 2)[-1])
            time.sleep(patience)
            child.kill()
        _wait_for_sessions(database)
        index = PostgresIndex(database)
        versions = [copy.modified for copy in index.listed_copies("t", Span(name, f"{name}!"))]
        assert len(versions) == LISTED
        assert versions == sorted(versions, reverse=True)
        assert acknowledged <= versions[-1] <= versions[0] <= versions[-1] + 1
        index.close()


def _wait_for_sessions(database: str) -> None:
    """Wait until all sessions have ended: that of a killed process may still be committing."""
    others = """
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend'
            AND pid <> pg_backend_pid()
    """
    with psycopg.connect(database, autocommit=True) as connection:
        while connection.execute(others).fetchone() is not None:
            time.sleep(0.01)


# A server that stops


@pytest.fixture(scope="module")
def own() -> Iterator[OwnPostgres]:
    """Yield a server that tests may stop."""
    with postgres() as server:
        yield server


@pytest.fixture
def own_index(own: OwnPostgres) -> Iterator[PostgresIndex]:
    """Yield an empty index in it."""
    with own.database() as url:
        index = PostgresIndex(url)
        yield index
        index.close()


@pytest.mark.parametrize("end", ["restart", "kill"])
def test_restarted(own: OwnPostgres, own_index: PostgresIndex, end: str) -> None:
    """After a restart of the server everything works as before, with all its records."""
    copies = copies_of("a", 10)
    own_index.record("t", copies)
    with ExitStack() as stack:  # more connections than one
        for _ in range(4):
            stack.enter_context(_using(own_index))
    if end == "kill":
        own.kill()
    own.restart()
    time.sleep(connections._UNCHECKED_SECONDS)
    for copy in copies:
        assert own_index.record("t", [copy]) == copies[:1]
    assert own_index.increase("n", 1) == 1


@contextmanager
def _using(index: PostgresIndex) -> Iterator[None]:
    """Hold a connection of the index."""
    ended = threading.Event()
    thread = threading.Thread(target=index._connections.use, args=(lambda _: ended.wait(),))
    thread.start()
    yield
    ended.set()
    thread.join()


def test_away(own: OwnPostgres, own_index: PostgresIndex) -> None:
    """While the server is away all calls are Unavailable at once; retries succeed later."""
    copy = a_copy("k", proved("a"))
    own.stop()
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(Unavailable):
            own_index.record("t", [copy])
        with pytest.raises(Unavailable):
            own_index.lookup("t", [sha256_of("a")])
    assert time.monotonic() - began < 5
    starting = threading.Timer(0.3, own.restart)
    starting.start()
    policy = RetryPolicy(attempts=100, max_delay=0.1)
    assert retry(lambda: own_index.record("t", [copy]), policy) == [copy]
    starting.join()


def test_lost_in_mid_use(own: OwnPostgres, own_index: PostgresIndex) -> None:
    """A connection that is lost during use is Unavailable; a retry succeeds."""
    copy = a_copy("k", proved("a"))
    [stripe, _] = writing._stripes([("t", copy)])
    errors: list[Unavailable] = []

    def record() -> None:
        try:
            own_index.record("t", [copy])
        except Unavailable as error:
            errors.append(error)

    with psycopg.connect(own_index._connections._conninfo) as other:
        other.execute("SELECT FROM onecopy.stripe WHERE id = %s FOR UPDATE", (stripe,))
        thread = threading.Thread(target=record)
        thread.start()
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with own.connect() as admin:
            while not (row := admin.execute(waiting).fetchone()):
                time.sleep(0.01)
            admin.execute("SELECT pg_terminate_backend(%s)", row)
        thread.join()
    assert len(errors) == 1
    assert own_index.at("t", ["k"]) == [None]
    assert own_index.record("t", [copy]) == [copy]


def test_killed_under_load(own: OwnPostgres, own_index: PostgresIndex) -> None:
    """P6: a server that is killed while many record has all that it acknowledged."""
    acknowledged: list[Copy] = []
    stopped = threading.Event()

    def record(number: int) -> None:
        for turn in range(10_000):
            if stopped.is_set():
                return
            content = f"{number} {turn}"
            copy = a_copy(content, proved(content))
            try:
                [first] = own_index.record("t", [copy])
            except Unavailable:
                continue
            assert first == copy
            acknowledged.append(copy)

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(KILLS):
        seen = len(acknowledged)
        while len(acknowledged) < seen + 20:
            time.sleep(0.01)
        own.kill()
        own.restart()
    stopped.set()
    for thread in threads:
        thread.join()
    time.sleep(connections._UNCHECKED_SECONDS)
    keys = [copy.key for copy in acknowledged]
    assert retry(lambda: own_index.at("t", keys)) == acknowledged
