"""Calls into a folder that are cut short, or that others get in the way of."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from onecopy.digest import LARGEST_CONTENT
from onecopy.errors import StoreFull, Unavailable, UploadUnknown, WrongBytes
from onecopy.listing import EVERYTHING
from onecopy.own_files import OwnFiles
from onecopy.platforms import read_at
from onecopy.store import Absent, Object, Upload
from onecopy.store.folder import store as folder_store
from onecopy.store.folder.store import FolderStore
from onecopy.store.interface import LeftOut
from onecopy.testing.store import LARGE, SMALL, digest_of, new_upload, parts_of
from tests.store.acts import begin, fail_below, mount_on, put, staged


def open_files(folder: Path) -> list[str]:
    """Return the files and folders at and below a folder that this process has open.

    Others are none of the store's: the garbage collector may close them at any time.
    """
    targets = list[str]()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the iteration itself
            targets.append(str(descriptor.readlink()))
    return sorted(target for target in targets if target.startswith(str(folder)))


def files_of(folder: Path, upload: Upload) -> list[Path]:
    """Return where the data and the journal of an upload are."""
    data = folder / ".onecopy" / "uploads" / f"{upload.id}.{upload.size}"
    return [data, data.with_name(f"{data.name}.parts")]


class TestShort:
    """Calls that read or write less than they were given."""

    def test_writes(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
    ) -> None:
        """What a call did not write is written by the next one."""
        write, pwrite = os.write, os.pwrite
        monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
        monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:7], at))
        put(store, "a")
        store.mark("tokens")
        with store.open("a") as stream:
            assert stream.read() == SMALL
        assert (folder / ".onecopy" / "tokens.json").read_bytes() == b'{"version":1}\n'

    def test_starts(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
    ) -> None:
        """The first bytes of a file are read until there are as many as wanted."""
        (folder / "a").write_bytes(b"12345")
        read = os.read
        monkeypatch.setattr(
            os, "read", lambda fd, size: read(fd, size if size > 99 else min(size, 2))
        )
        assert list(store.starts([("a", 3), ("a", 9)])) == [b"123", b"12345"]

    def test_ranges(self, monkeypatch: pytest.MonkeyPatch, store: FolderStore) -> None:
        """A range is read until it is whole."""
        put(store, "a")
        [seen] = store.objects()
        calls: list[int] = []

        def reading(fd: int, buffer: memoryview, offset: int) -> int:
            calls.append(offset)
            assert len(calls) < 9
            return read_at(fd, buffer[:3], offset)

        monkeypatch.setattr(folder_store, "read_at", reading)
        assert store.read_range(seen, 5, 10) == SMALL[5:15]
        assert calls == [5, 8, 11, 14]


class TestBeginning:
    """Batches that cannot be begun."""

    def test_a_batch_that_fails(self, folder: Path, store: FolderStore) -> None:
        """Earlier uploads of a batch stay; what a crash left behind of one goes with it."""
        [earlier] = store.begin([new_upload("earlier", SMALL)])
        sent = begin(store, "sent")
        kept = staged(folder)
        left = begin(store, "left")
        data, journal = files_of(folder, left)
        (folder / "left").hardlink_to(data)
        journal.unlink()
        huge = new_upload("huge", b"")._replace(size=LARGEST_CONTENT)
        with pytest.raises(StoreFull, match=r"the disk of the store is full|file is larger"):
            store.begin([earlier, sent, left, huge])
        assert staged(folder) == kept
        assert [len(store.parts(upload)) for upload in (earlier, sent)] == [0, 1]

    def test_only_the_journal_is_left(self, folder: Path, store: FolderStore) -> None:
        """An upload that was aborted while it was begun anew is unknown."""
        [upload] = store.begin([new_upload("a", SMALL)])
        files_of(folder, upload)[0].unlink()
        with pytest.raises(UploadUnknown, match="begin it again"):
            store.parts(upload)


class TestSending:
    """Bytes that are refused."""

    def test_errors_name_the_part(self, store: FolderStore) -> None:
        """An error says what is wrong with the bytes."""
        [upload] = store.begin([new_upload("a", SMALL)])
        for body, message in (
            (SMALL[:-1], "part 1 is too short: 26 of 27 bytes arrived"),
            (SMALL + b"!", "part 1 is too long: more than 27 bytes arrived"),
            (SMALL[::-1], "the bytes of part 1 do not have the given SHA-256"),
        ):
            with pytest.raises(WrongBytes, match=message):
                store.write(upload, 1, iter([body]), hashlib.sha256(SMALL).digest())

    def test_a_part_that_was_not_sent_whole(self, store: FolderStore) -> None:
        """A part of which only some bytes came is missing."""
        [upload] = store.begin([new_upload("a", LARGE)])
        store.write(upload, 1, iter(parts_of(LARGE)[:1]), None)
        with pytest.raises(WrongBytes):
            store.write(upload, 2, iter([b"some"]), None)
        with pytest.raises(WrongBytes, match="only 1 of 2 parts arrived") as caught:
            store.complete(upload, digest_of(LARGE))
        assert caught.value.reason == "parts-missing"

    @pytest.mark.parametrize("which", [0, 1])
    def test_links_in_place_of_staged_files(
        self, folder: Path, store: FolderStore, which: int
    ) -> None:
        """A staged file that was moved away is no longer staged, whatever leads to it."""
        [upload] = store.begin([new_upload("a", SMALL)])
        path = files_of(folder, upload)[which]

        def moved() -> Iterator[bytes]:
            yield SMALL[:5]
            path.rename(folder / "moved")
            path.symlink_to(folder / "moved")
            yield SMALL[5:]

        with pytest.raises(UploadUnknown):
            store.write(upload, 1, moved(), None)

    def test_a_link_in_place_of_the_journal(self, folder: Path, store: FolderStore) -> None:
        """The parts of an upload are not read through a link."""
        upload = begin(store, "a")
        journal = files_of(folder, upload)[1]
        journal.rename(folder / "moved")
        journal.symlink_to(folder / "moved")
        with pytest.raises(Unavailable):
            store.parts(upload)


class TestPublishing:
    """Others who act at the moment of a publication."""

    def before(
        self, monkeypatch: pytest.MonkeyPatch, call: str, action: Callable[[], object]
    ) -> None:
        """Let something happen once, right before a call."""
        real = getattr(os, call)

        def called(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as in os
            monkeypatch.setattr(os, call, real)
            action()
            return real(*given, **named)

        monkeypatch.setattr(os, call, called)

    def test_an_abort_before(self, monkeypatch: pytest.MonkeyPatch, store: FolderStore) -> None:
        """P3: an upload that is aborted right before it is linked is unknown, and no object."""
        upload = begin(store, "a")
        self.before(monkeypatch, "link", lambda: store.abort(upload))
        with pytest.raises(UploadUnknown, match="begin it again"):
            store.complete(upload, digest_of(SMALL))
        assert store.look(["a"]) == [Absent()]

    def test_an_abort_afterwards(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
    ) -> None:
        """An upload that is aborted right after it was linked is an object all the same."""
        upload = begin(store, "a")
        self.before(monkeypatch, "unlink", lambda: store.abort(upload))
        assert isinstance(store.complete(upload, digest_of(SMALL)), Object)
        assert (folder / "a").stat().st_nlink == 1

    def test_a_folder_that_goes(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
    ) -> None:
        """If the folder of the key is removed, the upload stays, and can be completed again."""
        upload = begin(store, "below/a")
        self.before(monkeypatch, "link", (folder / "below").rmdir)
        with pytest.raises(Unavailable):
            store.complete(upload, digest_of(SMALL))
        assert isinstance(store.complete(upload, digest_of(SMALL)), Object)


class TestStale:
    """Sweeping while others work."""

    def test_files_that_go(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore
    ) -> None:
        """An upload that is aborted while it is looked at is not counted."""
        begin(store, "a")
        scandir = os.scandir

        @contextmanager
        def vanishing(fd: int) -> Iterator[Iterator["os.DirEntry[str]"]]:
            with scandir(fd) as entries:
                found = list(entries)
            for entry in found:
                (folder / ".onecopy" / "uploads" / entry.name).unlink()
            yield iter(found)

        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", vanishing)
            assert store.abort_stale(-60) == 0

    @pytest.mark.parametrize("old", [0, 1])
    def test_the_newest_file_counts(self, folder: Path, store: FolderStore, old: int) -> None:
        """An upload is as old as the newer one of its two files."""
        upload = begin(store, "a")
        os.utime(files_of(folder, upload)[old], (0, 0))
        assert store.abort_stale(1800) == 0
        assert len(store.parts(upload)) == 1


class TestDescriptors:
    """What a call opens, it closes."""

    def test_of_calls(self, folder: Path, store: FolderStore) -> None:
        """Whether or not a call succeeds, it leaves nothing open."""
        put(store, "x/y/a")
        os.mkfifo(folder / "x" / "pipe")
        [seen] = store.objects()
        upload, other = begin(store, "x/y/b"), begin(store, "x/y/c")

        def first(results: Iterator[object]) -> None:
            next(results)
            results.close()  # type: ignore[attr-defined]

        for call in (
            lambda: store.look(["x/y/a", "x/none/a", "x/y/none"]),
            lambda: store.open("x/y/a").close(),
            lambda: store.open("x/pipe"),
            lambda: store.open("x/y/none"),
            lambda: store.read_range(seen, 0, 1),
            lambda: list(store.objects("x/y/")),
            lambda: first(store.objects()),
            lambda: first(store.list_pages(EVERYTHING, OwnFiles())),
            lambda: list(store.starts([("x/y/a", 1), ("x/y/none", 1)])),
            lambda: store.is_marked("tokens"),
            lambda: store.mark("tokens"),
            lambda: store.begin([upload, other]),
            lambda: store.begin([new_upload("x/y/a/b", SMALL)]),
            lambda: store.parts(upload),
            lambda: store.complete(upload, digest_of(SMALL)),
            lambda: store.complete(upload, digest_of(SMALL)),
            lambda: store.abort(other),
            lambda: store.abort_stale(-60),
        ):
            before = open_files(folder)
            with suppress(Exception):
                call()
            assert open_files(folder) == before

    @pytest.mark.parametrize("failure", ["fstat", "scandir", "mounted", "own"])
    def test_of_folders_that_are_left_out(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, store: FolderStore, failure: str
    ) -> None:
        """A folder that cannot be listed, or is not the user's, is closed again."""
        for key in ("a", "broken/b", "z"):
            put(store, key)
        own, reason = OwnFiles(), "store-unavailable"
        if failure == "mounted":
            mount_on(monkeypatch, folder / "broken")
            reason = "mounted"
        elif failure == "own":
            own, reason = OwnFiles(folder / "broken"), "own"
        elif failure == "scandir":
            fail_below(monkeypatch, folder / "broken", "scandir", errno.EIO)
        else:
            fail_fstat(monkeypatch, folder / "broken")
        before = open_files(folder)
        found = list(store.survey(own))
        monkeypatch.undo()  # before pytest removes the folder
        assert [seen.key for seen in found] == ["a", "broken/", "z"]
        assert found[1] == LeftOut("broken/", reason)
        assert open_files(folder) == before


def fail_fstat(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the state of a folder be unreadable once it is open."""
    fstat, place = os.fstat, folder.stat().st_ino

    def failing(fd: int) -> os.stat_result:
        if fstat(fd).st_ino == place:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return fstat(fd)

    monkeypatch.setattr(os, "fstat", failing)
