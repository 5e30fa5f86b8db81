"""A job, without Spark: its tasks are done in this process."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from onecopy.content import Digests
from onecopy.counted import count
from onecopy.errors import Failure, Forbidden, InvalidSettings, Unavailable
from onecopy.gate import bind
from onecopy.patterns import Filter, Patterns
from onecopy.scan.listing import keeps_listings
from onecopy.scan.records import is_complete
from onecopy.spark import executor
from onecopy.spark.folder import DiskFolder, require_apart
from onecopy.store.folder import FolderStore
from onecopy.store.interface import Object
from onecopy.testing.index.complete import open_complete
from onecopy.timestamp import now
from tests.gate.world import World, content_digest, md5
from tests.spark.conftest import LARGE, Here, Place, by_one_machine


def test_as_on_one_machine(place: Place, tmp_path: Path) -> None:
    """The index has what `scan --read` records, though several tasks read the large object."""
    place.fill()
    tasks = Here()
    summary = place.run(tasks)
    assert place.copies() == by_one_machine(tmp_path, place)
    assert len(tasks.done) == summary.tasks == 4
    assert (summary.reads.objects, summary.reads.read, summary.problems) == (21, 21, 0)
    assert summary.read_bytes == summary.reads.bytes
    assert keeps_listings(place.world.index)
    assert list(place.world.index.listed_copies("default")) == []


def test_by_the_list_of_the_store(place: Place, tmp_path: Path) -> None:
    """Without a scan before, the store is listed; what is recorded as it is listed is left out."""
    place.world.place("a", b"a")
    place.world.place("large", LARGE)
    assert place.run(by_list=True).reads.read == 2
    assert place.copies() == by_one_machine(tmp_path, place)
    place.world.place("b", b"b")
    summary = place.run(results="second", by_list=True)
    assert (summary.reads.objects, summary.reads.read) == (1, 1)


def test_nothing_to_read(place: Place) -> None:
    """A job without tasks ends at once."""
    tasks = Here()
    assert place.run(tasks).reads.objects == 0
    assert tasks.done == []


def test_killed_and_restarted(place: Place, tmp_path: Path) -> None:
    """Wherever a job is killed, the next one does the tasks without a result, and no other."""
    place.fill()
    for last in range(4):
        tasks = Here(before=_interrupt_at(last))
        with pytest.raises(KeyboardInterrupt):
            place.run(tasks)
        assert tasks.done == [*range(last)][-1:]
    tasks = Here()
    summary = place.run(tasks)
    assert tasks.done == [3]
    assert (summary.tasks, summary.done_before) == (4, 3)
    assert place.copies() == by_one_machine(tmp_path, place)


def test_killed_while_it_plans_or_loads(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that was not completed is made anew; results that were not loaded are loaded."""
    place.fill()
    put, names = DiskFolder.put, list[str]()

    def kill(self: DiskFolder, name: str, content: bytes) -> None:
        names.append(name)
        if name in {"plan.json", "summary.json"} and names.count(name) == 1:
            raise KeyboardInterrupt
        put(self, name, content)

    monkeypatch.setattr(DiskFolder, "put", kill)
    with pytest.raises(KeyboardInterrupt):
        place.run()
    place.world.place("new", b"new")
    place.listed()
    tasks = Here()
    with pytest.raises(KeyboardInterrupt):
        place.run(tasks)
    assert len(tasks.done) == 4
    again = Here()
    assert place.run(again).reads.read == 22
    assert again.done == []


def test_loaded_already(place: Place) -> None:
    """The same command again, after success, does nothing and returns the same figures."""
    place.fill()
    first = place.run()
    place.world.place("new", b"new")
    place.listed()
    tasks = Here()
    assert place.run(tasks) == first
    assert tasks.done == []


