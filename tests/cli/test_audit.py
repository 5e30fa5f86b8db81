"""`onecopy audit`, as a stranger runs it first."""

import csv
import io
import json
import os
import re
from pathlib import Path

import pytest

from onecopy.audit.parquet import Tables
from onecopy.cli.main import run as command_line
from tests.conftest import Run, environment
from tests.scan.sources.written import Row, write_csv, write_inventory

SAME = "0123456789abcdef0123456789abcdef"
OTHER = "f" * 32
ROWS = [
    Row("2025/trip.jpg", 4_000_000_000, SAME, 1_735_700_000),
    Row("2026/trip (2).jpg", 4_000_000_000, SAME, 1_770_000_000),
    Row("2026/cold.jpg", 4_000_000_000, SAME, 1_775_000_000, "DEEP_ARCHIVE"),
    Row("2026/other.jpg", 4_000_000_000, OTHER, 1_775_000_001, encryption="SSE-KMS"),
    Row("2026/", 0, OTHER, 1_775_000_001),
]


TEXT = """
1 of 5 left out: 1 empty
2 likely duplicates of 1 content, 8.0 GB, $0.10 a month (equal size and ETag, which proves nothing)
by prefix:
  2026/: 2 duplicates, 8.0 GB, $0.10 a month
by type:
  jpg: 2 duplicates, 8.0 GB, $0.10 a month
by storage class:
  DEEP_ARCHIVE: 1 duplicate, 4.0 GB, less than $0.01 a month
  STANDARD: 1 duplicate, 4.0 GB, $0.09 a month
by age:
uploads avoided, by month:
  2026-02: 1 duplicate, 4.0 GB, $0.09 a month
  2026-03: 1 duplicate, 4.0 GB, less than $0.01 a month
contents that waste most, oldest object first:
  8.0 GB: 3 objects of 4.0 GB: 2025/trip.jpg, 2026/trip (2).jpg, 2026/cold.jpg
at most 1 more duplicate, 4.0 GB, $0.07 a month: objects of equal size, whose ETags decide nothing
Likely duplicates cost $0.10 a month ($1.15 a year); the check before upload would have avoided 2 \
uploads of 8.0 GB.
"""


def test_the_report_ends_with_an_amount_of_money(run: Run, tmp_path: Path) -> None:
    """What is stored, what is wasted and where, what is not known, and what it costs."""
    done = run("audit", write_inventory(tmp_path, [ROWS]))
    assert (done.code, done.err) == (0, "")
    first, _, rest = done.out.partition("\n")
    assert first.endswith("manifest.json: 4 objects, 16.0 GB, $0.28 a month (list price of 2025)")
    # How old they are depends on the day of the test.
    assert re.sub("(by age:\n)(?:  .*\n)+", r"\1", rest) == TEXT.removeprefix("\n")


def test_json_has_all_figures(run: Run, tmp_path: Path) -> None:
    """Proved and likely are apart; rows read are rows used, left out and rejected."""
    done = run("audit", "--json", write_inventory(tmp_path, [ROWS, [Row("x", None)]]))
    assert done.code == 1  # a row was rejected
    found = json.loads(done.out)
    assert found["rows"] == 6
    assert found["used"] == 4
    assert (found["left_out"], found["rejected"]) == ({"empty": 1}, {"size-invalid": 1})
    assert (found["groups"], found["duplicates"], found["wasted_per_month"]) == (0, 0, 0)
    assert (found["likely_groups"], found["likely_duplicates"]) == (1, 2)
    assert found["likely_wasted_bytes"] == 8_000_000_000
    assert found["likely_wasted_per_month"] == 0.09596
    assert found["possible_duplicates"] == 1
    assert found["avoided"] == [
        {
            "month": "2026-02",
            "duplicates": 1,
            "wasted_bytes": 4_000_000_000,
            "wasted_per_month": 0.092,
        },
        {
            "month": "2026-03",
            "duplicates": 1,
            "wasted_bytes": 4_000_000_000,
            "wasted_per_month": 0.00396,
        },
    ]
    assert [each["storage_class"] for each in found["by_storage_class"]] == [
        "DEEP_ARCHIVE",
        "STANDARD",
    ]
    assert found["top"][0]["evidence"] == f"etag:{SAME}"
    assert (found["list_requests"], found["encryption_known"]) == (None, True)


def test_prices_of_the_settings_apply(run: Run, tmp_path: Path) -> None:
    """Also those of other storage classes than STANDARD; the text says whose prices they are."""
    (tmp_path / "own.toml").write_text("price = 1\n[prices]\nDEEP_ARCHIVE = 10\n")
    path = write_inventory(tmp_path, [ROWS])
    found = json.loads(run("audit", "--json", "--config", "own.toml", path).out)
    assert found["cost_per_month"] == 4 * (1 + 1 + 10 + 1)
    assert found["likely_wasted_per_month"] == 4 * (1 + 10)
    text = run("audit", "--config", "own.toml", path).out
    assert text.splitlines()[0].endswith("16.0 GB, $52.00 a month (prices of the settings)")


def test_lines_of_each_division_add_up(run: Run, tmp_path: Path) -> None:
    """What has no line of its own, as many months or prefixes, is summed."""
    rows = [
        Row(f"{month % 8}/{month}.t{month % 7}", 10**9, SAME, 1_700_000_000 + month * 2_700_000)
        for month in range(20)
    ]
    text = run("audit", write_inventory(tmp_path, [rows])).out
    assert "\n  (others): 7 duplicates, 7.0 GB, $0.16 a month\ncontents" in text
    parts = re.findall(r"^(by|uploads)|^  .*: (\d+) duplicates?, ", text, re.MULTILINE)
    assert sum(int(number or 0) for _, number in parts) == 19 * sum(bool(part) for part, _ in parts)


