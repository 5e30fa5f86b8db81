"""The folder as a store: the contract, and what is special to file systems."""

import contextlib
import errno
import os
import resource
import socket
from pathlib import Path
from typing import Any

import pytest

from onecopy.errors import Forbidden, InvalidSettings, Unavailable
from onecopy.own_files import OwnFiles
from onecopy.store import Absent, Object, Store, Unknown, open_store
from onecopy.store.folder.store import FolderStore
from onecopy.store.interface import LeftOut
from onecopy.testing.copying import CopierContract
from onecopy.testing.listings import ListableContract
from onecopy.testing.store import (
    SMALL,
    BatchContract,
    MarkableContract,
    RangedContract,
    ReceiverContract,
    at_once,
    digest_of,
    new_upload,
)
from tests.store.acts import begin, left_out, limited, put, unprivileged

GONE = Unknown("store-unavailable")
FORBIDDEN = Unknown("store-forbidden")


class TestFolderStore(
    BatchContract,
    CopierContract,
    ListableContract,
    MarkableContract,
    RangedContract,
    ReceiverContract,
):
    """A folder keeps the contract."""

    @pytest.fixture
    def store(self, store: Store) -> Store:
        return store

    def test_a_copy_is_no_hard_link(self, store: Store, tmp_path: Path) -> None:
        """Writing to one file in place does not change the other."""
        source = self.source(store, "a", SMALL)
        upload, sums = self.filled(store, source, "b", [])
        store.complete(upload, digest_of(SMALL), sums)
        store.abort(upload)
        paths = [path for path in tmp_path.rglob("*") if path.name in ("a", "b")]
        assert [path.stat().st_nlink for path in paths] == [1, 1]
        assert len({path.stat().st_ino for path in paths}) == 2