def test_into_another_index(place: Place, tmp_path: Path) -> None:
    """Results that one index has are loaded into another one of the store, not only reported."""
    place.fill()
    first = place.run()
    one = place.world.index
    place.world.index = open_complete(f"sqlite:{tmp_path}/restored.sqlite")
    bind(place.world.index, place.world.store)
    tasks = Here()
    again = place.run(tasks)
    assert (tasks.done, again.done_before, again.reads) == ([], 4, first.reads)
    assert place.copies() == by_one_machine(tmp_path, place)
    place.world.index.close()
    place.world.index = one


def test_recorded_in_between(place: Place) -> None:
    """What was uploaded while the job ran is not replaced by what was read before."""
    place.fill(small=2)

    class Uploading(Here):
        def run(
            self, work: Callable[[int], None], numbers: list[int], done: Callable[[int], object]
        ) -> None:
            super().run(work, numbers, done)
            copy = place.world.record("small/00", b"new")
            place.world.index.forget("default", [copy])
            place.world.index.add([("default", copy._replace(recorded_ms=now()))])

    summary = place.run(Uploading())
    assert (summary.reads.read, summary.reads.changed) == (2, 1)
    assert place.copies()["small/00"].content_digest == content_digest(b"new")


def test_tenants(place: Place) -> None:
    """Each object is recorded as its owner's; one without an owner is left out, and counted."""
    for key in ("ada/a", "bob/large", "nobody/c"):
        place.world.place(key, LARGE if key == "bob/large" else key.encode())
    summary = place.run(by_list=True, tenants=("ada", "bob"))
    assert (summary.reads.read, summary.problems) == (2, 1)
    assert summary.reasons["no-tenant"].first == ["nobody/c"]
    found = {(tenant, copy.key) for tenant, copy in place.world.index.copies()}
    assert found == {("ada", "a"), ("bob", "large")}


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_deleted_in_mid_run(place: Place, before: int) -> None:
    """The large object is gone, whichever of its ranges were read; the others are recorded."""
    place.fill()

    def delete(number: int) -> None:
        if number == before:
            place.world.path("large").unlink()

    summary = place.run(Here(before=delete))
    assert (summary.reads.gone, summary.reads.read, summary.problems) == (1, 20, 0)
    assert "large" not in place.copies()


def test_deleted_or_changed_after_the_last_range(place: Place) -> None:
    """An object is looked at once more when its digest is composed."""
    place.world.place("gone", LARGE)
    place.world.place("changed", LARGE[1:])  # files of one size are read by the scan
    place.world.place("small", b"small")
    place.listed()
    driver = place.driver()

    class Meddling(Here):
        def run(
            self, work: Callable[[int], None], numbers: list[int], done: Callable[[int], object]
        ) -> None:
            super().run(work, numbers, done)
            place.world.path("gone").unlink()
            place.world.place("changed", LARGE[:0:-1])

    summary = driver.run(Meddling())
    reads = summary.reads
    assert (reads.objects, reads.read, reads.gone, reads.changed) == (3, 1, 1, 1)
    assert {reason: keys.first for reason, keys in summary.reasons.items()} == {
        "changed": ["changed"]
    }
    assert summary.problems == 1
    assert place.copies().keys() == {"small"}