def test_names_are_safe_in_csv_and_text(run: Run, tmp_path: Path) -> None:
    """A name that begins like a formula is none in a spreadsheet; each line stays one."""
    keys = ["=1+1.csv/a.b", "+x", "@y\x1b[31m", "-z\nforged,1", '"quoted", name']
    rows = [
        Row(f"{key}{number}", 1000 + at, f"{at:032x}", number)
        for at, key in enumerate(keys)
        for number in (1, 2)
    ]
    path = write_inventory(tmp_path, [rows])
    done = run("audit", "--csv", path)
    table = list(csv.reader(io.StringIO(done.out)))
    assert {len(row) for row in table} == {5}
    assert table[0] == ["section", "name", "duplicates", "wasted_bytes", "wasted_per_month"]
    assert {row[1] for row in table if row[0] == "group"} == {
        "'=1+1.csv/a.b1",
        "'+x1",
        "'@y\\x1b[31m1",
        "'-z\\nforged,11",
        '"quoted", name1',
    }
    assert ["total", "likely", "5"] in [row[:3] for row in table]
    text = run("audit", path).out
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line.startswith("forged")]


def test_a_folder_of_inventories_is_named_as_a_list(run: Run, tmp_path: Path) -> None:
    """With --list, a folder holds lists; without it, its own files are audited."""
    folder = write_inventory(tmp_path, [ROWS]).parents[1]
    assert json.loads(run("audit", "--json", "--list", folder).out)["kind"] == "list"
    assert json.loads(run("audit", "--json", folder).out)["kind"] == "folder"


def test_nothing_stored_and_nothing_twice(run: Run, tmp_path: Path) -> None:
    """Both are answers, not errors."""
    (tmp_path / "empty").mkdir()
    done = run("audit", "empty")
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith("There are no objects")
    done = run("audit", write_csv(tmp_path / "one.csv", [Row("a")]))
    assert done.code == 0
    assert done.out.splitlines()[-1] == (
        "No duplicates were found: there is $0.00 a month to save."
    )


def hiding(folder: Path, *packages: str) -> str:
    """Return a PYTHONPATH on which some packages are not installed."""
    hidden = folder / f"without-{'-'.join(packages)}"
    for name in packages:
        (hidden / name).mkdir(parents=True)
        (hidden / name / "__init__.py").write_text(f"raise ModuleNotFoundError(name={name!r})")
    return os.pathsep.join([str(hidden), environment(folder)["PYTHONPATH"]])


def test_a_folder_needs_no_extra(run: Run, tmp_path: Path) -> None:
    """Neither boto3 nor pyarrow nor DuckDB is needed."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(b"the same")
    path = hiding(tmp_path, "boto3", "botocore", "duckdb", "pyarrow")
    done = run("audit", folder, PYTHONPATH=path)
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith("Duplicates cost less than $0.01 a month")


@pytest.mark.parametrize(
    ("source", "package", "extra"),
    [
        ("s3://bucket", "botocore", "aws"),
        ("list.csv", "botocore", "aws"),
        ("list.csv", "pyarrow", "parquet"),
    ],
)
def test_missing_packages_are_named(
    run: Run, tmp_path: Path, source: str, package: str, extra: str
) -> None:
    """The error says what to install."""
    write_csv(tmp_path / "list.csv", ROWS)
    done = run("audit", source, PYTHONPATH=hiding(tmp_path, package))
    assert done.code == 2
    assert f"pip install 'onecopy[{extra}]'" in done.err


def test_ctrl_c_says_that_nothing_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """DuckDB raises an error of its own when it is interrupted; it is no defect."""

    def interrupted(_tables: Tables, _statement: str) -> None:
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr(Tables, "run", interrupted)
    assert command_line(["audit", str(write_inventory(tmp_path, [ROWS]))]) == 130
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == ("onecopy: interrupted; nothing was kept, so the same command starts over\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no such file or folder: nowhere; name a bucket as s3://bucket"),
        (["gs://bucket"], "unknown source 'gs://bucket': expected s3://bucket/prefix"),
        (["s3://x"], "invalid bucket 's3://x'"),
        (["--csv", "--json", "."], "--json and --csv can't be combined"),
        (["--memory", "1MB", "."], "use 256MB or more"),
        (["--memory", "much", "."], "use bytes, such as 4GB"),
    ],
)
def test_errors_say_what_to_do(run: Run, arguments: list[str], message: str) -> None:
    """A wrong SOURCE or option is one line, and exit code 2."""
    done = run("audit", *arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_without_credentials_it_says_so(run: Run) -> None:
    """A stranger's first try may lack them."""
    done = run("audit", "s3://bucket", AWS_EC2_METADATA_DISABLED="true")
    assert done.code == 2
    assert "credentials" in done.err
    assert done.out == ""


def test_without_duckdb_lists_in_parquet_are_read_too(run: Run, tmp_path: Path) -> None:
    """Where DuckDB has no wheels, it takes longer, and the figures are the same."""
    path = write_inventory(tmp_path, [ROWS])
    with_it = run("audit", "--json", path)
    without = run("audit", "--json", path, PYTHONPATH=hiding(tmp_path, "duckdb"))
    assert without.code == 0
    assert json.loads(without.out) == json.loads(with_it.out)
