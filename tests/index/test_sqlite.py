"""The index in a SQLite file: the contract, and its own promises."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from onecopy.content import Copy, Digests, Listed
from onecopy.digest import SHA256, SMALLEST_PART, Digest
from onecopy.errors import Unavailable
from onecopy.index import Engine, open_index
from onecopy.index.interface import Lease
from onecopy.index.sqlite import (
    SqliteIndex,
    connections,
    joins,
    listings,
    lookups,
    merging,
    pages,
    reading,
    runs,
    writing,
)
from onecopy.index.sqlite import file as sqlite_file
from onecopy.index.sqlite import index as engine
from onecopy.testing.index import (
    ClassifiedContract,
    IndexContract,
    LeasesContract,
    ListingsContract,
    ListsContract,
    PagesContract,
    PlainContract,
    RepeatsContract,
    StateContract,
    UnreadContract,
)
from onecopy.testing.index.values import (
    MANY,
    THREADS,
    a_copy,
    at_once,
    claimed,
    copies_of,
    md5_of,
    proved,
    sha256_of,
)

_NORMAL, _FULL = 1, 2
"""Values of `PRAGMA synchronous`."""


class TestSqliteIndex(
    IndexContract,
    LeasesContract,
    ClassifiedContract,
    UnreadContract,
    ListsContract,
    ListingsContract,
    PagesContract,
    PlainContract,
    RepeatsContract,
    StateContract,
):
    @pytest.fixture
    def index(self, file: Path) -> Iterator[Engine]:
        index = open_index(f"sqlite:{file}")
        yield index
        index.close()


class TestSqliteIndexInChunks(IndexContract, ListsContract, ListingsContract, PagesContract):
    """The contract again, with bulk loads of many chunks."""

    @pytest.fixture
    def index(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
        monkeypatch.setattr(engine, "_CHUNK", 30)
        monkeypatch.setattr(reading, "_PAGE_SIZE", 7)
        monkeypatch.setattr(engine, "_LISTED_CHUNK", 30)
        monkeypatch.setattr(pages, "_PAGE_SIZE", 70)
        monkeypatch.setattr(listings, "_GROUP", 300)
        monkeypatch.setattr(lookups, "_PAGE", 2)
        monkeypatch.setattr(listings, "_AT_ONCE", 50)
        monkeypatch.setattr(merging, "_BLOCK", 10)
        monkeypatch.setattr(merging, "_LARGEST_BLOCK", 20)
        monkeypatch.setattr(merging, "_BLOCKS_AT_ONCE", 5)
        monkeypatch.setattr(runs, "_ROW", 9)
        monkeypatch.setattr(joins, "_ROWS_AT_ONCE", 40)
        index = open_index(f"sqlite:{file}")
        yield index
        index.close()


Executed = list[tuple[str, Any]]
"""Statements with their bound values."""


@contextmanager
def traced(index: SqliteIndex) -> Iterator[Executed]:
    """Record all statements that the index executes; only one thread may use it."""
    index.lookup("t", [])  # so there is a connection for reading
    executed: Executed = []

    def trace(_cursor: apsw.Cursor, statement: str, bindings: object) -> bool:
        executed.append((statement.strip(), bindings))
        return True

    (reader,) = index._readers._idle
    for connection in (reader, index._writer._connection):
        connection.set_exec_trace(trace)
    yield executed
    for connection in (reader, index._writer._connection):
        connection.set_exec_trace(None)


def ask_everything(index: SqliteIndex, tenant: str) -> None:
    """Call every query method; the arguments match what `fill` records."""
    digests = [sha256_of("a"), md5_of("b"), sha256_of("none")]
    index.schemes(tenant, [1000, 2000, 3000])
    index.lookup(tenant, digests[:1])
    index.lookup(tenant, digests)
    index.at(tenant, ["a", "b", "none"])
    index.unread(tenant, 1000, 10)
    index.listed(tenant, digests[:1])
    index.listed(tenant, digests)
    for digest in (None, *digests):
        list(index.copies(tenant, digest=digest))


def fill(index: SqliteIndex, tenant: str) -> None:
    """Record copies and lists for all queries."""
    index.record(tenant, [a_copy("a", proved("a"))])
    index.add([(tenant, a_copy("b", claimed(md5_of("b")))), (tenant, a_copy("c", Digests()))])
    index.enlist([(tenant, Listed(md5_of("b"))), (tenant, Listed(sha256_of("d"), 3000))])


# Queries


def test_nothing_is_scanned(index: SqliteIndex) -> None:
    """Each statement finds its rows by an index, however large the tables are."""
    with traced(index) as executed:
        fill(index, "t")
        ask_everything(index, "t")
        index.record("t", [a_copy("a", proved("b"))])
        index.forget("t", [a_copy("a", proved("b"))])
        assert index.put_if("name", None, b"")
        index.increase("name", 1)
        index.get("name")
    connection = apsw.Connection(index.path)
    plans = [
        (statement, step)
        for statement, bindings in executed
        if statement.startswith(("WITH", "SELECT", "INSERT", "UPDATE", "DELETE"))
        for _, _, _, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", bindings)
    ]
    connection.close()
    assert len({statement for statement, _ in plans}) > 15
    tables = ("copy", "digest", "size", "listed", "state", "counter")
    large = tuple(f"SCAN {table}" for table in tables)
    assert [plan for plan in plans if plan[1].startswith(large)] == []


def test_same_calls_for_all_tenants(index: SqliteIndex) -> None:
    """P5: the same statements are executed for a tenant with and without records."""
    fill(index, "rich")
    fill(index, "other")
    index.forget("other", [copy for _, copy in index.copies("other")])
    executed = {}
    for tenant in ("rich", "other", "unknown"):
        with traced(index) as statements:
            index.lookup(tenant, [sha256_of("a")])
            index.lookup(tenant, [sha256_of("a"), md5_of("b"), sha256_of("none")])
            index.schemes(tenant, [1000, 2000, 3000])
            index.at(tenant, ["a", "b", "none"])
            index.unread(tenant, 1000, 10)
        executed[tenant] = [statement for statement, _ in statements]
    assert executed["rich"] == executed["other"] == executed["unknown"]
    assert len(executed["rich"]) == 5


def test_no_lists_no_search(index: SqliteIndex) -> None:
    """Nothing is searched for a tenant without lists, since every new content is looked up."""
    index.enlist([("rich", Listed(md5_of("b")))])
    index.record("poor", [a_copy("a", proved("a"))])
    for tenant in ("poor", "unknown"):
        for digests in ([md5_of("b")], [md5_of("b"), sha256_of("d")]):
            with traced(index) as statements:
                index.listed(tenant, digests)
            assert ["listed" in statement for statement, _ in statements] == [False]


@contextmanager
def profiled(index: SqliteIndex) -> Iterator[Counter[str]]:
    """Sum up SQLite's counters for reading statements; only one thread may use the index."""
    index.lookup("t", [])
    (reader,) = index._readers._idle
    counted: Counter[str] = Counter()
    reader.trace_v2(apsw.SQLITE_TRACE_PROFILE, lambda event: counted.update(event["stmt_status"]))
    yield counted
    reader.trace_v2(0)


