"""The checksum API, as somebody sees it who uploads and scans with the commands."""

import hashlib
import json
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import Run, Serve, Standins, backends
from tests.upload.conftest import noise, write

_ON = ("--checksum-api", "https://upload.example.org")
_SIZES = (1000, 8_388_607, 8_388_608, 8_388_609, 20_000_000)


def exists(url: str, content: bytes) -> int:
    """Ask for the number of copies of a content, as a page of the prototype does."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    document = json.dumps({"content": md5}).encode()
    request = urllib.request.Request(url + "/", document, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        count: int = json.load(answer)["exists"]
        return count


def features(url: str) -> list[str]:
    """Return the features that the service reports."""
    with urllib.request.urlopen(url + "/v1/config", timeout=10) as answer:
        found: list[str] = json.load(answer)["features"]
        return found


def fill(folder: Path, seed: int) -> list[bytes]:
    """Write a file of each size; return their contents."""
    contents = [noise(size, seed) for size in _SIZES]
    for content in contents:
        write(folder / str(len(content)), content)
    return contents


def test_it_counts_contents_of_every_size(run: Run, server: Serve, tmp_path: Path) -> None:
    """Uploaded with an own index or through the service, or found by a scan."""
    served = server(None, *_ON)
    own, theirs = fill(tmp_path / "own", 1), fill(tmp_path / "theirs", 2)
    done = run("upload", tmp_path / "own", *backends(tmp_path))
    assert done.code == 0, done.err
    done = run("upload", tmp_path / "theirs", "--server", served.url)
    assert done.code == 0, done.err
    scanned = fill(tmp_path / "files" / "scanned", 3)
    assert [exists(served.url, content) for content in scanned] == [0] * len(_SIZES)
    assert run("scan", *backends(tmp_path)).code == 0
    counts = [exists(served.url, content) for content in (*own, *theirs, *scanned)]
    assert counts == [1] * len(counts)


def test_an_empty_origin_switches_it_off(run: Run, server: Serve, tmp_path: Path) -> None:
    """A service started without the option changes nothing; `scan --read missing` catches up."""
    on = server(None, *_ON)
    assert "checksum-api" in features(on.url)
    assert "checksum-api" in features(server(None).url)
    off = server(None, "--checksum-api", "")
    assert "checksum-api" not in features(off.url)
    contents = fill(tmp_path / "photos", 1)
    assert run("upload", tmp_path / "photos", "--server", off.url).code == 0
    again = server(None, *_ON)
    assert [exists(again.url, content) for content in contents] == [1, 1, 0, 0, 0]
    assert run("scan", "--read", "missing", *backends(tmp_path)).code == 0
    assert [exists(again.url, content) for content in contents] == [1] * len(_SIZES)


@pytest.mark.parametrize("name", ["seaweedfs", "ministack"])
def test_clients_state_the_md5_of_what_they_send_to_a_bucket(
    run: Run, server: Serve, standins: Standins, tmp_path: Path, name: str
) -> None:
    """Files of a size that is known are hashed first, others while their parts are sent."""
    standin = standins(name)
    store = ("--store", standin.store_url(standin.bucket(), "the/prefix"))
    served = server(None, *_ON, *store, env=standin.environment())
    assert {"checksum-api", "md5"} <= set(features(served.url))
    contents = [*fill(tmp_path / "one", 1), *fill(tmp_path / "two", 2)]
    done = run("upload", tmp_path / "one", tmp_path / "two", "--server", served.url)
    assert done.code == 0, done.err
    own = fill(tmp_path / "own", 3)
    into = (*backends(tmp_path), *store)
    done = run("upload", tmp_path / "own", *into, **standin.environment())
    assert done.code == 0, done.err
    counts = [exists(served.url, content) for content in (*contents, *own)]
    assert counts == [1] * len(counts)


@pytest.mark.parametrize("origin", ["foo", "*", "https://Upload.example.org"])
def test_an_origin_that_no_browser_sends(run: Run, tmp_path: Path, origin: str) -> None:
    """The service does not start with it, since no page could use the API."""
    done = run("serve", "--port", "0", "--checksum-api", origin, *backends(tmp_path))
    assert done.code == 2
    assert f"invalid web origin {origin!r}" in done.err
    assert not (tmp_path / "index.sqlite").exists()
