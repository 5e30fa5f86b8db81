"""The command line with an index in PostgreSQL."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run, Serve
from tests.upload.conftest import noise, write

pytestmark = pytest.mark.server


def test_all_of_it(run: Run, tmp_path: Path, database: str) -> None:
    """Scan, check, upload, report, forget and doctor work as with any index."""
    for name in ("a", "also-a"):
        write(tmp_path / "files" / name, b"x" * 5000)
    write(tmp_path / "new", noise(700))
    write(tmp_path / "known", b"x" * 5000)
    write(tmp_path / "large", noise(9_000_000))
    where = ("--index", database, "--store", "files")
    scanned = run("scan", *where)
    assert (scanned.code, scanned.out[:9]) == (0, "2 objects"), scanned.err
    checked = run("check", *where, "new", "known", "large", "--json")
    verdicts = {one["path"]: one["verdict"] for one in map(json.loads, checked.out.splitlines())}
    assert verdicts == {"new": "new", "known": "duplicate", "large": "new"}
    for outcome in ("uploaded", "skipped"):
        told = map(json.loads, run("upload", *where, "new", "large", "--json").out.splitlines())
        assert {one["path"]: one["outcome"] for one in told} == {"new": outcome, "large": outcome}
    report = json.loads(run("report", *where, "--json").out)
    assert (report["objects"], report["contents"]) == (4, 3)
    assert run("forget", *where, "a").out == "a: removed from the index\n"
    assert json.loads(run("check", *where, "known", "--json").out)["copy"]["key"] == "also-a"
    assert run("doctor", *where).code == 0


def test_served(run: Run, tmp_path: Path, database: str, server: Serve) -> None:
    """A service knows its tokens, and sees at once what another process records."""
    write(tmp_path / "files/a", b"x")
    write(tmp_path / "b", b"x")
    where = ("--index", database, "--store", str(tmp_path / "files"))
    token = {"ONECOPY_TOKEN": run("token", "create", *where).out.strip()}
    served = server(None, *where)
    assert run("check", "--server", served.url, "b").code == 2
    assert run("check", "--server", served.url, "b", **token).out == "b: new\n"
    run("scan", *where)
    found = run("check", "--server", served.url, "b", **token)
    assert found.out.startswith("b: already stored: a")
    assert served.stop() == 0
