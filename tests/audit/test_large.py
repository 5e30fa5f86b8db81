"""An audit of many rows, against a computation by numpy."""

import json
from pathlib import Path

import pytest
from benchmarks.audit import differences, write

from tests.conftest import Run

ROWS = 10_000_000


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_ten_million_rows_are_exact(run: Run, tmp_path: Path) -> None:
    """With little memory, so that it spills; the working directory stays as it is."""
    manifest = write(tmp_path / "inventory", ROWS, 4)
    done = run("audit", "--json", "--top", "1000", "--memory", "700MB", manifest)
    assert done.code == 0, done.err
    assert not list(differences(json.loads(done.out), ROWS))
    assert [path.name for path in tmp_path.iterdir()] == ["inventory"]


def test_the_generator_and_the_computation_agree(run: Run, tmp_path: Path) -> None:
    """The same with few rows, each time."""
    manifest = write(tmp_path / "inventory", 20_000, 3)
    done = run("audit", "--json", "--top", "1000", manifest)
    assert not list(differences(json.loads(done.out), 20_000))
