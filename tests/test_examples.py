"""The programs in examples/ do what their README says."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest
import urllib3

from tests.conftest import Run, Serve, backends, environment

EXAMPLES = Path(__file__).parent.parent / "examples"
INTERPRETERS = {".py": sys.executable, ".sh": "sh"}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Create a folder with three files, two of them with the same content."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, content in {"a.jpg": b"rome", "b.jpg": b"oslo", "c.jpg": b"rome"}.items():
        (folder / name).write_bytes(content)
    return folder


def lines(name: str, url: str, path: Path, **env: str) -> list[str]:
    """Run an example in the folder above `path`, and return the lines that it prints."""
    command = [INTERPRETERS[Path(name).suffix], str(EXAMPLES / name), url, path.name]
    done = subprocess.run(
        command,
        cwd=path.parent,
        env=environment(path.parent, **env),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_python(server: Serve, photos: Path) -> None:
    """A folder is new, then uploaded once per content, then already stored."""
    url = server().url
    assert sorted(lines("check_folder.py", url, photos)) == [
        "photos/a.jpg: new",
        "photos/b.jpg: new",
        "photos/c.jpg: same content as photos/a.jpg",
    ]
    uploaded = lines("upload_folder.py", url, photos)
    outcomes = sorted(line.split(":")[1].split(" as ")[0] for line in uploaded)
    assert outcomes == [" already stored", " uploaded", " uploaded"]  # of a and c, either is first
    for line in lines("check_folder.py", url, photos):
        path, verdict, copy = line.split(": ")
        assert verdict == "already stored"
        assert (photos.parent / copy).read_bytes() == (photos.parent / path).read_bytes()


def test_taken_name(server: Serve, photos: Path) -> None:
    """Another content with a name that is in use is stored under a new name."""
    url = server().url
    lines("upload_folder.py", url, photos)
    (photos / "b.jpg").write_bytes(b"paris")
    assert "photos/b.jpg: uploaded as photos/b (2).jpg" in lines("upload_folder.py", url, photos)


def test_curl(server: Serve, run: Run, photos: Path, tmp_path: Path) -> None:
    """The shell script prints the answers of the service, which it accesses with a token."""
    token = run("token", "create", *backends(tmp_path)).out.split()[-1]
    url = server().url
    for verdict in ("new", "duplicate"):
        printed = lines("ask_over_http.sh", url, photos / "a.jpg", ONECOPY_TOKEN=token)
        config, answer = (json.loads(line) for line in printed if line.startswith("{"))
        assert config["tenant"] == "default"
        assert answer["results"][0]["verdict"] == verdict
        lines("upload_folder.py", url, photos, ONECOPY_TOKEN=token)


@contextmanager
def hook_for_tusd(url: str, home: Path, **env: str) -> Iterator[str]:
    """Run the hook as long as the block lasts; yields its address."""
    command = [sys.executable, str(EXAMPLES / "tusd" / "hook.py"), url, "0"]
    with subprocess.Popen(
        command,
        env=environment(home, **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()


def asked_by_tusd(hook: str, content: bytes | None, kind: str = "pre-create") -> dict[str, Any]:
    """Return the hook's response to a request as the documentation of tusd 2 has it."""
    digest = f"sha256:{sha256(content or b'').hexdigest()}"
    upload = {
        "ID": "",
        "Size": len(content or b""),
        "SizeIsDeferred": content is None,
        "Offset": 0,
        "MetaData": {"filename": "photo.jpg", "filetype": "image/jpeg", "digest": digest},
        "IsPartial": False,
        "IsFinal": False,
        "PartialUploads": None,
        "Storage": None,
    }
    request = {"Method": "POST", "URI": "/files/", "RemoteAddr": "127.0.0.1:1", "Header": {}}
    event = {"Upload": upload, "HTTPRequest": request}
    response = urllib3.request("POST", hook, json={"Type": kind, "Event": event})
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    return cast("dict[str, Any]", response.json())


def test_tusd(server: Serve, run: Run, photos: Path, tmp_path: Path) -> None:
    """Uploads of stored contents are rejected with a link to the copy, all others are accepted."""
    scopes = [word for scope in ("check", "upload", "read") for word in ("--scope", scope)]
    token = run("token", "create", *scopes, *backends(tmp_path)).out.split()[-1]
    served = server()
    lines("upload_folder.py", served.url, photos, ONECOPY_TOKEN=token)
    with hook_for_tusd(served.url, tmp_path, ONECOPY_TOKEN=token) as hook:
        rejected = asked_by_tusd(hook, b"oslo")
        assert rejected["RejectUpload"] is True
        assert rejected["HTTPResponse"]["StatusCode"] == 409
        answer = json.loads(rejected["HTTPResponse"]["Body"])
        assert answer["message"] == "already stored as photos/b.jpg"
        assert urllib3.request("GET", answer["url"]).data == b"oslo"
        assert asked_by_tusd(hook, b"new") == {}
        assert asked_by_tusd(hook, None) == {}
        assert asked_by_tusd(hook, b"oslo", kind="post-finish") == {}
        served.stop()
        assert asked_by_tusd(hook, b"oslo") == {}
