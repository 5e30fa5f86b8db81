"""Storage classes: a scan records those of now, without reading what it has read before."""

from collections.abc import Callable
from pathlib import Path

import pytest

from onecopy.content import Copy, Digests
from onecopy.gate import bind
from onecopy.index.memory import MemoryIndex
from onecopy.listing import is_later_class
from onecopy.scan import Figures, pages, scan, scan_by_listing
from onecopy.scan.records import classify
from onecopy.spark.executor import ItemResult, Seen, outcome_of
from onecopy.spark.tasks import Item, Packing, Task, decode, encode
from onecopy.store.interface import Object
from onecopy.tenant import Owned, Tenant
from tests.scan.sources.conftest import World
from tests.scan.sources.written import OWN, Row, write_csv, write_inventory
from tests.scan.stores import Shelf, copy_at, filled, index_of

Scan = Callable[[MemoryIndex, Shelf], Figures]
CLASSES = {"a/2": "GLACIER", "b": "STANDARD_IA"}


@pytest.fixture(params=[scan, scan_by_listing], ids=["looking", "listing"])
def scanned(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Scan:
    """Return a function that scans: by looks at each object, or by a listing in small groups."""
    monkeypatch.setattr(pages, "GROUP", 2)
    found: Scan = request.param
    return found


def recorded(index: MemoryIndex) -> dict[str, Copy]:
    """Return the copies by key."""
    return {copy.key: copy for _, copy in index.copies()}


def test_an_object_that_was_moved_is_not_read_again(
    scanned: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lifecycle rule changes only the class of an object; so does what is recorded of it."""
    keys = ["a/1", "a/2", "a/3", "b", "c"]
    shelf = filled(keys)
    index = index_of(shelf)
    index.add(("default", copy_at(shelf, key)) for key in keys)
    before = recorded(index)
    shelf.classes = dict(CLASSES)
    monkeypatch.setattr(shelf, "open", None)
    figures = scanned(index, shelf)
    assert (figures.known, figures.added, figures.reclassified) == (5, 0, 2)
    assert recorded(index) == {
        key: copy._replace(storage_class=CLASSES.get(key, "STANDARD"))
        for key, copy in before.items()
    }
    assert scanned(index, shelf).reclassified == 0
    shelf.classes = {}
    assert scanned(index, shelf).reclassified == 2
    assert recorded(index) == before


def test_what_is_read_has_its_class() -> None:
    """Of each object that a scan records."""
    shelf = filled(["a/2", "b", "c"])
    shelf.classes = dict(CLASSES)
    index = index_of(shelf)
    assert scan(index, shelf).added == 3
    found = {key: copy.storage_class for key, copy in recorded(index).items()}
    assert found == {**CLASSES, "c": "STANDARD"}


class Unclassified(MemoryIndex):
    """An index that does not offer `Classified`."""

    classify = None  # type: ignore[assignment]


def test_an_engine_without_it() -> None:
    """An index that cannot classify keeps what it has, and nothing counts as changed."""
    shelf, index = filled(["b"]), Unclassified()
    bind(index, shelf)
    scan(index, shelf)
    shelf.classes = dict(CLASSES)
    assert scan(index, shelf).reclassified == 0
    assert recorded(index)["b"].storage_class == "STANDARD"


def test_a_copy_that_was_replaced_since_keeps_its_class() -> None:
    """An upload may overtake a scan."""
    shelf = filled(["b"])
    index = index_of(shelf)
    scan(index, shelf)
    old = recorded(index)["b"]._replace(storage_class="GLACIER", identity="before")
    assert classify(index, [("default", old)]) == 0
    assert recorded(index)["b"].storage_class == "STANDARD"


@pytest.mark.parametrize(
    ("recorded_class", "stated", "expected"),
    [
        ("STANDARD", "GLACIER", "GLACIER"),
        ("GLACIER", "STANDARD", "GLACIER"),
        ("INTELLIGENT_TIERING", "STANDARD_IA", "INTELLIGENT_TIERING"),
        ("STANDARD", "MINE", "MINE"),
        ("MINE", "STANDARD", "MINE"),
        ("MINE", "GLACIER", "MINE"),
    ],
)
def test_a_list_is_older_than_the_index_may_be(
    tmp_path: Path, recorded_class: str, stated: str, expected: str
) -> None:
    """Lifecycle rules only move objects to cooler classes, so these are the later ones."""
    world = World(tmp_path)
    row = _placed(world, recorded_class)._replace(storage_class=stated)
    loaded = world.load(write_inventory(tmp_path, [[row]]))
    assert (loaded.entered.unchanged, loaded.entered.new) == (1, 0)
    assert loaded.entered.reclassified == int(expected != recorded_class)
    [(_, copy)] = world.index.copies()
    assert copy.storage_class == expected


@pytest.mark.parametrize(
    ("before", "stated", "expected"),
    [
        ("STANDARD", "GLACIER", "GLACIER"),
        ("GLACIER", "STANDARD", "GLACIER"),
        ("GLACIER", "STANDARD_IA", "GLACIER"),
    ],
)
def test_an_older_list_of_listed_objects(
    tmp_path: Path, before: str, stated: str, expected: str
) -> None:
    """An object that is only listed has the later class, too, and counts as moved."""
    world = World(tmp_path)
    row = _placed(world, "STANDARD")
    world.index.forget("default", [copy for _, copy in world.index.copies()])
    world.load(write_inventory(tmp_path / "first", [[row._replace(storage_class=before)]]))
    loaded = world.load(write_inventory(tmp_path / "next", [[row._replace(storage_class=stated)]]))
    assert (loaded.entered.unchanged, loaded.entered.changed) == (1, 0)
    assert loaded.entered.reclassified == int(expected != before)
    assert [copy.storage_class for copy in world.index.listed_copies("default")] == [expected]


def test_listed_objects_that_were_moved() -> None:
    """A listing counts them as it counts recorded ones, each once."""
    shelf = filled(["a/1", "a/2", "b"])
    index = index_of(shelf)
    assert scan_by_listing(index, shelf).new == 3
    shelf.classes = dict(CLASSES)
    figures = scan_by_listing(index, shelf)
    assert (figures.unchanged, figures.added, figures.reclassified) == (3, 0, 2)
    assert scan_by_listing(index, shelf).reclassified == 0


def test_a_list_without_classes(tmp_path: Path) -> None:
    """What a list does not state is not changed."""
    world = World(tmp_path)
    row = _placed(world, "STANDARD")._replace(storage_class="GLACIER")
    bare = {name: OWN[name] for name in ("key", "size", "etag", "last_modified")}
    loaded = world.load(write_csv(tmp_path / "own.csv", [row], bare))
    assert (loaded.entered.unchanged, loaded.entered.reclassified) == (1, 0)


def _placed(world: World, storage_class: str) -> Row:
    """Place and record an object; return its row."""
    world.store.place("a", b"content")
    [seen] = world.store.objects()
    state = seen.size, Digests(), seen.identity, seen.stored_ms, 1
    world.index.add([("default", Copy("a", *state, storage_class))])
    tag = world.store._tags[seen.identity]
    return Row("a", seen.size, tag.hex(), seen.stored_ms // 1000)


def test_is_later_class() -> None:
    """No class is later than itself, or than one that no rule leads from."""
    assert is_later_class("DEEP_ARCHIVE", "ONEZONE_IA")
    assert not is_later_class("GLACIER", "GLACIER")
    assert not is_later_class("GLACIER", "EXPRESS_ONEZONE")
    assert is_later_class("EXPRESS_ONEZONE", "STANDARD")
    assert not is_later_class("STANDARD", "EXPRESS_ONEZONE")


def test_executors_pass_it_on() -> None:
    """In the result for a whole object, and in the ranges of one that is cut."""
    seen = Object("a", 20 * 2**20, "id", 5, storage="GLACIER_IR", storage_class="GLACIER_IR")
    wanted = Item("default", "a", seen.size).wanted
    tasks: list[Task] = [decode(encode(task)) for task in Packing(1).tasks([(wanted, seen)])]
    for [item] in tasks:
        assert item.range
        assert item.seen(item.range) == seen
    result = ItemResult(seen=Seen(seen.size, "id", 5, b"", storage_class="GLACIER_IR"))
    outcome = outcome_of(Item("default", "a", seen.size), result).outcome
    assert isinstance(outcome, Object)
    assert outcome.storage_class == "GLACIER_IR"
    assert wanted.owned == Owned(Tenant(), "a")
