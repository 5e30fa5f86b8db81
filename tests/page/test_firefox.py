"""The page in Firefox: its main path, and what users do in the middle of an upload."""

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.page.conftest import MakeFile

_SCRIPT = Path(__file__).parents[2] / "web" / "packages" / "page" / "tests" / "firefox.mjs"
MiB = 1024 * 1024
_LARGE = bytes(9 * MiB)

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


def test_interrupted_by_the_user(server: Serve, local: MakeFile) -> None:
    """Uploads are cancelled, all at once too, tried again, paused and resumed; nothing is lost."""
    served = server()
    names = ("big", "other", "film")
    contents = {name: random.Random(name).randbytes(9 * MiB) for name in names}
    paths = {name: local(name, content) for name, content in contents.items()}
    huge = local("huge", b"")
    os.truncate(huge, 5 * 1024 * MiB)  # it takes no space
    rows = used(
        served.url,
        "hold:/parts/2",
        *(f"add:{paths['big']}", "wait:big:sending", "click:big:Cancel", "wait:big:skipped"),
        *(f"add:{paths['other']}", "wait:other:sending", "press:Cancel all", "wait:other:skipped"),
        "release",
        *("press:Try again", "wait:big:uploaded", "wait:other:uploaded"),
        "hold:/parts/2",
        *(f"add:{paths['film']}", "wait:film:sending", "press:Pause"),
        *(f"add:{local('small', b'small')}", "wait:small:queued", "release", "press:Resume"),
        *("wait:film:uploaded", "wait:small:uploaded"),
        *(f"add:{huge}", "press:Cancel all", "wait:huge:skipped"),
    )
    assert rows.pop("huge")[0] == "skipped"
    assert {state for state, _ in rows.values()} == {"uploaded"}
    files = served.folder / "files"
    assert all((files / name).read_bytes() == content for name, content in contents.items())
    assert (files / "small").read_bytes() == b"small"


def test_added_under_other_names(server: Serve, local: MakeFile) -> None:
    """The store copies what it has: for one file, and for all that are listed."""
    served = server()
    first, *others = (local(name, _LARGE) for name in ("a", "b", "c", "d"))
    used(
        served.url,
        f"choose:{first}",
        f"choose:{others[0]}",
        *("click:b:Add here too", "wait:b:placed"),
        f"choose:{others[1]},{others[2]}",
        *("press:Add all here too", "wait:c:placed", "wait:d:placed"),
    )
    files = served.folder / "files"
    assert all((files / name).read_bytes() == _LARGE for name in "abcd")


def test_a_chosen_folder(server: Serve, local: MakeFile) -> None:
    """Its files keep their names below the folder, which Firefox lists itself."""
    served = server()
    local("trip/oslo/1.jpg", b"oslo")
    local("trip/empty", b"")
    folder = local("trip/2:30.txt", b"a name that other systems forbid").parent
    rows = used(served.url, f"folder:{folder}")
    assert {key: state for key, (state, _) in rows.items()} == {
        "trip/2:30.txt": "uploaded",
        "trip/empty": "uploaded",
        "trip/oslo/1.jpg": "uploaded",
    }
    assert (served.folder / "files/trip/oslo/1.jpg").read_bytes() == b"oslo"
