"""Scanning: the index knows what is in the store, and no more is read than necessary."""

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from onecopy.content import Copy, Digests, Verdict
from onecopy.counted import count
from onecopy.digest import MD5
from onecopy.errors import Unavailable
from onecopy.index.listings import Listings
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter, Patterns
from onecopy.scan import Figures, Problem, scan
from onecopy.scan.keys import catch_up
from onecopy.store.folder.store import FolderStore
from onecopy.store.interface import Absent, Object, Unknown
from onecopy.tenant import Owners
from tests.gate.world import World, content_digest, md5
from tests.store.acts import fail_below, mount_on


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Open an index and a folder store."""
    made = World.at(tmp_path)
    yield made
    made.store.close()
    made.index.close()


class Opening(FolderStore):
    """A real folder that notes what is opened, and lets a test step in."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.opened: list[str] = []
        self.blind: str | None = None
        self.while_open: Callable[[str], object] = lambda _key: None

    def open(self, key: str) -> BinaryIO:
        self.opened.append(key)
        stream = super().open(key)
        try:
            self.while_open(key)
        except OSError:
            stream.close()
            raise
        return stream

    def look(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        if self.blind is not None:
            return [Unknown(self.blind)] * len(keys)
        return super().look(keys)


@pytest.fixture
def opening(world: World) -> Opening:
    """Look at the same folder through a store that notes what is opened."""
    return Opening(world.root / "files")


def copies(world: World, tenant: str | None = None) -> dict[str, Copy]:
    """Return what the index knows, by key."""
    return {copy.key: copy for _, copy in world.index.copies(tenant)}


def test_what_lies_there_is_found_afterwards(world: World) -> None:
    """Small contents are recorded with their MD5, large ones by their content digest."""
    world.place("a/small", b"hello")
    world.place("large", b"x" * 9_000_000)
    world.place("empty", b"")
    figures = scan(world.index, world.store)
    assert figures == Figures(
        objects=3, bytes=9_000_005, empty=1, known=0, added=2, read_bytes=9_000_005, forgotten=0
    )
    found = copies(world)
    assert set(found) == {"a/small", "large"}
    assert set(found["a/small"].digests) == {content_digest(b"hello"), md5(b"hello")}
    assert [digest.scheme for digest in found["large"].digests] == [
        content_digest(b"x" * 9_000_000).scheme
    ]
    assert world.check(b"x" * 9_000_000).verdict is Verdict.DUPLICATE
    assert world.check(b"hello").verdict is Verdict.DUPLICATE


def test_a_second_scan_reads_nothing(world: World, opening: Opening) -> None:
    """What is recorded as it is now is left alone, uploads included."""
    world.upload("uploaded", b"by ourselves")
    world.place("a", b"hello")
    scan(world.index, world.store)
    figures = scan(world.index, opening)
    assert (figures.known, figures.added, figures.read_bytes) == (2, 0, 0)
    assert opening.opened == []


def test_the_md5_is_recorded_if_the_checksum_api_counts(world: World, opening: Opening) -> None:
    """A scan reads for it what it reads anyway; `missing` also reads what was recorded before."""
    before, after = b"x" * 9_000_000, b"y" * 8_388_608
    world.place("before", before)
    scan(world.index, world.store)
    count(world.index, "default")
    world.place("after", after)
    assert scan(world.index, opening).added == 1
    assert md5(after) in copies(world)["after"].digests
    assert md5(before) not in copies(world)["before"].digests
    opening.opened.clear()
    assert scan(world.index, opening, read="missing").added == 1
    assert opening.opened == ["before"]
    assert copies(world)["before"].digests == Digests.proved(content_digest(before), md5(before))
    assert scan(world.index, opening, read="missing").added == 0


def test_what_changed_is_read_again(world: World, opening: Opening) -> None:
    """A replaced object is recorded as it is now, and its old content is forgotten."""
    world.place("a", b"old")
    world.place("b", b"same")
    scan(world.index, world.store)
    world.place("a", b"new")
    figures = scan(world.index, opening)
    assert (figures.known, figures.added, opening.opened) == (1, 1, ["a"])
    assert world.check(b"new").verdict is Verdict.DUPLICATE
    assert world.check(b"old").verdict is Verdict.NEW


def test_read_all_reads_all(world: World, opening: Opening) -> None:
    """Bytes that changed behind an unchanged identity are found by reading only."""
    world.place("a", b"hello")
    seen = world.store.look(["a"])[0]
    assert isinstance(seen, Object)
    wrong = Digests.proved(content_digest(b"other"))
    world.index.add([("default", Copy("a", 5, wrong, seen.identity, seen.stored_ms, 1))])
    assert scan(world.index, opening).added == 0
    figures = scan(world.index, opening, read="all")
    assert (figures.added, opening.opened) == (1, ["a"])
    assert content_digest(b"hello") in copies(world)["a"].digests


def test_read_missing_reads_what_has_no_content_digest(world: World, opening: Opening) -> None:
    """What is known by its MD5 alone gets its content digest."""
    world.record("weak", b"hello", Digests.proved(md5(b"hello")))
    world.record("strong", b"world")
    assert scan(world.index, opening).added == 0
    figures = scan(world.index, opening, read="missing")
    assert (figures.added, opening.opened) == (1, ["weak"])
    assert copies(world)["weak"].content_digest == content_digest(b"hello")


def test_records_of_objects_that_are_gone_are_forgotten(world: World) -> None:
    """What was deleted from the folder is not claimed to be there."""
    for name in "abc":
        world.place(name, name.encode())
    scan(world.index, world.store)
    world.path("b").unlink()
    figures = scan(world.index, world.store)
    assert (figures.objects, figures.forgotten) == (2, 1)
    assert set(copies(world)) == {"a", "c"}


def test_nothing_is_forgotten_when_the_store_cannot_tell(world: World, opening: Opening) -> None:
    """P1: doubt is no absence."""
    world.place("a", b"a")
    scan(world.index, world.store)
    world.path("a").unlink()
    opening.blind = "store-unavailable"
    figures = scan(world.index, opening)
    assert figures.forgotten == 0
    assert figures.problems == [Problem("a", "store-unavailable")]
    assert set(copies(world)) == {"a"}


def test_an_unmounted_folder_is_not_an_empty_one(world: World) -> None:
    """Without its marker file the folder is not ours: Unavailable, and nothing is forgotten."""
    world.place("a", b"a")
    scan(world.index, world.store)
    (world.root / "files").rename(world.root / "elsewhere")
    (world.root / "files").mkdir()
    with pytest.raises(Unavailable):
        scan(world.index, world.store)
    assert set(copies(world)) == {"a"}


def test_what_changes_while_it_is_read_is_read_once_more(world: World, opening: Opening) -> None:
    """The second reading is recorded."""
    world.place("a", b"first")
    changed: list[str] = []

    def change(key: str) -> None:
        if not changed:
            changed.append(key)
            world.place("a", b"second")

    opening.while_open = change
    figures = scan(world.index, opening)
    assert (figures.added, figures.problems) == (1, [])
    assert copies(world)["a"].content_digest == content_digest(b"second")


def test_what_changes_all_the_time_is_told(world: World, opening: Opening) -> None:
    """Nothing is recorded of what could not be read twice in one state."""
    world.place("a", b"0")
    world.place("b", b"stays")
    versions = iter(range(1, 100))

    def change(key: str) -> None:
        if key == "a":
            world.place("a", b"%d" % next(versions))

    opening.while_open = change
    figures = scan(world.index, opening)
    assert figures.problems == [Problem("a", "changed")]
    assert set(copies(world)) == {"b"}


def test_what_vanishes_while_it_is_read_is_no_problem(world: World, opening: Opening) -> None:
    """It is gone, and that is all."""
    world.place("a", b"a")
    opening.while_open = lambda key: world.path(key).unlink()
    figures = scan(world.index, opening)
    assert (figures.added, figures.problems) == (0, [])


def test_keys_belong_to_tenants(world: World) -> None:
    """With named tenants the first folder names an object's tenant; others have none."""
    world.place("ada/a", b"1")
    world.place("bob/a", b"1")
    world.place("stray", b"1")
    figures = scan(world.index, world.store, ["ada", "bob"])
    assert figures.problems == [Problem("stray", "no-tenant")]
    assert set(copies(world, "ada")) == set(copies(world, "bob")) == {"a"}
    assert world.check(b"1", gate=world.gate("bob")).verdict is Verdict.DUPLICATE
    world.path("bob/a").unlink()
    assert scan(world.index, world.store, ["ada", "bob"]).forgotten == 1
    assert set(copies(world, "ada")) == {"a"}
    assert not copies(world, "bob")


def test_several_batches(world: World) -> None:
    """More objects than one batch holds are all recorded, and all known the next time."""
    for number in range(2_300):
        path = world.path(f"d{number % 7}/{number}")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"%d" % number)
    shown: list[int] = []
    figures = scan(world.index, world.store, progress=lambda so_far: shown.append(so_far.added))
    assert figures.added == 2_300
    assert shown[0] < 2_300
    assert scan(world.index, world.store).known == 2_300


