"""An index in memory, and a function that loads a source into it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from onecopy.gate import bind
from onecopy.index.listings import ListingEngine
from onecopy.index.memory import MemoryIndex
from onecopy.listing import ListedCopy
from onecopy.patterns import Filter
from onecopy.scan.sources.figures import Loaded
from onecopy.scan.sources.interface import Selection
from onecopy.scan.sources.loading import load
from onecopy.scan.sources.opening import open_listing
from onecopy.store.memory import MemoryStore
from onecopy.tenant import Owners
from tests.scan.sources.written import BUCKET


class World:
    """An index and its store, which has no objects unless a test places some."""

    def __init__(self, folder: Path) -> None:
        self.index: ListingEngine = MemoryIndex()
        self.store = MemoryStore()
        self.rejects = folder / "rejects.csv"
        bind(self.index, self.store)

    def load(
        self,
        source: Path | str,
        *,
        prefix: str = "",
        tenants: Sequence[str] = (),
        accept: Filter = Filter(),
        restart: bool = False,
        progress: Callable[..., object] = lambda *_: None,
    ) -> Loaded:
        """Load a source; every row is counted once."""
        selection = Selection(BUCKET, prefix, Owners(tenants), accept)
        loaded = load(
            self.index,
            self.store,
            open_listing(str(source)),
            selection,
            self.rejects,
            restart=restart,
            progress=progress,
        )
        rejected = sum(loaded.read.rejected.values())
        entered = loaded.entered
        assert loaded.read.rows == loaded.used + sum(loaded.left_out.values()) + rejected
        assert loaded.used == entered.new + entered.changed + entered.unchanged
        lines = self.rejects.read_text("utf-8").splitlines() if self.rejects.exists() else [""]
        assert len(lines) - 1 == rejected
        return loaded

    def listed(self, tenant: str = "default") -> list[ListedCopy]:
        """Return what is listed."""
        return list(self.index.listed_copies(tenant))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return an empty world."""
    return World(tmp_path)
