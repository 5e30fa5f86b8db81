"""Scans of a folder by listing: only files that may be equal are read, and duplicates are exact."""

import os
import random
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest

from onecopy.content import Content, Copy, Verdict
from onecopy.counted import count
from onecopy.gate import LocalGate, bind
from onecopy.index.sqlite import open_url
from onecopy.index.sqlite.index import SqliteIndex
from onecopy.listing import EVERYTHING
from onecopy.patterns import Filter, Patterns
from onecopy.report import report
from onecopy.scan import Figures, Problem, comparing, scan, scan_by_listing
from onecopy.store.folder.store import FolderStore
from onecopy.store.interface import Absent, Unknown
from onecopy.tenant import Tenant
from tests.gate.world import content_digest, md5


class Reading(FolderStore):
    """A folder that notes what is read, and lets a test step in before."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.started: list[str] = []
        self.read: list[str] = []
        self.before_read: Callable[[str], object] = lambda _key: None

    def starts(self, wanted: Iterable[tuple[str, int]]) -> Iterator[bytes | Absent | Unknown]:
        asked = list(wanted)
        for (key, length), start in zip(asked, super().starts(asked), strict=True):
            whole = self.look([key])[0]
            is_whole = length != 4096 or getattr(whole, "size", 0) == length
            (self.read if is_whole else self.started).append(key)
            yield start
            self.before_read(key)

    def open(self, key: str) -> BinaryIO:
        self.read.append(key)
        return super().open(key)


class Folder:
    """A folder store with an index."""

    def __init__(self, root: Path) -> None:
        self.files = root / "files"
        self.files.mkdir()
        self.store = Reading(self.files)
        self.index = open_url(f"sqlite:{root}/index.sqlite")
        assert isinstance(self.index, SqliteIndex)
        bind(self.index, self.store)

    def place(self, key: str, content: bytes) -> None:
        """Write a file."""
        path = self.files / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def scan(self, *tenants: str, accept: Filter = Filter()) -> Figures:
        """Scan by listing."""
        self.store.started.clear()
        self.store.read.clear()
        return scan_by_listing(self.index, self.store, tenants, connections=1, accept=accept)

    def copies(self, tenant: str = "default") -> dict[str, Copy]:
        """Return the recorded copies by key."""
        return {copy.key: copy for _, copy in self.index.copies(tenant)}

    def listed(self, tenant: str = "default") -> list[str]:
        """Return the listed keys."""
        return [copy.key for copy in self.index.listed_copies(tenant)]

    def groups(self) -> list[list[str]]:
        """Return the keys that `report` groups."""
        found = report(self.index.copies(), price=1, top=1000, keys=1000, hard_links=True)
        return sorted(list(group.keys) for group in found.top)

    def check(self, content: bytes) -> Verdict:
        """Check a content."""
        gate = LocalGate(self.index, self.store, Tenant(), secrets=[b"0" * 32])
        [answer] = gate.check([Content(len(content), (content_digest(content),))])
        return answer.verdict


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Open an empty folder store."""
    made = Folder(tmp_path)
    yield made
    made.index.close()


BIG = 5000
"""More than the first bytes that are compared."""


def big(head: bytes, tail: bytes) -> bytes:
    """Return a content with a head of 4 KiB and a tail."""
    return head * 4096 + tail * (BIG - 4096)


def test_only_what_may_be_equal_is_read(folder: Folder) -> None:
    """P1: equal heads with other tails are no duplicates, and other heads are not read."""
    folder.place("alone", b"alone")
    folder.place("a", b"one")
    folder.place("b", b"two")
    folder.place("c/equal", b"two")
    folder.place("head/1", big(b"h", b"1"))
    folder.place("head/2", big(b"h", b"2"))
    folder.place("head/3", big(b"h", b"2"))
    folder.place("head/4", big(b"x", b"2"))
    figures = folder.scan()
    assert (figures.new, figures.problems, figures.to_read) == (8, [], figures.read_bytes)
    assert "alone" not in [*folder.store.started, *folder.store.read]
    assert sorted(folder.copies()) == ["b", "c/equal", "head/1", "head/2", "head/3"]
    assert folder.listed() == ["a", "alone", "head/4"]
    assert folder.groups() == [["b", "c/equal"], ["head/2", "head/3"]]
    for key in ("alone", "a", "b", "head/1", "head/4"):
        assert folder.check((folder.files / key).read_bytes()) is Verdict.DUPLICATE
    assert folder.check(big(b"h", b"3")) is Verdict.NEW


def test_a_second_scan_reads_nothing(folder: Folder) -> None:
    """What is as it was is neither read nor written, whether it is listed or recorded."""
    for number in range(40):
        folder.place(f"{number}", b"%d" % (number % 20))
    first = folder.scan()
    assert (first.new, first.unchanged) == (40, 0)
    copies, listed = folder.copies(), folder.listed()
    second = folder.scan()
    assert (second.new, second.changed, second.gone, second.unchanged) == (0, 0, 0, 40)
    assert (second.read_bytes, folder.store.started, folder.store.read) == (0, [], [])
    assert (folder.copies(), folder.listed()) == (copies, listed)


