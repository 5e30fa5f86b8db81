"""Speed and memory of `onecopy audit` for an inventory in Parquet, and whether it is exact.

    python benchmarks/audit.py [--rows N] [--files N] [--folder SCRATCH]

N defaults to 10 million rows in 10 files. 30 % of the objects share their content with another,
sizes are log-normal (440 kB at the median), 0.2 % were uploaded in parts, 1 % are encrypted with a
KMS key, and a quarter is in other storage classes. The figures are compared with those that numpy
computes from the numbers of the contents, without their ETags. Needs numpy.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.listings import _SIZES

GROUP = 250_000
"""Rows of a row group."""
TYPES = ("jpg", "mp4", "pdf", "zip", "txt", "csv", "json", "png")
TEAMS = 40
FOLDERS = [f"team-{n:02d}/" for n in range(TEAMS)]
CLASSES = ("STANDARD", "STANDARD", "STANDARD", "STANDARD_IA", "DEEP_ARCHIVE", "STANDARD")
MONTH = 30 * 24 * 3600
START = 1_672_531_200
"""The first of January 2023."""
Array = Any
"""An array of numpy."""


class Objects(NamedTuple):
    """Some objects, by column."""

    number: Array
    content: Array
    size: Array
    modified: Array
    parts: Array
    is_secret: Array

    @property
    def in_doubt(self) -> Array:
        return self.is_secret | (self.parts > 0)


def mixed(values: Array) -> Array:
    """Return 64 bits that look random (splitmix64)."""
    mixed = values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def objects(start: int, stop: int, rows: int) -> Objects:
    """Return the objects with some numbers, of `rows` in all."""
    number = np.arange(start, stop, dtype=np.int64)
    random = mixed(number + 7 * rows)
    is_shared = random % np.uint64(10) < 3
    shared = ((random >> np.uint64(8)) % np.uint64(max(1, rows // 10))).astype(np.int64)
    content = np.where(is_shared, shared, number)
    bits = mixed(content)
    sizes = np.array(_SIZES, dtype=np.int64)
    size = sizes[(bits & np.uint64(4095)).astype(np.int64)]
    size = size + ((bits >> np.uint64(12)) % np.uint64(1000)).astype(np.int64)
    modified = START + (mixed(number + rows) % np.uint64(36 * MONTH)).astype(np.int64)
    parts = np.where(content % 500 == 0, 2 + content % 9, 0)
    return Objects(number, content, size, modified, parts, number % 100 == 3)


def hexadecimal(values: Array) -> pa.Array:
    """Return two words of each value in hex: 32 characters."""
    words = np.stack([mixed(values + 11), mixed(values + 13)], axis=1)
    octets = words.view(np.uint8).reshape(len(values), 16)
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    text = np.stack([digits[octets >> 4], digits[octets & 15]], axis=2).tobytes()
    fixed = pa.Array.from_buffers(pa.binary(32), len(values), [None, pa.py_buffer(text)])
    return fixed.cast(pa.binary()).cast(pa.string())


def keys(found: Objects) -> pa.Array:
    """Return keys such as `team-07/000000000042.jpg`."""
    import pyarrow.compute as pc

    teams = pa.array(FOLDERS)
    types = pa.array([f".{name}" for name in TYPES])
    names = pc.utf8_lpad(pa.array(found.number).cast(pa.string()), 12, "0")
    team, kind = pa.array(found.number % TEAMS), pa.array(found.content % len(TYPES))
    return pc.binary_join_element_wise(teams.take(team), names, types.take(kind), "")


def table_of(found: Objects) -> pa.Table:
    """Return what S3 Inventory states about objects."""
    import pyarrow.compute as pc

    count = len(found.number)
    suffix = pa.array(["", "", *(f"-{n}" for n in range(2, 11))]).take(pa.array(found.parts))
    classes = pa.array(CLASSES).take(pa.array(found.number % len(CLASSES)))
    columns = {
        "bucket": pa.array(["photos"]).take(pa.array(np.zeros(count, dtype=np.int64))),
        "key": keys(found),
        "size": pa.array(found.size),
        "last_modified_date": pa.array(found.modified * 1000, pa.timestamp("ms")),
        "e_tag": pc.binary_join_element_wise(hexadecimal(found.content), suffix, ""),
        "storage_class": classes,
        "is_multipart_uploaded": pa.array(found.parts > 0),
        "encryption_status": pa.array(["SSE-S3", "SSE-KMS"]).take(pa.array(found.is_secret * 1)),
    }
    return pa.table(columns)


def write(folder: Path, rows: int, files: int) -> Path:
    """Write an inventory; return its manifest."""
    (folder / "data").mkdir(parents=True)
    names, each = [], -(-rows // files)
    for file in range(files):
        name, end = f"data/{file:03d}.parquet", min((file + 1) * each, rows)
        writer = None
        for start in range(file * each, end, GROUP):
            table = table_of(objects(start, min(start + GROUP, end), rows))
            writer = writer or parquet.ParquetWriter(folder / name, table.schema)
            writer.write_table(table)
        if writer:
            writer.close()
            names.append({"key": name, "size": (folder / name).stat().st_size})
    manifest = {"sourceBucket": "photos", "fileFormat": "Parquet", "fileSchema": "", "files": names}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder / "manifest.json"


def expected(rows: int) -> dict[str, Any]:
    """Return the figures that an audit must have."""
    found = objects(0, rows, rows)
    # Of objects of the same time, the one with the first key is the original.
    order = np.lexsort((found.number, found.number % TEAMS, found.modified, found.content))
    ordered = found.content[order]
    is_extra = np.zeros(rows, dtype=bool)
    is_extra[order[1:]] = ordered[1:] == ordered[:-1]
    extra = Objects(*(column[is_extra] for column in found))
    copies = np.bincount(found.content, minlength=rows)
    return {
        "objects": rows,
        "bytes": int(found.size.sum()),
        "likely_groups": int((copies > 1).sum()),
        "likely_duplicates": int(is_extra.sum()),
        "likely_wasted_bytes": int(extra.size.sum()),
        "avoided": named(months(extra.modified), extra.size),
        "by_prefix": named(extra.number % TEAMS, extra.size, FOLDERS),
        "by_type": named(extra.content % len(TYPES), extra.size, TYPES),
        "by_storage_class": named(extra.number % len(CLASSES), extra.size, CLASSES),
        **dict(zip(("possible_duplicates", "possible_wasted_bytes"), possible(found), strict=True)),
    }


def months(modified: Array) -> Array:
    return modified.astype("datetime64[s]").astype("datetime64[M]").astype(str)


def named(which: Array, sizes: Array, names: Sequence[str] = ()) -> dict[str, tuple[int, int]]:
    """Return the number of objects and bytes by name."""
    values, at = np.unique(which, return_inverse=True)
    counts = np.bincount(at)
    totals: dict[str, tuple[int, int]] = {}
    order = np.argsort(at, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    sums = np.add.reduceat(sizes[order], starts) if len(sizes) else np.array([], dtype=np.int64)
    for value, count, total in zip(values, counts, sums, strict=True):
        name = names[int(value)] if names else str(value)
        before = totals.get(name, (0, 0))
        totals[name] = (before[0] + int(count), before[1] + int(total))
    return totals


def possible(found: Objects) -> tuple[int, int]:
    """Return how many more objects may be duplicates, and their bytes."""
    certain = np.unique(found.content[~found.in_doubt])
    doubtful = np.setdiff1d(np.unique(found.content[found.in_doubt]), certain)
    sizes, contents = np.unique(sizes_of(doubtful), return_counts=True)
    contents = contents - ~np.isin(sizes, np.unique(sizes_of(certain)))
    return int(contents.sum()), int((sizes * contents).sum())


def sizes_of(contents: Array) -> Array:
    bits = mixed(contents)
    sizes = np.array(_SIZES, dtype=np.int64)[(bits & np.uint64(4095)).astype(np.int64)]
    return sizes + ((bits >> np.uint64(12)) % np.uint64(1000)).astype(np.int64)


def differences(figures: dict[str, Any], rows: int) -> Iterator[str]:
    """Yield what an audit, as JSON, has otherwise than expected."""
    for name, value in expected(rows).items():
        found = figures[name]
        if isinstance(value, dict):
            label = {"avoided": "month"}.get(name, name.removeprefix("by_"))
            found = {each[label]: (each["duplicates"], each["wasted_bytes"]) for each in found}
        if found != value:
            yield f"{name}: {found} instead of {value}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--folder", type=Path, help="where scratch files are put")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        manifest = write(Path(name) / "inventory", options.rows, options.files)
        size = sum(path.stat().st_size for path in Path(name).rglob("*.parquet"))
        print(f"{options.rows:,} rows, {size / 1e9:.2f} GB of Parquet", flush=True)
        command = [sys.executable, "-m", "onecopy", "audit", "--json", "--top", "1000"]
        began = time.perf_counter()
        done = subprocess.run(
            [*command, "--memory", options.memory, str(manifest)], check=True, capture_output=True
        )
        seconds = time.perf_counter() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"audit: {seconds:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of CPU, "
            f"peak RSS {used.ru_maxrss / 1e6:.2f} GB",
            flush=True,
        )
        wrong = list(differences(json.loads(done.stdout), options.rows))
        print("\n".join(wrong) or "all figures are as numpy computes them")
        sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
