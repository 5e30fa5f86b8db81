"""Speed of the PostgreSQL index, compared with bare psycopg loops that do the minimum.

    python benchmarks/postgres.py [COPIES] [--url URL]

COPIES defaults to 1 million; 100,000 are enough for a quick look. Every copy has a content digest
and an MD5. The server is the one that the tests use, on a Unix socket and durable (fsync is on);
--url names an empty database elsewhere, on a server where another one can be created.

Floor: loops over the same tables and one connection with the same settings, with prepared
statements, binary parameters and one cursor, which know in advance what the index has to find out
(tenants, numbers, and that no key is in use). Peer: the prototype's query per checksum. Both sides
take turns, so that ratios are valid on a busy machine, where rates are not; only the loads run one
after the other. Single lookups run on one core, because waking a process on another core takes
longer than a lookup.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.index import (
    BATCH,
    TENANT,
    Row,
    copy_of,
    in_turns,
    row_of,
    show,
    show_rates,
    show_times,
    spend,
)
from tests.standins.postgres import Postgres, postgres

from onecopy.digest import MD5, SHA256, Digest
from onecopy.index.postgres.connections import Connections
from onecopy.index.postgres.index import PostgresIndex
from onecopy.index.postgres.loading import _BUILD_KEY, _BUILD_OTHERS, _DROP_KEYS

Connection = psycopg.Connection[tuple[Any, ...]]

CHUNK = 100_000
"""Copies per batch of the bare load, as in ours."""
FIRST = """
SELECT key, size, digests, identity, stored_at, recorded_at
FROM onecopy.digest JOIN onecopy.copy USING (tenant, number)
WHERE tenant = 1 AND digest = %b ORDER BY rank, number LIMIT 1
"""
EACH = """
SELECT digest, key, size, digests, identity, stored_at, recorded_at
FROM onecopy.digest JOIN onecopy.copy USING (tenant, number)
WHERE tenant = 1 AND digest = ANY(%b)
"""
COPY_COPIES = """
COPY onecopy.copy
    (number, size, stored_at, recorded_at, tenant, key, need, digests, identity)