def test_planned_once(index: SqliteIndex) -> None:
    """Statements are not planned again for each call, which takes longer than running them."""
    fill(index, "t")
    ask_everything(index, "t")
    (reader,) = index._readers._idle
    planning = 0

    def count(*_about: object) -> int:  # is asked for each table and column of a plan
        nonlocal planning
        planning += 1
        return apsw.SQLITE_OK

    reader.set_authorizer(count)
    ask_everything(index, "t")
    assert planning > 20
    planning = 0
    for tenant in ("t", "u"):
        ask_everything(index, tenant)
    assert planning == 0
    reader.set_authorizer(None)


def test_extra_copies_cost_nothing(index: SqliteIndex) -> None:
    """A content at many keys is looked up in as many steps as one at a single key."""
    index.record("t", [a_copy("b", proved("b"))])
    index.add(("t", copy) for copy in copies_of("a", 10_000))

    steps = {}
    for content in ("a", "b"):
        with profiled(index) as counted:
            index.lookup("t", [sha256_of(content)])
            index.lookup("t", [sha256_of(content), md5_of(content)])
        steps[content] = counted["SQLITE_STMTSTATUS_VM_STEP"]
    assert steps["a"] <= steps["b"] + 5
    with profiled(index) as counted:
        index.schemes("t", [1000])
    assert counted["SQLITE_STMTSTATUS_VM_STEP"] < 200


