"""Speed of loading an inventory in Parquet into the SQLite index, and what bounds it.

    python benchmarks/inventory.py [--rows N] [--files N] [--folder SCRATCH]

N defaults to 10 million rows in 10 files; 1,000,000 are enough for a quick look. The objects are
those of `listings.py`, as S3 Inventory states them. The floors of the same run: reading the files
and making listed copies of their rows; and merging these, as `listings.py` does.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pyarrow as pa
from pyarrow import parquet

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.listings import TENANT, Bucket, Clock, report_rate

from onecopy.cli.garbage import collecting_rarely
from onecopy.gate import bind
from onecopy.index.sqlite import SqliteIndex
from onecopy.listing import ListedCopy, Span
from onecopy.scan.sources.interface import Position, Selection
from onecopy.scan.sources.loading import load
from onecopy.scan.sources.opening import open_listing
from onecopy.store.memory import MemoryStore

SELECTION = Selection("photos")
SCHEMA = pa.schema(
    [
        ("bucket", pa.string()),
        ("key", pa.string()),
        ("size", pa.int64()),
        ("last_modified_date", pa.timestamp("ms")),
        ("e_tag", pa.string()),
        ("storage_class", pa.string()),
        ("is_multipart_uploaded", pa.bool_()),
        ("encryption_status", pa.string()),
        ("checksum_algorithm", pa.string()),
    ]
)


def table_of(copies: list[ListedCopy]) -> pa.Table:
    """Return what S3 Inventory states about objects."""
    count = len(copies)
    etags = [copy.tag.hex() + (f"-{copy.parts}" if copy.parts else "") for copy in copies]
    columns = [
        ["photos"] * count,
        [copy.key for copy in copies],
        [copy.size for copy in copies],
        [copy.modified * 1000 for copy in copies],
        etags,
        ["STANDARD" if copy.modified % 5 else "STANDARD_IA" for copy in copies],
        [copy.parts > 0 for copy in copies],
        ["SSE-S3"] * count,
        ["CRC64NVME" if copy.modified % 3 else "" for copy in copies],
    ]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], SCHEMA)


def write_inventory(folder: Path, bucket: Bucket, files: int, *, shuffled: bool) -> Path:
    """Write an inventory; return its manifest."""
    (folder / "data").mkdir(parents=True)
    spans = [objects for _, objects in bucket.spans()] if shuffled else None
    listed, per_file = [], -(-bucket.copies // files // 10_000)
    source = bucket.spans()
    if spans is not None:
        rows = [copy for objects in spans for copy in objects]
        Random(1).shuffle(rows)
        chunks = [rows[at : at + 10_000] for at in range(0, len(rows), 10_000)]
        source = iter([(Span(), chunk) for chunk in chunks])
    for number in range(files):
        name = f"data/{number:03d}.parquet"
        with parquet.ParquetWriter(folder / name, SCHEMA) as writer:
            group: list[ListedCopy] = []
            for _, (_, objects) in zip(range(per_file), source, strict=False):
                group += objects
                if len(group) >= 100_000:
                    writer.write_table(table_of(group))
                    group = []
            if group:
                writer.write_table(table_of(group))
        listed.append({"key": name, "size": (folder / name).stat().st_size})
    manifest = {
        "sourceBucket": "photos",
        "fileFormat": "Parquet",
        "fileSchema": "message s3.inventory {…}",
        "files": listed,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder / "manifest.json"


def load_all(index: SqliteIndex, manifest: Path, rows: int, name: str) -> None:
    """Load an inventory, and print the rate."""
    store, clock = MemoryStore(), Clock()
    if index.get("store") is None:
        bind(index, store)
    began = time.process_time()
    clock.time(load, index, store, open_listing(str(manifest)), SELECTION, Path("rejects.csv"))
    clock.cpu = time.process_time() - began
    report_rate(name, rows, clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'':34}{clock.seconds:11.1f} s, peak RSS {peak:.0f} MB")


def read_all(manifest: Path, rows: int) -> None:
    """Read an inventory without loading it, and print the rate."""
    clock = Clock()
    source = open_listing(str(manifest))

    def read() -> None:
        assert sum(batch.rows for batch in source.batches(Position(), SELECTION)) == rows

    clock.time(read)
    report_rate("floor: read into listed copies", rows, clock)


def merge_all(index: SqliteIndex, manifest: Path, rows: int) -> None:
    """Merge copies that are read outside of the time, and print the rate."""
    clock, last = Clock(), ""
    for batch in open_listing(str(manifest)).batches(Position(), SELECTION):
        span = Span(last, batch.copies[-1].key)
        clock.time(lambda s=span, b=batch: index.merge(TENANT, s, b.copies, complete=False))
        last = batch.copies[-1].key
    report_rate("floor: merged in the same order", rows, clock)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--shuffled", action="store_true", help="rows in no order (in memory)")
    parser.add_argument("--folder", type=Path, help="where scratch files are put")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name, collecting_rarely():
        folder, bucket = Path(name), Bucket(options.rows)
        manifest = write_inventory(
            folder / "inventory", bucket, options.files, shuffled=options.shuffled
        )
        size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
        print(f"{options.rows:,} rows, {size / options.rows:.1f} bytes a row in Parquet")
        read_all(manifest, options.rows)
        if not options.shuffled:
            with closing(SqliteIndex(str(folder / "floor.db"))) as floor:
                merge_all(floor, manifest, options.rows)
            (folder / "floor.db").unlink()
        with closing(SqliteIndex(str(folder / "index.db"))) as index:
            load_all(index, manifest, options.rows, "loaded")
            load_all(index, manifest, options.rows, "loaded again, nothing changed")


if __name__ == "__main__":
    main()
