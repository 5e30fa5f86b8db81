"""Speed of listings in the SQLite index: first and second listing, lookups, space.

    python benchmarks/listings.py [--copies N] [--rows N] [--folder SCRATCH] [--no-floors]

N defaults to 10 million copies; 500,000 are enough for a quick look. The synthetic entries are like
those of a bucket: keys of 60 bytes in order, log-normal sizes, 30 % share their content with
another object, 0.2 % were uploaded in parts. The time to make them is not counted.

Two floors: the finished rows of the index, written again by bare `executemany`; and, for the first
--rows copies, what other layouts cost in the same spans: a row for each copy with an index by size,
and only the entries by size, in one tree. --no-floors leaves them out, and everything else but a
first listing, one with changes, and lookups: for 100 million copies.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from random import Random
from statistics import NormalDist, median

import apsw

from onecopy.index.listings import Merged
from onecopy.index.packed import sizes
from onecopy.index.sqlite import SqliteIndex
from onecopy.index.sqlite.connections import Checkpointer
from onecopy.index.sqlite.file import open_file
from onecopy.listing import EVERYTHING, ListedCopy, Span

TENANT = "default"
SPAN = 10_000
"""Copies of one merge, as in a scan."""
LOOKUPS = 2000
BATCH = 1000

_SIZES = [
    round(2.718281828 ** (13 + 2 * NormalDist().inv_cdf((n + 0.5) / 4096))) for n in range(4096)
]
"""Log-normal: 440 kB at the median."""


class Bucket:
    """Listings of a bucket that has synthetic objects."""

    def __init__(self, copies: int) -> None:
        self.copies = copies

    def spans(self, *, is_changed: bool = False) -> Iterator[tuple[Span, list[ListedCopy]]]:
        """Yield spans with their objects; later, one object in a hundred has changed."""
        after = ""
        for start in range(0, self.copies, SPAN):
            stop = min(start + SPAN, self.copies)
            through = None if stop == self.copies else key_of(stop - 1)
            objects = self._objects(start, stop)
            if is_changed:
                objects = [each for copy in objects for each in changed(copy)]
            yield Span(after, through), objects
            after = through or ""

    def _objects(self, start: int, stop: int) -> list[ListedCopy]:
        random = Random(start).random
        shared = max(1, self.copies // 10)
        return [
            object_at(number, int(random() * shared) if random() < 0.3 else number)
            for number in range(start, stop)
        ]


def key_of(number: int) -> str:
    """Return a key of 60 bytes; numbers and keys have the same order."""
    folder, name = f"{number // 100_000:05d}/{number // 1000:08d}", number * 2_654_435_761 % 2**32
    return f"photos/{folder}/{number:012d}-IMG_{name:016x}.jpeg"


def object_at(number: int, content: int) -> ListedCopy:
    raw = blake2b(content.to_bytes(8), digest_size=24).digest()
    random = int.from_bytes(raw[16:])
    size = _SIZES[random & 4095] + (random >> 12) % 1000
    parts = 2 + content % 9 if content % 500 == 0 else 0
    return ListedCopy(
        key_of(number), size, raw[:16], parts, False, 1_600_000_000 + number * 7 % 10**8
    )


def changed(copy: ListedCopy) -> list[ListedCopy]:
    """Return what a later listing has instead of this: 0.5 % new, 0.2 % changed, 0.3 % gone."""
    case = copy.modified % 1000
    if case < 5:
        return [copy, copy._replace(key=f"{copy.key}.new", tag=copy.tag[::-1])]
    if case < 7:
        return [copy._replace(size=copy.size + 1, tag=copy.tag[::-1], modified=copy.modified + 9)]
    return [] if case < 10 else [copy]


class Clock:
    """Adds up the time of some acts, and leaves out what is between them."""

    def __init__(self) -> None:
        self.seconds = self.slowest = self.cpu = 0.0

    def time(self, act: Callable[..., object], *arguments: object) -> None:
        began, cpu = time.perf_counter(), time.process_time()
        act(*arguments)
        spent = time.perf_counter() - began
        self.cpu += time.process_time() - cpu
        self.seconds += spent
        self.slowest = max(self.slowest, spent)


def merge_all(index: SqliteIndex, bucket: Bucket, name: str, *, is_changed: bool = False) -> None:
    """Merge a listing span by span, and print its rate."""
    clock, merged = Clock(), Merged()
    for span, objects in bucket.spans(is_changed=is_changed):

        def merge(span: Span = span, objects: list[ListedCopy] = objects) -> None:
            nonlocal merged
            one = index.merge(TENANT, span, objects)
            merged = Merged(*map(sum, zip(merged, one, strict=True)))

        clock.time(merge)
    count = sum(merged) - merged.gone
    report_rate(name, count, clock)
    print(f"{'':34}slowest span {clock.slowest:.2f} s, {merged}")


def report_rate(name: str, count: int, clock: Clock, making: Clock | None = None) -> None:
    seconds, cpu = clock.seconds, clock.cpu
    if making:
        seconds, cpu = seconds - making.seconds, cpu - making.cpu
    each = f"{cpu / count * 1e6:6.2f} us of CPU each"
    print(f"{name:34}{count / seconds:11,.0f} rows/s   {each}", flush=True)


def merge_at_once(index: SqliteIndex, bucket: Bucket, tenant: str) -> None:
    """Merge a listing by one call, and print its rate without the time to make the objects."""
    making = Clock()
    spans = bucket.spans()

    def objects() -> Iterator[ListedCopy]:
        page: list[ListedCopy] = []

        def turn() -> None:
            page[:] = next(spans, (EVERYTHING, []))[1]

        making.time(turn)
        while page:
            yield from page
            making.time(turn)

    clock = Clock()
    clock.time(lambda: index.merge(tenant, EVERYTHING, objects()))
    report_rate("first listing, one call", bucket.copies, clock, making)


# Floors


def write_rows(index: SqliteIndex, file: Path) -> Clock:
    """Write the finished rows of an index into another one; return the time."""
    clock, connection = Clock(), open_file(str(file))
    with closing(Checkpointer(str(file))) as checkpointer, closing(connection):
        checkpointer.watch(connection)
        source = apsw.Connection(index.path, flags=apsw.SQLITE_OPEN_READONLY)
        for table, at_once in (("listing_block", 40), ("listing_size", 20)):
            rows = source.execute(f"SELECT * FROM {table} ORDER BY id")
            insert = f"INSERT INTO {table} VALUES ({'?, ' * (len(rows.description) - 1)}?)"
            while batch := [row for row, _ in zip(rows, range(at_once), strict=False)]:
                clock.time(commit, connection, insert, batch)
        source.close()
    return clock


def commit(connection: apsw.Connection, insert: str, rows: list[tuple[object, ...]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(insert, rows)
    connection.execute("COMMIT")


PLAIN = """
CREATE TABLE plain (
    tenant INTEGER, key TEXT, size INTEGER, tag BLOB, parts INTEGER, opaque INTEGER,
    modified INTEGER, class TEXT, checksums TEXT, PRIMARY KEY (tenant, key)
) WITHOUT ROWID;
CREATE INDEX plain_size ON plain (tenant, size, substr(tag, 1, 4))
"""


def write_plain(bucket: Bucket, file: Path) -> tuple[Clock, int]:
    """Write a row for each copy, span by span; return the time and the bytes."""
    clock, connection = Clock(), open_file(str(file))
    with closing(Checkpointer(str(file))) as checkpointer, closing(connection):
        checkpointer.watch(connection)
        connection.execute(PLAIN)
        insert = "INSERT INTO plain VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)"
        for _, objects in bucket.spans():
            clock.time(commit, connection, insert, objects)
        size = connection.pragma("page_count") * connection.pragma("page_size")
    return clock, size


TREE = "CREATE TABLE tree (entry BLOB, number INTEGER, PRIMARY KEY (entry, number)) WITHOUT ROWID"


def write_tree(bucket: Bucket, file: Path) -> tuple[Clock, int]:
    """Write only the entries by size, into one tree; return the time and the bytes."""
    clock, connection = Clock(), open_file(str(file))
    with closing(Checkpointer(str(file))) as checkpointer, closing(connection):
        checkpointer.watch(connection)
        connection.execute(TREE)
        for number, (_, objects) in enumerate(bucket.spans()):
            entries = sorted(sizes.entries(objects, number))
            rows = list(zip(entries, range(len(entries)), strict=True))
            clock.time(commit, connection, "INSERT INTO tree VALUES (?, ?)", rows)
        size = connection.pragma("page_count") * connection.pragma("page_size")
    return clock, size


# Lookups


def look_up(index: SqliteIndex, bucket: Bucket) -> None:
    """Print the rates of lookups, one at a time and in batches."""
    random = Random(1)
    numbers = [random.randrange(bucket.copies) for _ in range(LOOKUPS)]
    known = [object_at(number, number) for number in numbers]
    calls: list[tuple[str, Callable[[ListedCopy], object]]] = [
        ("matching", lambda o: index.matching(TENANT, o.size, [(o.parts, o.tag)], 8)),
        ("opaque (none)", lambda o: index.opaque(TENANT, o.size, 8)),
        ("listed_sizes, known", lambda o: index.listed_sizes(TENANT, [o.size])),
        ("listed_sizes, unknown", lambda o: index.listed_sizes(TENANT, [o.size + 2**45])),
        ("listed_sizes, nothing listed", lambda o: index.listed_sizes("nobody", [o.size])),
        ("listed_at", lambda o: index.listed_at(TENANT, [o.key])),
    ]
    for name, call in calls:
        spent = sorted(timed(call, copy) for copy in known)
        late = spent[len(spent) * 99 // 100]
        print(f"{name:34}{median(spent) * 1e6:11,.0f} us of CPU, 99 % within {late * 1e6:,.0f}")
    sizes = [copy.size for copy in known[:BATCH]]
    spent = [timed(lambda given: index.listed_sizes(TENANT, given), sizes) for _ in range(5)]
    print(f"{f'listed_sizes, {BATCH} in one call':34}{median(spent) / BATCH * 1e6:11,.0f} us each")


def timed(call: Callable[..., object], *arguments: object) -> float:
    """Return the seconds of CPU that a call takes, which other processes do not change."""
    began = time.process_time()
    call(*arguments)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=10_000_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where scratch files are put")
    parser.add_argument("--no-floors", action="store_true")
    options = parser.parse_args()
    bucket = Bucket(options.copies)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.no_floors:
            measure_listings(Path(folder), bucket)
        else:
            measure(Path(folder), bucket, options.rows)


def measure_listings(folder: Path, bucket: Bucket) -> None:
    file = folder / "index.db"
    with closing(SqliteIndex(str(file))) as index:
        merge_all(index, bucket, "first listing, spans of 10,000")
        report_space(file, bucket)
        merge_all(index, bucket, "again, 1 % changed", is_changed=True)
        report_space(file, bucket)
        look_up(index, bucket)


def measure(folder: Path, bucket: Bucket, rows: int) -> None:
    file = folder / "index.db"
    with closing(SqliteIndex(str(file))) as index:
        merge_all(index, bucket, "first listing, spans of 10,000")
        report_space(file, bucket)
        merge_all(index, bucket, "again, nothing changed")
        merge_all(index, bucket, "again, 1 % changed", is_changed=True)
        report_space(file, bucket)
        look_up(index, bucket)
        clock = write_rows(index, folder / "floor.db")
        report_rate("floor: its rows, bare executemany", bucket.copies, clock)
    (folder / "floor.db").unlink()
    with closing(SqliteIndex(str(folder / "once.db"))) as once:
        merge_at_once(once, bucket, TENANT)
    few = Bucket(min(rows, bucket.copies))
    for name, write in (("a row a copy", write_plain), ("sizes in one tree", write_tree)):
        clock, size = write(few, folder / f"{write.__name__}.db")
        report_rate(f"{name}, {few.copies:,}", few.copies, clock)
        print(f"{'':34}{size / few.copies:11.1f} bytes a copy")


def report_space(file: Path, bucket: Bucket) -> None:
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    page = connection.pragma("page_size")
    size, unused = (connection.pragma(f"{each}_count") * page for each in ("page", "freelist"))
    connection.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{'':34}{size / bucket.copies:11.1f} bytes a copy "
        f"({unused / bucket.copies:.1f} of them unused), peak RSS {peak:.0f} MB"
    )


if __name__ == "__main__":
    main()