def test_crafted_fingerprints(index: SqliteIndex) -> None:
    """Thousands of digests with the same prefix cost time, but no result is wrong."""
    start = sha256_of("a").value[:8]
    digests = [Digest(SHA256, start + number.to_bytes(24)) for number in range(MANY + 1)]
    copies = [a_copy(f"k{number}", claimed(digest)) for number, digest in enumerate(digests)]
    index.add(("t", copy) for copy in copies[:-1])
    assert index.lookup("t", digests[-3:]) == [*copies[-3:-1], None]
    assert index.lookup("t", digests[-1:]) == [None]
    last = copies[-1]._replace(digests=Digests.proved(digests[-1]))
    assert index.record("t", [last]) == [last]
    assert index.lookup("t", digests[-3:]) == [*copies[-3:-1], last]
    assert list(index.copies("t", digest=digests[5])) == [("t", copies[5])]
    assert index.check() == []


def test_alike_within_a_copy(index: SqliteIndex) -> None:
    """Two digests of one copy with the same prefix are found and forgotten separately."""
    value = sha256_of("a").value
    digests = [Digest(SHA256, value), Digest(SHA256, value[:8] + bytes(24)), md5_of("a")]
    copy = a_copy("k", Digests.proved(*digests))
    index.record("t", [copy])
    assert index.lookup("t", digests) == [copy] * 3
    assert index.check() == []
    assert index.forget("t", [copy]) == [True]
    assert index.lookup("t", digests) == [None] * 3
    assert index.check() == []


def test_copies_read_in_pages(index: SqliteIndex) -> None:
    """Iterating over copies holds no connection, however slow it is."""
    index.add(("t", copy) for copy in copies_of("a", MANY))
    for pairs in (index.copies(), index.copies("t", digest=md5_of("a"))):
        next(pairs)
        assert len(index._readers._idle) == 1


# Writes


def test_key_too_long(index: SqliteIndex) -> None:
    """A name that is too long is refused before anything is written."""
    long = a_copy(100_000 * "k", proved("a"))
    with pytest.raises(ValueError, match="too long"):
        index.record("t", [a_copy("k", proved("a")), long])
    with pytest.raises(ValueError, match="too long"):
        index.add([("t", a_copy("k", proved("a"))), ("t", long)])
    assert list(index.copies()) == []


def test_group_commit(index: SqliteIndex) -> None:
    """Writes that wait for a commit are committed together, at the cost of one."""
    index.record("t", [a_copy("first", proved("first"))])
    with traced(index) as executed, ThreadPoolExecutor(THREADS) as pool:
        with index._writer._lock:  # as if a commit were under way
            copies = [a_copy(f"k{number}", proved(str(number))) for number in range(THREADS)]
            answers = [pool.submit(index.record, "t", [copy]) for copy in copies]
            wait_until(lambda: len(index._writer._waiting) == THREADS)
        assert [answer.result() for answer in answers] == [[copy] for copy in copies]
    assert [statement for statement, _ in executed].count("COMMIT") == 1


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.001)


