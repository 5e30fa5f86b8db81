"""Speed of listings in PostgreSQL, compared with bare statements on the same tables.

    python benchmarks/postgres_listings.py [ENTRIES] [--url URL]

ENTRIES defaults to 1 million. They come in the order of keys, in spans of 10,000 as a scan merges
them; keys have 41 bytes. Both sides take turns, a tenth of the entries at a time, so that ratios
are valid on a busy machine, where rates are not. The server is the one that the tests use, on a
Unix socket and durable (fsync is on); --url names an empty database elsewhere, on a server where
another one can be created.

Floor of a first load: COPY into the same table with the same keys, of rows that exist already.
Floor of a second one: COPY into a temporary table, and an INSERT, UPDATE and DELETE from there.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import md5
from pathlib import Path
from random import Random
from typing import NamedTuple

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.index import TENANT, in_turns, show, show_rates, show_times
from benchmarks.postgres import Bare, databases

from onecopy.index.listings import Merged
from onecopy.index.postgres.index import PostgresIndex
from onecopy.index.postgres.listings import row_of
from onecopy.index.postgres.merging import _LISTING
from onecopy.index.postgres.rows import Table
from onecopy.index.spans import total
from onecopy.listing import ListedCopy, Span

SPAN = 10_000
"""Entries in one call of `merge`."""
TURN = 100_000
"""Entries that one side loads while the other waits."""
SIZES = 50_000
"""Sizes of most entries; a tenth has one common size."""
COMMON_SIZE = 4096
TEMPORARY = "CREATE TEMPORARY TABLE now (LIKE onecopy.listing) ON COMMIT DROP"
NOW = Table("now", _LISTING.columns, _LISTING.types)
SETTINGS = """
SET LOCAL enable_seqscan TO DEFAULT;
SET LOCAL enable_sort TO DEFAULT;
SET LOCAL enable_mergejoin TO DEFAULT;
SET LOCAL enable_hashjoin TO DEFAULT;
ANALYZE now;
"""
SPAN_OF_NOW = "listing.tenant = 1 AND listing.key > %b AND listing.key <= %b"
DELETE = f"""
DELETE FROM onecopy.listing WHERE {SPAN_OF_NOW}
    AND NOT EXISTS (SELECT FROM now WHERE now.key = listing.key)
"""
UPDATE = f"""
UPDATE onecopy.listing SET size = now.size, tag = now.tag, parts = now.parts,
    opaque = now.opaque, modified = now.modified, kind = now.kind
FROM now WHERE {SPAN_OF_NOW} AND now.key = listing.key
    AND (listing.size, listing.tag, listing.parts, listing.opaque, listing.modified, listing.kind)
    <> (now.size, now.tag, now.parts, now.opaque, now.modified, now.kind)
"""
INSERT = """
INSERT INTO onecopy.listing SELECT * FROM now ORDER BY key ON CONFLICT (tenant, key) DO NOTHING
"""


class Group(NamedTuple):
    """What one call merges."""

    span: Span
    entries: list[ListedCopy]
    rows: list[tuple[object, ...]]


def entry(number: int, version: int) -> ListedCopy:
    """Return an entry; one of a hundred is another one in each version."""
    own = version if number % 100 == 0 else 0
    tag = md5(b"%d %d" % (number, own), usedforsecurity=False).digest()
    key = f"folder-{number // 5000:06d}/photograph-{number:012d}.jpeg"
    size = COMMON_SIZE if number % 10 == 0 else 10_000 + int.from_bytes(tag[:4]) % SIZES
    parts = 3 if number % 7 == 0 else 0
    return ListedCopy(key, size, tag, parts, number % 50 == 1, 1_700_000_000 + number, "STANDARD")


def groups(numbers: range, version: int) -> Iterator[Group]:
    for start in range(numbers.start, numbers.stop, SPAN):
        entries = [entry(number, version) for number in range(start, start + SPAN)]
        span = Span(entry(start - 1, 0).key if start else "", entries[-1].key)
        yield Group(span, entries, [(*row_of(copy), 1) for copy in entries])


def load(bare: Bare, given: Sequence[Group]) -> None:
    """Load rows with one COPY."""
    with bare.connection.transaction():
        _LISTING.load(bare.connection, (row for group in given for row in group.rows))


def merge_by_sql(bare: Bare, given: Sequence[Group]) -> None:
    """Merge groups with statements for the whole group."""
    run = partial(bare.connection.execute, prepare=False)
    for group in given:
        with bare.connection.transaction():
            run(TEMPORARY)
            NOW.load(bare.connection, group.rows)
            run(SETTINGS)
            run(DELETE, group.span)
            run(UPDATE, group.span)
            run(INSERT)


def merge(index: PostgresIndex, given: Sequence[Group]) -> Merged:
    return total(index.merge(TENANT, group.span, group.entries) for group in given)


def measure_merges(
    title: str,
    sides: tuple[Callable[[Sequence[Group]], object], Callable[[Sequence[Group]], object]],
    entries: int,
    version: int,
) -> None:
    seconds = [0.0, 0.0]
    for start in range(0, entries, TURN):
        given = list(groups(range(start, start + TURN), version))
        for side, do in enumerate(sides):
            began = time.perf_counter()
            do(given)
            seconds[side] += time.perf_counter() - began
    show_rates(title, entries / seconds[0], entries / seconds[1], 0.7, None)


def measure_size(bare: Bare, entries: int) -> None:
    for name in ("listing", "listing_key", "listing_size", "listing_opaque"):
        [[size]] = bare.fetch(f"SELECT pg_relation_size('onecopy.{name}')::float8")
        show(f"  {name}, bytes per entry", f"{size / entries:.1f}")


def measure_sizes(index: PostgresIndex) -> None:
    """Compare with the probe that is made anyway: a tenant without listings must not notice."""
    some = [entry(number, 1).size for number in Random(1).sample(range(1, TURN), 1000)]
    for title, sizes in (
        ("a common size", [COMMON_SIZE]),
        ("another size", some[:1]),
        ("1,000 sizes", some),
    ):
        for tenant in ("without", TENANT):
            times = in_turns(
                partial(index.listed_sizes, tenant),
                partial(index.schemes, tenant),
                [sizes] * (100 if len(sizes) > 1 else 3000),
                10,
            )
            if tenant == "without":
                show_times(title, times, 1.2)
            else:
                show("  if listed, µs p50", *(f"{statistics.median(side):.1f}" for side in times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--url", help="an empty database to use instead of the tests' server")
    options = parser.parse_args()
    entries = options.entries // TURN * TURN or TURN
    print(f"{entries:,} entries, {len(os.sched_getaffinity(0))} cores, load ", end="")
    print(f"{os.getloadavg()[0]:.1f}")
    show("", "onecopy", "bare", "ratio", "target")
    with databases(options.url) as (ours, theirs):
        PostgresIndex(theirs).close()  # creates the tables
        index, bare = PostgresIndex(ours), Bare(theirs)
        bare.connection.execute(f"INSERT INTO onecopy.tenant (name) VALUES ('{TENANT}')")
        index.add([])
        first = partial(merge, index), partial(load, bare)
        measure_merges("first listing, entries", first, entries, 1)
        measure_size(bare, entries)
        again = partial(merge, index), partial(merge_by_sql, bare)
        measure_merges("1 % changed, entries", again, entries, 2)
        measure_merges("nothing changed, entries", again, entries, 2)
        with psycopg.connect(ours, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        measure_sizes(index)
        assert sum(1 for _ in index.listed_copies(TENANT)) == entries
        bare.connection.close()
        index.close()


if __name__ == "__main__":
    main()
