"""Reports that were kept."""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from onecopy.avoided import Counts
from onecopy.index import open_index
from onecopy.index.memory import MemoryIndex
from onecopy.recorder import Recorder
from onecopy.report import report
from onecopy.report.history import Kept, keep, kept
from tests.conftest import Run, backends
from tests.report.copies import copy


def test_reports_are_kept_in_order_and_bounded() -> None:
    """The oldest are dropped before the value of the index is full; tenants are apart."""
    index = MemoryIndex()
    figures = report([("default", copy(key, 10**13, 1)) for key in "ab"], price=0)
    for time in range(10**10, 10**10 + 600):
        keep(index, "ada", figures, time)
    found = kept(index, "ada")
    assert [each.time for each in found] == list(range(10**10 + 100, 10**10 + 600))
    assert found[-1] == Kept(10**10 + 599, 2, 2 * 10**13, 10**13, 0)
    assert len(index.get("reports/ada") or b"") < 64 * 1024
    assert kept(index, "bob") == []


def test_a_report_of_the_same_second_replaces_the_other() -> None:
    """A second run says the same, or knows better."""
    index = MemoryIndex()
    for size in (1, 2):
        keep(index, "ada", report([("ada", copy("a", size, 1))], price=0), 5)
    assert [each.bytes for each in kept(index, "ada")] == [2]


def test_avoided_uploads_by_month(run: Run, tmp_path: Path) -> None:
    """As text, in the JSON and on the page; of one tenant, or of all."""
    where = backends(tmp_path)
    (tmp_path / "a").write_bytes(b"a")
    assert run("upload", "a", *where).code == 0
    shown = run("report", *where)
    assert "avoided" not in shown.out
    index = open_index(f"sqlite:{tmp_path}/index.sqlite")
    with closing(index), closing(Recorder(index)) as recorder:
        recorder.count("default", Counts(avoided_files=3, avoided_bytes=5000))
        recorder.count("ana", Counts(avoided_files=1, avoided_bytes=1000))
        recorder.count("default", Counts(uploaded_files=7, uploaded_bytes=9))
    month, html = datetime.now(UTC).strftime("%Y-%m"), tmp_path / "page.html"
    shown = run("report", "--html", str(html), *where)
    assert "3 uploads avoided, 5.0 kB not sent\n" in shown.out
    assert f"  {month}: 3 uploads, 5.0 kB\n" in shown.out
    assert '"files":3,"bytes":5000' in html.read_text("utf-8")
    [mine] = json.loads(run("report", "--json", *where).out)["avoided"]
    assert mine == {"month": month, "files": 3, "bytes": 5000}
    settings = {"ONECOPY_TRUST": "ana=md5"}
    [both] = json.loads(run("report", "--json", "--all-tenants", *where, **settings).out)["avoided"]
    assert both == {"month": month, "files": 4, "bytes": 6000}
