"""All groups as CSV and Parquet."""

import csv
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest

from onecopy.errors import InvalidSettings
from onecopy.report.files import write
from onecopy.report.grouping import grouped
from tests.report.copies import copy, listed

COPIES = [
    copy("=cmd|' /C calc'!A0", 10, 1, 200),
    copy("@sum", 10, 1, 100),
    copy('line\nbreak,"quoted"', 10, 1, 300),
    copy("alone", 10, 2, 100),
    copy("\u202egpj.exe", 7, 3, 100),
    copy("z", 7, 3, 100),
]
LISTED = [listed("-1", 5, 1, 100, "GLACIER"), listed("+2", 5, 1, 200, "GLACIER")]
COLUMNS = (
    "group",
    "kind",
    "tenant",
    "evidence",
    "size",
    "objects",
    "wasted_bytes",
    "is_duplicate",
    "key",
    "stored_at",
    "storage_class",
)
KEYS = ["=cmd|' /C calc'!A0", "@sum", 'line\\nbreak,"quoted"', "\\u202egpj.exe", "z", "+2", "-1"]


def written(file: Path, kind: Literal["csv", "parquet"]) -> int:
    """Write the groups to a file."""
    with grouped(
        (("ada", each) for each in COPIES), (("ada", each) for each in LISTED)
    ) as grouping:
        return write(grouping, file, kind)


def test_parquet_has_a_row_for_each_object_of_a_group(tmp_path: Path) -> None:
    """Contents that are stored once are left out; exactly one object of each group is needed."""
    assert written(tmp_path / "it's.parquet", "parquet") == 7
    name = str(tmp_path / "it's.parquet").replace("'", "''")
    found = duckdb.execute(f"SELECT * FROM '{name}'")
    assert tuple(column[0] for column in found.description) == COLUMNS
    rows: list[dict[str, Any]] = [dict(zip(COLUMNS, row, strict=True)) for row in found.fetchall()]
    assert [row["key"] for row in rows] == KEYS
    assert [row["group"] for row in rows] == [1, 1, 1, 2, 2, 3, 3]
    assert [row["kind"] for row in rows] == ["proved"] * 5 + ["likely"] * 2
    assert [row["key"] for row in rows if not row["is_duplicate"]] == [
        "@sum",
        "z",
        "-1",
    ]
    assert {(row["size"], row["objects"], row["wasted_bytes"]) for row in rows} == {
        (10, 3, 20),
        (7, 2, 7),
        (5, 2, 5),
    }
    assert rows[0]["evidence"] == str(COPIES[0].content_digest)
    assert rows[-1]["evidence"] == "etag:" + "01" * 16
    assert {row["storage_class"] for row in rows} == {"STANDARD", "GLACIER"}
    assert {row["tenant"] for row in rows} == {"ada"}
    assert rows[0]["stored_at"].timestamp() is not None


def test_csv_has_no_formulas(tmp_path: Path) -> None:
    """Text that a spreadsheet would run begins with an apostrophe; a row is one line."""
    written(tmp_path / "groups.csv", "csv")
    text = (tmp_path / "groups.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["key"].removeprefix("'") for row in rows] == KEYS
    assert not [
        cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))
    ]
    assert len(text.splitlines()) == 8


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(InvalidSettings, match=r"none/groups\.csv"):
        written(tmp_path / "none" / "groups.csv", "csv")
