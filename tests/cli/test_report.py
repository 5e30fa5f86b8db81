"""`onecopy report`: divisions, files, what could be removed, and what is kept."""

import csv
import json
import os
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from onecopy.avoided import Batch, Counts, Stored, Waiting, name_of
from onecopy.testing.index.complete import open_complete
from tests.conftest import Run, backends
from tests.report.copies import copy
from tests.upload.conftest import noise, write

_NO_FOLDER = "No such file or directory; create its folder, or name another file"

FILES = {
    "photos/a.jpg": 1,
    "photos/2019/b.jpg": 1,
    "mail/c.JPG": 1,
    "mail/=d.pdf": 2,
    "top.pdf": 2,
    "alone.txt": 3,
}


@pytest.fixture
def scanned(run: Run, tmp_path: Path) -> list[str]:
    """Scan a folder with two contents that are stored several times; return its options."""
    for second, (name, content) in enumerate(FILES.items()):
        write(tmp_path / "files" / name, noise(4000 + content, content))
        os.utime(tmp_path / "files" / name, (10**9 + second, 10**9 + second))
    assert run("scan", *backends(tmp_path)).code == 0
    return backends(tmp_path)


def rows_of(file: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    return list(csv.DictReader(file.read_text("utf-8").splitlines()))


def test_divisions_as_text_and_json(run: Run, scanned: list[str]) -> None:
    """By folder, type and age; a folder has no storage classes, and one tenant is no division."""
    text = run("report", *scanned).out.splitlines()
    assert text[text.index("by folder:") :] == [
        "by folder:",
        "  4.0 kB, less than $0.01 a month: (no folder)",
        "  4.0 kB, less than $0.01 a month: mail/",
        "  4.0 kB, less than $0.01 a month: photos/",
        "by file type:",
        "  8.0 kB, less than $0.01 a month: jpg",
        "  4.0 kB, less than $0.01 a month: pdf",
        "by age:",
        "  12.0 kB, less than $0.01 a month: over 3 years",
    ]
    values = json.loads(run("report", "--json", "--depth", "2", *scanned).out)
    assert [part["name"] for part in values["by_folder"]["parts"]] == [None, "mail", "photos/2019"]
    assert values["by_folder"]["others"] is None
    assert [part["wasted_bytes"] for part in values["by_type"]["parts"]] == [8002, 4002]
    assert (
        sum(part["duplicates"] for part in values["by_age"]["parts"]) == values["duplicates"] == 3
    )
    [stored] = values["classes"]
    assert (stored["name"], stored["bytes"]) == (None, values["stored_bytes"])


def test_groups_as_files(run: Run, scanned: list[str], tmp_path: Path) -> None:
    """A row for each object of each group, with its name made safe for a spreadsheet."""
    done = run("report", "--csv", "groups.csv", "--parquet", "groups.parquet", *scanned)
    assert done.code == 0, done.err
    assert "wrote 5 rows to groups.csv" in done.err
    assert "wrote 5 rows to groups.parquet" in done.err
    rows = rows_of(tmp_path / "groups.csv")
    assert {row["key"] for row in rows} == {*FILES} - {"alone.txt"}
    assert sum(row["is_duplicate"] == "true" for row in rows) == 3


def test_what_could_be_removed(run: Run, scanned: list[str], tmp_path: Path) -> None:
    """As text, JSON lines, keys for programs and CSV; nothing is removed."""
    done = run("report", "--removable", *scanned)
    assert (done.code, len(done.out.splitlines())) == (0, 3)
    assert "mail/c.JPG (4.0 kB), same content as photos/a.jpg" in done.out
    assert "3 objects could be removed, 12.0 kB" in done.err
    assert "2 verified copies would stay. Nothing was removed" in done.err
    lines = [
        json.loads(line)
        for line in run("report", "--removable", "--json", *scanned).out.splitlines()
    ]
    assert {line["kept"] for line in lines} == {"photos/a.jpg", "mail/=d.pdf"}
    assert lines[0].keys() == {"key", "size", "digest", "stored_at", "kept", "identity"}
    keys = run("report", "--removable", "--null", *scanned).out.split("\0")
    assert keys[-1] == ""
    assert {*keys[:-1]} == {line["key"] for line in lines}
    assert run("report", "--removable", "--csv", "list.csv", *scanned).code == 0
    rows = rows_of(tmp_path / "list.csv")
    assert [row["kept"] for row in rows] == [line["kept"] for line in lines]
    assert all((tmp_path / "files" / name).exists() for name in FILES)


def test_csv_of_what_could_be_removed_has_no_formulas(run: Run, tmp_path: Path) -> None:
    """Names that a spreadsheet would run begin with an apostrophe."""
    for name in ("=1+1", "@a", "-b"):
        write(tmp_path / "files" / name, noise(100))
    assert run("scan", *backends(tmp_path)).code == 0
    run("report", "--removable", "--csv", "list.csv", *backends(tmp_path))
    rows = rows_of(tmp_path / "list.csv")
    assert {row[name][:2] for row in rows for name in ("key", "kept")} == {"'=", "'@", "'-"}


def test_reports_are_kept_if_asked(run: Run, scanned: list[str]) -> None:
    """In the index, so the next page can show how it changed."""
    run("report", *scanned)
    index = open_complete(scanned[1])
    with closing(index):
        assert index.get("reports/default") is None
    assert run("report", "--keep", *scanned).code == 0
    with closing(open_complete(scanned[1])) as index:
        [[_, objects, size, wasted, likely]] = json.loads(index.get("reports/default") or b"")
    assert (objects, wasted, likely) == (6, 12_004, 0)
    assert size == 6 * 4000 + 10


def test_tenants_are_apart_unless_all_are_asked_for(run: Run, tmp_path: Path) -> None:
    """No report of one tenant has a name, a number or an amount of another."""
    write(tmp_path / "files" / "here", b"1")
    assert run("scan", *backends(tmp_path)).code == 0
    with closing(open_complete(f"sqlite:{tmp_path / 'index.sqlite'}")) as index:
        index.add(
            (owner, copy(f"{owner}-{key}", 1000, 1)) for owner in ("ada", "bob") for key in "xy"
        )
    values = json.loads(run("report", "--json", "--tenant", "ada", *backends(tmp_path)).out)
    assert "bob" not in json.dumps(values)
    assert (values["stored"], values["duplicates"], values["wasted_bytes"]) == (2, 1, 1000)
    everyone = json.loads(run("report", "--json", "--all-tenants", *backends(tmp_path)).out)
    assert [part["name"] for part in everyone["by_tenant"]["parts"]] == ["ada", "bob"]
    assert (everyone["groups"], everyone["duplicates"]) == (2, 2)
    assert everyone["top"][0]["keys"] == ["ada/ada-x", "ada/ada-y"]


def test_avoided_uploads_of_all_tenants(run: Run, tmp_path: Path) -> None:
    """Those of a tenant without a token count, too: it signs in, and is known by its copies."""
    write(tmp_path / "files" / "here", b"1")
    assert run("scan", *backends(tmp_path)).code == 0
    waiting = Waiting()
    waiting.add("2026-03-12", Counts(avoided_files=2, avoided_bytes=30), "")
    stored = Stored()
    stored.add(Batch("ada", "batch", waiting))
    with closing(open_complete(f"sqlite:{tmp_path / 'index.sqlite'}")) as index:
        index.add([("ada", copy("x", 1000, 1))])
        index.put_if(name_of("ada"), None, msgspec.json.encode(stored))
    everyone = json.loads(run("report", "--json", "--all-tenants", *backends(tmp_path)).out)
    assert everyone["avoided"] == [{"month": "2026-03", "files": 2, "bytes": 30}]
    assert json.loads(run("report", "--json", *backends(tmp_path)).out)["avoided"] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--removable", "--html", "a.html"), "--removable and --html can't be combined"),
        (("--removable", "--all-tenants"), "--removable and --all-tenants can't be combined"),
        (("--null",), "--null needs --removable"),
        (("--removable", "--null", "--json"), "choose --null or --json"),
        (("--csv", "none/a.csv"), f"cannot write none/a.csv: {_NO_FOLDER}"),
        (("--html", "none/a.html"), f"cannot write the report none/a.html: {_NO_FOLDER}"),
        (("--depth", "0"), "--depth"),
    ],
)
def test_what_cannot_be_done_is_said(
    run: Run, scanned: list[str], options: tuple[str, ...], said: str
) -> None:
    """An option that would do nothing is an error, and so is a file that cannot be written."""
    done = run("report", *options, *scanned)
    assert done.code == 2
    assert said in done.err
