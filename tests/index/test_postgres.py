"""The index in PostgreSQL: the contract, its queries, and its errors."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from onecopy.content import Copy, Digests, Listed
from onecopy.errors import Damaged, Failure, Forbidden, InvalidSettings, Unavailable
from onecopy.index.interface import Lease
from onecopy.index.listings import MOST_COUNTED, Merged
from onecopy.index.memory import MemoryIndex
from onecopy.index.postgres import (
    connections,
    listings,
    lists,
    loading,
    merging,
    pages,
    reading,
    rows,
    schema,
    writing,
)
from onecopy.index.postgres import index as engine
from onecopy.index.postgres.connections import Connection, Row, fetch, run
from onecopy.index.postgres.index import PostgresIndex
from onecopy.listing import EVERYTHING, ListedCopy, Span
from onecopy.testing.index import (
    ClassifiedContract,
    IndexContract,
    LeasesContract,
    ListingsContract,
    ListsContract,
    PagesContract,
    RepeatsContract,
    StateContract,
    UnreadContract,
)
from onecopy.testing.index.complete import CompleteEngine, open_complete
from onecopy.testing.index.listings import a_listed, numbered
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
from tests.conftest import environment
from tests.standins.postgres import Postgres

pytestmark = pytest.mark.server


class TestPostgresIndex(
    IndexContract,
    ClassifiedContract,
    UnreadContract,
    LeasesContract,
    ListsContract,
    ListingsContract,
    PagesContract,
    RepeatsContract,
    StateContract,
):
    @pytest.fixture
    def index(self, database: str) -> Iterator[CompleteEngine]:
        index = open_complete(database)
        yield index
        index.close()


class TestPostgresIndexInChunks(IndexContract, ListsContract, ListingsContract, PagesContract):
    """The contract again, with bulk loads of many chunks."""

    @pytest.fixture
    def index(self, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CompleteEngine]:
        monkeypatch.setattr(engine, "_CHUNK", 30)
        monkeypatch.setattr(engine, "_MIN_BULK_LOAD", 40)
        monkeypatch.setattr(loading, "_CHUNK", 70)
        monkeypatch.setattr(reading, "_PAGE_SIZE", 7)
        monkeypatch.setattr(pages, "_PAGE_SIZE", 700)
        monkeypatch.setattr(listings, "_PAGE_SIZE", 7)
        monkeypatch.setattr(merging, "GROUP", 30)
        monkeypatch.setattr(merging, "_PAGE_SIZE", 45)
        monkeypatch.setattr(rows, "MAX_INSERT", 20)
        monkeypatch.setattr(writing, "MAX_INSERT", 20)
        index = open_complete(database)
        yield index
        index.close()


@pytest.fixture
def index(database: str) -> Iterator[PostgresIndex]:
    """Yield an empty index."""
    index = PostgresIndex(database)
    yield index
    index.close()


def test_leases_leave_nothing_behind(index: PostgresIndex) -> None:
    """Expired leases are removed now and then; what is written otherwise is still durable."""
    index.take_leases([Lease("x", "a", 0.01), Lease("y", "a", 60)])
    time.sleep(0.1)
    index.end_leases([])
    assert [name for name, _ in index.values("lease:")] == ["lease:x", "lease:y"]
    index._next_sweep = 0
    index.end_leases([])
    assert [name for name, _ in index.values("lease:")] == ["lease:y"]
    assert index._connections.use(fetch, "SHOW synchronous_commit") == [("on",)]


@contextmanager
def connected(url: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Lend a separate connection."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def fill(index: CompleteEngine, tenant: str) -> None:
    """Record copies and lists for all queries."""
    index.record(tenant, [a_copy("a", proved("a"))])
    index.add([(tenant, a_copy("b", claimed(md5_of("b")))), (tenant, a_copy("c", Digests()))])
    index.enlist([(tenant, Listed(md5_of("b"))), (tenant, Listed(sha256_of("d"), 3000))])
    index.put_if(tenant, None, b"value")
    index.increase(f"{tenant}s", 1)


def ask(index: CompleteEngine, tenant: str) -> None:
    """Call every query method."""
    digests = [md5_of("b"), sha256_of("a"), sha256_of("none")]
    for asked in (digests, digests[:1]):
        index.lookup(tenant, asked)
        index.listed(tenant, asked)
    index.schemes(tenant, [1000, 2000, 3000])
    index.at(tenant, ["a", "b", "none"])
    index.unread(tenant, 1000, 10)
    index.unread_sizes(tenant, [1000, 2000])


def list_and_ask(index: PostgresIndex, tenant: str) -> None:
    """Merge entries, unlist one, and call every query method of listings."""
    given = [a_listed("a"), a_listed("b", is_opaque=True), a_listed("c", size=7, parts=3)]
    index.merge(tenant, Span("", "c"), given)
    index.merge(tenant, EVERYTHING, given[:2], complete=False)
    index.unlist(tenant, given[:1])
    list(index.listed_copies(tenant, Span("", "c")))
    list(index.copies_within(tenant, Span("", "c")))
    ask_listings(index, tenant)


def ask_listings(index: PostgresIndex, tenant: str) -> None:
    """Call every query method of listings."""
    copy = a_listed("b")
    index.listed_at(tenant, ["b", "none"])
    index.listed_sizes(tenant, [1000, 7, 8])
    index.matching(tenant, 1000, [(0, copy.tag), (3, copy.tag)], 10)
    index.opaque(tenant, 1000, 10)
    index.in_parts(tenant, 7, 10)


# Queries


def scans(url: str) -> dict[object, object]:
    """Return how often each table was scanned completely, once all other connections are gone."""
    others = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    with connected(url) as connection:
        while connection.execute(others).fetchone():
            time.sleep(0.01)  # what they did comes to be known when they end
        rows = connection.execute("SELECT relname, seq_scan FROM pg_stat_user_tables").fetchall()
    return {table: count for table, count in rows if table not in ("stripe", "version")}


def test_nothing_is_read_from_end_to_end(database: str) -> None:
    """All queries use an index, also those of connections made while the tables were empty."""
    open_complete(database).close()
    before = scans(database)
    index = PostgresIndex(database)
    for turn in range(2):
        for tenant in ("t", "u", "v"):
            fill(index, tenant)
            ask(index, tenant)
            list_and_ask(index, tenant)
            for digest in (None, sha256_of("a")):
                list(index.copies(tenant, digest=digest))
            index.forget(tenant, [a_copy("a", proved("a"))])
        list(index.pages())
        index.count()
        if not turn:
            index.add(("t", copy) for copy in copies_of("more", MANY))
            index.enlist(("t", Listed(md5_of(str(number)), number)) for number in range(MANY))
            index.merge("t", Span("c"), numbered(range(MANY)))
            index.merge("t", Span("c"), [])
            list(index.listed_copies("t"))
    index.close()
    assert scans(database) == before
    assert before.keys() >= {"copy", "listing"}


def test_no_more_is_read_than_is_asked(database: str) -> None:
    """A plan that was made while the tables were empty looks up single rows when they are not.

    It lasts as long as the connection, and the tables need not be analyzed.
    """
    index = PostgresIndex(database)
    for turn in range(2):
        for tenant in ("t", "u"):
            fill(index, tenant)
            ask(index, tenant)
            index.forget(tenant, [a_copy("a", proved("a"))])
            if not turn:
                index.add((tenant, copy) for copy in copies_of("more", MANY))
                index.enlist((tenant, Listed(md5_of(str(number)))) for number in range(MANY))
    index.close()
    scans(database)  # waits until all is known
    read = (
        "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes"
        " WHERE relname IN ('copy', 'digest', 'listed')"
    )
    with connected(database) as connection:
        [[rows]] = connection.execute(read).fetchall()
    assert 0 < int(str(rows)) < MANY / 10


def rows_read(index: PostgresIndex) -> int:
    """Return how many rows of listings the index's only connection has read so far."""
    index._connections.use(run, "SELECT pg_stat_force_next_flush()")
    asked = "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'listing'"
    [[rows]] = index._connections.use(fetch, asked)
    return int(rows)


