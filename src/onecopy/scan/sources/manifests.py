"""The manifests of S3 Inventory and of S3 Batch Operations, both called `manifest.json`.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-examples-reports.html
"""

from typing import Annotated

import msgspec

from onecopy.errors import BadInput
from onecopy.scan.sources.files import File
from onecopy.scan.sources.tables import FORMATS
from onecopy.text import printable

REPORT = "Report_CSV_20180820"
_SCHEMA = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"


class _InventoryFile(msgspec.Struct):
    key: str
    size: int | None = None
    md5: str | None = msgspec.field(default=None, name="MD5checksum")


class _Inventory(msgspec.Struct, rename="camel"):
    source_bucket: str
    file_format: str
    file_schema: str
    files: list[_InventoryFile]


class _ReportFile(msgspec.Struct):
    key: str = msgspec.field(name="Key")
    md5: str | None = msgspec.field(default=None, name="MD5Checksum")


class _Report(msgspec.Struct, rename="pascal"):
    format: Annotated[str, msgspec.Meta(pattern=f"^{REPORT}$")]
    results: list[_ReportFile]
    report_schema: str = _SCHEMA


class Inventory(msgspec.Struct, frozen=True):
    """What a manifest states of an inventory."""

    bucket: str
    """The bucket whose objects it lists."""
    format: str
    columns: list[str] | None
    """The names of the columns of CSV files, which have no heading; None for other formats."""
    files: list[File]


class Report(msgspec.Struct, frozen=True):
    """What a manifest states of the completion report of a job."""

    columns: list[str]
    files: list[File]


def parse_manifest(content: bytes, name: str) -> Inventory | Report:
    """Parse a manifest; raises BadInput, which names it."""
    try:
        try:
            return _report(msgspec.json.decode(content, type=_Report))
        except msgspec.ValidationError:
            return _inventory(msgspec.json.decode(content, type=_Inventory), name)
    except msgspec.DecodeError as error:
        raise BadInput(
            f"{printable(name)} is no manifest of S3 Inventory, nor of a report of S3 Batch "
            f"Operations: {error}; name the file manifest.json, or a list of objects as CSV, ORC "
            "or Parquet"
        ) from error


def _report(found: _Report) -> Report:
    files = [File(each.key, None, each.md5) for each in found.results]
    return Report(split_columns(found.report_schema), files)


def _inventory(found: _Inventory, name: str) -> Inventory:
    form = found.file_format.lower()
    if form not in FORMATS:
        raise BadInput(
            f"{printable(name)} names the format {printable(found.file_format)!r}: expected CSV, "
            "ORC or Parquet"
        )
    columns = split_columns(found.file_schema) if form == "csv" else None
    files = [File(each.key, each.size, each.md5) for each in found.files]
    return Inventory(found.source_bucket.rpartition(":")[2], form, columns, files)


def split_columns(schema: str) -> list[str]:
    """Return the names in `Bucket, Key, …`."""
    return [name.strip() for name in schema.split(",")]
