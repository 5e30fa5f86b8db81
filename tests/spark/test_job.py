"""The command that spark-submit runs, with its tasks done in this process."""

import json
import re
from pathlib import Path

import pytest

from onecopy.cli.main import run
from onecopy.spark import executor
from onecopy.spark.job import command
from onecopy.store.folder import FolderStore
from tests.spark.conftest import LARGE, Here
from tests.test_docs import options, shared


class Tasks(Here):
    """Tasks of a session that is closed at the end."""

    closed = 0

    def close(self) -> None:
        """Close it."""
        Tasks.closed += 1


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the options for a folder with a large and a small file."""
    executor._opened.cache_clear()
    monkeypatch.setattr("onecopy.spark.job.SparkTasks", Tasks)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Tasks, "closed", 0)
    (tmp_path / "files").mkdir()
    (tmp_path / "files/large").write_bytes(LARGE)
    (tmp_path / "files/small").write_bytes(b"small")
    index = f"sqlite:{tmp_path}/index.sqlite"
    return ["--store", "files", "--index", index, "--results", "results", "--list"]


def test_text_and_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The figures are one line or one object; the same command again prints them once more."""
    given = [*arguments, "--task-size", "8388608"]
    assert run(given, command) == 0
    text = "2 objects to read, 50.3 MB: 2 read; 8 tasks\n"
    assert capsys.readouterr().out == text
    assert run([*given, "--json"], command) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["reads"] == {
        "objects": 2,
        "bytes": 50_331_658,
        "read": 2,
        **dict.fromkeys(("stated", "gone", "changed", "failed"), 0),
    }
    assert (figures["tasks"], figures["problems"], figures["reasons"]) == (8, 0, {})
    assert Tasks.closed == 2


def test_problems(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be read is named with the reason and what to do; the exit code is 1."""

    def fail(*_: object) -> object:
        raise PermissionError

    monkeypatch.setattr(FolderStore, "read_range", fail)
    assert run([*arguments, "--exclude", "other"], command) == 1
    printed = capsys.readouterr()
    assert printed.out == "2 objects to read, 50.3 MB: 1 read, 1 failed; 1 task\n"
    assert printed.err == ("onecopy: large: store-unavailable: it cannot be read now; scan again\n")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--task-size", "1MB"], "at least 8388608 bytes"),
        (["--task-size", "unlimited"], "at least 8388608 bytes"),
        (["--task-size", "much"], "use bytes, as 256MB"),
        (["--results", "files/results"], "objects of the store"),
        (["--results", "ftp://host"], "invalid folder of results"),
        (["--store", "empty"], "there is nothing at"),
    ],
)
def test_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    """What cannot be used is refused before Spark is started."""
    assert run([*arguments, *more], command) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert Tasks.closed == 0


def test_documented() -> None:
    """The page has every option of the job, and its exit codes in the words of the help."""
    text = (Path(__file__).parents[2] / "docs" / "spark.md").read_text("utf-8")
    missing = [name for name in options(command) - shared() if f"`{name}" not in text]
    assert not missing
    codes = (command.epilog or "").rpartition("Exit codes: ")[2]
    assert codes in re.sub(r"\s+", " ", text)
