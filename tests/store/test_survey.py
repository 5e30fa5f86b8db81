"""A survey of a folder: one folder that fails spoils none of the others."""

import errno
import os
from pathlib import Path

import pytest

from onecopy.errors import Forbidden, StoreFull, Unavailable
from onecopy.listing import EVERYTHING, Span
from onecopy.own_files import OwnFiles
from onecopy.store.folder import listing
from onecopy.store.folder.directories import failure
from onecopy.store.folder.store import FolderStore
from onecopy.store.interface import LeftOut
from onecopy.store.listings import Page
from onecopy.testing.store import SMALL
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
    message = f"the store's file system reports{where}: Permission denied"
    assert str(failure(error)) == f"{message}; give onecopy the permission"


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (errno.EIO, Unavailable, "the store's file system reports: Input/output error"),
        (
            errno.EROFS,
            Forbidden,
            "the file system of the store is read-only: mount it so that it can be written to",
        ),
        (errno.ENOSPC, StoreFull, "the disk of the store is full: free some space there"),
    ],
)
def test_failures(code: int, error: type[Exception], message: str) -> None:
    """A failure says what the file system reports, or what to do."""
    found = failure(OSError(code, os.strerror(code)))
    assert (type(found), str(found)) == (error, message)


def test_a_link_that_fails_is_named_by_its_new_name() -> None:
    """The user does not know the name in staging, from which the file is published."""
    error = OSError(errno.EACCES, "Permission denied", "0123.6", None, b"photo")
    assert "the store's file system reports for photo: Permission denied;" in str(failure(error))


class TestPages:
    """A folder that is listed in pages."""

    def pages(self, store: FolderStore, span: Span = EVERYTHING) -> list[Page]:
        return list(store.list_pages(span, OwnFiles()))

    def test_folders_before_a_span_are_not_read(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
    ) -> None:
        """To resume behind a key, only its own folder and later ones are listed."""
        for key in ("a/a", "b/a/a", "b/b", "b/c/a", "c/a"):
            put(store, key)
        for name in ("a", "b/a"):
            fail_below(monkeypatch, folder / name, "scandir", errno.EIO)
        [page] = self.pages(store, Span("b/b"))
        assert ([copy.key for copy in page.copies], page.left_out) == (["b/c/a", "c/a"], [])

    def test_full_pages(self, monkeypatch: pytest.MonkeyPatch, store: FolderStore) -> None:
        """Pages end with a copy; the last one may be empty."""
        monkeypatch.setattr(listing, "_PAGE", 2)
        for key in ("a/a", "a/b", "b", "c"):
            put(store, key)
        assert [page[1:3] for page in self.pages(store)] == [([], 0), ([], 0)]
        spans = [page.span for page in self.pages(store)]
        assert spans == [Span("", "a/b"), Span("a/b")]
        spans = [page.span for page in self.pages(store, Span("a/a", "c"))]
        assert spans == [Span("a/a", "b"), Span("b", "c")]

    def test_what_is_left_out(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
    ) -> None:
        """A folder that cannot be read is named, and the span still covers the rest."""
        for key in ("a", "broken/b", "z"):
            put(store, key)
        (folder / "empty").touch()
        (folder / "link").symlink_to("a")
        (folder / "new\nline\udcff").write_bytes(b"a name that is not UTF-8")
        fail_below(monkeypatch, folder / "broken", "scandir", errno.EACCES)
        [page] = self.pages(store)
        assert [copy.key for copy in page.copies] == ["a", "z"]
        assert page.left_out == [
            LeftOut("broken/", "store-forbidden"),
            LeftOut("link", "symlink"),
            LeftOut("new\nline\udcff", "key-invalid"),
        ]
        assert (page.empty, page.span) == (1, EVERYTHING)

    def test_a_folder_that_fails_is_named_by_each_span(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
    ) -> None:
        """Also by one that begins within it, so that nothing below it is taken for gone."""
        put(store, "broken/b")
        fail_below(monkeypatch, folder / "broken", "scandir", errno.EIO)
        for span in (EVERYTHING, Span("broken/a"), Span("", "broken/a")):
            [page] = self.pages(store, span)
            assert page.left_out == [LeftOut("broken/", "store-unavailable")]

    def test_own_files(self, folder: Path, store: FolderStore) -> None:
        """Files and folders of onecopy itself are named as such, also if they are new."""
        put(store, "a")
        own = OwnFiles([folder / "cache", folder / "index.sqlite"])
        (folder / "cache").mkdir()
        (folder / "index.sqlite").write_bytes(b"index")
        [page] = list(store.list_pages(EVERYTHING, own))
        assert page.left_out == [LeftOut("cache/", "own"), LeftOut("index.sqlite", "own")]

    def test_the_longest_path(self, folder: Path, store: FolderStore) -> None:
        """A path of 1,024 bytes is a key; a longer one is left out."""
        deepest = "/".join(["a"] * 511)
        put(store, f"{deepest}/bb")
        (folder / deepest / "ccc").write_bytes(SMALL)
        [page] = self.pages(store)
        assert [copy.key for copy in page.copies] == [f"{deepest}/bb"]
        assert page.left_out == [LeftOut(f"{deepest}/ccc", "key-invalid")]

    def test_a_store_that_vanishes(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
    ) -> None:
        """Without its marker, nothing is listed: an unmounted folder looks like an empty one."""
        monkeypatch.setattr(listing, "_PAGE", 1)
        for key in "ab":
            put(store, key)
        listed = store.list_pages(EVERYTHING, OwnFiles())
        assert next(listed).copies
        (folder / ".onecopy" / "store.json").unlink()
        with pytest.raises(Unavailable):
            next(listed)

    def test_copies_are_opaque(self, store: FolderStore) -> None:
        """A changed file has another tag, which is no digest."""
        stored = put(store, "a")
        [[copy]] = [page.copies for page in self.pages(store)]
        assert copy.tag == store.tag(stored.identity)
        assert (copy.is_opaque, copy.parts, len(copy.tag)) == (True, 0, 16)