def test_only_sizes_with_a_new_file_are_compared_again(folder: Folder) -> None:
    """A new or changed file is compared with those of its size, listed or recorded."""
    folder.place("a", b"one")
    folder.place("b", b"two")
    folder.place("x", b"four")
    folder.place("y", b"five")
    folder.scan()
    folder.place("new", b"one")
    figures = folder.scan()
    assert (figures.new, figures.unchanged) == (1, 4)
    assert set(folder.store.started + folder.store.read) == {"a", "b", "new"}
    assert folder.groups() == [["a", "new"]]
    folder.place("y", b"four")
    figures = folder.scan()
    assert (figures.changed, figures.unchanged) == (1, 4)
    assert folder.groups() == [["a", "new"], ["x", "y"]]
    folder.place("new", b"two")  # it was recorded
    figures = folder.scan()
    assert (figures.new, figures.changed, figures.forgotten) == (0, 1, 1)
    assert folder.groups() == [["b", "new"], ["x", "y"]]
    (folder.files / "y").unlink()
    figures = folder.scan()
    assert (figures.gone, figures.forgotten) == (1, 1)
    assert folder.groups() == [["b", "new"]]


def test_a_copy_recorded_since_is_compared(folder: Folder) -> None:
    """A file that was uploaded or read since the last scan is compared with listed ones."""
    folder.place("a", b"one")
    folder.scan()
    folder.place("b", b"one")
    scan(folder.index, folder.store, read="missing", accept=Filter(Patterns(["b"])))
    assert (sorted(folder.copies()), folder.listed()) == (["b"], ["a"])
    folder.scan()
    assert folder.groups() == [["a", "b"]]


def test_hard_links_are_read_once(folder: Folder) -> None:
    """Names of one file are no duplicates; with an equal file, all of them are recorded."""
    folder.place("a", b"hello")
    (folder.files / "link").hardlink_to(folder.files / "a")
    folder.scan()
    assert (folder.store.started, folder.store.read, folder.copies()) == ([], [], {})
    folder.place("b", b"hello")
    folder.scan()
    assert sorted(folder.copies()) == ["a", "b", "link"]
    found = report(folder.index.copies(), price=1, hard_links=True)
    assert (found.objects, found.names, found.duplicates) == (2, 3, 1)


@pytest.mark.parametrize("when", ["heads", "reading"])
def test_a_file_replaced_meanwhile(folder: Folder, when: str) -> None:
    """P1: a file that is replaced after it was listed is named, and compared by the next scan."""
    folder.place("a", big(b"h", b"1"))
    folder.place("b", big(b"h", b"1"))

    def replace(key: str) -> None:
        if key == "b" and (when == "heads" or folder.store.read):
            folder.store.before_read = lambda _key: None
            folder.place("other", big(b"h", b"2"))
            (folder.files / "other").replace(folder.files / "b")

    folder.store.before_read = replace
    figures = folder.scan()
    assert figures.problems == [Problem("b", "changed")]
    assert (sorted(folder.copies()), folder.groups()) == (["a"], [])
    assert folder.check(big(b"h", b"2")) is Verdict.DUPLICATE  # it is read as it is now
    assert (folder.scan().problems, folder.groups()) == ([], [])


def test_interrupted_anywhere(folder: Folder) -> None:
    """After Ctrl-C at any moment, scans resume until all is compared: nothing is missed."""
    for number in range(60):
        folder.place(f"{number:02}", big(b"%d" % (number % 3), b"%d" % (number % 7)) + b"x" * 9)
    folder.scan()
    expected = folder.groups()
    for key in keys(folder.files):
        os.utime(folder.files / key, (1, 1))
    reads = interruptions = 0

    def stop(_key: str) -> None:
        nonlocal reads
        reads += 1
        if interruptions < 10 and reads % 37 == 0:
            raise KeyboardInterrupt

    folder.store.before_read = stop
    while interruptions < 20:
        try:
            folder.scan()
            break
        except KeyboardInterrupt:
            interruptions += 1
    assert interruptions > 2
    assert folder.groups() == expected
    assert folder.scan().read_bytes == 0