def test_an_interrupted_scan_goes_on(world: World, opening: Opening) -> None:
    """What was recorded before is not read again, and no thread stays."""
    for number in range(2_300):
        world.path(f"{number}").write_bytes(b"%d" % number)
    threads = threading.active_count()

    def stop(figures: Figures) -> None:
        if figures.added:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(world.index, world.store, progress=stop)
    assert threading.active_count() == threads
    figures = scan(world.index, opening)
    assert figures.known >= 1_000
    assert len(opening.opened) == figures.added == 2_300 - figures.known


def test_unreadable_objects_are_told(world: World, opening: Opening) -> None:
    """One that can't be opened does not stop the others."""
    world.place("a", b"a")
    world.place("b", b"b")

    def refuse(key: str) -> None:
        if key == "a":
            raise PermissionError(13, os.strerror(13))

    opening.while_open = refuse
    figures = scan(world.index, opening)
    assert figures.problems == [Problem("a", "store-unreadable")]
    assert set(copies(world)) == {"b"}


def test_own_files_are_no_objects(world: World) -> None:
    """Files and folders of onecopy in the store are left out, and earlier records forgotten."""
    for key in ("a/index", "cache/x/y", "cache/z", "mine"):
        world.place(key, b"hello")
    files = world.root / "files"
    (files / "b").hardlink_to(files / "a" / "index")
    assert scan(world.index, world.store).added == 5
    own = OwnFiles([files / "a" / "index", files / "cache"])
    figures = scan(world.index, world.store, own=own)
    assert sorted(figures.left_out) == ["a/index", "b", "cache/"]
    assert (figures.objects, figures.known, figures.forgotten) == (1, 1, 4)
    assert set(copies(world)) == {"mine"}


