"""Scans by listing into real indexes."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecopy.gate import bind
from onecopy.index import open_index
from onecopy.index.interface import Engine
from onecopy.index.listings import ListingEngine
from onecopy.listing import EVERYTHING
from onecopy.scan import scan_by_listing
from onecopy.store.interface import LeftOut
from tests.index.tables import new_table, url_of
from tests.scan.sources.conftest import World
from tests.scan.sources.written import listed, objects, write_inventory
from tests.scan.stores import copy_at, filled
from tests.standins import Standin

_SERVERS = ("postgres", "dynamodb")


@pytest.fixture(
    params=["sqlite", *(pytest.param(name, marks=pytest.mark.server) for name in _SERVERS)]
)
def index(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """Yield an empty index."""
    url = f"sqlite:{tmp_path}/index.sqlite"
    if request.param == "postgres":
        url = request.getfixturevalue("database")
    elif request.param == "dynamodb":
        aws: Standin = request.getfixturevalue("ministack")
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        url = url_of(aws, new_table())
    opened = open_index(url)
    yield opened
    opened.close()


def test_scanned_again_and_again(index: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of two tenants are listed; what is gone or changed is found, and copies follow."""
    monkeypatch.setattr("onecopy.scan.pages.GROUP", 50)
    keys = [f"{tenant}/{number:04}" for tenant in ("ada", "bob") for number in range(300)]
    shelf = filled(keys, page_size=7)
    odd = [
        f"{tenant}/{number:04}{end}"
        for tenant in ("ada", "bob")
        for number in range(0, 300, 3)
        for end in ("\0", "\udcff", "/")
    ]
    shelf.left_out = [LeftOut(key, "key-invalid") for key in odd]
    bind(index, shelf)
    assert isinstance(index, ListingEngine)
    first = scan_by_listing(index, shelf, ["ada", "bob"], connections=3)
    assert (first.new, first.gone, first.forgotten) == (600, 0, 0)
    index.add([("bob", copy_at(shelf, f"{number:04}", prefix="bob/")) for number in range(300)])
    for number in range(0, 300, 10):
        shelf.remove(f"bob/{number:04}")
        shelf.place(f"bob/{number + 1:04}", b"changed")
    again = scan_by_listing(index, shelf, ["ada", "bob"], connections=3)
    assert again.reasons["key-invalid"].count == len(odd)
    assert (again.changed, again.gone, again.unchanged) == (30, 30, 540)
    assert again.forgotten == 60
    assert len(list(index.copies_within("bob", EVERYTHING))) == 240
    for tenant in ("ada", "bob"):
        found = [copy._replace(key=f"{tenant}/{copy.key}") for copy in index.listed_copies(tenant)]
        copies = {f"{tenant}/{copy.key}" for copy in index.copies_within(tenant, EVERYTHING)}
        keys = [each.key for each in shelf.objects(f"{tenant}/")]
        assert found == [shelf.listed(key) for key in keys if key not in copies]


def test_loaded_again_and_again(index: Engine, tmp_path: Path) -> None:
    """An inventory is loaded, and again, and a later one in another order: nothing is forgotten."""
    assert isinstance(index, ListingEngine)
    world = World(tmp_path)
    bind(index, world.store)
    world.index = index
    rows = objects(500)
    source = write_inventory(tmp_path, [rows[:200], rows[200:]])
    assert world.load(source).entered.new == 500
    assert world.load(source).entered.unchanged == 500
    later = [row._replace(modified=1_800_000_000, size=7) for row in rows[::5]]
    random.Random(1).shuffle(later)
    loaded = world.load(write_inventory(tmp_path, [later, objects(20, "new")]))
    assert (loaded.entered.changed, loaded.entered.new) == (100, 20)
    changed = {row.key: row for row in later}
    expected = [changed.get(row.key, row) for row in rows] + objects(20, "new")
    assert world.listed() == listed(expected)
