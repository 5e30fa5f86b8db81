"""Lists of the objects of a bucket, written as others write them."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import pyarrow as pa
from pyarrow import orc, parquet

from onecopy.listing import ListedCopy
from onecopy.store.s3.list_entries import entries_of
from onecopy.store.s3.list_parser import Columns

BUCKET = "photos"
KEYS = (
    "a",
    "a b/c d.txt",
    "a+b",
    "a%20b",
    "a%2Bb",
    "dir/100%",
    "é/日本語",
    'quote"d, comma',
    "z/\U00010000",
    "z/😀+ %",
)


class Row(NamedTuple):
    """A row of an inventory."""

    key: str
    size: int | None = 5
    etag: str | None = "0123456789abcdef0123456789abcdef"
    modified: int | None = 1_700_000_000
    storage_class: str | None = "STANDARD"
    checksums: str | None = "CRC64NVME"
    encryption: str | None = "SSE-S3"
    is_latest: bool = True
    is_marker: bool = False
    version: str | None = None
    sequence: str = "0"
    expires: int | None = None
    bucket: str = BUCKET


def objects(count: int, folder: str = "many") -> list[Row]:
    """Return objects of many kinds, in the order of their keys."""
    rows = []
    for number in range(count):
        etag = hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest()
        parts = f"-{2 + number % 3}" if number % 7 == 0 else ""
        size = (8 << 20) * (1 + number % 3) + 1 if parts else number + 1
        kind = "GLACIER_IR" if number % 5 == 0 else "STANDARD"
        rows.append(Row(f"{folder}/{number:06d}", size, etag + parts, 1_700_000_000 + number, kind))
    return rows


def odd() -> list[Row]:
    """Return objects with odd keys, in the order of their keys."""
    return [
        Row(key, 9 + number, hashlib.md5(key.encode(), usedforsecurity=False).hexdigest())
        for number, key in enumerate(sorted(KEYS))
    ]


def listed(rows: Sequence[Row]) -> list[ListedCopy]:
    """Return what a listing of the same objects states."""
    columns = Columns(
        [row.key for row in rows],
        [row.size or 0 for row in rows],
        [row.etag or "" for row in rows],
        [row.modified or 0 for row in rows],
        [row.storage_class or "STANDARD" for row in rows],
        [row.checksums or "" for row in rows],
    )
    return sorted(entries_of(columns, "").copies)


INVENTORY: dict[str, tuple[str, Any, Callable[[Row], Any]]] = {
    "bucket": ("Bucket", pa.string(), lambda row: row.bucket),
    "key": ("Key", pa.string(), lambda row: row.key),
    "version_id": ("VersionId", pa.string(), lambda row: row.version),
    "is_latest": ("IsLatest", pa.bool_(), lambda row: row.is_latest),
    "is_delete_marker": ("IsDeleteMarker", pa.bool_(), lambda row: row.is_marker),
    "size": ("Size", pa.int64(), lambda row: row.size),
    "last_modified_date": (
        "LastModifiedDate",
        pa.timestamp("ms", "UTC"),
        lambda r: _ms(r.modified),
    ),
    "e_tag": ("ETag", pa.string(), lambda row: row.etag),
    "storage_class": ("StorageClass", pa.string(), lambda row: row.storage_class),
    "is_multipart_uploaded": ("IsMultipartUploaded", pa.bool_(), lambda row: False),
    "encryption_status": ("EncryptionStatus", pa.string(), lambda row: row.encryption),
    "checksum_algorithm": ("ChecksumAlgorithm", pa.string(), lambda row: row.checksums),
    "lifecycle_expiration_date": (
        "LifecycleExpirationDate",
        pa.timestamp("ms", "UTC"),
        lambda row: _ms(row.expires),
    ),
}
"""Columns of S3 Inventory: the name in ORC and Parquet, that in CSV, the type, the value."""
TABLE = {
    name: INVENTORY[name]
    for name in ("bucket", "key", "is_delete_marker", "size", "e_tag", "storage_class")
} | {
    "sequence_number": ("", pa.string(), lambda row: row.sequence),
    "last_modified_date": ("", pa.timestamp("us"), lambda row: _us(row.modified)),
    "encryption_status": INVENTORY["encryption_status"],
    "object_tags": ("", pa.map_(pa.string(), pa.string()), lambda row: []),
    "checksum_algorithm": INVENTORY["checksum_algorithm"],
}
"""Columns of the live inventory table of S3 Metadata."""
OWN = {
    "key": INVENTORY["key"],
    "size": INVENTORY["size"],
    "etag": INVENTORY["e_tag"],
    "owner": ("", pa.string(), lambda row: "somebody"),
    "last_modified": INVENTORY["last_modified_date"],
    "storage_class": INVENTORY["storage_class"],
    "checksum_algorithm": INVENTORY["checksum_algorithm"],
}
"""Columns of a list of one's own, and one that means nothing."""
Kinds = dict[str, tuple[str, Any, Callable[[Row], Any]]]


