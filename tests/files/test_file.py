"""Reading files, and noticing those that change."""

import gc
import os
import threading
from pathlib import Path

import pytest

from onecopy.digest import SHA256
from onecopy.errors import FileChanged
from onecopy.files import File, walk
from onecopy.hashing import hash_files


def only(path: Path) -> File:
    [entry] = walk([path])
    assert isinstance(entry, File)
    return entry


CHANGES = ["append", "truncate", "overwrite", "replace", "touch"]


def apply(change: str, path: Path) -> None:
    status = path.stat()
    if change == "append":
        with path.open("ab") as file:
            file.write(b"x")
    elif change == "truncate":
        os.truncate(path, 3)
    elif change == "touch":
        os.utime(path, ns=(0, 0))
    else:  # same length and mtime: the inode or ctime differs
        if change == "replace":
            path.rename(path.with_name("old"))
        path.write_bytes(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def read_while_it_changes(file: File, change: str, error: type[Exception] | None = None) -> None:
    with file.open() as descriptor:
        os.read(descriptor, 5)
        apply(change, Path(file.path))
        if error is not None:
            raise error


def take_while_it_changes(file: File, change: str, taken: list[bytes]) -> None:
    for chunk in file.chunks(chunk_size=50):
        taken.append(chunk)
        apply(change, Path(file.path))


class TestChange:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "file"
        path.write_bytes(b"0123456789")
        return path

    def test_unchanged_files_are_read(self, path: Path) -> None:
        """An unchanged file opens as often as one likes, and its descriptors are closed."""
        file = only(path)
        for _ in range(3):
            with file.open() as descriptor:
                assert os.read(descriptor, 100) == b"0123456789"
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(descriptor)

    @pytest.mark.parametrize("change", CHANGES)
    def test_before_reading_is_noticed(self, path: Path, change: str) -> None:
        """A file that is not as it was listed can't be opened."""
        file = only(path)
        apply(change, path)
        with pytest.raises(FileChanged, match="file changed since it was listed"), file.open():
            pytest.fail("opened")

    @pytest.mark.parametrize("change", CHANGES)
    def test_while_reading_is_noticed(self, path: Path, change: str) -> None:
        """A file that changes while it is open is refused on leaving."""
        file = only(path)
        with pytest.raises(FileChanged):
            read_while_it_changes(file, change)

    def test_errors_inside_are_kept(self, path: Path) -> None:
        """What fails while a file is open is not covered up by the file's change."""
        file = only(path)
        with pytest.raises(ZeroDivisionError):
            read_while_it_changes(file, "append", ZeroDivisionError)

    @pytest.mark.parametrize("place", ["link", "folder", "pipe"])
    def test_into_something_else_is_noticed(self, path: Path, place: str) -> None:
        """A link, folder or pipe that took the file's place is neither followed nor waited for."""
        file = only(path)
        path.rename(path.with_name("original"))
        message = "changed since it was listed"
        if place == "link":
            path.symlink_to("original")
            message = "was replaced by a symbolic link"
        elif place == "folder":
            path.mkdir()
        else:
            os.mkfifo(path)
        with pytest.raises(FileChanged, match=message), file.open():
            pytest.fail("opened")

    @pytest.mark.parametrize("change", CHANGES)
    def test_a_whole_file_is_read_unless_it_changed(
        self, path: Path, change: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither before it is read nor while it is read, perhaps in pieces."""
        file, read = only(path), os.read
        with monkeypatch.context() as patch:
            patch.setattr(os, "read", lambda descriptor, count: read(descriptor, min(count, 3)))
            assert file.read() == b"0123456789"

        def read_and_change(descriptor: int, count: int) -> bytes:
            content = read(descriptor, count)
            apply(change, path)
            return content

        with monkeypatch.context() as patch:
            patch.setattr(os, "read", read_and_change)
            with pytest.raises(FileChanged):
                file.read()
        with pytest.raises(FileChanged, match="changed since it was listed"):
            file.read()

    @pytest.mark.parametrize("size", [9, 11])
    def test_a_file_with_another_size_than_it_states_is_refused(
        self, path: Path, size: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As some file systems have."""
        file = only(path)
        contents = iter([bytes(size), b""])
        monkeypatch.setattr(os, "read", lambda *_: next(contents))
        with pytest.raises(FileChanged, match=f"it has {size} bytes now"):
            file.read()

    def test_deleted_is_the_systems_error(self, path: Path) -> None:
        """A deleted file raises the system's error."""
        file = only(path)
        path.unlink()
        with pytest.raises(FileNotFoundError), file.open():
            pytest.fail("opened")

    def test_hashing_notices_it(self, path: Path) -> None:
        """A file that changes while it is hashed has no digests."""
        path.write_bytes(bytes(5_000_000))
        file = only(path)
        [(_, outcome)] = hash_files([(file, [SHA256])], progress=lambda _: apply("overwrite", path))
        assert isinstance(outcome, FileChanged)


class TestChunks:
    def test_give_any_stretch(self, tmp_path: Path) -> None:
        """A range of a file is complete, in chunks of at most the requested size."""
        content = bytes(range(256)) * 1000
        (tmp_path / "file").write_bytes(content)
        file = only(tmp_path / "file")
        for offset, length in [(0, 256_000), (0, 0), (5, 1), (100_000, 99_999), (255_999, 1)]:
            chunks = list(file.chunks(offset, length, chunk_size=1_000))
            assert b"".join(chunks) == content[offset : offset + length]
            assert all(0 < len(chunk) <= 1_000 for chunk in chunks)
        assert b"".join(file.chunks(1_000)) == content[1_000:]
        assert [len(chunk) for chunk in file.chunks()] == [256_000]

    def test_of_a_changed_file_lack_the_last(self, tmp_path: Path) -> None:
        """The last chunk of a file that has changed is never returned."""
        (tmp_path / "file").write_bytes(bytes(100))
        taken: list[bytes] = []
        file = only(tmp_path / "file")
        with pytest.raises(FileChanged):
            take_while_it_changes(file, "touch", taken)
        assert taken == [bytes(50)]

    @pytest.mark.parametrize("offset", [0, 95])
    def test_beyond_the_end_are_refused(self, tmp_path: Path, offset: int) -> None:
        """A stretch that the file does not have ends with an error, not early."""
        (tmp_path / "file").write_bytes(bytes(100))
        with pytest.raises(FileChanged, match="it has only 100 bytes"):
            list(only(tmp_path / "file").chunks(offset, 101))

    def test_given_up_are_closed(self, tmp_path: Path) -> None:
        """A caller that stops reading chunks leaves no descriptor open."""
        (tmp_path / "file").write_bytes(bytes(100))
        gc.collect()  # later, it might close descriptors of earlier tests
        before = set(os.listdir("/dev/fd"))  # noqa: PTH208 - numbers, not files
        chunks = only(tmp_path / "file").chunks(chunk_size=10)
        next(chunks)
        del chunks
        assert set(os.listdir("/dev/fd")) == before  # noqa: PTH208 - numbers, not files


def test_several_threads_read_a_file(tmp_path: Path) -> None:
    """One file may be open several times at once."""
    (tmp_path / "file").write_bytes(bytes(1_000_000))
    file = only(tmp_path / "file")
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(b"".join(file.chunks(chunk_size=999))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [bytes(1_000_000)] * 4