@pytest.mark.parametrize("key", ["large", "small/03"])
def test_an_unreadable_object_fails_alone(
    place: Place, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported with its reason; all else is read; the sum is what was to be read."""
    place.fill()
    read_range, opened = FolderStore.read_range, FolderStore.open

    def read(self: FolderStore, seen: Object, offset: int, length: int) -> bytearray:
        if seen.key == key and offset > 3 * len(LARGE) // 7:
            raise Forbidden("no")
        return read_range(self, seen, offset, length)

    def open_(self: FolderStore, name: str) -> object:
        if name == key == "small/03":
            raise Forbidden("no")
        return opened(self, name)

    monkeypatch.setattr(FolderStore, "read_range", read)
    monkeypatch.setattr(FolderStore, "open", open_)
    summary = place.run()
    assert (summary.reads.failed, summary.reads.read, summary.problems) == (1, 20, 1)
    assert summary.reasons["store-forbidden"].first == [key]
    assert key not in place.copies()


def test_a_store_that_is_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task of which nothing can be read raises, so that Spark tries it again."""
    place.fill()

    def fail(*_: object, **_named: object) -> object:
        raise Unavailable("away")

    executor._opened.cache_clear()
    tasks = Here()

    def unmount(number: int) -> None:
        if number == 2:
            monkeypatch.setattr(FolderStore, "read_range", fail)
            monkeypatch.setattr(FolderStore, "identify", fail)

    tasks.before = unmount
    with pytest.raises(Unavailable):
        place.run(tasks)
    assert tasks.done == [0, 1]
    monkeypatch.undo()
    assert place.run().reads.read == 21


def test_contents_that_are_counted(place: Place) -> None:
    """The MD5 of a tenant's contents is computed as well, of the large object by one task."""
    place.fill(small=3)
    count(place.world.index, "default")
    summary = place.run(read="all")
    assert summary.reads.read == 4
    copies = place.copies()
    assert copies["large"].digests == Digests.proved(content_digest(LARGE), md5(LARGE))
    assert all(is_complete(copy, counted=True) for copy in copies.values())


def test_the_folder_of_another_job(place: Place, tmp_path: Path) -> None:
    """Results are never loaded into the index of another store, or as another job's."""
    place.fill(small=1)
    with pytest.raises(KeyboardInterrupt):
        place.run(Here(before=_interrupt_at(0)))
    with pytest.raises(InvalidSettings, match="a job that reads missing"):
        place.run(read="all")
    with pytest.raises(InvalidSettings, match="with other patterns"):
        place.run(accept=Filter(exclude=Patterns(["small"])))
    other = Place(World.at(tmp_path / "other"), place.results)
    with pytest.raises(InvalidSettings, match="name another with --results"):
        other.run()


def _interrupt_at(last: int) -> Callable[[int], None]:
    def interrupt(number: int) -> None:
        if number == last:
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize("damage", ["missing", "cut off", "shorter"])
def test_damaged_results(place: Place, damage: str) -> None:
    """A result that cannot be used is never taken for success."""
    place.fill(small=2)

    class Damaging(Here):
        def run(
            self, work: Callable[[int], None], numbers: list[int], done: Callable[[int], object]
        ) -> None:
            super().run(work, numbers, done)
            path = place.results / "results" / "00000000.json"
            content = path.read_bytes()
            if damage == "missing":
                path.unlink()
            elif damage == "cut off":
                path.write_bytes(content[:-5])
            else:
                path.write_bytes(msgspec.json.encode(msgspec.json.decode(content)[1:]))

    with pytest.raises(Failure, match="start"):
        place.run(Damaging())
    assert place.copies() == {}


def test_another_store_at_the_address(place: Place) -> None:
    """An executor that finds another store than that of the plan reads nothing."""
    place.fill(small=1)
    driver = place.driver()
    marker = place.world.root / "files/.onecopy/store.json"
    executor._opened.cache_clear()
    tasks = Here()

    def replace(number: int) -> None:
        marker.write_text('{"id": "%s", "version": 1}' % ("f" * 32))

    tasks.before = replace
    with pytest.raises(Failure, match="another store"):
        driver.run(tasks)


@pytest.mark.parametrize(
    ("results", "store"),
    [
        ("s3://b/photos/results", "s3://b/photos"),
        ("s3://b", "s3://b?region=x"),
        ("/srv/files/.results", "/srv/files"),
        ("file:///srv/files", "/srv/files"),
    ],
)
def test_results_within_the_store(results: str, store: str) -> None:
    """They would become objects."""
    with pytest.raises(InvalidSettings, match="objects of the store"):
        require_apart(results, store)
    require_apart("s3://b/photos-results", "s3://b/photos")
    require_apart("/srv/results", "/srv/files")


def test_the_disk_is_full(tmp_path: Path) -> None:
    """A folder that cannot be written is named, with what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="--results"):
        DiskFolder(tmp_path / "file").put("results/0", b"")