def test_no_more_is_read_of_listings(index: PostgresIndex) -> None:
    """Likewise for listings, even if all entries have the same size, and most the same tag."""
    list_and_ask(index, "t")
    more = [copy._replace(size=1000) for copy in numbered(range(20 * MANY))]
    index.merge("t", Span("c"), more[::2])
    index.merge("t", Span("c"), (copy._replace(tag=bytes(16)) for copy in more))
    before = rows_read(index)
    list_and_ask(index, "t")
    index.unlist("t", [more[0]._replace(tag=bytes(16)), more[-1]])
    assert 0 < rows_read(index) - before < 3 * MOST_COUNTED


def test_same_calls_for_all_tenants(index: PostgresIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """P5: the same statements are executed for a tenant with and without records."""
    fill(index, "rich")
    list_and_ask(index, "rich")
    asked: list[str] = []

    def noting(
        connection: Connection, statement: str, *values: object
    ) -> Sequence[tuple[object, ...]]:
        asked.append(statement)
        return fetch(connection, statement, *values)

    for module in (reading, lists, listings):
        monkeypatch.setattr(module, "fetch", noting)
    executed = []
    for tenant in ("rich", "other", "unknown"):
        ask(index, tenant)
        ask_listings(index, tenant)
        executed.append(asked[:])
        asked.clear()
    assert executed[0] == executed[1] == executed[2]
    assert len(executed[0]) >= 11


def test_threads_share_connections(
    database: str, index: PostgresIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More threads than connections wait for each other, and all succeed."""
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
    copies = copies_of("a", 200)
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda copy: index.record("t", [copy])[0], copies))
    assert len(set(found)) == 1
    assert len(index._connections._idle) <= 2


def test_no_connection_is_left(index: PostgresIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """While all connections are in use for too long, it is Unavailable; then it works again."""
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 1)
    monkeypatch.setattr(connections, "WAIT_TIMEOUT", 0.05)

    def meanwhile() -> Iterator[tuple[str, Copy]]:
        yield from [("t", copy) for copy in copies_of("a", engine._MIN_BULK_LOAD)]
        with pytest.raises(Unavailable, match="all 1 connections"):
            index.at("t", ["a"])

    assert index.add(meanwhile()) == engine._MIN_BULK_LOAD
    assert index.at("t", ["a"]) == [None]


def test_a_count_of_many_is_estimated(
    index: PostgresIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many entries there are, counting takes no longer and is approximately right."""
    monkeypatch.setattr(pages, "_MAX_COUNTED", 100)
    index.add(("t", copy) for copy in copies_of("a", 10 * MANY))
    index._connections.use(lambda connection: connection.execute("ANALYZE onecopy.copy"))
    assert 9 * MANY < index.count() < 11 * MANY


def test_acknowledged_is_durable(postgres: Postgres, database: str) -> None:
    """P6: commits are synchronous, whatever the default of the database."""
    name = urlsplit(database).path[1:]
    with postgres.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    index = PostgresIndex(database)
    shown = index._connections.use(lambda one: one.execute("SHOW synchronous_commit").fetchone())
    assert shown == ("on",)
    index.close()


# Bulk loads


def keys(url: str) -> list[tuple[object, ...]]:
    """Return the keys and indexes of the tables."""
    with connected(url) as connection:
        return connection.execute(
            "SELECT indexname, indexdef, conname, contype FROM pg_indexes"
            " LEFT JOIN pg_constraint ON conname = indexname"
            " WHERE schemaname = 'onecopy' ORDER BY indexname"
        ).fetchall()


def test_loaded(database: str, index: PostgresIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a load into an empty index, repeated keys have the same result as elsewhere."""
    monkeypatch.setattr(engine, "_MIN_BULK_LOAD", 100)
    monkeypatch.setattr(loading, "_CHUNK", 64)
    kinds = [proved("a"), claimed(md5_of("b")), Digests.proved(md5_of("c")), Digests()]
    given = [
        ("tu"[number % 2], a_copy(f"k{number * 7 % 150}", kinds[number % 4], identity=identity))
        for identity in ("v1", "v1", "v2")
        for number in range(200)
    ]
    before = keys(database)
    memory = MemoryIndex()
    assert index.add(iter(given)) == memory.add(given) == len(given)
    assert keys(database) == before
    assert sorted(index.copies()) == sorted(memory.copies())
    for tenant in "tu":
        for digests in kinds[:3]:
            [digest] = list(digests)[:1]
            found = list(memory.copies(tenant, digest=digest))
            assert list(index.copies(tenant, digest=digest)) == found
    index.forget("t", [copy for _, copy in index.copies("t")])
    index.forget("u", [copy for _, copy in index.copies("u")])
    with connected(database) as connection:
        assert connection.execute("SELECT count(*) FROM onecopy.digest").fetchone() == (0,)


def test_load_is_interrupted(index: PostgresIndex) -> None:
    """A first load that fails leaves the index as it was."""

    def broken() -> Iterator[tuple[str, Copy]]:
        yield from [("t", copy) for copy in copies_of("a", engine._MIN_BULK_LOAD + 1)]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        index.add(broken())
    assert list(index.copies()) == []
    copy = a_copy("k", proved("a"))
    assert index.record("t", [copy]) == [copy]


# Permissions


@contextmanager
def role(postgres: Postgres, url: str) -> Iterator[tuple[str, str]]:
    """Create a user with a password; lend its name and URL."""
    name = f"guest_{urlsplit(url).path[-8:]}"
    with postgres.connect() as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'se%cret'")
    place = urlsplit(url)
    port = f":{place.port}" if place.port else ""
    yield name, place._replace(netloc=f"{name}@{place.hostname}{port}").geturl()
    with postgres.connect() as connection, connected(url) as own:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (name,)
        )
        own.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")


def test_password_from_the_environment(
    postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password comes from psql's places, and is not shown if it is wrong."""
    with role(postgres, database) as (name, url):
        with pytest.raises(Forbidden):
            open_complete(url)
        monkeypatch.setenv("PGPASSWORD", "wr%ng")
        with pytest.raises(Forbidden) as caught:
            open_complete(url)
        assert "wr%ng" not in str(caught.value)
        with connected(database) as connection:
            connection.execute(f"CREATE SCHEMA onecopy AUTHORIZATION {name}")
        monkeypatch.setenv("PGPASSWORD", "se%cret")
        index = open_complete(url)
        fill(index, "t")
        index.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:se%63ret@127.0.0.1/d",
        "postgresql://u@127.0.0.1/d?password=se%63ret",
        "postgresql://u:se%63ret%zz@127.0.0.1/d",
        "postgresql://u:se%63ret@127.0.0.1/d?unheard=of",
        "postgres://u:se%63ret@127.0.0.1/d",
    ],
)
def test_a_password_in_the_url(url: str) -> None:
    """A password in the URL is refused, since others could read it, and not shown."""
    with pytest.raises(InvalidSettings) as caught:
        open_complete(url)
    assert "secret" not in str(caught.value)
    assert "se%63ret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("query", ["connect_timeout=long", "port=long", "unheard=of"])
def test_a_wrong_option(query: str) -> None:
    """An option that libpq does not accept is reported, and not retried."""
    with pytest.raises(InvalidSettings):
        open_complete(f"postgresql://127.0.0.1/d?{query}")


def test_not_permitted(postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who may not create or use the tables is Forbidden."""
    monkeypatch.setenv("PGPASSWORD", "se%cret")
    with role(postgres, database) as (_, url):
        with pytest.raises(Forbidden, match="permission"):
            open_complete(url)
        open_complete(database).close()
        with pytest.raises(Forbidden, match="permission"):
            open_complete(url)


def test_upgrade_is_not_permitted(
    postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who may not create tables cannot upgrade older ones, until their owner has."""
    monkeypatch.setenv("PGPASSWORD", "se%cret")
    with role(postgres, database) as (name, url), connected(database) as connection:
        with monkeypatch.context() as older:
            older.setattr(schema, "UPGRADES", schema.UPGRADES[:1])
            open_complete(database).close()
            connection.execute(f"GRANT USAGE ON SCHEMA onecopy TO {name}")
            connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA onecopy TO {name}")
            open_complete(url).close()
        with pytest.raises(Forbidden, match="permission"):
            open_complete(url)
        open_complete(database).close()
        index = PostgresIndex(url)
        assert index.at("t", ["k"]) == [None]
        index.close()


def test_without_ownership(
    postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who may only read and write rows can do everything, including first loads."""
    monkeypatch.setenv("PGPASSWORD", "se%cret")
    monkeypatch.setattr(engine, "_MIN_BULK_LOAD", 100)
    open_complete(database).close()
    with role(postgres, database) as (name, url):
        with connected(database) as connection:
            connection.execute(f"GRANT USAGE ON SCHEMA onecopy TO {name}")
            connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA onecopy TO {name}")
            connection.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA onecopy TO {name}")
            connection.execute(f"REVOKE TRUNCATE ON ALL TABLES IN SCHEMA onecopy FROM {name}")
        index = PostgresIndex(url)
        assert index.add(("t", copy) for copy in copies_of("a", MANY)) == MANY
        fill(index, "t")
        list_and_ask(index, "t")
        assert len(list(index.copies("t"))) == MANY + 3
        index.close()


# Errors


def test_not_there() -> None:
    """A server that does not answer is Unavailable, since that may be temporary."""
    with pytest.raises(Unavailable, match="cannot reach"):
        open_complete("postgresql://127.0.0.1:1/database")


def test_no_such_database(postgres: Postgres) -> None:
    """If the database does not exist, the message says how to create it."""
    with pytest.raises(InvalidSettings, match="createdb"):
        open_complete(urlsplit(postgres.url)._replace(path="/nowhere").geturl())


def test_no_such_role(postgres: Postgres) -> None:
    """A user whom the server does not know is Forbidden."""
    place = urlsplit(postgres.url)
    netloc = f"nobody@{place.hostname}" + (f":{place.port}" if place.port else "")
    with pytest.raises(Forbidden):
        open_complete(place._replace(netloc=netloc).geturl())


def test_package_is_missing(tmp_path: Path) -> None:
    """Without psycopg the message says how to install it."""
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from onecopy.index import open_index\n"
        "open_index('postgresql://h/d')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        check=False,
    )
    assert "pip install 'onecopy[postgres]'" in done.stderr.splitlines()[-1]


def test_others_are_writing(index: PostgresIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that waits too long for a lock gets Unavailable, while others continue."""
    quick = connections._SESSION.replace("lock_timeout = '10s'", "lock_timeout = '50ms'")
    monkeypatch.setattr(connections, "_SESSION", quick)
    other = PostgresIndex(index._connections._conninfo)
    copy, elsewhere = a_copy("k", proved("a")), a_copy("l", proved("b"))
    with connected(index._connections._conninfo) as connection, connection.transaction():
        [stripe, _] = writing._stripes([("t", copy)])
        connection.execute("SELECT FROM onecopy.stripe WHERE id = %s FOR UPDATE", (stripe,))
        with pytest.raises(Unavailable, match="other processes"):
            other.record("t", [copy])
        assert other.record("t", [elsewhere]) == [elsewhere]
        assert other.lookup("t", [sha256_of("a")]) == [None]
    assert other.record("t", [copy]) == [copy]
    other.close()


def test_takes_too_long(index: PostgresIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that takes too long is cancelled."""
    quick = connections._SESSION.replace("statement_timeout = '30s'", "statement_timeout = '50ms'")
    monkeypatch.setattr(connections, "_SESSION", quick)
    other = PostgresIndex(index._connections._conninfo)
    with pytest.raises(Unavailable, match="interrupted"):
        other._connections.use(lambda connection: connection.execute("SELECT pg_sleep(60)"))
    assert other.at("t", ["k"]) == [None]
    other.close()


def test_only_to_be_read(postgres: Postgres, database: str) -> None:
    """A standby answers queries; writing is Unavailable, with advice to use the primary."""
    open_complete(database).close()
    index = open_complete(f"{database}?options=-cdefault_transaction_read_only%3Don")
    assert index.at("t", ["k"]) == [None]
    with pytest.raises(Unavailable, match="standby"):
        index.record("t", [a_copy("k", proved("a"))])
    index.close()


def test_a_name_that_no_text_holds(index: PostgresIndex) -> None:
    """A name that PostgreSQL cannot hold fails, and nothing of the call is kept."""
    good = a_copy("good", proved("good"))
    with pytest.raises(Failure, match="0x00") as caught:
        index.record("t", [good, a_copy("k\0", proved("a"))])
    assert not isinstance(caught.value, Unavailable)
    assert list(index.copies()) == []


# Listings


def opened(url: str, act: Callable[[PostgresIndex, int], object]) -> None:
    """Let several threads act at once, each with an index of its own, as processes would."""

    def alone(number: int) -> None:
        index = PostgresIndex(url)
        try:
            act(index, number)
        finally:
            index.close()

    at_once(alone)


def versions_of(entries: Sequence[ListedCopy]) -> list[list[ListedCopy]]:
    """Return the entries as each of several scans sees them."""
    return [[copy._replace(modified=number) for copy in entries] for number in range(THREADS)]


def test_merged_at_once(database: str) -> None:
    """If several processes merge the same span, a group of entries is of one of them."""
    given = numbered(range(MANY))
    versions = versions_of(given)
    opened(database, lambda index, number: index.merge("t", EVERYTHING, versions[number]))
    index = PostgresIndex(database)
    assert list(index.listed_copies("t")) in versions
    assert index.merge("t", EVERYTHING, given) == Merged(changed=MANY)
    index.close()


def test_who_waits_for_a_merge(index: PostgresIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """During a merge, another one of the tenant waits; uploads, checks and deletions do not."""
    quick = connections._SESSION.replace("lock_timeout = '10s'", "lock_timeout = '50ms'")
    monkeypatch.setattr(connections, "_SESSION", quick)
    other = PostgresIndex(index._connections._conninfo)
    copy, [entry] = a_copy("k", proved("a")), numbered([1])
    index.merge("t", EVERYTHING, [entry])
    with connected(index._connections._conninfo) as connection, connection.transaction():
        connection.execute(f"{merging._LOCK.replace('%b', '%s')}".encode(), ("t",))
        with pytest.raises(Unavailable, match="other processes"):
            other.merge("t", EVERYTHING, [])
        assert other.merge("u", EVERYTHING, [entry]) == Merged(new=1)
        assert other.record("t", [copy]) == [copy]
        assert other.add([("t", copy), ("new", copy)]) == 2
        assert other.listed_at("t", [entry.key]) == [entry]
        assert other.unlist("t", [entry]) == [True]
    assert other.merge("t", EVERYTHING, [entry]) == Merged(new=1)
    other.close()


def test_deletions_at_once(database: str, index: PostgresIndex) -> None:
    """Two processes that delete the same entries in different orders don't block each other."""
    a, b = given = [a_listed("a"), a_listed("b")]
    index.merge("t", EVERYTHING, given)
    with ThreadPoolExecutor(2) as pool, connected(database) as connection:
        with connection.transaction():
            connection.execute("SELECT FROM onecopy.listing WHERE key = 'b' FOR UPDATE")
            calls = []
            for order in ([b, a], [a, b]):
                calls.append(pool.submit(index.unlist, "t", order))
                wait_for_waiting(database, len(calls))
        done = [call.result() for call in calls]
    assert sorted(done) == [[False, False], [True, True]]


def wait_for_waiting(url: str, count: int) -> None:
    """Wait until this number of connections wait for locks."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with connected(url) as connection:
        while connection.execute(waiting).fetchone() != (count,):
            time.sleep(0.01)


def test_no_deadlock(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merges of overlapping spans and deletions wait for each other, and none fails."""
    monkeypatch.setattr(merging, "GROUP", 100)
    given = numbered(range(1000))
    versions = versions_of(given)

    def act(index: PostgresIndex, number: int) -> None:
        own = versions[number]
        index.merge("t", EVERYTHING, own[number::2])
        index.merge("t", Span(given[5].key), own[6:])
        for other in versions:
            index.unlist("t", other[number::THREADS][::-1])
        index.merge("t", Span("", given[number * 50].key), own[: number * 50], complete=False)

    opened(database, act)
    index = PostgresIndex(database)
    found = list(index.listed_copies("t"))
    assert len({copy.key for copy in found}) == len(found)
    assert set(found) <= {copy for version in versions for copy in version}
    index.close()


def test_an_old_page_is_longer_than_a_group(
    index: PostgresIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A span that has many more entries than are merged into it takes constant memory."""
    index.merge("t", EVERYTHING, numbered(range(MANY)))
    read: list[int] = []
    write = merging._write

    def noting(
        connection: Connection, tenant: int, old: Sequence[Row], copies: Sequence[ListedCopy]
    ) -> Merged:
        read.append(len(old))
        return write(connection, tenant, old, copies)

    monkeypatch.setattr(merging, "_PAGE_SIZE", 100)
    monkeypatch.setattr(merging, "_write", noting)
    few = numbered([7, 100, MANY + 5])
    assert index.merge("t", EVERYTHING, few) == Merged(1, 0, MANY - 2, 2)
    assert list(index.listed_copies("t")) == few
    assert max(read) == 100


def test_kinds(index: PostgresIndex) -> None:
    """Storage classes and checksums that have no abbreviation are kept, too."""
    classes = ("STANDARD", "GLACIER", "STANDARD_IA", "SNOW", "X", "")
    checksums = ("", "SHA256", "CRC32 CRC32C SHA1", "XXHASH128 CRC64NVME")
    given = [
        a_listed(f"{one} {two}", storage_class=one, checksums=two)
        for one in sorted(classes)
        for two in sorted(checksums)
    ]
    index.merge("t", EVERYTHING, sorted(given))
    assert list(index.listed_copies("t")) == sorted(given)


def test_more_parts_than_an_upload_has(index: PostgresIndex) -> None:
    """A number of parts that no upload can have does no harm: nothing follows from such a tag."""
    strange = a_listed("a", parts=10**9)
    for merged in (Merged(new=1), Merged(unchanged=1)):
        assert index.merge("t", EVERYTHING, [strange]) == merged
    [found] = index.listed_copies("t")
    assert found.schemes == strange.schemes == ()
    assert index.matching("t", 1000, [(10**9, strange.tag)], 9) == []
    assert index.unlist("t", [found]) == [True]


@pytest.mark.parametrize(
    "damage", ["tag = '\\x01'", "size = 0", "parts = -1"], ids=["tag", "size", "parts"]
)
def test_an_impossible_entry_is_damage(database: str, index: PostgresIndex, damage: str) -> None:
    """An entry that another program changed is not an answer; the next listing replaces it."""
    given = [a_listed("a", is_opaque=True)]
    index.merge("t", EVERYTHING, given)
    with connected(database) as connection:
        connection.execute(f"UPDATE onecopy.listing SET {damage}".encode())
    with pytest.raises(Damaged, match="the index is damaged"):
        index.listed_at("t", ["a"])
    with pytest.raises(Damaged, match="the index is damaged"):
        list(index.listed_copies("t"))
    assert index.merge("t", EVERYTHING, given) == Merged(changed=1)
    assert list(index.listed_copies("t")) == given


# Versions


def test_not_ours(database: str) -> None:
    """A schema of another program is refused and left unchanged."""
    with connected(database) as connection:
        connection.execute("CREATE SCHEMA onecopy CREATE TABLE precious (a integer)")
    with pytest.raises(InvalidSettings, match="not an index of onecopy"):
        open_complete(database)


def test_another_encoding(postgres: Postgres) -> None:
    """A database whose encoding cannot hold every name is refused, with advice."""
    name = "onecopy_latin"
    with postgres.connect() as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
        )
    try:
        with pytest.raises(InvalidSettings, match="UTF8"):
            open_complete(urlsplit(postgres.url)._replace(path=f"/{name}").geturl())
    finally:
        with postgres.connect() as connection:
            connection.execute(f"DROP DATABASE {name}")


def test_newer(database: str) -> None:
    """Tables of a newer onecopy are refused and left unchanged."""
    open_complete(database).close()
    with connected(database) as connection:
        connection.execute("UPDATE onecopy.version SET version = version + 1")
    for _ in range(2):
        with pytest.raises(InvalidSettings, match="newer onecopy"):
            open_complete(database)


def test_upgrade(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of an older version are upgraded when they are opened, and keep their content."""
    copy = a_copy("k", proved("a"))
    index = PostgresIndex(database)
    index.record("t", [copy])
    index.close()
    more = (
        "ALTER TABLE onecopy.tenant ADD COLUMN quota INTEGER; UPDATE onecopy.tenant SET quota = 5;",
        "CREATE TABLE onecopy.other (a NONSENSE)",
        "UPDATE onecopy.tenant SET quota = quota + 1",
    )

    def quota() -> object:
        with connected(database) as connection:
            return connection.execute("SELECT quota FROM onecopy.tenant").fetchone()

    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, more[0], more[2]))
    for _ in range(2):
        index = PostgresIndex(database)
        assert index.at("t", ["k"]) == [copy]
        assert quota() == (6,)
        index.close()
    # The next one fails: nothing of it stays.
    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, more[2], more[1]))
    with pytest.raises(Failure):
        PostgresIndex(database)
    assert quota() == (6,)


def test_upgrade_from_the_first(database: str) -> None:
    """Tables without listings and storage classes get them, and keep their content."""
    copy = a_copy("k", proved("a"))
    index = PostgresIndex(database)
    index.record("t", [copy])
    index.close()
    with connected(database) as connection:
        connection.execute("ALTER TABLE onecopy.copy DROP COLUMN storage_class")
        connection.execute("DROP TABLE onecopy.listing")
        connection.execute("UPDATE onecopy.version SET version = 1")
    index = PostgresIndex(database)
    assert index.merge("t", EVERYTHING, [a_listed("k")]) == Merged(new=1)
    assert index.at("t", ["k"]) == [copy]
    moved = copy._replace(storage_class="GLACIER")
    assert index.classify("t", [moved]) == [True]
    assert index.at("t", ["k"]) == [moved]
    index.close()


def test_upgraded_by_several(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If several processes open older tables, or none, one of them creates the new ones."""
    more = ("CREATE TABLE onecopy.more (a INTEGER); INSERT INTO onecopy.more VALUES (1)",)
    for upgrades in (schema.UPGRADES, schema.UPGRADES + more):
        monkeypatch.setattr(schema, "UPGRADES", upgrades)
        barrier = threading.Barrier(6)

        def opened(_: int, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            open_complete(database).close()

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(opened, range(6)))
    with connected(database) as connection:
        assert connection.execute("SELECT count(*) FROM onecopy.more").fetchone() == (1,)
        assert connection.execute("SELECT version FROM onecopy.version").fetchall() == [
            (len(schema.UPGRADES),)
        ]


# The layout for a billion copies


class TestPartitionedIndex(IndexContract):
    """The contract again, with the table of digests partitioned as in docs/indexes.md."""

    @pytest.fixture
    def index(self, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CompleteEngine]:
        monkeypatch.setattr(engine, "_MIN_BULK_LOAD", 1000)
        open_complete(database).close()
        text = (Path(__file__).parents[2] / "docs" / "indexes.md").read_text("utf-8")
        with connected(database) as connection:
            for statement in text.partition("```sql\n")[2].partition("```")[0].split(";"):
                connection.execute(statement)
        index = open_complete(database)
        yield index
        index.close()


def test_an_impossible_row_is_damage(database: str) -> None:
    """A row that another program changed is not an answer, and no error of ours."""
    index = open_complete(database)
    index.record("t", [a_copy("k", proved("a"))])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE onecopy.copy SET digests = '\\x01'")
    with pytest.raises(Damaged, match="the index is damaged"):
        index.lookup("t", [sha256_of("a")])
    with pytest.raises(Damaged, match="the index is damaged"):
        list(index.copies("t"))
    index.close()