def _ms(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000 + 789


def _us(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1_000_000 + 789


def table_of(rows: Sequence[Row], kinds: Kinds) -> pa.Table:
    """Return rows as a table."""
    columns = {
        name: pa.array([value(row) for row in rows], kind)
        for name, (_, kind, value) in kinds.items()
    }
    return pa.table(columns)


def write_parquet(path: Path, rows: Sequence[Row], kinds: Kinds = OWN) -> Path:
    """Write rows as Parquet, in several row groups."""
    parquet.write_table(table_of(rows, kinds), path, row_group_size=max(1, len(rows) // 3))
    return path


def write_orc(path: Path, rows: Sequence[Row], kinds: Kinds = OWN) -> Path:
    """Write rows as ORC."""
    usable = {name: kind for name, kind in kinds.items() if name != "object_tags"}
    orc.write_table(table_of(rows, usable), path)
    return path


def csv_text(
    rows: Sequence[Row], kinds: Kinds, *, encode: Callable[[str], str] = str, heading: bool
) -> str:
    """Return rows as CSV: quoted as S3 Inventory does if there is no heading."""
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_MINIMAL if heading else csv.QUOTE_ALL)
    if heading:
        writer.writerow(kinds)
    for row in rows:
        encoded = row._replace(key=encode(row.key))
        writer.writerow([_cell(value(encoded), kind) for _, kind, value in kinds.values()])
    return stream.getvalue()


def _cell(value: object, kind: Any) -> str:  # noqa: ANN401 - pyarrow has no types
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and pa.types.is_timestamp(kind):
        time = datetime.fromtimestamp(value / (1000 if kind.unit == "ms" else 1_000_000), UTC)
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


def write_csv(path: Path, rows: Sequence[Row], kinds: Kinds = OWN) -> Path:
    """Write rows as CSV with a heading; as gzip, if the name says so."""
    text = csv_text(rows, kinds, heading=True).encode(errors="surrogateescape")
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def write_inventory(
    folder: Path,
    parts: Sequence[Sequence[Row]],
    form: str = "Parquet",
    *,
    bucket: str = BUCKET,
    encode: Callable[[str], str] = quote_plus,
    kinds: Kinds = INVENTORY,
    date: str = "2026-11-01T01-00Z",
) -> Path:
    """Write an inventory as S3 does, in several files; return its manifest."""
    base = folder / bucket / "daily"
    (base / "data").mkdir(parents=True, exist_ok=True)
    (base / date).mkdir(exist_ok=True)
    files = []
    for number, rows in enumerate(parts):
        path = base / "data" / f"{date}-{number}.{form.lower()}{'.gz' if form == 'CSV' else ''}"
        if form == "CSV":
            text = csv_text(rows, kinds, encode=encode, heading=False)
            path.write_bytes(gzip.compress(text.encode()))
        else:
            (write_orc if form == "ORC" else write_parquet)(path, rows, kinds)
        content = path.read_bytes()
        files.append(
            {
                "key": f"inventories/{path.relative_to(folder)}",
                "size": len(content),
                "MD5checksum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            }
        )
    manifest = {
        "sourceBucket": bucket,
        "destinationBucket": "arn:aws:s3:::elsewhere",
        "version": "2016-11-30",
        "creationTimestamp": "1514944800000",
        "fileFormat": form,
        "fileSchema": ", ".join(name for name, _, _ in kinds.values())
        if form == "CSV"
        else "message s3.inventory {  required binary bucket (UTF8); …}",
        "files": files,
    }
    path = base / date / "manifest.json"
    path.write_text(json.dumps(manifest))
    return path


ENCODINGS = (quote_plus, quote, lambda key: quote(key, safe=""))
"""Encodings of keys that are seen in CSV: of spaces as `+` or `%20`, and of slashes."""
