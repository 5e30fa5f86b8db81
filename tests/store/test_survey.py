"""A survey of a folder: one folder that fails spoils none of the others."""

import errno
from pathlib import Path

import pytest

from onecopy.errors import Unavailable
from onecopy.own_files import OwnFiles
from onecopy.store.folder.directories import failure
from onecopy.store.folder.store import FolderStore
from onecopy.store.interface import LeftOut
from tests.store.acts import fail_below, mount_on, put


@pytest.mark.parametrize("call", ["open", "scandir"])
@pytest.mark.parametrize(
    "failure",
    [
        (errno.EIO, "store-unavailable"),
        (errno.ENOTCONN, "store-unavailable"),
        (errno.ESTALE, "store-unavailable"),
        (errno.EACCES, "store-forbidden"),
    ],
)
def test_a_folder_that_fails(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    store: FolderStore,
    call: str,
    failure: tuple[int, str],
) -> None:
    """Such as a mount whose server is gone, or a damaged disk."""
    for key in ("a/a", "broken/below/a", "z"):
        put(store, key)
    fail_below(monkeypatch, folder / "broken", call, failure[0])
    found = list(store.survey(OwnFiles()))
    assert [seen.key for seen in found] == ["a/a", "broken/", "z"]
    assert found[1] == LeftOut("broken/", failure[1])


def test_a_folder_that_vanishes(
    monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
) -> None:
    """What was removed since it was listed is not mentioned."""
    for key in ("a", "b/c", "d"):
        put(store, key)
    fail_below(monkeypatch, folder / "b", "open", errno.ENOENT)
    assert [seen.key for seen in store.survey(OwnFiles())] == ["a", "d"]


def test_another_file_system(
    monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
) -> None:
    """What is mounted below is not part of the store, and is named."""
    for key in ("a", "mounted/b", "z"):
        put(store, key)
    mount_on(monkeypatch, folder / "mounted")
    found = list(store.survey(OwnFiles()))
    assert [seen.key for seen in found] == ["a", "mounted/", "z"]
    assert found[1] == LeftOut("mounted/", "mounted")


def test_a_store_that_fails_ends_the_survey(folder: Path, store: FolderStore) -> None:
    """A store without its marker is not an empty one."""
    put(store, "a")
    survey = store.survey(OwnFiles())
    assert next(survey)
    (folder / ".onecopy" / "store.json").unlink()
    with pytest.raises(Unavailable):
        list(survey)


@pytest.mark.parametrize(("name", "where"), [("a\n", " for a\\n"), (b"a", " for a"), (7, "")])
def test_a_failure_names_the_path(name: str | bytes | int, where: str) -> None:
    """Calls on a descriptor have none."""
    error = OSError(errno.EACCES, "Permission denied", name)
    assert str(failure(error)) == f"the store's file system reports{where}: Permission denied"


def test_a_link_that_fails_is_named_by_its_new_name() -> None:
    """The user does not know the name in staging, from which the file is published."""
    error = OSError(errno.EACCES, "Permission denied", "0123.6", None, b"photo")
    assert str(failure(error)) == "the store's file system reports for photo: Permission denied"