def test_md5_is_recorded_for_small_contents_only(world: World) -> None:
    """Old clients that know only MD5 find what is below 8 MiB."""
    world.place("a", b"x" * (8 * 1024 * 1024 - 1))
    world.place("b", b"x" * (8 * 1024 * 1024))
    scan(world.index, world.store)
    has_md5 = {
        key: any(digest.scheme == MD5 for digest in copy.digests)
        for key, copy in copies(world).items()
    }
    assert has_md5 == {"a": True, "b": False}


def test_patterns(world: World) -> None:
    """Objects that patterns leave out are counted and named, but neither recorded nor forgotten."""
    for key in ("a.jpg", "a.tmp", "old/b.jpg", "c.txt"):
        world.place(key, key.encode())
    accept = Filter(Patterns(["*.jpg"]), Patterns(["/old/"]))
    figures = scan(world.index, world.store, accept=accept)
    assert (figures.objects, figures.added, figures.bytes) == (1, 1, 5)
    assert sorted(figures.skipped) == [
        Problem(key, "excluded") for key in ("a.tmp", "c.txt", "old/b.jpg")
    ]
    assert figures.problems == []
    scan(world.index, world.store)
    assert len(copies(world)) == 4
    figures = scan(world.index, world.store, accept=accept)
    assert (len(figures.skipped), figures.forgotten) == (3, 0)
    assert len(copies(world)) == 4