class TestOpening:
    """Where a folder store may lie."""

    def test_opens_paths_and_urls(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A relative path, an absolute one and a file URL name the same folder."""
        monkeypatch.chdir(tmp_path)
        folder = tmp_path / "a folder"
        urls = [open_store(url).url for url in ("a folder", str(folder), folder.as_uri())]
        assert urls == [folder.as_uri()] * 3

    def test_makes_the_folder(self, tmp_path: Path) -> None:
        """The folder is made where the one above it exists."""
        FolderStore(tmp_path / "new").identify(create=True)
        assert (tmp_path / "new" / ".onecopy" / "store.json").is_file()

    def test_does_not_make_the_folders_above(self, tmp_path: Path) -> None:
        """A path of which more is missing may be that of an unmounted disk."""
        with pytest.raises(InvalidSettings):
            FolderStore(tmp_path / "disk" / "files").identify(create=True)
        assert not (tmp_path / "disk").exists()

    def test_makes_the_default(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The default path is made as a whole."""
        monkeypatch.chdir(tmp_path)
        open_store("onecopy-data/files").identify(create=True)
        assert (tmp_path / "onecopy-data" / "files" / ".onecopy").is_dir()

    def test_refuses_a_file(self, folder: Path) -> None:
        """A file is no store."""
        folder.write_bytes(b"")
        with pytest.raises(InvalidSettings):
            FolderStore(folder).identify(create=True)

    def test_may_be_reached_by_a_link(self, tmp_path: Path, store: FolderStore) -> None:
        """The owner may give the store by a symbolic link."""
        (tmp_path / "link").symlink_to("files")
        assert FolderStore(tmp_path / "link").identify(create=False) == store.identify(create=False)

    def test_opening_alone_makes_nothing(self, folder: Path) -> None:
        """Without `create` nothing is made, and a folder without marker is no store."""
        with pytest.raises(Unavailable):
            FolderStore(folder).identify(create=False)
        assert not folder.exists()
        folder.mkdir()
        with pytest.raises(Unavailable):
            FolderStore(folder).identify(create=False)
        assert list(folder.iterdir()) == []

    def test_takes_a_folder_with_files(self, folder: Path) -> None:
        """A folder that holds files already becomes a store that has them."""
        (folder / "photos").mkdir(parents=True)
        (folder / "photos" / "a.jpg").write_bytes(SMALL)
        store = FolderStore(folder)
        store.identify(create=True)
        assert [(seen.key, seen.size) for seen in store.objects()] == [("photos/a.jpg", len(SMALL))]

    def test_many_create_one(self, folder: Path) -> None:
        """All who create the store at once agree on its id, and leave nothing else behind."""
        ids = at_once([lambda: FolderStore(folder).identify(create=True)] * 8)
        assert ids == ids[:1] * 8
        assert [path.name for path in (folder / ".onecopy").iterdir()] == ["store.json"]

    def test_refuses_a_newer_store(self, folder: Path, store: FolderStore) -> None:
        """What a newer onecopy made is left to it."""
        (folder / ".onecopy" / "store.json").write_text('{"id": "x", "version": 2}')
        with pytest.raises(InvalidSettings):
            FolderStore(folder).identify(create=True)

    def test_a_damaged_marker_is_no_new_store(self, folder: Path, store: FolderStore) -> None:
        """A marker that can't be read is not replaced."""
        marker = folder / ".onecopy" / "store.json"
        marker.write_text("{")
        with pytest.raises(Unavailable):
            FolderStore(folder).identify(create=True)
        assert marker.read_text() == "{"


class TestUnmounted:
    """P1: absence is believed only from a folder that is certainly the store."""

    @pytest.fixture(params=["no folder", "empty folder", "other store", "damaged"])
    def unmounted(self, request: pytest.FixtureRequest, folder: Path) -> FolderStore:
        """Return a store that held an object, and whose folder is not there now."""
        store = FolderStore(folder)
        store.identify(create=True)
        put(store, "a")
        if request.param == "damaged":
            (folder / ".onecopy" / "store.json").write_text("")
            return store
        folder.rename(folder.with_name("elsewhere"))
        if request.param != "no folder":
            folder.mkdir()
        if request.param == "other store":
            FolderStore(folder).identify(create=True)
        return store

    def test_looks_unknown(self, unmounted: FolderStore) -> None:
        """P1: nothing is absent, whatever the request."""
        assert unmounted.look(["a", "b", "c/d"]) == [GONE] * 3

    def test_nothing_else_works(self, unmounted: FolderStore, folder: Path) -> None:
        """P1, P3: neither is it empty, nor are uploads begun that would hide below the mount."""
        before = sorted(folder.rglob("*"))
        upload = new_upload("a", SMALL)
        for call in (
            lambda: unmounted.identify(create=False),
            lambda: unmounted.identify(create=True),
            lambda: unmounted.open("a"),
            lambda: next(unmounted.objects()),
            lambda: unmounted.begin([upload]),
            lambda: unmounted.parts(upload),
            lambda: unmounted.write(upload, 1, iter([SMALL]), None),
            lambda: unmounted.complete(upload, digest_of(SMALL)),
            lambda: unmounted.abort(upload),
            lambda: unmounted.abort_stale(0),
        ):
            with pytest.raises(Unavailable):
                call()
        assert unmounted.url == folder.as_uri()
        assert sorted(folder.rglob("*")) == before

    def test_works_again(self, folder: Path, store: FolderStore) -> None:
        """Mounted again, all is as it was."""
        stored = put(store, "a")
        folder.rename(folder.with_name("elsewhere"))
        assert store.look(["a"]) == [GONE]
        folder.with_name("elsewhere").rename(folder)
        assert [seen[:4] for seen in store.objects()] == [stored[:4]]

    def test_a_listing_that_ends_was_whole(self, folder: Path, store: FolderStore) -> None:
        """P1: a folder that goes away during a listing does not look like its end."""
        for key in ("a", "b/c"):
            put(store, key)
        listing = store.objects()
        next(listing)
        (folder / ".onecopy" / "store.json").unlink()
        with pytest.raises(Unavailable):
            list(listing)


class TestLooking:
    """What counts as an object, and as the same one."""

    @pytest.mark.parametrize("change", ["write", "append", "replace", "touch", "mode", "link"])
    def test_any_change_changes_the_identity(
        self, folder: Path, store: FolderStore, change: str
    ) -> None:
        """P1: what may hold other bytes is another object."""
        stored, path = put(store, "a"), folder / "a"
        if change == "write":
            path.write_bytes(SMALL[::-1])
            os.utime(path, ns=(0, stored.stored_ms * 1_000_000))
        elif change == "append":
            with path.open("ab") as stream:
                stream.write(b"!")
        elif change == "replace":
            (folder / "b").write_bytes(SMALL)
            (folder / "b").rename(path)
        elif change == "touch":
            path.touch()
        elif change == "mode":
            path.chmod(0o600)
        else:
            (folder / "b").hardlink_to(path)
        seen = store.look(["a"])[0]
        assert isinstance(seen, Object)
        assert seen.identity != stored.identity

    def test_nothing_changes_by_reading(self, store: FolderStore) -> None:
        """Looking, listing and reading leave the identity as it is."""
        stored = put(store, "a")
        with store.open("a") as stream:
            stream.read()
        assert [seen[:4] for seen in store.objects()] == [stored[:4]]
        assert [seen[:4] for seen in store.look(["a"]) if isinstance(seen, Object)] == [stored[:4]]

    def test_looks_into_many_folders(
        self, monkeypatch: pytest.MonkeyPatch, store: FolderStore
    ) -> None:
        """Each folder is opened once, however many keys are below it."""
        keys = ["a/b/c/1", "a/b/d/1", "a/e/1", "f/1"]
        identities = [put(store, key).identity for key in keys]
        names, real = [], os.open

        def opening(name: Any, *given: Any, **named: Any) -> int:  # noqa: ANN401 - as in os
            names.append(name)
            return real(name, *given, **named)

        monkeypatch.setattr(os, "open", opening)
        seen = store.look(keys)
        assert names[1:] == [b"a", b"b", b"c", b"d", b"e", b"f"]
        assert [found.identity for found in seen if isinstance(found, Object)] == identities

    def test_states_no_digests(self, store: FolderStore) -> None:
        """A file system knows nothing of what a file holds."""
        put(store, "a")
        assert [len(seen.digests) for seen in store.objects()] == [0]

    def test_follows_no_links(self, tmp_path: Path, folder: Path, store: FolderStore) -> None:
        """A symbolic link is no object, and nothing below one is."""
        put(store, "real/a")
        (folder / "file").symlink_to("real/a")
        (folder / "folder").symlink_to("real")
        (tmp_path / "outside").write_bytes(SMALL)
        (folder / "out").symlink_to(tmp_path)
        keys = ["file", "folder/a", "out/outside", "folder"]
        assert store.look(keys) == [Absent()] * 4
        assert [seen.key for seen in store.objects()] == ["real/a"]
        assert list(store.objects("folder/")) == []
        assert left_out(store) == [(key, "symlink") for key in ("file", "folder", "out")]
        for key in keys:
            with pytest.raises(FileNotFoundError):
                store.open(key)

    def test_passes_special_files_over(self, folder: Path, store: FolderStore) -> None:
        """Pipes and sockets are no objects, and opening one does not wait for its other end."""
        os.mkfifo(folder / "pipe")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(folder / "socket"))
            assert store.look(["pipe", "socket"]) == [Absent()] * 2
            assert list(store.objects()) == []
            assert left_out(store) == [("pipe", "special"), ("socket", "special")]
            with pytest.raises(FileNotFoundError):
                store.open("pipe")

    def test_passes_names_over_that_are_no_keys(self, folder: Path, store: FolderStore) -> None:
        """Names that are not UTF-8 are not listed; those with control characters are objects."""
        for name in (b"\xff\xfe", b"new\nline", b"a"):
            (folder / os.fsdecode(name)).write_bytes(SMALL)
        (folder / os.fsdecode(b"folder\xff")).mkdir()
        (folder / os.fsdecode(b"folder\xff") / "a").write_bytes(SMALL)
        assert [seen.key for seen in store.objects()] == ["a", "new\nline"]
        assert isinstance(store.look(["new\nline"])[0], Object)
        with store.open("new\nline") as stream:
            assert stream.read() == SMALL
        assert left_out(store) == [
            ("folder\udcff/a", "key-invalid"),
            ("\udcff\udcfe", "key-invalid"),
        ]
        assert [seen.key for seen in store.objects("\udcff")] == []
        assert store.look(["\udcff\udcfe", "folder\udcff/a"]) == [Absent()] * 2

    def test_hides_its_own(self, folder: Path, store: FolderStore) -> None:
        """What onecopy keeps for itself is no object, wherever somebody copied it to."""
        (folder / "copy" / ".onecopy").mkdir(parents=True)
        (folder / "copy" / ".onecopy" / "store.json").write_bytes(SMALL)
        upload = begin(store, "a")
        own = [".onecopy/store.json", f".onecopy/uploads/{upload.id}.{upload.size}"]
        assert (folder / own[1]).is_file()
        assert store.look([*own, "copy/.onecopy/store.json"]) == [Absent()] * 3
        assert list(store.objects()) == []
        assert list(store.objects(".onecopy/")) == []
        assert left_out(store) == [("copy/.onecopy/", "reserved")]
        for key in own:
            with pytest.raises(FileNotFoundError):
                store.open(key)

    def test_names_like_its_own(self, folder: Path, store: FolderStore) -> None:
        """In other letters its name is reserved as well; other hidden names are the user's."""
        for key in (".OneCopy/a", ".hidden/a", ".onecopyX", "b"):
            (folder / key).parent.mkdir(exist_ok=True)
            (folder / key).write_bytes(SMALL)
        assert [seen.key for seen in store.objects()] == [".hidden/a", ".onecopyX", "b"]
        assert left_out(store) == [(".OneCopy/", "reserved")]

    def test_an_absent_object_is_named(self, store: FolderStore) -> None:
        """The error is that of a file that is not there."""
        for key in ("none", "none/a", "a\0b"):
            with pytest.raises(FileNotFoundError) as caught:
                store.open(key)
            error = caught.value
            assert (error.errno, error.filename) == (errno.ENOENT, key)
            assert error.strerror == os.strerror(errno.ENOENT)

    def test_the_longest_name(self, store: FolderStore) -> None:
        """A name may be as long as the file system allows."""
        put(store, 255 * "a")
        assert isinstance(store.look([255 * "a"])[0], Object)

    def test_lists_the_deepest_folders(self, folder: Path, store: FolderStore) -> None:
        """The longest key is listed; folders below which no key fits are passed over."""
        longest = "/".join(["a"] * 512) + "b"
        put(store, longest)
        (folder / longest[:-3] / "more" / "more").mkdir(parents=True)
        (folder / longest[:-3] / "z").mkdir()
        assert [seen.key for seen in store.objects()] == [longest]
        left = [(longest[:-3] + name, "key-invalid") for name in ("/more/", "/z/")]
        assert left_out(store) == left

    def test_many_folders_need_few_descriptors(self, store: FolderStore) -> None:
        """A batch over more folders than a process may open files is looked at."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        put(store, "folder 7/a")
        with limited(resource.RLIMIT_NOFILE, min(soft, 256), hard):
            answers = store.look([f"folder {number}/a" for number in range(1000)])
        assert [isinstance(answer, Object) for answer in answers].count(True) == 1
        assert isinstance(answers[7], Object)


class TestForbidden:
    """P1: what we may not look at is not absent."""

    def test_a_folder(self, open_folder: Path) -> None:
        """One unreadable folder makes its own keys unknown, and a listing fail."""
        store = FolderStore(open_folder)
        store.identify(create=True)
        put(store, "closed/a")
        put(store, "open/a")
        (open_folder / "closed").chmod(0)
        with unprivileged():
            closed, there, absent = store.look(["closed/a", "open/a", "open/b"])
            assert (closed, absent) == (FORBIDDEN, Absent())
            assert isinstance(there, Object)
            assert store.look(["closed/below/a"]) == [FORBIDDEN]
            assert list(store.starts([("closed/a", 1)])) == [FORBIDDEN]
            with pytest.raises(Forbidden):
                store.open("closed/a")
            with pytest.raises(Forbidden):
                list(store.objects())
            assert [seen.key for seen in store.objects("open/")] == ["open/a"]
            found = list(store.survey(OwnFiles()))
            assert found[0] == LeftOut("closed/", "store-forbidden")
            assert [seen.key for seen in found[1:]] == ["open/a"]

    def test_a_folder_that_can_be_listed_only(self, open_folder: Path) -> None:
        """Its files cannot be looked at, and each of them is named."""
        store = FolderStore(open_folder)
        store.identify(create=True)
        put(store, "closed/a")
        (open_folder / "closed").chmod(0o444)
        with unprivileged():
            assert left_out(store) == [("closed/a", "store-forbidden")]

    def test_a_folder_that_can_be_passed(self, open_folder: Path) -> None:
        """To look at a key one need not be allowed to list its folder."""
        store = FolderStore(open_folder)
        store.identify(create=True)
        put(store, "closed/a")
        (open_folder / "closed").chmod(0o111)
        with unprivileged():
            assert isinstance(store.look(["closed/a"])[0], Object)

    def test_the_store(self, open_folder: Path) -> None:
        """A store that refuses us says nothing of its keys."""
        store = FolderStore(open_folder)
        store.identify(create=True)
        open_folder.chmod(0)
        with unprivileged():
            assert store.look(["a", "b/c"]) == [FORBIDDEN] * 2
            with pytest.raises(Forbidden):
                store.begin([new_upload("a", SMALL)])

    def test_reading_only(self, open_folder: Path) -> None:
        """Where we may only read, nothing is begun, and looking works."""
        store = FolderStore(open_folder)
        store.identify(create=True)
        put(store, "a")
        (open_folder / ".onecopy" / "uploads").chmod(0o500)
        with unprivileged():
            assert isinstance(store.look(["a"])[0], Object)
            with pytest.raises(Forbidden):
                store.begin([new_upload("b", SMALL)])


def test_starts_of_files(tmp_path: Path) -> None:
    """Each file's first bytes in the given order; links are not followed, and what is gone is."""
    for name in ("a", "b/c", "b/d"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode() * 3)
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "up").symlink_to("b")
    store = FolderStore(tmp_path)
    store.identify(create=True)
    wanted = [("b/d", 2), ("a", 99), ("none", 1), ("b/c", 0), ("up/c", 1), ("b/none/x", 1)]
    found = list(store.starts([*wanted, ("link", 1), ("b/c", 3), ("b/none/x", 1), ("a", 1)]))
    assert found[:8] == [b"b/", b"aaa", Absent(), b"", Absent(), Absent(), Absent(), b"b/c"]
    assert found[8:] == [Absent(), b"a"]


