"""The Python code in README.md and docs/python.md runs as it is printed."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve

_ROOT = Path(__file__).parent.parent
_URL = "http://127.0.0.1:8000"


def blocks(name: str) -> list[str]:
    """Return the Python code blocks of a page."""
    found = re.findall(
        r"^```python\n(.*?)^```", (_ROOT / name).read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found, name
    return found


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the folder that the pages upload: three files, two of them with the same content."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, content in {"a.jpg": b"rome", "b.jpg": b"oslo", "c.jpg": b"rome"}.items():
        (folder / name).write_bytes(content)


def run(name: str, url: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run the blocks of a page one after the other, and return what each prints."""
    names: dict[str, Any] = {}
    printed = []
    for block in blocks(name):
        exec(compile(block.replace(_URL, url), name, "exec"), names)
        printed.append(capsys.readouterr().out)
    return printed


def test_readme_uploads_a_folder(
    server: Serve, photos: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The README's example prints a result for each file."""
    [results] = run("README.md", server().url, capsys)
    assert len(results.splitlines()) == 3


def test_python_page_runs(server: Serve, photos: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Each block prints what the text around it says."""
    upload, again, check, cached, content, local, scan, errors = run(
        "docs/python.md", server().url, capsys
    )
    assert [line.split()[1] for line in sorted(upload.splitlines())].count("uploaded") == 2
    assert [line.split()[1] for line in again.splitlines()] == ["skipped"] * 3
    assert check.count("is already stored as") == 3
    assert [line.split()[1] for line in cached.splitlines()] == ["duplicate"] * 3
    assert content.split()[0] == "new"
    assert sorted(line.split()[1] for line in local.splitlines()) == [
        "skipped",
        "uploaded",
        "uploaded",
    ]
    assert "recorded" in scan
    assert errors.startswith("may work in a moment:")
