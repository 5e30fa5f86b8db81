"""Walking folders."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from onecopy.digest import SHA256, Hashed, hash_stream
from onecopy.errors import InvalidKey
from onecopy.files import File, Skipped, walk, walking
from onecopy.hashing import hash_files
from onecopy.index import open_index
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter, Patterns

NOBODY = 65534


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def keys(*paths: str | Path, to: str = "") -> list[str]:
    entries = list(walk(paths, to=to))
    assert all(isinstance(entry, File) for entry in entries), entries
    return [entry.key for entry in entries if isinstance(entry, File)]


def skipped(*paths: str | Path) -> list[tuple[str, str]]:
    return [(entry.path, entry.reason) for entry in walk(paths) if isinstance(entry, Skipped)]


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """Let the test run without root's rights, and give it a folder that it may use."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() != 0:
            yield Path(name)
            return
        os.chown(name, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)


def failing(_folder: str, _names: Sequence[str]) -> list[os.stat_result]:
    """Stand for a folder of which an entry can't be looked at."""
    raise PermissionError


class TestKeys:
    def test_begin_with_the_folders_own_name(self, tmp_path: Path) -> None:
        """A folder gives keys from its own name downwards, a file its name; folder by folder."""
        make(tmp_path / "photos", "b.jpg", "a/z.jpg", "a/c/d", "a.txt", "B.jpg", "é", "Ω/x")
        assert keys(tmp_path / "photos", tmp_path / "photos" / "a" / "z.jpg") == [
            "photos/B.jpg",
            "photos/a/c/d",
            "photos/a/z.jpg",
            "photos/a.txt",
            "photos/b.jpg",
            "photos/é",
            "photos/Ω/x",
            "z.jpg",
        ]

    def test_lie_below_the_prefix(self, tmp_path: Path) -> None:
        """`--to` is put before every key; a harmful one is refused before anything is listed."""
        make(tmp_path / "photos", "a")
        assert keys(tmp_path / "photos", to="backup/2024/") == ["backup/2024/photos/a"]
        with pytest.raises(InvalidKey):
            walk([tmp_path], to="../up")

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            (".", "here/a"),
            ("./", "here/a"),
            ("./.", "here/a"),
            ("..", "up/here/a"),
            ("../here", "here/a"),
            ("../here/", "here/a"),
            ("../here//", "here/a"),
            ("../here/.", "here/a"),
            ("./a", "a"),
            ("a", "a"),
        ],
    )
    def test_of_relative_paths(
        self, path: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`.` and `..` have the name of the folder that they mean, and the path can be opened."""
        make(tmp_path / "up" / "here", "a")
        monkeypatch.chdir(tmp_path / "up" / "here")
        assert keys(path) == [expected]
        [entry] = walk([path])
        assert isinstance(entry, File)
        assert b"".join(entry.chunks()) == b"a"

    def test_of_the_root_have_no_name_before_them(self) -> None:
        """`/` is a folder without a name: its files' keys begin one level down."""
        for entry in walk(["/"]):
            if isinstance(entry, File):
                assert entry.path == "/" + entry.key
                return
        pytest.fail("no file at all")

    def test_are_kept_byte_for_byte(self, tmp_path: Path) -> None:
        """Names that differ only in their normalisation stay two names."""
        make(tmp_path / "names", "cafe\u0301", "caf\u00e9", ".DS_Store", "back\\slash", " a ")
        assert keys(tmp_path / "names") == [
            "names/ a ",
            "names/.DS_Store",
            "names/back\\slash",
            "names/cafe\u0301",
            "names/caf\u00e9",
        ]

    def test_of_a_large_tree_come_in_order(self, tmp_path: Path) -> None:
        """The order does not depend on that of the file system, and nothing is left out."""
        names = sorted(f"{n % 7}/{n % 11}/{n * 7919 % 1009}" for n in range(1009))
        make(tmp_path / "tree", *reversed(names))
        found = keys(tmp_path / "tree")
        assert sorted(found) == [f"tree/{name}" for name in names]
        assert found == sorted(found, key=lambda key: key.split("/"))

    @pytest.mark.parametrize("way", ["folder", "paths", "singly"])
    def test_of_a_large_folder_come_in_order(
        self, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Files, folders, links and files of our own, many at a time, or one by one."""
        if way == "paths":
            monkeypatch.setattr(os, "supports_dir_fd", set())
        if way == "singly":
            monkeypatch.setattr(walking, "statuses", failing)
        top = tmp_path / "top"
        make(top, *(f"{n:03}" for n in range(350)), "120f/b", "120f/a", "own")
        (top / "240l").symlink_to("001")
        os.link(top / "own", top / "310o")
        entries = list(walk([top], own=OwnFiles(top / "own")))
        found = [Path(entry.path).relative_to(top).as_posix() for entry in entries]
        names = [f"{n:03}" for n in range(350)]
        assert found == sorted([*names, "120f/a", "120f/b", "240l", "310o", "own"])
        left = {entry.path: entry.reason for entry in entries if isinstance(entry, Skipped)}
        reasons = {"240l": "symlink", "310o": "own", "own": "own"}
        assert left == {str(top / name): reason for name, reason in reasons.items()}
        for entry in entries:
            if isinstance(entry, File):
                assert [entry] == list(walk(entry.path, to=Path(entry.key).parent.as_posix()))

    def test_empty_files_are_files_and_empty_folders_nothing(self, tmp_path: Path) -> None:
        """An empty file has a key and size 0; a folder without files gives none."""
        (tmp_path / "tree" / "empty" / "folder").mkdir(parents=True)
        (tmp_path / "tree" / "file").touch()
        [entry] = walk([tmp_path / "tree"])
        assert isinstance(entry, File)
        assert (entry.key, entry.size) == ("tree/file", 0)
        assert list(entry.chunks()) == []

    def test_deep_trees_end_where_keys_end(self, tmp_path: Path) -> None:
        """Folders so deep that no key can name what is in them are skipped, as one."""
        deep = inner = tmp_path / "d"
        for _ in range(521):
            inner.mkdir()
            inner /= "e"
        [(path, reason)] = skipped(deep)
        assert reason == "key-invalid"
        assert path == str(deep) + "/e" * 512


class TestSkipped:
    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        """Symbolic links, to files, folders, nothing or themselves, are listed and left."""
        make(tmp_path / "tree", "a")
        targets = {"file": "a", "folder": ".", "loop": "loop", "nothing": "gone"}
        for name, target in targets.items():
            (tmp_path / "tree" / name).symlink_to(target)
        assert skipped(tmp_path / "tree") == [
            (str(tmp_path / "tree" / name), "symlink") for name in sorted(targets)
        ]
        assert skipped(tmp_path / "tree" / "file") == [(str(tmp_path / "tree/file"), "symlink")]

    def test_special_files_are_left(self, tmp_path: Path) -> None:
        """Pipes, sockets and devices are listed, and never opened."""
        os.mkfifo(tmp_path / "pipe")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(tmp_path / "socket"))
            assert skipped(tmp_path, "/dev/null") == [
                (str(tmp_path / "pipe"), "special"),
                (str(tmp_path / "socket"), "special"),
                ("/dev/null", "special"),
            ]

    def test_harmful_names_are_told(self, tmp_path: Path) -> None:
        """A name that is not UTF-8 or holds control characters is listed so that it may be read."""
        for name in (b"not\xffutf8", b"new\nline", b"\x1b[31mred", b"del\x7f", b"c1\xc2\x9b"):
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
        make(tmp_path / os.fsdecode(b"folder\xfe"), "inside")
        found = list(walk([tmp_path]))
        assert [os.fsencode(entry.path).rpartition(b"/")[2] for entry in found] == [
            b"\x1b[31mred",
            b"c1\xc2\x9b",
            b"del\x7f",
            b"folder\xfe",
            b"new\nline",
            b"not\xffutf8",
        ]
        for entry in found:
            assert isinstance(entry, Skipped)
            assert entry.reason == "key-invalid"
            assert entry.message.isprintable()

    @pytest.mark.parametrize("to", ["", "2026"])
    def test_any_names_for_a_check(self, tmp_path: Path, to: str) -> None:
        """A file that can't be uploaded under its name can be checked; records of a store can't."""
        make(tmp_path / "t", "a\nb", "plain", ".OneCopy/x")
        above = f"{to}/" if to else ""
        found = {entry.path: entry for entry in walk(tmp_path / "t", to=to, any_name=True)}
        keys = [entry.key for entry in found.values() if isinstance(entry, File)]
        assert keys == [f"{above}t/a\nb", f"{above}t/plain"]
        [left] = [entry for entry in found.values() if isinstance(entry, Skipped)]
        assert (left.reason, left.left_out) == ("reserved", True)
        [alone] = walk(tmp_path / "t" / "a\nb", to=to, any_name=True)
        assert isinstance(alone, File)
        assert alone.key == f"{above}a\nb"

    def test_own_records_are_left(self, tmp_path: Path) -> None:
        """`.onecopy`, where a folder store keeps its records, is not read at any depth."""
        make(tmp_path / "store", ".onecopy/uploads/1", "a/.onecopy/id", "a/b")
        assert skipped(tmp_path / "store") == [
            (str(tmp_path / "store/.onecopy"), "reserved"),
            (str(tmp_path / "store/a/.onecopy"), "reserved"),
        ]
        assert skipped(tmp_path / "store/.onecopy") == [
            (str(tmp_path / "store/.onecopy"), "reserved")
        ]

    def test_absent_paths_are_told(self, tmp_path: Path) -> None:
        """A path that is not there is listed; the others are walked."""
        make(tmp_path, "a")
        entries = list(walk([tmp_path / "gone", tmp_path / "a", tmp_path / "a" / "b", ""]))
        assert [getattr(entry, "reason", None) for entry in entries] == [
            "absent",
            None,
            "absent",
            "absent",
        ]

    @pytest.mark.parametrize("of", [str, Path])
    def test_one_path_is_walked_itself(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: Callable[[str], str | Path]
    ) -> None:
        """A text is not taken for a list of its letters, of which one may be `.` or `/`."""
        make(tmp_path, "ab/c", "a", "d")
        monkeypatch.chdir(tmp_path)
        assert [entry.path for entry in walk(of("ab"))] == ["ab/c"]
        own = OwnFiles(of(f"{tmp_path}/ab"))
        assert [entry.path for entry in walk("d", own=own)] == ["d"]
        assert [getattr(entry, "reason", None) for entry in walk("ab/c", own=own)] == ["own"]

    @pytest.mark.parametrize("path", ["a/", "a/b", "link/"])
    def test_a_file_named_as_a_folder_is_told(self, tmp_path: Path, path: str) -> None:
        """The file is there, so it would be wrong to say that there is none."""
        make(tmp_path, "a")
        (tmp_path / "link").symlink_to("a")
        [entry] = walk([f"{tmp_path}/{path}"])
        assert isinstance(entry, Skipped)
        assert (entry.reason, entry.message) == ("absent", "it names a file as if it were a folder")

    def test_unreadable_is_told(self, as_nobody: Path) -> None:
        """Files and folders that we may not read are listed; those we may are not."""
        make(as_nobody / "tree", "closed/a", "hidden", "mine", "theirs")
        modes = {"closed": 0o000, "hidden": 0o000, "mine": 0o400}
        for name, mode in modes.items():
            (as_nobody / "tree" / name).chmod(mode)
        entries = list(walk([as_nobody / "tree"]))
        (as_nobody / "tree" / "closed").chmod(0o700)
        assert [(Path(entry.path).name, getattr(entry, "reason", None)) for entry in entries] == [
            ("closed", "unreadable"),
            ("hidden", "unreadable"),
            ("mine", None),
            ("theirs", None),
        ]

    def test_closed_later_is_an_error_of_the_file(self, as_nobody: Path) -> None:
        """A file that becomes unreadable after it was listed is an error of that file alone."""
        make(as_nobody / "tree", "a", "b", "c")
        files = [entry for entry in walk([as_nobody / "tree"]) if isinstance(entry, File)]
        (as_nobody / "tree" / "b").unlink()
        (as_nobody / "tree" / "b").touch(mode=0o000)
        outcomes = [outcome for _, outcome in hash_files((file, [SHA256]) for file in files)]
        assert [type(outcome) for outcome in outcomes] == [Hashed, PermissionError, Hashed]

    def test_room_is_what_the_tenant_leaves(self, tmp_path: Path) -> None:
        """Keys that are too long below a tenant's prefix are skipped, others not."""
        make(tmp_path / "t", "abc", "abcd")
        entries = list(walk([tmp_path / "t"], room=5))
        assert [type(entry) for entry in entries] == [File, Skipped]


def test_walked_files_are_hashed(tmp_path: Path) -> None:
    """Walked files can be hashed as they are, many at once."""
    make(tmp_path / "tree", *(f"{n % 5}/{n}" for n in range(300)))
    files = [entry for entry in walk([tmp_path / "tree"]) if isinstance(entry, File)]
    assert len(files) == 300
    for file, outcome in hash_files(((file, [SHA256]) for file in files), threads=3):
        content = Path(file.path).read_bytes()
        assert outcome == hash_stream([content], file.size, [SHA256])


def left_out(root: Path, accept: Filter, to: str = "") -> list[tuple[str, str]]:
    """Return what a walk leaves out, by the path below the root."""
    found = [entry for entry in walk([root], to=to, accept=accept) if isinstance(entry, Skipped)]
    assert all(entry.left_out for entry in found)
    return [(entry.path.removeprefix(f"{root}/"), entry.reason) for entry in found]


@pytest.mark.parametrize("to", ["", "2026", "2026/x/"])
def test_patterns(tmp_path: Path, to: str) -> None:
    """Patterns match keys without the prefix; an excluded folder is one entry."""
    root = tmp_path / "d"
    make(root, "a.jpg", "a.tmp", "old/a.jpg", "old/b/c.jpg", "x/old/e.jpg", "x/f.txt")
    accept = Filter(Patterns(["*.jpg"]), Patterns(["*.tmp", "/d/old/"]))
    assert left_out(root, accept, to) == [
        ("a.tmp", "excluded"),
        ("old", "excluded"),
        ("x/f.txt", "excluded"),
    ]
    found = [entry for entry in walk([root], to=to, accept=accept) if isinstance(entry, File)]
    prefix = f"{to.removesuffix('/')}/" if to else ""
    assert [entry.key for entry in found] == [f"{prefix}d/a.jpg", f"{prefix}d/x/old/e.jpg"]


def test_excluded_before_anything_else(tmp_path: Path) -> None:
    """What is excluded fails neither because of its name nor because it can't be read."""
    root = tmp_path / "d"
    make(root, "a", "lost+found/a", "bad\nname.tmp")
    (root / "b.tmp").symlink_to("a")
    (root / "lost+found").chmod(0)
    accept = Filter(exclude=Patterns(["lost+found/", "*.tmp"]))
    try:
        assert left_out(root, accept) == [
            ("b.tmp", "excluded"),
            ("bad\nname.tmp", "excluded"),
            ("lost+found", "excluded"),
        ]
    finally:
        (root / "lost+found").chmod(0o700)


def test_excluded_path_fails(tmp_path: Path) -> None:
    """A path that the user named, and that a pattern excludes, is no success."""
    make(tmp_path, "a.tmp")
    [entry] = walk([tmp_path / "a.tmp"], accept=Filter(exclude=Patterns(["*.tmp"])))
    assert isinstance(entry, Skipped)
    assert (entry.reason, entry.left_out) == ("excluded", False)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_an_index_in_use_is_left_out(tmp_path: Path, ending: str) -> None:
    """Wherever it is: its secrets do not travel into a store. A closed one is like other files."""
    folder = tmp_path / "d"
    make(folder, "other-wal")
    index = open_index(f"sqlite:{folder / 'i'}")
    for each in folder.iterdir():
        each.chmod(0o644)  # as one that was restored may be
    named = list(walk(folder / f"i{ending}"))
    assert [(each.path, each.reason) for each in named if isinstance(each, Skipped)] == [
        (str(folder / f"i{ending}"), "own")
    ]
    found = {Path(each.path).name: isinstance(each, File) for each in walk(folder)}
    assert found == {"i": False, "i-wal": False, "i-shm": False, "other-wal": True}
    index.close()
    assert {Path(each.path).name: type(each) for each in walk(folder)} == {
        "i": File,
        "other-wal": File,
    }
