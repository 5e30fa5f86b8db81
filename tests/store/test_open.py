"""Stores are found by their URL."""

import re
from pathlib import Path

import pytest

from onecopy.errors import InvalidSettings
from onecopy.store import folder_tag, names_server, open_store, store_folder, tag
from onecopy.store.folder.store import FolderStore


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("files", "files"),
        ("a:b", "a:b"),
        ("./files:old", "./files:old"),
        ("file:///a%20b", "/a b"),
        ("file://localhost/a", "/a"),
        ("s3://bucket/a:b", None),
        ("memory:", None),
    ],
)
def test_the_folder_of_a_store(url: str, folder: str | None) -> None:
    """A path or a file URL has one; a letter or a path before the colon is no scheme."""
    assert store_folder(url) == (Path(folder) if folder else None)


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("files", False),
        ("file:///files", False),
        ("memory:", False),
        ("s3://bucket", False),
        ("s3://bucket?endpoint=http://127.0.0.1:9000", True),
    ],
)
def test_servers_that_would_receive_credentials(url: str, names: bool) -> None:
    """Only an S3 store with an endpoint names one."""
    assert names_server(url) is names


def test_refuses_other_schemes() -> None:
    """A URL of another kind of store is named in the error."""
    with pytest.raises(InvalidSettings, match="unknown store 'ftp://host/files': expected a path"):
        open_store("ftp://host/files")


@pytest.mark.parametrize(
    "url", ["", "file:", "file:relative", "file://host/a", "file:///a?b", "file:///a#b", "a\0b"]
)
def test_refuses_other_folders(url: str) -> None:
    """A URL that names no folder of this machine is refused, and named in the error."""
    with pytest.raises(InvalidSettings, match=re.escape(f"invalid folder {url!r}: expected")):
        open_store(url)


def test_finds_markers(folder: Path) -> None:
    """A folder has a marker or not; one at which nothing can be seen counts as without."""
    assert folder_tag(str(folder)) is None
    store_id = FolderStore(folder).identify(create=True)
    assert folder_tag(str(folder)) == tag(store_id)
    assert store_id not in tag(store_id)
    assert folder_tag(str(folder / (300 * "a"))) is None
    for damaged in (b"", b"[]", b"\xff"):
        (folder / ".onecopy" / "store.json").write_bytes(damaged)
        assert folder_tag(str(folder)) is None
