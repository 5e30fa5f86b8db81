"""The marker of a folder, and the marks beside it."""

import errno
import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from onecopy.errors import Forbidden, InvalidSettings, Unavailable
from onecopy.store import Unknown
from onecopy.store.folder.store import DEFAULT, FolderStore
from tests.store.acts import put, unprivileged


def test_vacant_folders(folder: Path) -> None:
    """A folder is vacant while nothing is in it, whether or not it exists."""
    store = FolderStore(folder)
    assert store.is_vacant()
    folder.mkdir()
    assert store.is_vacant()
    (folder / "a").touch()
    assert not store.is_vacant()


def test_a_file_is_not_vacant(folder: Path) -> None:
    """A store cannot be made where a file is."""
    folder.touch()
    with pytest.raises(InvalidSettings, match=f"{folder} is not a folder: name a folder"):
        FolderStore(folder).is_vacant()


def test_own_files(folder: Path, store: FolderStore) -> None:
    """Marker and mark are readable text, and a mark that is left again stays as it is."""
    store.mark("tokens")
    own = folder / ".onecopy"
    marker = (own / "store.json").read_text()
    assert re.fullmatch(r'\{"id":"[0-9a-f]{32}","version":1\}\n', marker)
    (own / "tokens.json").write_text("mine")
    store.mark("tokens")
    assert (own / "tokens.json").read_text() == "mine"
    assert sorted(path.name for path in own.iterdir()) == ["store.json", "tokens.json"]
    (own / "tokens.json").unlink()
    (own / "tokens.json").symlink_to("nowhere")
    assert store.is_marked("tokens")


def test_a_marker_is_no_link(tmp_path: Path, folder: Path, store: FolderStore) -> None:
    """A link to the marker of another folder does not make this folder a store."""
    marker = folder / ".onecopy" / "store.json"
    marker.rename(tmp_path / "marker")
    marker.symlink_to(tmp_path / "marker")
    with pytest.raises(Unavailable):
        store.identify(create=False)


def test_errors_name_what_to_do(tmp_path: Path, folder: Path) -> None:
    """An error says what is missing or wrong, and what to check."""
    store = FolderStore(folder)
    with pytest.raises(Unavailable, match=f"there is no folder {folder}: check the name"):
        store.identify(create=False)
    with pytest.raises(InvalidSettings, match=f"{folder} does not exist: mount or create it"):
        FolderStore(folder / "below").identify(create=True)
    store.identify(create=True)
    marker = folder / ".onecopy" / "store.json"
    for text, error, message in (
        ("{", Unavailable, "cannot read .onecopy/store.json: "),
        ('{"id": "x"}', Unavailable, "is another store now: check what is mounted there"),
        ('{"id": "x", "version": 2}', InvalidSettings, "version 2 .* upgrade onecopy"),
    ):
        marker.write_text(text)
        with pytest.raises(error, match=message):
            store.identify(create=False)
    marker.unlink()
    with pytest.raises(Unavailable, match=r"no \.onecopy/store\.json in file:///"):
        store.identify(create=False)
    (tmp_path / "file").touch()
    with pytest.raises(InvalidSettings, match=f"{tmp_path}/file is not a folder"):
        FolderStore(tmp_path / "file").identify(create=True)


def test_a_newer_marker(folder: Path, store: FolderStore) -> None:
    """P3: what is in a store that only a newer onecopy can read is unknown."""
    (folder / ".onecopy" / "store.json").write_text('{"id": "x", "version": 2}')
    assert store.look(["a"]) == [Unknown("store-unavailable")]


def refuse_links(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Let the file system refuse hard links."""

    def refuse(*_: object, **_named: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_links(
    monkeypatch: pytest.MonkeyPatch, folder: Path, code: int
) -> None:
    """A store needs hard links; a folder that cannot have them is not made one."""
    refuse_links(monkeypatch, code)
    with pytest.raises(InvalidSettings, match="has no hard links, which the store needs"):
        FolderStore(folder).identify(create=True)
    assert list((folder / ".onecopy").iterdir()) == []


def test_a_file_system_that_fails(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A failing disk is another error than a lack of hard links."""
    refuse_links(monkeypatch, errno.EIO)
    with pytest.raises(Unavailable, match="the store's file system reports: Input/output error"):
        FolderStore(folder).identify(create=True)
    assert list((folder / ".onecopy").iterdir()) == []


def test_a_mark_that_cannot_be_left(open_folder: Path) -> None:
    """Where we may only read, a mark is refused, and the marker that is there suffices."""
    store = FolderStore(open_folder)
    store_id = store.identify(create=True)
    (open_folder / ".onecopy").chmod(0o555)
    with unprivileged():
        assert FolderStore(open_folder).identify(create=True) == store_id
        with pytest.raises(Forbidden):
            store.mark("tokens")


def test_others_make_folders_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
) -> None:
    """A folder that another process has just made serves as well as ours."""
    mkdir = os.mkdir

    def overtaken(name: Any, *given: Any, **named: Any) -> None:  # noqa: ANN401 - as in os
        mkdir(name, *given, **named)
        mkdir(name, *given, **named)

    monkeypatch.setattr(os, "mkdir", overtaken)
    put(store, "new/folder/a")
    assert (folder / "new" / "folder" / "a").is_file()


@pytest.mark.parametrize("umask", [0, 0o027])
def test_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int) -> None:
    """P7: objects and folders have the mode that the user's umask leaves; uploads are private."""
    monkeypatch.chdir(tmp_path)
    before = os.umask(umask)
    try:
        store = FolderStore(DEFAULT)
        store.identify(create=True)
        assert store.abort_stale(0) == 0
        made = stat.S_IMODE((DEFAULT / ".onecopy" / "uploads").stat().st_mode)
        put(store, "a/b")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((DEFAULT / name).stat().st_mode) for name in ("a", "a/b")]
    assert modes == [0o777 & ~umask, 0o666 & ~umask]
    assert made == 0o700
