"""Loading a source: it forgets nothing, keeps what the index knows better, and resumes."""

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecopy.content import Copy, Digests
from onecopy.errors import Failure, Unavailable
from onecopy.listing import EVERYTHING, Span
from onecopy.scan import scan_by_listing
from onecopy.scan.lease import leased
from onecopy.scan.sources import loading, sorting, tables
from onecopy.store.interface import Object
from onecopy.testing.faults import Faults, fail_after, fail_before
from tests.scan.sources.conftest import World
from tests.scan.sources.written import (
    OWN,
    TABLE,
    Row,
    listed,
    objects,
    write_csv,
    write_inventory,
    write_parquet,
)
from tests.scan.stores import filled, index_of


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a few rows at a time, and store a mark after each of them."""
    monkeypatch.setattr(tables, "_ROWS", 7)
    monkeypatch.setattr(sorting, "_ROWS", 9)
    monkeypatch.setattr(loading, "_SECONDS_PER_MARK", 0)


def test_nothing_is_forgotten(world: World, tmp_path: Path) -> None:
    """What a source does not mention stays listed, and recorded."""
    world.index.merge("default", EVERYTHING, listed([Row("kept"), Row("many/000001x")]))
    world.store.place("recorded", b"content")
    seen = world.store.look(["recorded"])[0]
    assert isinstance(seen, Object)
    world.index.add([("default", _copy(seen))])
    loaded = world.load(write_inventory(tmp_path, [objects(5)]))
    assert loaded.entered.new == 5
    assert {copy.key for copy in world.listed()} == {
        *(row.key for row in objects(5)),
        "kept",
        "many/000001x",
    }
    assert [copy.key for _, copy in world.index.copies()] == ["recorded"]


def test_later_states_are_kept(world: World, tmp_path: Path) -> None:
    """An inventory that is older than a listing changes nothing; a newer one does."""
    world.index.merge("default", EVERYTHING, listed([Row("a", 9, modified=50), Row("b", 9)]))
    rows = [Row("a", 1, modified=40), Row("b", 8, modified=1_700_000_001), Row("c")]
    loaded = world.load(write_inventory(tmp_path, [rows]))
    assert loaded.left_out == {"older": 1}
    assert (loaded.entered.new, loaded.entered.changed, loaded.used) == (1, 1, 2)
    assert [copy.size for copy in world.listed()] == [9, 8, 5]
    assert loaded.entered.bytes == 8 + 5


def _copy(seen: Object) -> Copy:
    return Copy(seen.key, seen.size, Digests(), seen.identity, seen.stored_ms, 1)


def test_recorded_copies(world: World, tmp_path: Path) -> None:
    """A copy that is recorded as it is listed stays so; of a later one nothing else is listed."""
    rows = []
    for key in ("same", "later", "changed"):
        world.store.place(key, key.encode())
        seen = world.store.look([key])[0]
        assert isinstance(seen, Object)
        world.index.add([("default", _copy(seen))])
        [page] = list(world.store.list_pages(Span(key[:-1], key), None))  # type: ignore[arg-type]
        [entry] = page.copies
        moved = {"same": 0, "later": -100, "changed": 100}[key]
        size = entry.size + (1 if moved else 0)
        rows.append(Row(key, size, entry.tag.hex(), entry.modified + moved))
    world.index.merge("default", EVERYTHING, listed([rows[0]]))
    loaded = world.load(write_inventory(tmp_path, [sorted(rows)]))
    assert loaded.left_out == {"older": 1}
    assert (loaded.entered.new, loaded.entered.unchanged) == (1, 1)
    assert [copy.key for copy in world.listed()] == ["changed"]
    assert len(list(world.index.copies())) == 3


def test_what_a_source_does_not_state_is_kept(world: World, tmp_path: Path) -> None:
    """Encryption, class and checksums of an unchanged object stay, if there are no such columns."""
    row = Row("a", encryption="SSE-KMS", storage_class="GLACIER_IR", checksums="SHA256")
    world.load(write_inventory(tmp_path, [[row]]))
    before = world.listed()
    assert before[0].is_opaque
    bare = {name: OWN[name] for name in ("key", "size", "etag", "last_modified")}
    loaded = world.load(write_csv(tmp_path / "own.csv", [row], bare))
    assert (loaded.entered.unchanged, world.listed()) == (1, before)
    changed = write_csv(tmp_path / "own.csv", [row._replace(size=6)], bare)
    assert world.load(changed).entered.changed == 1
    assert not world.listed()[0].is_opaque


def test_samples_show_encryption(world: World, tmp_path: Path) -> None:
    """A list without a column for encryption is sampled, as a listing is; an inventory is not."""
    from tests.scan.stores import Encrypted

    shelf = Encrypted()
    for key in ("kms/a", "plain/a"):
        shelf.place(key, key.encode())
    shelf_rows = [shelf.listed(key) for key in ("kms/a", "plain/a")]
    world.store = shelf
    world.index.put_if("store", world.index.get("store"), None)
    rows = [Row(copy.key, copy.size, copy.tag.hex(), copy.modified) for copy in shelf_rows]
    loaded = world.load(write_csv(tmp_path / "own.csv", rows))
    assert (loaded.entered.looks, loaded.entered.opaque, loaded.entered.unsampled) == (2, 1, 0)
    assert [copy.is_opaque for copy in world.listed()] == [True, False]


@pytest.mark.parametrize("order", ["sorted", "partly sorted", "versions"])
def test_interrupted_again_and_again(order: str, world: World, tmp_path: Path) -> None:
    """Whatever ends a loading: the last one has the figures of the whole, and so has the file."""
    rows = objects(150)
    for number in (3, 20, 77, 120):
        rows[number] = rows[number]._replace(size=None)
    rows[50] = rows[50]._replace(size=0)
    good = [row for row in rows if row.size]
    if order == "partly sorted":
        tail = rows[60:]
        random.Random(3).shuffle(tail)
        rows[60:] = tail
    kinds = TABLE if order == "versions" else OWN
    source = write_parquet(tmp_path / "own.parquet", rows, kinds)
    for stop_at in (10, 25, 35, 5, 30):
        left = iter(range(stop_at))

        def stop(*_: object, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise Unavailable("interrupted")

        with suppress(Unavailable):
            loaded = world.load(source, progress=stop)
            break
    else:
        loaded = world.load(source)
    assert loaded.is_resumed
    assert (loaded.read.rows, loaded.used) == (150, len(good))
    assert loaded.read.rejected == {"size-invalid": 4}
    assert loaded.left_out == {"empty": 1}
    assert world.listed() == listed(good)
    assert not world.load(source).is_resumed


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_faults_of_the_index(data: st.DataObject) -> None:
    """Faults before or after any write of the index, in any order of rows, lose nothing."""
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_ROWS", 7)
        folder, faults = Path(name), Faults()
        world = World(folder)
        world.index = faults.wrap(world.index, "index")
        rows = data.draw(st.permutations(objects(40))) if data.draw(st.booleans()) else objects(40)
        source = write_csv(folder / "own.csv", rows)
        for _ in range(data.draw(st.integers(1, 3))):
            fail = data.draw(st.sampled_from([fail_before, fail_after]))
            step = data.draw(st.sampled_from(["index.merge", "index.put_if"]))
            faults.at(step, fail(Unavailable("lost")), skip=data.draw(st.integers(0, 6)))
            with suppress(Unavailable):
                world.load(source)
            faults.clear()
        assert world.load(source).used == 40
        assert world.listed() == listed(rows)


def test_another_version_of_the_source_starts_over(world: World, tmp_path: Path) -> None:
    """A position of an earlier version would skip rows that were never read."""
    source = write_csv(tmp_path / "own.csv", objects(50))
    with suppress(Unavailable):
        world.load(source, progress=_stop)
    write_csv(source, objects(30, "another"))
    loaded = world.load(source)
    assert (loaded.is_resumed, loaded.read.rows) == (False, 30)


def test_restart(world: World, tmp_path: Path) -> None:
    """A loading that is restarted reads everything again."""
    source = write_csv(tmp_path / "own.csv", objects(50))
    with suppress(Unavailable):
        world.load(source, progress=_stop)
    loaded = world.load(source, restart=True)
    assert (loaded.is_resumed, loaded.read.rows) == (False, 50)


def _stop(*_: object) -> None:
    raise Unavailable("interrupted")


def test_one_at_a_time(world: World, tmp_path: Path) -> None:
    """A second scan of the same index, of whatever kind, is refused."""
    source = write_csv(tmp_path / "own.csv", objects(3))
    with leased(world.index), pytest.raises(Failure, match="another scan of this store"):
        world.load(source)
    assert world.load(source).used == 3


def test_tenants_in_any_order(world: World, tmp_path: Path) -> None:
    """Each tenant's copies are compared with its own, batch by batch, and after sorting, too."""
    rows = [*objects(40, "ana"), *objects(40, "ben")]
    source = write_csv(tmp_path / "own.csv", rows)
    for expected in ("new", "unchanged"):
        loaded = world.load(source, tenants=("ana", "ben"))
        assert getattr(loaded.entered, expected) == 80
    later = [row._replace(modified=1_800_000_000) for row in rows[10:60]]
    random.Random(2).shuffle(later)
    loaded = world.load(write_csv(source, [*rows[:10], *later]), tenants=("ana", "ben"))
    assert (loaded.entered.changed, loaded.entered.unchanged) == (50, 10)
    for tenant in ("ana", "ben"):
        assert [copy.key for copy in world.listed(tenant)] == [
            row.key.removeprefix("many/") for row in objects(40)
        ]


def test_a_listing_keeps_what_an_inventory_states_of_encryption(
    world: World, tmp_path: Path
) -> None:
    """A listing does not state it; until an object changes, it stays opaque."""
    shelf = filled(["kms/a", "kms/b", "plain"])
    index = index_of(shelf)
    world.index, world.store = index, shelf
    rows = [
        Row(copy.key, copy.size, copy.tag.hex(), copy.modified, encryption="SSE-KMS")
        for copy in map(shelf.listed, ("kms/a", "kms/b"))
    ]
    world.load(write_inventory(tmp_path, [rows]))
    for _ in range(2):
        assert scan_by_listing(index, shelf).opaque == 2
        assert [copy.is_opaque for copy in world.listed()] == [True, True, False]
    shelf.place("kms/b", b"another content")
    assert scan_by_listing(index, shelf).changed == 1
    assert [copy.is_opaque for copy in world.listed()] == [True, False, False]