def test_one_fails(index: SqliteIndex) -> None:
    """If one write of a group fails, none is kept, and all callers get an error."""
    copy = a_copy("k", proved("a"))
    index.record("t", [a_copy("first", proved("first"))])
    with ThreadPoolExecutor(2) as pool:
        with index._writer._lock:
            good = pool.submit(index.record, "t", [copy])
            wait_until(lambda: len(index._writer._waiting) == 1)
            bad = pool.submit(index._writer.write, lambda _connection: 1 // 0)
            wait_until(lambda: len(index._writer._waiting) == 2)
        assert isinstance(bad.exception(), ZeroDivisionError)
        assert isinstance(good.exception(), Unavailable)
    assert index.at("t", ["k"]) == [None]
    assert index.record("t", [copy]) == [copy]


def test_interrupted(index: SqliteIndex) -> None:
    """Ctrl+C in a write reaches its caller; nothing of it is kept, and other writes continue."""

    def interrupt(connection: apsw.Connection) -> None:
        writing.intern(connection, "half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index._writer.write(interrupt)
    assert index._readers.read(reading.tenants) == []
    assert index.increase("name", 1) == 1


def test_bulk_over_what_is_there(index: SqliteIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bulk load over existing or repeated keys keeps the last copy of each key."""
    monkeypatch.setattr(engine, "_CHUNK", 1000)
    old = [a_copy(f"k{number:05d}", proved(f"old {number}")) for number in range(0, 5000, 3)]
    index.add(("t", copy) for copy in old)
    new = [
        a_copy(f"k{number:05d}", proved(f"new {number}"), identity="v2") for number in range(5000)
    ]
    assert index.add(("t", copy) for copy in [*new[:100], *old[:50], *new]) == 5150
    assert [copy for _, copy in index.copies("t")] == new
    assert index.lookup("t", [sha256_of("old 3"), sha256_of("new 3")]) == [None, new[3]]
    assert index.check() == []


def test_bulk_of_keys_given_twice(index: SqliteIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bulk load into an empty index also keeps the last copy of each key."""
    monkeypatch.setattr(engine, "_CHUNK", 1000)
    old = [a_copy(f"k{number:05d}", proved(f"old {number}")) for number in range(0, 5000, 3)]
    new = [
        a_copy(f"k{number:05d}", proved(f"new {number}"), identity="v2") for number in range(5000)
    ]
    assert index.add(("t", copy) for copy in [*old, *new, *new[:50]]) == 6717
    assert [copy for _, copy in index.copies("t")] == new
    assert index.lookup("t", [sha256_of("old 3"), sha256_of("new 3")]) == [None, new[3]]
    assert index.check() == []


def test_record_during_a_bulk_load(index: SqliteIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies recorded while a bulk load is prepared are all kept."""
    monkeypatch.setattr(engine, "_CHUNK", 1000)
    given = [a_copy(f"k{number:05d}", proved(str(number))) for number in range(2500)]
    early = a_copy("early", proved("7"))

    def copies() -> Iterator[tuple[str, Copy]]:
        for number, copy in enumerate(given):
            if number == 2000:
                assert index.record("t", [early]) == [early]
            yield "t", copy

    assert index.add(copies()) == 2500
    assert list(index.copies("t")) == [("t", copy) for copy in (early, *given)]
    assert list(index.copies("t", digest=sha256_of("7"))) == [("t", early), ("t", given[7])]
    assert index.check() == []


def test_bulk_among_busy_threads(index: SqliteIndex) -> None:
    """Bulk loads rarely release the interpreter's lock, so busy threads hardly slow them."""
    busy = threading.Event()
    thread = threading.Thread(target=lambda: [None for _ in iter(busy.is_set, True)])
    thread.start()
    began = time.monotonic()
    try:
        index.add(("t", copy) for copy in copies_of("a", 20_000))
    finally:
        busy.set()
        thread.join()
    # Row by row it would be 20,000 times 5 ms.
    assert time.monotonic() - began < 30


def test_wal_stays_small(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The WAL is restarted from time to time, even under a writer that never pauses."""
    monkeypatch.setattr(connections, "_CHECKPOINT_PAGES", 50)
    index = SqliteIndex(str(file))
    largest = 0
    for number in range(1500):
        index.record("t", [a_copy(f"k{number}", proved(str(number)))])
        largest = max(largest, Path(f"{file}-wal").stat().st_size)
    index.close()
    assert largest < 1500 * 4 * 4096 / 4  # a quarter of what they write at the least


def test_wal_shrinks(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a bulk load that filled the WAL, its disk space is released."""
    monkeypatch.setattr(engine, "_CHUNK", 1000)
    monkeypatch.setattr(connections, "_CHECKPOINT_PAGES", 50)
    monkeypatch.setattr(connections, "_MAX_WAL_PAGES", 50)
    monkeypatch.setattr(sqlite_file, "_MAX_WAL_BYTES", 100_000)
    index = SqliteIndex(str(file))
    wal = Path(f"{file}-wal")
    index.add(("t", copy) for copy in copies_of("a", 5000))
    assert wal.stat().st_size > 500_000
    index.record("t", [a_copy("k", proved("k"))])
    assert wal.stat().st_size < 110_000
    index.close()


def test_connections_are_pooled(index: SqliteIndex) -> None:
    """There are never more connections for reading than concurrent readers."""
    index.add(("t", copy) for copy in copies_of("a", 10))
    for _ in range(10):
        index.lookup("t", [sha256_of("a")])
    assert len(index._readers._idle) == 1
    at_once(lambda _: [index.lookup("t", [sha256_of("a")]) for _ in range(50)])
    assert 1 <= len(index._readers._idle) <= THREADS


def test_close_among_readers(file: Path) -> None:
    """A read while the index is closed succeeds or is Unavailable; no connection is left."""
    index = SqliteIndex(str(file))
    copy = a_copy("k", proved("a"))
    index.record("t", [copy])

    def read(number: int) -> object:
        if number == 0:
            time.sleep(0.05)
            index.close()
            return None
        answer: list[Copy | None] = [copy]
        while answer == [copy]:
            try:
                answer = index.lookup("t", [sha256_of("a")])
            except Unavailable:
                return None
        return answer

    assert at_once(read) == [None] * THREADS
    assert index._readers._idle == []
    assert not Path(f"{file}-wal").exists()


def test_large_contents_and_small_ones(index: SqliteIndex) -> None:
    """A size at the boundary yields the right scheme."""
    small = a_copy("s", proved("s"), size=SMALLEST_PART - 1)
    large = a_copy("l", proved("l"), size=SMALLEST_PART)
    index.add([("t", small), ("t", large)])
    answers = index.schemes("t", [small.size, large.size])
    assert [sorted(map(str, answer)) for answer in answers] == [
        ["sha256"],
        ["md5", "sha256", "sha256+8388608"],
    ]


def test_leases_of_two_processes(index: SqliteIndex, file: Path) -> None:
    """They are shared; expired ones are removed now and then."""
    other = SqliteIndex(str(file))
    assert index.take_leases([Lease("x", "a", 0.01), Lease("y", "a", 60)]) == [True, True]
    assert other.take_leases([Lease("y", "b", 60)]) == [False]
    time.sleep(0.1)
    index.end_leases([])
    assert [name for name, _ in index.values("lease:")] == ["lease:x", "lease:y"]
    index._next_sweep = 0
    index.end_leases([])
    assert [name for name, _ in other.values("lease:")] == ["lease:y"]
    other.close()


def test_only_leases_do_not_wait_for_the_disk(index: SqliteIndex) -> None:
    """P6: whatever is committed together with others, or after leases, is synced."""
    modes: list[int] = []

    def write(connection: apsw.Connection) -> None:
        modes.append(connection.pragma("synchronous"))

    writer = index._writer
    writer.write(write)
    writer.write_unsynced(write)
    writer.write(write)
    jobs = [connections._Job(write, is_synced=is_synced) for is_synced in (False, True, False)]
    writer._commit(list(jobs))
    assert modes == [_FULL, _NORMAL, _FULL, _FULL, _FULL, _FULL]
