"""Optional parts of an index are optional: the gate works without them."""

from pathlib import Path
from typing import cast

import pytest

from onecopy.content import Verdict
from onecopy.errors import InvalidSettings
from onecopy.gate import bind
from onecopy.index.interface import Engine, Lists, Maintained, Pages, Repeats, Unread
from onecopy.index.memory import MemoryIndex
from onecopy.migrate.indexes import IndexDestination, IndexSource
from onecopy.store import open_store
from onecopy.testing.index.complete import CompleteEngine
from tests.gate.world import World, content

_REQUIRED = (
    *("schemes", "lookup", "at", "copies", "record", "add", "forget", "close"),
    *("get", "put_if", "increase", "values"),
)


class RequiredOnly:
    """An engine with nothing but the required methods."""

    def __init__(self) -> None:
        index = MemoryIndex()
        for name in _REQUIRED:
            setattr(self, name, getattr(index, name))


@pytest.fixture
def index() -> Engine:
    """Return such an engine."""
    return cast("Engine", RequiredOnly())


def test_what_it_offers(index: Engine) -> None:
    """An engine is recognized by its methods, and so are its optional parts."""
    assert isinstance(index, Engine)
    for optional in (Lists, Maintained, Pages, Repeats, Unread):
        assert not isinstance(index, optional)
    assert isinstance(MemoryIndex(), CompleteEngine)


def test_gate(index: Engine, tmp_path: Path) -> None:
    """The gate uploads and finds duplicates without lists and unread copies."""
    (tmp_path / "files").mkdir()
    world = World(tmp_path, cast("CompleteEngine", index), open_store(str(tmp_path / "files")))
    bind(world.index, world.store)
    gate = world.gate()
    assert gate.check([content(b"a", weak=True)])[0].verdict is Verdict.NEW
    assert world.upload("k", b"a").copy is not None
    assert gate.check([content(b"a", weak=True)])[0].verdict is Verdict.DUPLICATE
    assert gate.check([content(b"b")])[0].verdict is Verdict.NEW
    gate.close()


def test_migrate(index: Engine) -> None:
    """A migration needs pages at its source and lists at its destination, and says so."""
    with pytest.raises(InvalidSettings, match="page by page"):
        IndexSource(index, "mine")
    with pytest.raises(InvalidSettings, match="lists"):
        IndexDestination(index, "mine")