FROM STDIN (FORMAT BINARY)
"""
COPY_DIGESTS = "COPY onecopy.digest (number, tenant, rank, digest) FROM STDIN (FORMAT BINARY)"
INSERT_COPY = "INSERT INTO onecopy.copy VALUES (%b, %b, %b, %b, 1, %b, '', %b, %b)"
INSERT_DIGESTS = "INSERT INTO onecopy.digest VALUES (%b, 1, 0, %b), (%b, 1, 0, %b)"
PROTOTYPE = "SELECT count(*) FROM checksums WHERE content = %s"


class Bare:
    """One connection with one cursor."""

    def __init__(self, url: str) -> None:
        self.connection = Connections(url)._take()  # noqa: SLF001 - the same settings
        self._cursor = self.connection.cursor(binary=True)

    def fetch(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._cursor.execute(statement, values, prepare=True).fetchall()

    def look_up(self, digests: Sequence[bytes]) -> object:
        """Look up many digests that have one copy each."""
        return self.fetch(EACH, sorted(digests))

    def record(self, number: int, row: Row) -> object:
        """Record one copy durably, and return the copy of record."""
        run = partial(self._cursor.execute, prepare=True)
        key, size, digests, identity, stored_at, recorded_at = row
        sha256, md5 = b"\0" + digests[1:33], b"\2" + digests[34:50]
        run("BEGIN")
        run(INSERT_COPY, (number, size, stored_at, recorded_at, key, digests, identity))
        run(INSERT_DIGESTS, (number, sha256, number, md5))
        first = self.fetch(FIRST, sha256)
        run("COMMIT")
        return first

    def load(self, first: int, copies: int) -> None:
        """Load copies with COPY in one transaction."""
        with self.connection.transaction():
            for start in range(first, first + copies, CHUNK):
                self._load(range(start, min(start + CHUNK, first + copies)))

    def _load(self, numbers: range) -> None:
        rows = [(number, *row_of(number)) for number in numbers]
        cursor = self.connection.cursor()
        with cursor.copy(COPY_COPIES) as copying:
            copying.set_types(["int8"] * 4 + ["int4", "text", "text", "bytea", "text"])
            for number, key, size, digests, identity, stored_at, recorded_at in rows:
                copying.write_row(
                    (number, size, stored_at, recorded_at, 1, key, "", digests, identity)
                )
        with cursor.copy(COPY_DIGESTS) as copying:
            copying.set_types(["int8", "int4", "int2", "bytea"])
            for number, _, _, digests, *_ in rows:
                copying.write_row((number, 1, 0, b"\0" + digests[1:33]))
                copying.write_row((number, 1, 0, b"\2" + digests[34:50]))


def md5_of(number: int) -> Digest:
    return Digest(MD5, row_of(number)[2][34:50])


def sha256_of(number: int) -> Digest:
    return Digest(SHA256, row_of(number)[2][1:33])


def measure_load(index: PostgresIndex, bare: Bare, copies: int) -> None:
    def load() -> None:
        bare.connection.execute(_DROP_KEYS, prepare=False)
        bare.load(0, copies)
        bare.connection.execute(f"{_BUILD_OTHERS};{_BUILD_KEY}", prepare=False)

    bare.connection.execute(f"INSERT INTO onecopy.tenant (name) VALUES ('{TENANT}')")
    bare.connection.execute("SET statement_timeout = 0")
    theirs = spend(load)
    ours = spend(lambda: index.add((TENANT, copy_of(number)) for number in range(copies)))
    show_rates("first load, copies", copies / ours.wall, copies / theirs.wall, 0.7, None)
    cpu = [side.cpu / copies * 1e6 for side in (ours, theirs)]
    show(
        "  CPU of the client, µs per copy",
        f"{cpu[0]:.1f}",
        f"{cpu[1]:.1f}",
        f"{cpu[0] / cpu[1]:.2f}",
    )
    more = min(copies, 50_000)
    theirs = spend(lambda: bare.load(copies, more))
    pairs = ((TENANT, copy_of(number)) for number in range(copies, copies + more))
    ours = spend(lambda: index.add(pairs))
    show_rates("second load, copies", more / ours.wall, more / theirs.wall, 0.7, None)


def measure_size(bare: Bare, copies: int) -> None:
    rows = bare.fetch(
        "SELECT sum(pg_total_relation_size(oid))::float8 FROM pg_class"
        " WHERE oid IN ('onecopy.copy'::regclass, 'onecopy.digest'::regclass)"
    )
    show("disk, bytes per copy", f"{rows[0][0] / copies:.0f}")


def measure_lookups(index: PostgresIndex, bare: Bare, copies: int) -> None:
    random = Random(1)
    hits = [sha256_of(random.randrange(copies)) for _ in range(20_000)]
    misses = [sha256_of(3 * copies + number) for number in range(20_000)]
    cores = os.sched_getaffinity(0)
    pin(index, bare, {min(cores)})
    for kind, digests in (("hit", hits), ("miss", misses)):
        times = in_turns(
            lambda digest: index.lookup(TENANT, [digest]),
            lambda digest: bare.fetch(FIRST, b"\0" + digest.value),
            digests,
            500,
        )
        half = len(digests) // 2  # the first half warms up
        show_times(f"lookup, {kind}", (times[0][half:], times[1][half:]), 1.3)
    pin(index, bare, cores)


def _pid(connection: Connection) -> int:
    return connection.info.backend_pid


def pin(index: PostgresIndex, bare: Bare, cores: set[int]) -> None:
    """Pin this process and both server processes to some cores, where permitted."""
    ours = index._connections.use(_pid)  # noqa: SLF001 - of no use to other callers
    for pid in (0, int(ours), bare.connection.info.backend_pid):
        with suppress(ProcessLookupError, PermissionError):
            os.sched_setaffinity(pid, cores)


def measure_batches(index: PostgresIndex, bare: Bare, copies: int) -> None:
    random = Random(2)
    for kind, first in (("hits", 0), ("misses", 3 * copies)):
        batches = [
            [md5_of(first + random.randrange(copies)) for _ in range(BATCH)] for _ in range(60)
        ]
        ours, theirs = in_turns(
            lambda batch: index.lookup(TENANT, batch),
            lambda batch: bare.look_up([b"\2" + digest.value for digest in batch]),
            batches,
            3,
        )
        rates = [BATCH / statistics.median(side) * 1e6 for side in (ours, theirs)]
        show_rates(f"batches of 1,000 {kind}, digests", rates[0], rates[1], 0.7, None)


def measure_prototype(index: PostgresIndex, url: str, copies: int) -> None:
    """Compare with the prototype: MD5s queried one by one as hex, with unprepared statements."""
    random = Random(3)
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as theirs:
        theirs.execute("CREATE TABLE checksums (content TEXT PRIMARY KEY)")
        with theirs.cursor().copy("COPY checksums FROM STDIN") as copying:
            for number in range(copies):
                copying.write_row((md5_of(number).value.hex(),))
        theirs.execute("VACUUM ANALYZE checksums")
        for kind, first in (("hits", 0), ("misses", 3 * copies)):
            batches = [
                [md5_of(first + random.randrange(copies)) for _ in range(BATCH)] for _ in range(20)
            ]

            def one_by_one(batch: Sequence[Digest]) -> None:
                for digest in batch:
                    theirs.execute(PROTOTYPE, (digest.value.hex(),)).fetchone()

            spent = in_turns(lambda batch: index.lookup(TENANT, batch), one_by_one, batches, 1)
            rates = [BATCH / statistics.median(side) * 1e6 for side in spent]
            show_rates(f"1,000 {kind}, against one by one", rates[0], rates[1], 15, None)


def measure_records(index: PostgresIndex, bare: Bare, copies: int) -> None:
    new = range(4 * copies, 4 * copies + 2000)
    given = [(copy_of(number), number + len(new)) for number in new]
    ours, theirs = in_turns(
        lambda pair: index.record(TENANT, [pair[0]]),
        lambda pair: bare.record(pair[1], row_of(pair[1])),
        given,
        50,
    )
    rates = [1e6 / statistics.fmean(side) for side in (ours, theirs)]
    show_rates("durable single records", rates[0], rates[1], 0.7, None)
    show_times("  each", (ours, theirs), 1 / 0.7)
    more = [copy_of(number) for number in range(5 * copies, 5 * copies + 8000)]
    with ThreadPoolExecutor(8) as pool:
        spent = spend(lambda: list(pool.map(lambda copy: index.record(TENANT, [copy]), more)))
    show("durable records, 8 threads/s", f"{len(more) / spent.wall:,.0f}")
    many = [copy_of(number) for number in range(6 * copies, 6 * copies + 20_000)]
    spent = spend(
        lambda: [index.record(TENANT, many[at : at + BATCH]) for at in range(0, 20_000, BATCH)]
    )
    show("records in batches of 1,000/s", f"{len(many) / spent.wall:,.0f}")


def measure_pages(index: PostgresIndex) -> None:
    began = time.perf_counter()
    entries = sum(len(page) for _, page in index.pages())
    show("pages, entries/s", f"{entries / (time.perf_counter() - began):,.0f}")


@contextmanager
def databases(url: str | None) -> Iterator[tuple[str, str]]:
    """Provide two empty databases, for the index and for the floor."""
    with ExitStack() as stack:
        if url:
            server = Postgres(url)
            yield url, stack.enter_context(server.database())
            return
        own = stack.enter_context(postgres(fsync="on", shared_buffers="1GB", max_wal_size="8GB"))
        both = [urlsplit(stack.enter_context(own.database())) for _ in range(2)]
        ours, theirs = (
            f"postgresql://onecopy@{place.path}?host={own.socket}&port={place.port}"
            for place in both
        )
        yield ours, theirs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("copies", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--url", help="an empty database to use instead of the tests' server")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"{options.copies:,} copies, {cores} cores, load {os.getloadavg()[0]:.1f}")
    show("", "onecopy", "bare", "ratio", "target")
    with databases(options.url) as (ours, theirs):
        PostgresIndex(theirs).close()  # creates the tables
        index, bare = PostgresIndex(ours), Bare(theirs)
        measure_load(index, bare, options.copies)
        for url in (ours, theirs):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
        measure_size(bare, options.copies)
        measure_lookups(index, bare, options.copies)
        measure_batches(index, bare, options.copies)
        measure_prototype(index, theirs, options.copies)
        measure_pages(index)
        measure_records(index, bare, options.copies)
        bare.connection.close()
        index.close()


if __name__ == "__main__":
    main()
