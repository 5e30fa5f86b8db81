"""Plans of migrations."""

import json
from pathlib import Path

import pytest

from onecopy.content import Digests
from onecopy.index import open_index
from onecopy.migrate import open_source, plan
from onecopy.testing.index.values import a_copy, proved
from tests.conftest import Run
from tests.migrate.lists import md5_hex, write_csv


def write_list(folder: Path, name: str = "l.csv", rows: int = 5_000) -> Path:
    """Write a list in which every hundredth row is not a checksum."""
    sums = (("?" if n % 100 == 0 else md5_hex(n),) for n in range(rows))
    return write_csv(folder / name, [("md5",), *sums])


def test_nothing_is_written(run: Run, tmp_path: Path) -> None:
    """A plan shows rows, rates and time, and writes nothing at all."""
    write_list(tmp_path)
    for destination in ("sqlite:i.db", "dynamodb://some-table", "postgresql://nowhere/x"):
        told = run("migrate", "l.csv", destination, "--plan")
        assert told.code == 0, told.err
        assert "50 of the first 5,000 are not checksums" in told.out
        assert "rows/s, assumed" in told.out
        assert ("write request units" in told.out) == destination.startswith("dynamodb")
    assert [path.name for path in tmp_path.iterdir()] == ["l.csv"]


def test_figures(run: Run, tmp_path: Path) -> None:
    """Units and cost follow from the rows: one unit for each listed checksum."""
    write_list(tmp_path)
    told = run("migrate", "l.csv", "dynamodb://t-1?layout=checksums&key=k", "--plan", "--json")
    found = json.loads(told.out)
    assert (found["sampled"], found["rejected"]) == (5_000, 50)
    assert 4_900 < found["rows"] < 5_100
    assert found["write_units"] == pytest.approx(0.99 * found["rows"], abs=2)
    assert found["dollars"] == pytest.approx(found["write_units"] * 0.625e-6)
    assert found["rows_written_per_second_assumed"] == 4_000
    assert found["seconds"] >= found["rows"] / 4_000


def test_copies_take_more() -> None:
    """A copy takes a unit for itself, for its size, and for each of its digests."""
    index = open_index("memory:")
    index.add([("t", a_copy(f"k{n}", proved(str(n)))) for n in range(10)])
    index.add([("t", a_copy(f"u{n}", Digests())) for n in range(10)])
    source = open_source("memory:", "t")
    source._pages = index  # type: ignore[attr-defined]
    found = plan(source, "dynamodb://table")
    assert found.units == 3
    assert found.all_units == 60


def test_import_is_cheaper(tmp_path: Path) -> None:
    """An import costs about a hundredth, and is not slowed by the table's limits."""
    source = open_source(str(write_list(tmp_path)), "t")
    address = "dynamodb://table?layout=checksums&key=content"
    one_by_one, by_import = (plan(source, address, by_import=way) for way in (False, True))
    assert one_by_one.dollars is not None
    assert one_by_one.import_dollars is not None
    assert one_by_one.import_dollars < one_by_one.dollars / 50
    assert by_import.writing_rate > one_by_one.writing_rate


@pytest.mark.parametrize("name", ["l.csv", "l.csv.gz"])
def test_rows_of_files(tmp_path: Path, name: str) -> None:
    """The number of rows in a file is estimated from its size, or counted."""
    rows = open_source(str(write_list(tmp_path, name, 20_000)), "t").count()
    assert rows is not None
    assert 19_000 < rows < 21_000


def test_empty(run: Run, tmp_path: Path) -> None:
    """An empty list takes no time."""
    (tmp_path / "l.txt").write_text("md5\n")
    told = run("migrate", "l.txt", "dynamodb://table", "--plan", "--json")
    assert told.code == 0, told.err
    assert json.loads(told.out)["write_units"] == 0