def test_trash_is_recorded(world: World) -> None:
    """Objects in the trash are recorded, but make no duplicate."""
    world.place("#recycle/a", b"hello")
    assert scan(world.index, world.store).added == 1
    answer = world.check(b"hello")
    assert (answer.verdict, answer.reason) == (Verdict.NEW, "in-trash")
    world.place("a", b"hello")
    scan(world.index, world.store)
    answer = world.check(b"hello")
    assert (answer.verdict, answer.copy and answer.copy.key) == (Verdict.DUPLICATE, "a")


def test_one_folder_that_cannot_be_read_spoils_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P1: the rest is recorded, the folder is named, and nothing below it is forgotten."""
    for key in ("a", "closed/b", "z"):
        world.place(key, key.encode())
    assert scan(world.index, world.store).added == 3
    world.place("new", b"new")
    fail_below(monkeypatch, world.path("closed"), "open", errno.EACCES)
    figures = scan(world.index, world.store)
    assert (figures.known, figures.added, figures.forgotten) == (2, 1, 0)
    assert figures.problems == [
        Problem("closed/", "store-forbidden"),
        Problem("closed/b", "store-forbidden"),
    ]
    assert set(copies(world)) == {"a", "closed/b", "new", "z"}


def test_nothing_below_a_mount_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that another file system hides come back when it is unmounted."""
    for key in ("a", "below/hidden", "gone"):
        world.place(key, key.encode())
    scan(world.index, world.store)
    (world.root / "files" / "below").rename(world.root / "away")
    world.path("gone").unlink()
    world.path("below").mkdir()
    mount_on(monkeypatch, world.path("below"))
    figures = scan(world.index, world.store)
    assert (figures.forgotten, figures.problems) == (1, [Problem("below/", "mounted")])
    assert set(copies(world)) == {"a", "below/hidden"}


def test_links_and_special_files_are_counted(world: World) -> None:
    """They are no objects, and no problem."""
    world.place("a", b"a")
    world.path("link").symlink_to("a")
    os.mkfifo(world.path("pipe"))
    figures = scan(world.index, world.store)
    assert (figures.objects, figures.problems) == (1, [])
    assert figures.skipped == [Problem("link", "symlink"), Problem("pipe", "special")]


def test_a_foreign_key_is_recorded_and_found(world: World) -> None:
    """What is in a store is content, whatever its key; only what has no key at all is left out."""
    world.place("new\nline", b"hello")
    world.path("bad\udcff").write_bytes(b"bad")
    figures = scan(world.index, world.store)
    assert figures.problems == [Problem("bad\udcff", "key-invalid")]
    answer = world.check(b"hello")
    assert answer.copy is not None
    assert (answer.verdict, answer.copy.key) == (Verdict.DUPLICATE, "new\nline")


def test_each_reason_keeps_its_first_keys() -> None:
    """Every problem is counted, and one reason does not displace another."""
    figures = Figures()
    for number in range(1_500):
        figures.report(str(number), "changed")
    figures.report("last", "key-invalid")
    assert len(figures.problems) == 1_001
    assert figures.problems[-1] == Problem("last", "key-invalid")
    assert figures.more_problems == 500


def full_scan(world: World) -> object:
    """Scan a world by looking at each object."""
    return scan(world.index, world.store)


def key_caught_up(world: World) -> object:
    """Bring the record of one key up to date."""
    return catch_up(world.index, world.store, Owners(()), ["a"])


def scanned_twice(world: World) -> object:
    """List an object again that a scan has recorded."""
    scan(world.index, world.store)
    list_a(world)
    return scan(world.index, world.store)


def list_a(world: World) -> Listings:
    """Put into the index what a listing states of an object."""
    assert isinstance(world.index, Listings)
    copy = ListedCopy("a", 5, bytes(16), 0, is_opaque=True, modified=1)
    world.index.merge("default", EVERYTHING, [copy])
    return world.index


@pytest.mark.parametrize("record", [full_scan, key_caught_up, scanned_twice])
def test_what_is_recorded_is_not_listed_any_more(
    world: World, record: Callable[[World], object]
) -> None:
    """Else a check would count it as not examined, which is what a scan is recommended for."""
    world.place("a", b"bytes")
    listings = list_a(world)
    record(world)
    assert list(world.recorded()) == ["a"]
    assert list(listings.listed_copies("default", EVERYTHING)) == []
