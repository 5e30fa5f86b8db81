"""Speed of the SQLite index, compared with bare apsw loops that do the minimum.

    python benchmarks/index.py [COPIES] [--keep FILE] [--folder SCRATCH]

COPIES defaults to 10 million; 200,000 are enough for a quick look. Every copy has a content digest
and an MD5. With --keep, the index is built in FILE and reused by the next run.

Floor: loops over the same tables with the same settings and columns, which know in advance what the
index has to find out (tenants, fingerprints and the lengths of all names). They create no values,
verify nothing, and share no commits. Both sides take turns, so that ratios are valid on a busy
machine, where rates are not; only the two loads run one after the other.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

import apsw

from onecopy.content import Copy, Digests
from onecopy.digest import SHA256, SMALLEST_PART, Digest
from onecopy.index.sqlite import SqliteIndex
from onecopy.index.sqlite.file import connect, connect_reader
from onecopy.index.sqlite.rows import fingerprints

TENANT = "default"
CHUNK = 250_000
"""Copies per batch of the bare load, as in ours."""
BATCH = 1000

Row = tuple[str, int, bytes, str, int, int]
"""Key, size, packed digests, identity, stored_at, recorded_at."""


def row_of(number: int) -> Row:
    """Return the columns of the copy with this number; the identity is like a folder's."""
    raw = blake2b(number.to_bytes(8), digest_size=56).digest()
    size = 1 + int.from_bytes(raw[48:]) % (SMALLEST_PART - 1)
    time_ns = 1_600_000_000_000_000_000 + number * 1_000_003
    time_hex = f"{time_ns:x}"
    return (
        f"photos/{number // 1000:08d}/IMG_{number:012d}.jpg",
        size,
        b"\x01%b\x03%b" % (raw[:32], raw[32:48]),
        f"{0x1000000 + number:x}.{size:06x}.{time_hex}.{time_hex}",
        time_ns // 1_000_000,
        time_ns // 1_000_000 + 1234,
    )


KEY, DIGESTS, IDENTITY = len(row_of(0)[0]), len(row_of(0)[2]), len(row_of(0)[3])
"""Lengths in bytes, the same for all copies."""


def copy_of(number: int) -> Copy:
    """Return the copy with this number."""
    key, size, packed, identity, stored_at, recorded_at = row_of(number)
    return Copy(key, size, Digests(packed), identity, stored_at, recorded_at)


def digest_of(number: int) -> Digest:
    """Return the content digest of the copy with this number."""
    return Digest(SHA256, row_of(number)[2][1:33])


# The bare loops


COPIES = f"""
INSERT INTO copy SELECT
    ?1 + rowid, 1, CAST(substr(?3, rowid * {KEY} - {KEY - 1}, {KEY}) AS TEXT), value,
    substr(?4, rowid * {DIGESTS} - {DIGESTS - 1}, {DIGESTS}),
    CAST(substr(?5, rowid * {IDENTITY} - {IDENTITY - 1}, {IDENTITY}) AS TEXT),
    CAST(substr(?6, rowid * 26 - 25, 13) AS INTEGER),
    CAST(substr(?6, rowid * 26 - 12, 13) AS INTEGER), ''
FROM carray(?2)
"""
FINGERPRINTS = """
CREATE TEMP TABLE fingerprint (value INTEGER NOT NULL, copy INTEGER NOT NULL) STRICT
"""
KEEP_FINGERPRINTS = """
INSERT INTO fingerprint SELECT value, ?1 + (rowid + 1) / 2 FROM carray(?2)
"""
TREES = """
INSERT INTO digest SELECT value, 1, 0, copy FROM fingerprint ORDER BY 1, 2, 3, 4;
INSERT INTO size SELECT size, 1, '', id FROM copy ORDER BY 1, 2, 3, 4;
"""
FIRST = """
SELECT key, size, digests, identity, stored_at, recorded_at, storage_class
FROM digest CROSS JOIN copy ON copy.id = digest.copy
WHERE fingerprint = ? AND digest.tenant = 1
ORDER BY rank, digest.copy LIMIT 1
"""
FIRST_OF_EACH = """
SELECT value, key, size, digests, identity, stored_at, recorded_at, storage_class
FROM carray(?) CROSS JOIN copy ON id = (
    SELECT digest.copy FROM digest WHERE fingerprint = value AND digest.tenant = 1
    ORDER BY rank, digest.copy LIMIT 1)
"""


def fingerprint(value: bytes) -> int:
    return int.from_bytes(value[:8], "little", signed=True)