def test_what_cannot_be_read_is_named_each_time(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed file that may be equal to another is a problem until it can be read."""
    folder.place("a", b"hello")
    folder.place("b", b"hello")
    folder.place("c", b"hello")
    starts = Reading.starts

    def denied(
        store: Reading, wanted: Iterable[tuple[str, int]]
    ) -> Iterator[bytes | Absent | Unknown]:
        asked = list(wanted)
        for (key, _), start in zip(asked, starts(store, asked), strict=True):
            yield Unknown("store-forbidden") if key == "b" else start

    with monkeypatch.context() as patched:
        patched.setattr(Reading, "starts", denied)
        for _ in range(2):
            figures = folder.scan()
            assert figures.problems == [Problem("b", "store-forbidden")]
            assert (folder.groups(), folder.listed()) == ([["a", "c"]], ["b"])
    assert (folder.scan().problems, folder.groups()) == ([], [["a", "b", "c"]])
    assert folder.scan().read_bytes == 0


def test_tenants_are_apart(folder: Folder) -> None:
    """P5: equal files of two tenants are not compared, nor read."""
    folder.place("ada/a", b"hello")
    folder.place("bob/a", b"hello")
    figures = folder.scan("ada", "bob")
    assert (figures.new, figures.read_bytes, folder.listed("ada")) == (2, 0, ["a"])
    folder.place("bob/b", b"hello")
    folder.scan("ada", "bob")
    assert (sorted(folder.copies("bob")), folder.copies("ada")) == (["a", "b"], {})


def test_counted_contents_are_all_read(folder: Folder) -> None:
    """If the checksum API counts a tenant's contents, every file is read, with its MD5; once."""
    contents = {"a": b"one", "b": b"two", "c": b"two", "large": b"x" * 9_000_000}
    for key, content in contents.items():
        folder.place(key, content)
    folder.scan()
    assert sorted(folder.copies()) == ["b", "c"]
    count(folder.index, "default")
    folder.scan()
    copies = folder.copies()
    assert {key: md5(content) in copies[key].digests for key, content in contents.items()} == (
        dict.fromkeys(contents, True)
    )
    assert folder.listed() == []
    assert (folder.scan().read_bytes, folder.store.read) == (0, [])


def test_patterns(folder: Folder) -> None:
    """What is left out is not read; a scan without the patterns compares it."""
    for key in ("a", "b.tmp", "c"):
        folder.place(key, b"hello")
    folder.scan(accept=Filter(exclude=Patterns(["*.tmp"])))
    assert sorted(folder.copies()) == ["a", "c"]
    folder.scan()
    assert folder.groups() == [["a", "b.tmp", "c"]]
    folder.place("d", b"hello")
    folder.scan(accept=Filter(exclude=Patterns(["*.tmp"])))
    assert "b.tmp" not in folder.store.started + folder.store.read


def test_read_unlists(folder: Folder) -> None:
    """A scan that reads records every file, and nothing stays listed."""
    folder.place("a", b"one")
    folder.place("b", b"three")
    folder.scan()
    assert folder.listed() == ["a", "b"]
    scan(folder.index, folder.store, read="all")
    assert (folder.listed(), sorted(folder.copies())) == ([], ["a", "b"])
    figures = folder.scan()
    assert (figures.unchanged, figures.gone, figures.read_bytes) == (2, 0, 0)


def by_jdupes(files: Path) -> list[list[str]]:
    """Return the groups that jdupes finds; hard links are one file, named once."""
    jdupes = shutil.which("jdupes")
    assert jdupes, "this test needs jdupes (on Debian: apt-get install jdupes)"
    found = subprocess.run([jdupes, "-r", "-q", files], check=True, capture_output=True, text=True)
    return sorted(
        sorted(os.path.relpath(line, files) for line in group.splitlines())
        for group in found.stdout.strip().split("\n\n")
        if group and ".onecopy" not in group
    )


@pytest.mark.server
def test_groups_are_those_of_jdupes(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a random tree, changed several times, scans find exactly the groups of jdupes."""
    monkeypatch.setattr(comparing, "_BATCH", 7)
    monkeypatch.setattr(comparing, "_SMALL", 4500)
    rng = random.Random(12)
    for _ in range(5):
        for _ in range(60):
            key = f"{rng.randrange(4)}/{rng.randrange(5)}/{rng.randrange(20)}"
            size = rng.choice([1, 4095, 4096, 4097, 5000, 9000])
            content = bytearray(size)
            content[rng.choice([0, -1, size // 2])] = rng.randrange(3)
            path = folder.files / key
            if path.exists() and rng.random() < 0.5:
                path.unlink()
            else:
                folder.place(key, bytes(content))
        folder.scan()
        assert folder.groups() == by_jdupes(folder.files)
        assert folder.groups() == by_content(folder.files)
        assert sorted([*folder.copies(), *folder.listed()]) == sorted(map(str, keys(folder.files)))


def by_content(files: Path) -> list[list[str]]:
    """Return the groups by reading everything."""
    groups = defaultdict(list)
    for key in keys(files):
        groups[sha256((files / key).read_bytes()).digest()].append(str(key))
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def keys(files: Path) -> list[Path]:
    """Return the paths of all files within a folder."""
    found = (path.relative_to(files) for path in files.rglob("*") if path.is_file())
    return [path for path in found if path.parts[0] != ".onecopy"]


def test_everything_is_recorded_or_listed(folder: Folder) -> None:
    """An object is either listed or recorded, never both, and never neither."""
    for number in range(30):
        folder.place(f"{number % 4}/{number}", b"x" * (number % 11 + 1))
    folder.scan()
    recorded = {copy.key for copy in folder.index.copies_within("default", EVERYTHING)}
    assert recorded.isdisjoint(folder.listed())
    assert recorded.union(folder.listed()) == set(map(str, keys(folder.files)))