@pytest.mark.parametrize("kind", ["pipe", "pipe with a writer", "socket"])
def test_what_is_no_file_holds_nobody_up(folder: Path, store: FolderStore, kind: str) -> None:
    """A pipe or socket among the stored files is no object for any call that opens files."""
    with contextlib.ExitStack() as closing:
        if kind == "socket":
            closing.enter_context(socket.socket(socket.AF_UNIX)).bind(str(folder / "odd"))
        else:
            os.mkfifo(folder / "odd")
        if kind == "pipe with a writer":
            closing.callback(os.close, os.open(folder / "odd", os.O_RDWR | os.O_NONBLOCK))
        assert list(store.starts([("odd", 4)])) == [Absent()]
        assert store.look(["odd"]) == [Absent()]
        with pytest.raises(FileNotFoundError):
            store.open("odd")


def test_a_pipe_in_the_place_of_the_marker(folder: Path, store: FolderStore) -> None:
    """It is an error that names the file, and not a wait without an end."""
    (folder / ".onecopy" / "store.json").unlink()
    os.mkfifo(folder / ".onecopy" / "store.json")
    with pytest.raises(Unavailable, match="it is not a regular file; remove it"):
        FolderStore(folder).identify(create=False)
    assert store.look(["a"]) == [Unknown("store-unavailable")]