def load(connection: apsw.Connection, copies: int) -> None:
    """Load copies with bare statements: packed columns, one thread, one transaction.

    Copies and keys come in order; the other two trees are sorted at the end and written once.
    """
    connection.execute(FINGERPRINTS)
    connection.execute("BEGIN IMMEDIATE")
    for start in range(0, copies, CHUNK):
        keys, sizes, digests, identities, stored, recorded = zip(
            *map(row_of, range(start, min(start + CHUNK, copies))), strict=True
        )
        prints = fingerprints(b"".join([packed[1:9] + packed[34:42] for packed in digests]))
        numbers_text = b"".join(b"%d%d" % pair for pair in zip(stored, recorded, strict=True))
        texts = ["".join(column).encode() for column in (keys, identities)]
        column = apsw.carray(array("q", sizes))
        connection.execute(
            COPIES, (start, column, texts[0], b"".join(digests), texts[1], numbers_text)
        )
        connection.execute(KEEP_FINGERPRINTS, (start, apsw.carray(prints)))
    connection.execute(TREES)
    connection.execute("COMMIT")
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)


def look_up(connection: apsw.Connection, digests: Sequence[Digest]) -> object:
    """Look up many digests with a bare statement."""
    prints = fingerprints(b"".join([digest.value[:8] for digest in digests]))
    ordered = apsw.carray(array("q", sorted(prints)))
    return connection.execute(FIRST_OF_EACH, (ordered,)).fetchall()


def record(connection: apsw.Connection, row: Row) -> object:
    """Record one copy durably with bare statements, and return the copy of record."""
    key, size, digests, identity, stored_at, recorded_at = row
    value = fingerprint(digests[1:9])
    connection.execute("BEGIN IMMEDIATE")
    number = connection.execute("SELECT max(id) + 1 FROM copy").get
    connection.execute(
        "INSERT OR IGNORE INTO copy VALUES (?, 1, ?, ?, ?, ?, ?, ?, '')",
        (number, key, size, digests, identity, stored_at, recorded_at),
    )
    for each in (value, fingerprint(digests[34:42])):
        connection.execute("INSERT INTO digest VALUES (?, 1, 0, ?)", (each, number))
    connection.execute("INSERT INTO size VALUES (?, 1, '', ?)", (size, number))
    first = connection.execute(FIRST, (value,)).fetchall()
    connection.execute("COMMIT")
    return first


# Measuring


class Spent(NamedTuple):
    """Seconds."""

    wall: float
    cpu: float


def spend(do: Callable[[], object]) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    do()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


T = TypeVar("T")


