"""`onecopy bench`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from onecopy.bench.workload import TENANT
from onecopy.index import open_index
from tests.conftest import Run, environment
from tests.upload.conftest import noise, write

QUICK = ("--copies", "200", "--clients", "2", "--rounds", "1")


def test_sqlite_alone(run: Run, tmp_path: Path) -> None:
    """Without a URL it measures SQLite in a temporary file, which is removed."""
    (tmp_path / "tmp").mkdir()
    done = run("bench", *QUICK, TMPDIR=str(tmp_path / "tmp"))
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].split()[:3] == ["200", "copies", "index"]
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "ingest",
        "lookup of one, known",
        "lookup of one, unknown",
        "batch of 100, half known",
        "batch of 1,000, half known",
        "probe of 1,000 sizes, half known",
        "one durable record",
        "lookup of one, known, 2 clients",
    ]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_report_and_lines_agree(run: Run, tmp_path: Path) -> None:
    """--json prints an object per measurement; the report's JSON has the same and more."""
    done = run("bench", "memory:", "sqlite:", "--json", "--report", "a.html", *QUICK)
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in done.out.splitlines()]
    kept = json.loads((tmp_path / "a.json").read_text())["results"]
    assert [{name: each[name] for name in lines[0]} for each in kept] == lines
    assert {line["index"] for line in lines} == {"memory", "sqlite"}
    assert "<svg" in (tmp_path / "a.html").read_text()


def test_settings_are_not_read(run: Run, tmp_path: Path) -> None:
    """The index in the settings is never measured by mistake."""
    done = run("bench", *QUICK, ONECOPY_INDEX=f"sqlite:{tmp_path}/index.sqlite")
    assert done.code == 0
    assert not (tmp_path / "index.sqlite").exists()


def test_an_index_in_use_is_refused(run: Run, tmp_path: Path) -> None:
    """An index in use is refused in one line, before any index is changed."""
    write(tmp_path / "files/a", noise(10))
    run("scan", "--read", "--index", "sqlite:used.sqlite", "--store", "files")
    done = run("bench", "sqlite:other.sqlite", "sqlite:used.sqlite", *QUICK)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "sqlite:used.sqlite is in use: it belongs to a store" in done.err
    assert tenants(tmp_path / "used.sqlite") == ["default"]
    assert tenants(tmp_path / "other.sqlite") == []


def test_remaining_copies_are_reported_and_removable(run: Run, tmp_path: Path) -> None:
    """--keep leaves the copies for the next benchmark, and shows the command that removes them."""
    assert run("bench", "sqlite:a.sqlite", *QUICK).err == ""
    assert tenants(tmp_path / "a.sqlite") == []
    kept = run("bench", "sqlite:a.sqlite", "--keep", *QUICK)
    assert "200 copies of the tenant onecopy-bench remain" in kept.err
    assert "onecopy bench --clean 'sqlite:a.sqlite'" in kept.err
    again = run("bench", "sqlite:a.sqlite", "--json", *QUICK)
    assert json.loads(again.out.splitlines()[0])["what"] == "lookup-hit"
    assert tenants(tmp_path / "a.sqlite") == [TENANT] * 200
    assert run("bench", "sqlite:a.sqlite", "--seed", "2", *QUICK).code == 2
    cleaned = run("bench", "--clean", "sqlite:a.sqlite")
    assert (cleaned.code, cleaned.err) == (0, "onecopy: sqlite: 200 copies removed\n")
    assert tenants(tmp_path / "a.sqlite") == []


def test_interrupted_while_measuring(tmp_path: Path) -> None:
    """After Ctrl-C, the report has all printed results, and the index is intact."""
    with bench(tmp_path, "sqlite:a.sqlite", "--rounds", "50", "--report", "a.html") as child:
        assert child.stdout is not None
        lines = [json.loads(child.stdout.readline()) for _ in range(3)]
        os.killpg(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=60)
    lines += [json.loads(line) for line in out.splitlines()]
    assert child.returncode == 130
    assert err.startswith("onecopy: interrupted")
    assert "Traceback" not in err
    kept = json.loads((tmp_path / "a.json").read_text())["results"]
    assert [each["what"] for each in kept] == [each["what"] for each in lines]
    assert "200 copies of the tenant onecopy-bench remain" in err
    assert tenants(tmp_path / "a.sqlite").count(TENANT) >= 200


