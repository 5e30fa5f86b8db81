"""Uploads into a folder: what becomes of them when something gets in the way."""

import hashlib
import os
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from onecopy.digest import LARGEST_CONTENT
from onecopy.errors import (
    BadInput,
    InvalidKey,
    PartSuperseded,
    StoreFull,
    Unavailable,
    UploadUnknown,
    WrongBytes,
)
from onecopy.store import Absent, KeyTaken, Object, Upload
from onecopy.store.folder.store import FolderStore
from onecopy.store.interface import Incoming, Part
from onecopy.testing.store import LARGE, SMALL, digest_of, new_upload, parts_of
from tests.store.acts import begin, limited, put, staged


def journal(folder: Path, upload: Upload) -> Path:
    """Return the path of the journal of an upload."""
    return folder / ".onecopy" / "uploads" / f"{upload.id}.{upload.size}.parts"


def data(folder: Path, upload: Upload) -> Path:
    """Return where the data of an upload lie."""
    return journal(folder, upload).with_suffix("")


class TestBeginning:
    """What a begun upload takes."""

    def test_takes_no_room(self, folder: Path, store: FolderStore) -> None:
        """Uploads of which nothing is sent take no room from others, however large they are."""
        room = store.room()
        assert room
        size = room * 2 // 3
        uploads = [new_upload(key, b"")._replace(size=size) for key in ("a", "b")]
        for upload in uploads:
            store.begin([upload])
            assert data(folder, upload).stat().st_blocks == 0
        with pytest.raises(StoreFull, match="free some space there"):
            store.begin([new_upload(upload.key, b"")._replace(size=size) for upload in uploads])

    @pytest.mark.parametrize("place", [data, journal])
    def test_is_not_held_up_by_a_pipe(
        self, folder: Path, store: FolderStore, place: Callable[[Path, Upload], Path]
    ) -> None:
        """A pipe in the place of a file of an upload is an error at once, in every step."""
        upload = begin(store, "a")
        place(folder, upload).unlink()
        os.mkfifo(place(folder, upload))
        for call in (
            lambda: store.write(upload, 1, iter([SMALL]), None),
            lambda: store.complete(upload, digest_of(SMALL)),
        ):
            with pytest.raises(Unavailable, match="it is not a regular file; remove it"):
                call()
        new = new_upload("b", SMALL)
        os.mkfifo(place(folder, new))
        with pytest.raises(Unavailable, match="it is not a regular file; remove it"):
            store.begin([new])

    def test_is_swept_with_pipes_in_it(self, folder: Path, store: FolderStore) -> None:
        """A pipe that looks like an unsent upload holds no sweep up, and goes when it is stale."""
        upload = begin(store, "a")
        journal(folder, upload).unlink()
        os.mkfifo(journal(folder, upload))
        os.utime(journal(folder, upload), (0, 0))
        assert store.abort_stale(1e12, 0) == 0
        assert store.abort_stale(-60) == 1

    def test_is_private(self, folder: Path, store: FolderStore) -> None:
        """Others can't look at uploads on their way, and only we read the journal."""
        before = os.umask(0)
        try:
            upload = begin(store, "a")
        finally:
            os.umask(before)
        paths = ((folder / ".onecopy" / "uploads"), journal(folder, upload))
        assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o700, 0o600]

    def test_tells_a_full_disk(self, folder: Path, store: FolderStore) -> None:
        """More than fits on the disk is refused at once; nothing of that batch is left behind."""
        kept = begin(store, "kept")
        before = staged(folder)
        huge = new_upload("huge", b"")._replace(size=LARGEST_CONTENT)
        with pytest.raises(StoreFull):
            store.begin([kept, new_upload("a", SMALL), huge])
        assert staged(folder) == before
        assert isinstance(store.complete(kept, digest_of(SMALL)), Object)

    def test_refuses_names_that_are_too_long(self, folder: Path, store: FolderStore) -> None:
        """A name that the file system can't hold is refused before its bytes are sent."""
        with pytest.raises(InvalidKey, match=f"'{40 * 'é'}'… has 300 bytes"):
            store.begin([new_upload("a/" + 150 * "é" + "/b", SMALL)])
        assert staged(folder) == []

    @pytest.mark.parametrize("name", ["", "../a", "A" * 32, "a" * 31, "a" * 33])
    def test_refuses_odd_ids(self, store: FolderStore, name: str) -> None:
        """An id can't lead elsewhere."""
        upload = Upload(name, "a", 1)
        for call in (
            lambda: store.begin([upload]),
            lambda: store.parts(upload),
            lambda: store.write(upload, 1, iter([b"a"]), None),
            lambda: store.complete(upload, digest_of(b"a")),
            lambda: store.abort(upload),
        ):
            with pytest.raises(BadInput, match="invalid upload id"):
                call()

    def test_another_size_is_another_upload(self, store: FolderStore) -> None:
        """The parts of one upload can't be laid out in two ways."""
        upload = begin(store, "a", LARGE)
        with pytest.raises(UploadUnknown):
            store.write(upload._replace(size=5), 1, iter([b"12345"]), None)

    @pytest.mark.parametrize("lost", [data, journal])
    def test_mends_a_torn_beginning(
        self, folder: Path, store: FolderStore, lost: Callable[[Path, Upload], Path]
    ) -> None:
        """An upload of which a crash left one file only can be begun again."""
        upload = store.begin([new_upload("a", SMALL)])[0]
        lost(folder, upload).unlink()
        store.begin([upload])
        store.write(upload, 1, iter([SMALL]), None)
        assert isinstance(store.complete(upload, digest_of(SMALL)), Object)

    def test_mends_half_a_giving_up(
        self, store: FolderStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An upload whose abort was interrupted can be begun again."""
        upload = begin(store, "a")
        unlink = os.unlink

        def breaks_off(*args: Any, **named: Any) -> None:  # noqa: ANN401 - stands for the real one
            unlink(*args, **named)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", breaks_off)
            with pytest.raises(KeyboardInterrupt):
                store.abort(upload)
        store.begin([upload])
        assert store.parts(upload) == []
        store.write(upload, 1, iter([SMALL]), None)
        assert isinstance(store.complete(upload, digest_of(SMALL)), Object)


class TestWriting:
    """What becomes of parts."""

    def test_tells_a_full_disk(self, store: FolderStore) -> None:
        """Bytes without room are refused, and are no part; with room again they can be sent."""
        upload = store.begin([new_upload("a", LARGE)])[0]
        first, second = parts_of(LARGE)
        store.write(upload, 1, iter([first]), None)
        with (
            limited(resource.RLIMIT_FSIZE, len(first), resource.RLIM_INFINITY),
            pytest.raises(StoreFull),
        ):
            store.write(upload, 2, iter([second]), None)
        assert [part.number for part in store.parts(upload)] == [1]
        store.write(upload, 2, iter([second]), None)
        assert isinstance(store.complete(upload, digest_of(LARGE)), Object)

    @pytest.mark.parametrize(
        "torn", [b"\n", b"\n[1,", b'\n[1,"x",27,"', b"\n\0\0\0\0", b"\n{}\n[7]"]
    )
    def test_passes_torn_lines_over(self, folder: Path, store: FolderStore, torn: bytes) -> None:
        """P6: what a crash has torn at the journal's end takes nothing from what was there."""
        upload = store.begin([new_upload("a", LARGE)])[0]
        first, second = parts_of(LARGE)
        store.write(upload, 1, iter([first]), None)
        with journal(folder, upload).open("ab") as stream:
            stream.write(torn)
        assert [part.number for part in store.parts(upload)] == [1]
        store.write(upload, 2, iter([second]), None)
        assert isinstance(store.complete(upload, digest_of(LARGE)), Object)

    def test_a_torn_line_swallows_nothing(self, folder: Path, store: FolderStore) -> None:
        """P2: that a part is sent again is known, whatever a crash has left before that line."""
        upload = begin(store, "a")
        with journal(folder, upload).open("ab") as stream:
            stream.write(b'\n[1,"x')
        with pytest.raises(WrongBytes):
            store.write(upload, 1, iter([SMALL[::-1]]), hashlib.sha256(SMALL).digest())
        assert store.parts(upload) == []

    def test_a_wrong_sending_takes_the_part_back(self, store: FolderStore) -> None:
        """P2: bytes that were overwritten in place are not vouched for."""
        upload = begin(store, "a", LARGE)
        with pytest.raises(WrongBytes):
            store.write(upload, 2, iter([b"other bytes here"]), hashlib.sha256(b"").digest())
        assert [part.number for part in store.parts(upload)] == [1]
        with pytest.raises(WrongBytes):
            store.complete(upload, digest_of(LARGE))

    def test_a_superseded_sender_learns_it(self, store: FolderStore) -> None:
        """A sender whose part is sent again gets an error, and what came last counts."""
        upload = store.begin([new_upload("a", SMALL)])[0]

        def overtaken() -> Iterator[bytes]:
            yield SMALL[:5]
            store.write(upload, 1, iter([SMALL]), None)
            yield SMALL[5:]

        with pytest.raises(PartSuperseded, match="part 1 is now being sent by a newer request"):
            store.write(upload, 1, overtaken(), None)
        assert isinstance(store.complete(upload, digest_of(SMALL)), Object)

    def test_two_processes_serve_one_upload(self, folder: Path, store: FolderStore) -> None:
        """What one has taken, the other knows."""
        upload = store.begin([new_upload("a", LARGE)])[0]
        other = FolderStore(folder)
        for server, number, part in zip((store, other), (1, 2), parts_of(LARGE), strict=True):
            server.write(upload, number, iter([part]), None)
        assert [part.number for part in other.parts(upload)] == [1, 2]
        assert other.complete(upload, digest_of(LARGE)) == store.complete(upload, digest_of(LARGE))


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class TestBatches:
    """What becomes of small uploads that are sent together."""

    @pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
    def test_a_slow_client_holds_few_descriptors(self, store: FolderStore) -> None:
        """What has arrived is closed while the rest is awaited: else few clients need them all."""
        uploads = store.begin([new_upload(f"{number}", SMALL) for number in range(100)])
        opened: list[int] = []

        def body() -> Iterator[bytes]:
            opened.append(_open_files())
            yield SMALL

        parts = store.write_batch(Incoming(upload, body(), None) for upload in uploads)
        assert {type(part) for part in parts} == {Part}
        assert opened[-1] <= opened[0]

    @pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
    def test_many_at_once_need_few_descriptors(
        self, store: FolderStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Batches for a hundred folders each leave descriptors for other requests."""
        before, most, fsync = _open_files(), 0, os.fsync

        def count(descriptor: int) -> None:
            nonlocal most
            most = max(most, _open_files())
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", count)
        batches = [
            store.begin([new_upload(f"{batch}/{number}/a", SMALL) for number in range(100)])
            for batch in range(6)
        ]

        def send(uploads: Sequence[Upload]) -> None:
            store.write_batch([Incoming(upload, iter([SMALL]), None) for upload in uploads])
            assert None not in store.complete_batch([(each, digest_of(SMALL)) for each in uploads])

        with ThreadPoolExecutor(len(batches)) as pool:
            list(pool.map(send, batches))
        assert most - before < 500

    def test_an_upload_that_is_begun_anew(self, store: FolderStore) -> None:
        """Bytes that came before do not count, if it was aborted and begun again since."""
        first, second = store.begin([new_upload(key, SMALL) for key in ("a", "b")])

        def body() -> Iterator[bytes]:
            store.abort(first)
            store.begin([first])
            yield SMALL

        outcomes = store.write_batch(
            [Incoming(first, iter([SMALL]), None), Incoming(second, body(), None)]
        )
        assert [type(each) for each in outcomes] == [UploadUnknown, Part]
        assert store.parts(first) == []

    def test_a_part_that_is_sent_again(self, store: FolderStore) -> None:
        """A newer request for the same upload supersedes the batch, and its bytes count."""
        first, second = store.begin([new_upload(key, SMALL) for key in ("a", "b")])

        def body() -> Iterator[bytes]:
            store.write(first, 1, iter([SMALL]), None)
            yield SMALL

        outcomes = store.write_batch(
            [Incoming(first, iter([SMALL[::-1]]), None), Incoming(second, body(), None)]
        )
        assert [type(each) for each in outcomes] == [PartSuperseded, Part]
        assert isinstance(store.complete(first, digest_of(SMALL)), Object)


class TestPublishing:
    """What stands in the way of a key."""

    def test_goes_on_where_a_publication_broke_off(self, folder: Path, store: FolderStore) -> None:
        """P2: data that have both names, for a crash came in between, are not written to."""
        upload = begin(store, "a")
        (folder / "a").hardlink_to(data(folder, upload))
        with pytest.raises(UploadUnknown):
            store.write(upload, 1, iter([SMALL[::-1]]), None)
        assert (folder / "a").read_bytes() == SMALL
        assert isinstance(store.complete(upload, digest_of(SMALL)), Object)
        assert (folder / "a").stat().st_nlink == 1

    def test_a_publication_that_was_given_up_stays(self, folder: Path, store: FolderStore) -> None:
        """P2: neither are they when they are begun anew."""
        upload = begin(store, "a")
        (folder / "a").hardlink_to(data(folder, upload))
        journal(folder, upload).unlink()
        store.begin([upload])
        store.write(upload, 1, iter([SMALL]), None)
        assert store.complete(upload, digest_of(SMALL)) == KeyTaken()
        assert (folder / "a").stat().st_nlink == 1

    def test_objects_are_plain_files(self, folder: Path, store: FolderStore) -> None:
        """P7: an object has the mode that the user's umask leaves, and one name."""
        before = os.umask(0o027)
        try:
            put(store, "a/b")
        finally:
            os.umask(before)
        status = (folder / "a" / "b").stat()
        assert (stat.S_IMODE(status.st_mode), status.st_nlink) == (0o640, 1)
        assert staged(folder) == []

    def test_something_else_has_the_key(self, folder: Path, store: FolderStore) -> None:
        """P7: whatever it is, it stays, and the upload finds the key taken."""
        (folder / "folder").mkdir()
        (folder / "dangling").symlink_to("nowhere")
        os.mkfifo(folder / "pipe")
        (folder / "file").write_bytes(b"before")
        for key in ("folder", "dangling", "pipe", "file"):
            upload = begin(store, key)
            assert store.complete(upload, digest_of(SMALL)) == KeyTaken()
        assert (folder / "folder").is_dir()
        assert not (folder / "nowhere").exists()
        assert (folder / "file").read_bytes() == b"before"

    def test_a_file_has_the_name_of_a_folder(self, folder: Path, store: FolderStore) -> None:
        """`a` beside `a/b` is what S3 takes and a folder can't: known before a byte is sent."""
        put(store, "a/file")
        for key in ("a/file/b", "a/file/b/c"):
            with pytest.raises(InvalidKey, match="'a/file' is not a folder in the store"):
                begin(store, key)
        upload = begin(store, "late/b")
        put(store, "late")
        with pytest.raises(InvalidKey, match="'late' is not a folder in the store"):
            store.complete(upload, digest_of(SMALL))
        put(store, "folder/file")
        assert store.complete(begin(store, "folder"), digest_of(SMALL)) == KeyTaken()

    def test_never_publishes_through_a_link(
        self, tmp_path: Path, folder: Path, store: FolderStore
    ) -> None:
        """P7: a symbolic link does not lead an upload out of the store."""
        (tmp_path / "outside").mkdir()
        (folder / "link").symlink_to(tmp_path / "outside")
        for key in ("link/a", "link/b/c"):
            with pytest.raises(InvalidKey, match="'link' is not a folder in the store"):
                begin(store, key)
            with pytest.raises(InvalidKey):
                store.complete(begin(store, "free")._replace(key=key), digest_of(SMALL))
        assert list((tmp_path / "outside").iterdir()) == []

    def test_names_what_the_file_system_refuses(self, store: FolderStore) -> None:
        """A name that can't be held is the sender's to change; the upload stays."""
        upload = begin(store, "a")
        for key in (300 * "a", 300 * "a" + "/b"):
            with pytest.raises(InvalidKey, match="cannot store"):
                store.complete(upload._replace(key=key), digest_of(SMALL))
        assert isinstance(store.complete(upload, digest_of(SMALL)), Object)

    @pytest.mark.parametrize("key", ["../a", "/a", ".onecopy/store.json", "a//b"])
    def test_publishes_under_keys_only(self, store: FolderStore, key: str) -> None:
        """A ticket with an invalid key publishes nothing."""
        upload = begin(store, "a")
        with pytest.raises(InvalidKey):
            store.complete(upload._replace(key=key), digest_of(SMALL))

    def test_the_object_was_deleted_since(self, folder: Path, store: FolderStore) -> None:
        """Completing again does not vouch for what is gone."""
        upload = begin(store, "a/b")
        store.complete(upload, digest_of(SMALL))
        (folder / "a" / "b").unlink()
        with pytest.raises(UploadUnknown):
            store.complete(upload, digest_of(SMALL))
        (folder / "a").rmdir()
        with pytest.raises(UploadUnknown):
            store.complete(upload, digest_of(SMALL))

    @pytest.mark.parametrize("replace", [True, False])
    def test_the_object_was_changed_since(
        self, folder: Path, store: FolderStore, replace: bool
    ) -> None:
        """P2: completing again does not vouch for what others put there, or wrote into it."""
        upload = begin(store, "a")
        store.complete(upload, digest_of(SMALL))
        if replace:
            (folder / "a").unlink()
        (folder / "a").write_bytes(SMALL[::-1])
        assert store.complete(upload, digest_of(SMALL)) == KeyTaken()

    def test_a_ghost_is_not_published(self, folder: Path, store: FolderStore) -> None:
        """P2: data that appeared anew after the publication are not those that were proved."""
        upload = begin(store, "a")
        stored = store.complete(upload, digest_of(SMALL))
        data(folder, upload).write_bytes(bytes(len(SMALL)))
        assert store.complete(upload, digest_of(SMALL)) == stored
        (folder / "a").unlink()
        with pytest.raises(UploadUnknown):
            store.complete(upload, digest_of(SMALL))
        assert store.look(["a"]) == [Absent()]


class TestDurability:
    """P6: what must be on the disk before what."""

    @pytest.fixture
    def acts(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Return what was done to which file, in order."""
        done: list[str] = []

        def watch(name: str, shown: Callable[..., str]) -> None:
            act: Callable[..., Any] = getattr(os, name)

            def watched(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - stands for any of them
                done.append(f"{name} {shown(*args)}")
                return act(*args, **named)

            monkeypatch.setattr(os, name, watched)

        def path(fd: int, *_: object) -> str:
            return Path(f"/proc/self/fd/{fd}").readlink().name

        def given(name: str | bytes, *_: object) -> str:
            return os.fsdecode(name)

        for name in ("write", "pwrite", "fsync"):
            watch(name, path)
        for name in ("link", "unlink", "mkdir"):
            watch(name, given)
        return done

    def test_of_a_batch_of_begins(self, store: FolderStore, acts: list[str]) -> None:
        """One sync serves a whole batch."""
        store.begin([new_upload("first", SMALL)])
        acts.clear()
        store.begin([new_upload(f"{number}", SMALL) for number in range(100)])
        assert acts == ["fsync uploads"]

    def test_of_a_part(self, store: FolderStore, acts: list[str]) -> None:
        """The bytes are durable before the line that vouches for them, and the line at the end."""
        upload = store.begin([new_upload("a", SMALL)])[0]
        name = f"{upload.id}.{upload.size}"
        acts.clear()
        store.write(upload, 1, iter([SMALL]), None)
        assert acts == [
            f"write {name}.parts",
            f"pwrite {name}",
            f"fsync {name}",
            f"write {name}.parts",
            f"fsync {name}.parts",
        ]

    def test_of_a_part_sent_again(self, store: FolderStore, acts: list[str]) -> None:
        """That a part is no longer vouched for is durable before it is overwritten."""
        upload = begin(store, "a")
        name = f"{upload.id}.{upload.size}"
        acts.clear()
        store.write(upload, 1, iter([SMALL]), None)
        assert acts[:3] == [f"write {name}.parts", f"fsync {name}.parts", f"pwrite {name}"]

    def test_of_an_object(self, store: FolderStore, acts: list[str]) -> None:
        """New folders and the new name are durable before the old name goes."""
        upload = begin(store, "new/folder/a")
        name = f"{upload.id}.{upload.size}"
        acts.clear()
        store.complete(upload, digest_of(SMALL))
        assert acts == [
            "mkdir new",
            "fsync files",
            "mkdir folder",
            "fsync new",
            f"link {name}",
            "fsync folder",
            f"unlink {name}",
            f"fsync {name} (deleted)",
            f"write {name}.parts",
        ]


@pytest.mark.parametrize("how", ["before", "torn"])
@pytest.mark.parametrize("size", [len(SMALL), len(LARGE)])
def test_survives_kills(folder: Path, how: str, size: int) -> None:
    """P6: killed at any system call, an upload resumes where it was, and no half of it is seen."""
    script = Path(__file__).with_name("killed.py")
    done = subprocess.run(
        [sys.executable, script, folder, how, str(size)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) > 3


class TestStale:
    """Uploads that nobody finished."""

    def test_gives_up_the_old(self, folder: Path, store: FolderStore) -> None:
        """What got no byte for so long goes; newer uploads and objects stay."""
        put(store, "object")
        old, new = begin(store, "old"), begin(store, "new")
        published = begin(store, "published")
        store.complete(published, digest_of(SMALL))
        long_ago = time.time() - 3600
        for path in (*folder.glob(f".onecopy/uploads/{old.id}*"), journal(folder, published)):
            os.utime(path, (long_ago, long_ago))
        assert store.abort_stale(1800) == 2
        assert staged(folder) == [data(folder, new).name, journal(folder, new).name]
        for upload in (old, published):
            with pytest.raises(UploadUnknown):
                store.parts(upload)
        assert isinstance(store.complete(new, digest_of(SMALL)), Object)
        assert [seen.key for seen in store.objects()] == ["new", "object", "published"]

    def test_unsent_uploads_go_sooner(self, folder: Path, store: FolderStore) -> None:
        """What has no complete part cannot be resumed; what has one is kept as long as promised."""
        sent, unsent = begin(store, "sent", LARGE), store.begin([new_upload("unsent", LARGE)])[0]
        broken = store.begin([new_upload("broken", LARGE)])[0]
        with pytest.raises(WrongBytes):
            store.write(broken, 1, iter([b"half"]), None)
        new = store.begin([new_upload("new", LARGE)])[0]
        long_ago = time.time() - 3600
        for upload in (sent, unsent, broken):
            for path in (data(folder, upload), journal(folder, upload)):
                os.utime(path, (long_ago, long_ago))
        assert store.abort_stale(7200, 1800) == 2
        assert {name[:32] for name in staged(folder)} == {sent.id, new.id}
        assert [part.number for part in store.parts(sent)] == [1, 2]

    def test_a_single_new_byte_keeps_an_upload(self, folder: Path, store: FolderStore) -> None:
        """An upload whose bytes still come is not stale, however long ago it began."""
        upload = begin(store, "a")
        os.utime(journal(folder, upload), (0, 0))
        assert store.abort_stale(1800) == 0

    def test_leaves_other_files(self, folder: Path, store: FolderStore) -> None:
        """What is not ours is not touched, and no uploads are no trouble."""
        assert store.abort_stale(0) == 0
        stranger = folder / ".onecopy" / "uploads" / "notes.txt"
        stranger.write_bytes(b"")
        os.utime(stranger, (0, 0))
        assert store.abort_stale(0) == 0
        assert stranger.exists()

    def test_without_the_folder_of_uploads(self, folder: Path, store: FolderStore) -> None:
        """Somebody who cleaned up took the uploads, and no more than them."""
        upload = begin(store, "a")
        for path in (data(folder, upload), journal(folder, upload)):
            path.unlink()
        (folder / ".onecopy" / "uploads").rmdir()
        with pytest.raises(UploadUnknown):
            store.parts(upload)
        store.abort(upload)
        put(store, "a")