def in_turns(
    ours: Callable[[T], object], bare: Callable[[T], object], arguments: Sequence[T], turn: int
) -> tuple[list[float], list[float]]:
    """Return the microseconds of each call of ours and of the floor, made in turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for start in range(0, len(arguments), turn):
        for do, spent in zip((ours, bare), times, strict=True):
            for each in arguments[start : start + turn]:
                began = time.perf_counter_ns()
                do(each)
                spent.append((time.perf_counter_ns() - began) / 1000)
    return times


def show(title: str, ours: str, bare: str = "", ratio: str = "", target: str = "") -> None:
    print(f"{title:<34}{ours:>19}{bare:>19}{ratio:>7}  {target}", flush=True)


def show_times(title: str, times: tuple[list[float], list[float]], most: float) -> None:
    """Print latencies of a call; the ratio is that of the medians."""
    ours, bare = map(statistics.median, times)
    p99 = [sorted(side)[len(side) * 99 // 100] for side in times]
    show(
        f"{title}, µs p50/p99",
        f"{ours:.1f}/{p99[0]:.1f}",
        f"{bare:.1f}/{p99[1]:.1f}",
        f"{ours / bare:.2f}",
        f"at most {most:.2f}: {verdict(ours / bare <= most)}",
    )


def show_rates(title: str, ours: float, bare: float, least: float, rate: float | None) -> None:
    """Print rates per second, their ratio, and whether the targets are met."""
    ratio = f"at least {least}: {verdict(ours / bare >= least)}"
    absolute = f"; {rate:,.0f}: {verdict(ours >= rate)}" if rate else ""
    show(f"{title}/s", f"{ours:,.0f}", f"{bare:,.0f}", f"{ours / bare:.2f}", ratio + absolute)


def verdict(met: object) -> str:
    return "met" if met else "MISSED"


def measure_load(file: Path, bare_file: Path, copies: int) -> None:
    """Build the index, and the same tables with bare statements."""
    index = SqliteIndex(str(file))
    SqliteIndex(str(bare_file)).close()  # creates the tables
    connection = connect(str(bare_file))
    connection.pragma("cache_size", -64 * 1024)  # as ours
    connection.execute("INSERT INTO tenant (id, name) VALUES (1, ?)", (TENANT,))
    bare = spend(partial(load, connection, copies))
    connection.close()
    ours = spend(partial(index.add, ((TENANT, copy_of(number)) for number in range(copies))))
    index.close()
    show_rates("bulk load, copies", copies / ours.wall, copies / bare.wall, 0.7, 100_000)
    cpu = [side.cpu / copies * 1e6 for side in (ours, bare)]
    show("  CPU, µs per copy", f"{cpu[0]:.1f}", f"{cpu[1]:.1f}", f"{cpu[0] / cpu[1]:.2f}")
    size = file.stat().st_size / copies
    show("disk, bytes per copy", f"{size:.0f}", "", "", f"at most 300: {verdict(size <= 300)}")


def measure_lookups(index: SqliteIndex, bare: apsw.Connection, copies: int) -> None:
    random = Random(1)
    hits = [digest_of(random.randrange(copies)) for _ in range(40_000)]
    misses = [digest_of(copies + number) for number in range(40_000)]
    for kind, digests in (("hit", hits), ("miss", misses)):
        times = in_turns(
            lambda digest: index.lookup(TENANT, [digest]),
            lambda digest: bare.execute(FIRST, (fingerprint(digest.value),)).fetchall(),
            digests,
            500,
        )
        half = len(digests) // 2  # the first half warms up
        show_times(f"lookup, {kind}", (times[0][half:], times[1][half:]), 1.5)


def measure_batches(index: SqliteIndex, bare: apsw.Connection, copies: int) -> None:
    random = Random(2)
    for kind, first in (("hits", 0), ("misses", copies)):
        batches = [
            [digest_of(first + random.randrange(copies)) for _ in range(BATCH)] for _ in range(200)
        ]
        ours, theirs = in_turns(
            lambda batch: index.lookup(TENANT, batch), partial(look_up, bare), batches, 5
        )
        rates = [BATCH / statistics.median(side) * 1e6 for side in (ours, theirs)]
        show_rates(f"batches of 1,000 {kind}, digests", rates[0], rates[1], 0.7, 200_000)


def measure_probes(index: SqliteIndex, copies: int) -> None:
    random = Random(3)
    for kind, scale in (("known", 1), ("unknown", SMALLEST_PART)):
        sizes = [row_of(random.randrange(copies))[1] * scale for _ in range(10_000)]
        probe = partial(index.schemes, TENANT, sizes)
        fastest = min(spend(probe).wall for _ in range(5))
        show(f"probe of 10,000 {kind} sizes, ms", f"{fastest * 1000:.1f}")


def measure_records(index: SqliteIndex, bare: apsw.Connection, copies: int) -> None:
    new = range(2 * copies, 2 * copies + 4000)
    given = [(copy_of(number), row_of(number + len(new))) for number in new]
    ours, theirs = in_turns(
        lambda pair: index.record(TENANT, [pair[0]]),
        lambda pair: record(bare, pair[1]),
        given,
        50,
    )
    # Medians, because only our side copies the WAL (of both sides) into the file, a few times.
    rates = [1e6 / statistics.median(side) for side in (ours, theirs)]
    show_rates("durable single records", rates[0], rates[1], 0.7, None)
    rates = [1e6 / statistics.fmean(side) for side in (ours, theirs)]
    show("  mean/s", *(f"{rate:,.0f}" for rate in rates))
    show_times("  each", (ours, theirs), 1 / 0.7)
    more = [copy_of(number) for number in range(3 * copies, 3 * copies + 8000)]
    with ThreadPoolExecutor(8) as pool:
        spent = spend(lambda: list(pool.map(lambda copy: index.record(TENANT, [copy]), more)))
    show("durable records, 8 threads/s", f"{len(more) / spent.wall:,.0f}")
    extra = [copy_of(number) for number in range(2 * copies, 2 * copies + 8000)]
    index.forget(TENANT, [*extra, *more])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("copies", nargs="?", type=int, default=10_000_000)
    parser.add_argument("--keep", type=Path, help="build the index in this file, or reuse it")
    parser.add_argument("--folder", type=Path, help="folder for temporary files")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"{options.copies:,} copies, {cores} cores, load {os.getloadavg()[0]:.1f}, ", end="")
    print(f"SQLite {apsw.sqlite_lib_version()}")
    show("", "onecopy", "bare", "ratio", "target")
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        file = options.keep or Path(scratch, "index.sqlite")
        if not file.exists():
            measure_load(file, Path(scratch, "bare.sqlite"), options.copies)
        subprocess.run(["cat", file], check=True, stdout=subprocess.DEVNULL)  # warms up the cache
        index, bare = SqliteIndex(str(file)), connect_reader(str(file))
        measure_lookups(index, bare, options.copies)
        measure_batches(index, bare, options.copies)
        measure_probes(index, options.copies)
        bare.close()
        bare = connect(str(file))
        measure_records(index, bare, options.copies)
        bare.close()
        index.close()


if __name__ == "__main__":
    main()
