"""Objects that could be removed: each looked at just before, and one verified copy stays."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from onecopy.cli.progress import Display
from onecopy.cli.removable import print_removable
from onecopy.digest import Digest, content_scheme
from onecopy.placed import Placed, note_placed
from onecopy.report.grouping import grouped
from onecopy.report.removable import Removable, Removing
from onecopy.scan import scan
from onecopy.settings import Settings
from onecopy.store.interface import Absent, Object, Unknown
from onecopy.tenant import Tenant
from tests.gate.world import World, content_digest

ONE, OTHER = b"1" * 100, b"2" * 50


class OneArchived(Removing):
    """Finds one archived object of 1 TB."""

    def __init__(self) -> None:
        self.left = Counter()
        self.kept = 1

    def objects(self) -> Iterator[Removable]:
        """Yield it."""
        digest = Digest(content_scheme(10**12), bytes(32))
        yield Removable("default", "a", "id", "b", digest, 10**12, 0, "DEEP_ARCHIVE")


class AsText(NamedTuple):
    """Prints lines."""

    as_json: bool = False
    null: bool = False
    csv: Path | None = None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Scan a folder in which two contents are stored several times."""
    world = World.at(tmp_path)
    for name, data in (
        ("a", ONE),
        ("b", ONE),
        ("c/d", ONE),
        ("e", OTHER),
        ("f", OTHER),
        ("g", b"3"),
    ):
        write(world, name, data)
    scan(world.index, world.store)
    yield world
    world.index.close()


def write(world: World, name: str, data: bytes) -> None:
    """Write a file of the store."""
    path = world.path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def removing(world: World, tenant: str = Tenant().name) -> tuple[list[Removable], Removing]:
    """Return what could be removed."""
    with grouped(world.index.copies(tenant), hard_links=True) as grouping:
        found = Removing(
            grouping, world.index, world.store, lambda key: world.path(key).stat().st_nlink
        )
        return list(found.objects()), found


def test_one_verified_copy_of_each_content_stays(world: World) -> None:
    """The first that was stored; all others are listed, and what is stored once is not."""
    os.utime(world.path("b"), (1, 1))
    scan(world.index, world.store)
    found, result = removing(world)
    assert {(each.key, each.kept) for each in found} == {("a", "b"), ("c/d", "b"), ("f", "e")} or {
        (each.key, each.kept) for each in found
    } == {("a", "b"), ("c/d", "b"), ("e", "f")}
    assert [each.size for each in found] == [100, 100, 50]
    assert (result.kept, dict(result.left)) == (2, {})
    for each in found:
        assert world.store.look([each.key])[0].identity == each.identity  # type: ignore[union-attr]


def test_what_changed_or_went_since_it_was_recorded_is_not_listed(world: World) -> None:
    """Neither is it what stays: a content needs a copy that was just seen alive."""
    write(world, "a", ONE)  # the same bytes again, but nobody knows that yet
    world.path("e").unlink()
    found, result = removing(world)
    assert len(found) == 1
    assert {found[0].key, found[0].kept} == {"b", "c/d"}
    assert (result.kept, dict(result.left)) == (2, {"changed": 1, "gone": 1})


@pytest.mark.parametrize(
    ("names", "listed"),
    [(["a"], ["c/d", "f"]), (["b", "c/d"], ["f"]), (["a", "b", "c/d"], ["f"])],
)
def test_placed_copies_are_not_listed(
    world: World, names: Sequence[str], listed: Sequence[str]
) -> None:
    """They are wanted where they are; of the others one stays, if there is one."""
    digest = str(content_digest(ONE))
    note_placed(world.index, "default", [Placed(name, digest) for name in names])
    found, result = removing(world)
    assert [each.key for each in found] == listed
    assert result.left["placed"] == len(names) - (len(names) == 3)
    assert result.kept == 2


def test_a_record_that_is_forgotten_meanwhile_is_not_listed(world: World) -> None:
    """The index is queried again, too."""
    with grouped(world.index.copies(), hard_links=True) as grouping:
        world.index.forget("default", [each for _, each in world.index.copies()])
        result = Removing(grouping, world.index, world.store, lambda _: 1)
        assert list(result.objects()) == []
    assert dict(result.left) == {"changed": 5}
    assert result.kept == 0


def test_hard_links_are_not_listed(world: World) -> None:
    """Removing one name of several frees nothing, whether or not the others are recorded."""
    os.link(world.path("e"), world.path("link"))
    outside = world.path("b").parent.parent / "outside"
    os.link(world.path("b"), outside)
    scan(world.index, world.store)
    found, result = removing(world)
    assert not {each.key for each in found} & {"b", "link", "e"}
    assert {each.kept for each in found} <= {"a", "b", "c/d", "e", "link"}
    assert result.left["hard-link"] >= 1


def test_what_goes_just_after_it_was_looked_at_is_not_listed(world: World) -> None:
    """Its names are counted last, and it has none any more."""
    with grouped(world.index.copies("default"), hard_links=True) as grouping:
        found = Removing(grouping, world.index, world.store, lambda key: int(key != "b"))
        assert "b" not in {each.key for each in found.objects()}
    assert dict(found.left) == {"gone": 1}


def test_archived_objects_cost_what_their_class_costs(capsys: pytest.CaptureFixture[str]) -> None:
    """No amount of money is promised too high."""
    print_removable(OneArchived(), Settings().price_of, Display(), AsText())
    assert "1.0 TB, $0.99 a month" in capsys.readouterr().err


def test_an_unreachable_store_lists_nothing(world: World) -> None:
    """Doubt is never a reason to remove something."""
    marker = world.path(".onecopy/store.json")
    marker.rename(marker.with_name("away"))
    for path in ("a", "b", "c/d", "e", "f"):
        world.path(path).unlink()
    found, result = removing(world)
    assert found == []
    assert set(result.left) <= {"store-unavailable", "gone"}
    assert result.kept == 0


def test_a_copy_that_can_be_read_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than an archived one, although that was stored first; what will expire is neither."""
    look = world.store.look
    odd = {"a": "ARCHIVED", "e": "expiring"}

    def looked(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        return [
            Unknown("store-expiring")
            if odd.get(key) == "expiring"
            else found._replace(storage=odd.get(key, ""))
            if isinstance(found, Object)
            else found
            for key, found in zip(keys, look(keys), strict=True)
        ]

    monkeypatch.setattr(world.store, "look", looked)
    found, result = removing(world)
    assert {each.key for each in found} >= {"a"}
    assert "a" not in {each.kept for each in found}
    assert not {"e", "f"} & {each.key for each in found}
    assert dict(result.left) == {"store-expiring": 1}


def test_copies_in_the_trash_neither_stay_nor_are_listed(world: World) -> None:
    """Something else deletes them."""
    write(world, "#recycle/g", b"3")
    scan(world.index, world.store)
    found, _ = removing(world)
    assert not {"g", "#recycle/g"} & {name for each in found for name in (each.key, each.kept)}