def test_terminated(tmp_path: Path) -> None:
    """SIGTERM ends it like Ctrl-C: temporary files are removed."""
    (tmp_path / "tmp").mkdir()
    with bench(tmp_path, "--rounds", "50", TMPDIR=str(tmp_path / "tmp")) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.terminate()
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (130, "onecopy: interrupted: some measurements are missing\n")
    assert list((tmp_path / "tmp").iterdir()) == []


def interrupt(child: "subprocess.Popen[str]") -> None:
    """Interrupt all processes of the group, as Ctrl-C does."""
    os.killpg(child.pid, signal.SIGINT)


@pytest.mark.parametrize(("end", "code"), [(interrupt, 130), (subprocess.Popen.kill, -9)])
def test_ended_while_clients_work(
    run: Run, tmp_path: Path, end: Callable[["subprocess.Popen[str]"], None], code: int
) -> None:
    """Client processes end with it, however it ends, and the next benchmark resumes."""
    with bench(tmp_path, "sqlite:a.sqlite", "--rounds", "1", "--clients", "2,3,4,5,6") as child:
        assert child.stdout is not None
        while json.loads(child.stdout.readline())["what"] != "clients-2":
            pass
        end(child)
        assert child.wait(60) == code
    until = time.monotonic() + 20
    while is_running(child.pid):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert run("bench", "sqlite:a.sqlite", *QUICK).code == 0
    assert tenants(tmp_path / "a.sqlite") == [TENANT] * 200


def test_killed_while_recording(run: Run, tmp_path: Path) -> None:
    """--clean also removes the copies that a killed benchmark had recorded one by one."""
    with bench(tmp_path, "sqlite:a.sqlite", "--rounds", "20") as child:
        assert child.stdout is not None
        for _ in range(6):  # recording comes next
            child.stdout.readline()
        while len(tenants(tmp_path / "a.sqlite")) <= 200:
            time.sleep(0.05)
        child.kill()
    assert len(tenants(tmp_path / "a.sqlite")) > 200
    assert run("bench", "--clean", "sqlite:a.sqlite").code == 0
    assert tenants(tmp_path / "a.sqlite") == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--copies", "0"), "expected numbers from 1"),
        (("--copies", "1,x"), "expected numbers from 1"),
        (("--copies", ""), "at least one"),
        (("--clients", "1000"), "expected numbers from 1 to 256"),
        (("--report", "a.json"), "end in .html"),
        (("--report", "none/a.html"), "create its folder"),
        (("nonsense:",), "unknown index"),
        (("sqlite:", "sqlite:"), "given twice"),
    ],
)
def test_invalid_arguments(run: Run, arguments: tuple[str, ...], complaint: str) -> None:
    """Invalid arguments are reported before anything is done."""
    done = run("bench", *arguments)
    assert (done.code, done.out) == (2, "")
    assert complaint in done.err


def test_progress(run: Run) -> None:
    """Progress goes to standard error, so that results can be piped."""
    done = run("bench", "memory:", "--progress", "--json", *QUICK)
    assert done.code == 0
    assert "steps" in done.err
    assert all(json.loads(line) for line in done.out.splitlines())


def tenants(file: Path) -> list[str]:
    """Return the tenants of all copies in an index."""
    index = open_index(f"sqlite:{file}")
    found = [tenant for tenant, _ in index.copies()]
    index.close()
    return found


def is_running(group: int) -> bool:
    """Return whether any process of a group is still running."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def bench(folder: Path, *arguments: str, **env: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a benchmark of 200 copies in its own process group, as a terminal does."""
    command = [sys.executable, "-m", "onecopy", "bench", "--json", "--copies", "200"]
    with subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment(folder, **env),
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()
