"""Migrations that are killed and resumed: the destination is exact."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from onecopy.testing.index.complete import open_complete
from tests.conftest import environment
from tests.migrate.lists import entries_of, in_order, listed, md5_hex, write_csv
from tests.migrate.test_indexes import fill

ROWS = 30_000
BAD = range(0, ROWS, 1_500)
"""Rows of the list that are not checksums."""


@dataclass
class Round:
    """One migration, killed until a run finishes."""

    folder: Path
    source: str
    number: int
    kills: int = 0
    resumed: bool = False
    took: float = 0.0
    """Seconds from the first write to the end of the last run that finished."""

    @property
    def destination(self) -> str:
        """The URL of an index of its own."""
        return f"sqlite:{self.folder}/{self.number}.db"

    @property
    def rejects(self) -> Path:
        """A file of its own."""
        return self.folder / f"{self.number}.csv"

    @property
    def written(self) -> int:
        """Time when the destination was last written to."""
        wal = Path(f"{self.folder}/{self.number}.db-wal")
        return wal.stat().st_mtime_ns if wal.exists() else 0

    def run(self, seconds: float) -> bool:
        """Start or resume it, and kill it `seconds` after it has begun to write.

        Returns whether it finished before.
        """
        before = self.written
        command = [sys.executable, "-m", "onecopy", "migrate", self.source, self.destination]
        command += ["--every", "0.01", "--rejects", str(self.rejects), "--json"]
        with subprocess.Popen(
            command, cwd=self.folder, env=environment(self.folder), stdout=subprocess.PIPE
        ) as process:
            while process.poll() is None and self.written == before:
                time.sleep(0.001)
            began = time.monotonic()
            try:
                out, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                self.kills += 1
                return False
        assert process.returncode in (0, 1)
        self.took = time.monotonic() - began
        result = json.loads(out)
        self.resumed = result["resumed"] > 0
        assert (result["rows"], result["lacking"]) == (ROWS, 0)
        return True


def make_list(folder: Path) -> str:
    """Write a list with some bad rows."""
    rows = [(f"bad {n}" if n in BAD else md5_hex(n),) for n in range(ROWS)]
    write_csv(folder / "list.csv", [("md5",), *rows])
    return "list.csv"


def make_index(folder: Path) -> str:
    """Make an index of copies and lists."""
    index = open_complete(f"sqlite:{folder}/source.db")
    fill(index, ROWS // 4)
    index.close()
    return "sqlite:source.db"


def check(done: Round) -> None:
    """Compare the destination of a round with its source."""
    if done.source.startswith("sqlite:"):
        assert entries_of(done.destination) == entries_of(f"sqlite:{done.folder}/source.db")
        assert not done.rejects.exists()
        return
    good = (("default", listed(n)) for n in range(ROWS) if n not in BAD)
    assert entries_of(done.destination) == in_order(good)
    rows = [line.split(",")[1] for line in done.rejects.read_text().splitlines()[1:]]
    assert rows == [f"bad {n}" for n in BAD]


@pytest.mark.parametrize("kills", [8, pytest.param(50, marks=pytest.mark.soak)])
@pytest.mark.parametrize("make", [make_list, make_index])
def test_killed(tmp_path: Path, make: Callable[[Path], str], kills: int) -> None:
    """Killed at random points, it resumes: nothing is missing, and nothing is there twice."""
    source, chance = make(tmp_path), random.Random()
    rounds = [Round(tmp_path, source, 0)]
    assert rounds[-1].run(60)
    rounds.append(Round(tmp_path, source, 1))
    # A run that is killed once it has finished, as it exits, leaves nothing to resume.
    while sum(each.kills for each in rounds) < kills or not any(each.resumed for each in rounds):
        if rounds[-1].run(chance.uniform(0.0, rounds[0].took)):
            check(rounds[-1])
            rounds.append(Round(tmp_path, source, len(rounds)))
    assert rounds[-1].run(60)
    check(rounds[-1])
