"""Uploads that are completed again: what is at the key is vouched for only if it is ours (P2)."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from onecopy.digest import Hashed, Scheme
from onecopy.errors import FileChanged
from onecopy.hashing import hash_fd
from onecopy.store import KeyTaken, Object
from onecopy.store.folder import staging
from onecopy.store.folder.store import FolderStore
from onecopy.testing.store import SMALL, digest_of
from tests.store.acts import begin


class Sent:
    """An upload whose bytes were all sent."""

    def __init__(self, folder: Path, store: FolderStore) -> None:
        self.store = store
        self.upload = begin(store, "folder/a")
        self.path = folder / "folder" / "a"
        self.data = folder / ".onecopy" / "uploads" / f"{self.upload.id}.{self.upload.size}"
        self.moved = folder / "moved"

    def complete(self) -> object:
        """Complete it, perhaps again."""
        return self.store.complete(self.upload, digest_of(SMALL))

    def forget_publication(self) -> None:
        """Take the line about the publication from the journal, as a crash may."""
        journal = self.data.with_name(f"{self.data.name}.parts")
        lines = journal.read_bytes().split(b"\n")
        assert lines[-1].startswith(b"[0,")
        journal.write_bytes(b"\n".join(lines[:-1]))


@pytest.fixture
def sent(folder: Path, store: FolderStore) -> Sent:
    """Return an upload that can be completed."""
    return Sent(folder, store)


@pytest.fixture
def published(sent: Sent) -> Sent:
    """Return an upload that was completed."""
    assert isinstance(sent.complete(), Object)
    return sent


def while_read(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Let something happen after an object was read."""

    def reading(fd: int, size: int, schemes: Sequence[Scheme]) -> Hashed:
        found = hash_fd(fd, size, schemes)
        action()
        return found

    monkeypatch.setattr(staging, "hash_fd", reading)


def test_an_unchanged_object_is_not_read(monkeypatch: pytest.MonkeyPatch, published: Sent) -> None:
    """The time of its last change was noted, and suffices."""
    while_read(monkeypatch, lambda: pytest.fail("the object was read"))
    assert isinstance(published.complete(), Object)


def test_an_upload_that_is_begun_again(published: Sent) -> None:
    """P4: what was published takes no more room, and is completed as before."""
    published.store.begin([published.upload])
    assert not published.data.exists()
    assert isinstance(published.complete(), Object)


def test_an_object_of_another_time_is_read(published: Sent) -> None:
    """If the note was lost in a crash, the bytes decide."""
    published.forget_publication()
    assert isinstance(published.complete(), Object)


@pytest.mark.parametrize("noted", [True, False])
def test_an_object_that_was_overwritten(published: Sent, noted: bool) -> None:
    """Bytes that were written in place are noticed although the modification time was restored."""
    if not noted:
        published.forget_publication()
    modified = published.path.stat().st_mtime_ns
    published.path.write_bytes(SMALL[::-1])
    os.utime(published.path, ns=(modified, modified))
    assert published.complete() == KeyTaken()


def test_an_object_that_changes_while_it_is_read(
    monkeypatch: pytest.MonkeyPatch, published: Sent
) -> None:
    """What was read may no longer be there."""
    published.forget_publication()
    while_read(monkeypatch, lambda: published.path.chmod(0o600))
    assert published.complete() == KeyTaken()


def test_an_object_that_is_truncated_while_it_is_read(
    monkeypatch: pytest.MonkeyPatch, published: Sent
) -> None:
    """An object that no longer has its size is not ours."""

    def truncated() -> None:
        raise FileChanged("fewer bytes than expected")

    published.forget_publication()
    while_read(monkeypatch, truncated)
    assert published.complete() == KeyTaken()


def test_a_link_to_the_object(published: Sent) -> None:
    """P7: an object that was moved away is not at the key, even if a link there leads to it."""
    published.path.rename(published.moved)
    published.path.symlink_to(published.moved)
    assert published.complete() == KeyTaken()


def test_a_link_to_the_staged_data(sent: Sent) -> None:
    """P7: nor does a link to the data publish them: it would lead nowhere afterwards."""
    sent.path.parent.mkdir()
    sent.path.symlink_to(sent.data)
    assert sent.complete() == KeyTaken()
    assert sent.path.read_bytes() == SMALL


def test_a_file_in_place_of_the_folder(published: Sent) -> None:
    """A key below what is now a file is taken."""
    published.path.unlink()
    published.path.parent.rmdir()
    published.path.parent.touch()
    assert published.complete() == KeyTaken()
