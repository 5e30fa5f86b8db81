"""The page in Firefox: its main path."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.page.conftest import MakeFile

_SCRIPT = Path(__file__).parents[2] / "web" / "packages" / "page" / "tests" / "firefox.mjs"
_LARGE = bytes(9 * 1024 * 1024)

pytestmark = pytest.mark.server


def used(url: str, *steps: str) -> dict[str, tuple[str, str]]:
    """Take steps on the page in Firefox; return state and text of each row by its key."""
    own = os.environ.get("ONECOPY_FIREFOX") or shutil.which("firefox-esr")
    if own is None:
        pytest.fail(
            "no Firefox: on Debian `apt-get install firefox-esr`, or name one in ONECOPY_FIREFOX."
        )
    done = subprocess.run(
        ["node", _SCRIPT, own, url, *steps], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["complaints"] == []
    return {row["key"]: (row["state"], row["text"]) for row in said["rows"]}


def test_main_path(server: Serve, local: MakeFile) -> None:
    """Small and large files are uploaded, known again, and only checked if that is chosen."""
    served = server()
    first = f"choose:{local('rome.jpg', b'rome')},{local('large.bin', _LARGE)}"
    again = f"choose:{local('copy.jpg', b'rome')},{local('copy.bin', _LARGE)}"
    rows = used(served.url, first, again, "check-only", f"choose:{local('oslo.jpg', b'oslo')}")
    assert {key: state for key, (state, _) in rows.items()} == {
        "rome.jpg": "uploaded",
        "large.bin": "uploaded",
        "copy.jpg": "duplicate",
        "copy.bin": "duplicate",
        "oslo.jpg": "new",
    }
    assert "rome.jpg" in rows["copy.jpg"][1]
    assert "large.bin" in rows["copy.bin"][1]
    files = served.folder / "files"
    assert (files / "large.bin").read_bytes() == _LARGE
    assert not (files / "oslo.jpg").exists()
